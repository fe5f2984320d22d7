"""A small price book, and questions to the engine's pure parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engineshed.engines.databricks.offers import offers
from engineshed.engines.databricks.rendering import job_block
from engineshed.engines.databricks.settings import DatabricksSettings
from engineshed.model.job import SparkJob
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.resources import Resources
from engineshed.ports.prices import InstanceType, Price, PriceUnknown
from engineshed.processes.settings import checked
from engineshed.workspace import Missing

GIB = 2**30


def machine(name: str, vcpus: int, gib: int, dbus: str, *, disk_gib: int = 0, arm: bool = False) -> InstanceType:
    return InstanceType(
        name=name,
        vcpus=vcpus,
        memory_bytes=gib * GIB,
        architecture="arm64" if arm else "x86_64",
        storage_bytes=disk_gib * GIB,
        dbus_per_hour={"standard": Decimal(dbus), "photon": Decimal(dbus) * 2},
    )


MACHINES = (
    machine("m6i.large", 2, 8, "0.35"),
    machine("m6i.xlarge", 4, 16, "0.7"),
    machine("m6id.xlarge", 4, 16, "0.7", disk_gib=237),
    machine("m6i.4xlarge", 16, 64, "2.8"),
    machine("m7g.xlarge", 4, 16, "0.6", arm=True),
)
EC2 = {"m6i.large": "0.1", "m6i.xlarge": "0.2", "m6id.xlarge": "0.25", "m6i.4xlarge": "0.8", "m7g.xlarge": "0.16"}


class SmallBook:
    """Spot is a third of on demand; a DBU costs 15 cents, with Photon too, on clusters of all purposes 55."""

    def __init__(self, machines: Sequence[InstanceType] = MACHINES, *, missing: str = "") -> None:
        self._machines, self._missing = machines, missing

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        kind, _, name = item.partition(":")
        usd: Decimal | None = None
        if kind == "ec2" and name in EC2 and market:
            usd = Decimal(EC2[name]) * (1 if market == "on_demand" else Decimal("0.3"))
        elif item == "ebs:gp3":
            usd = Decimal("0.0001")
        elif kind == "dbu":
            usd = Decimal("0.55" if "ALL_PURPOSE" in name else "0.15")
        if usd is None or item == self._missing:
            raise PriceUnknown(f"no price of {item} {market}")
        as_of = date(2026, 11, 1)
        return Price(item=item, market=market, usd_per_hour=usd, source="list", as_of=as_of, region=region)

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        return self._machines if platform == "databricks" else ()


WORKSPACE: Mapping[str, Mapping[str, Any]] = {
    "p1": {"node_type_id": "m6i.xlarge", "aws_attributes": {"availability": "SPOT"}},
    "small": {"node_type_id": "m6i.large", "aws_attributes": {"availability": "ON_DEMAND"}},
    "c1": {
        "node_type_id": "m6i.xlarge",
        "driver_node_type_id": "m6i.4xlarge",
        "autoscale": {"min_workers": 1, "max_workers": 4},
        "runtime_engine": "PHOTON",
        "aws_attributes": {"availability": "SPOT_WITH_FALLBACK", "first_on_demand": 1},
    },
}

JOB = SparkJob(
    name="edges",
    script="edges.py",
    resources=Resources(driver_cores=2, driver_memory_gib=2, executors=6, executor_cores=2, executor_memory_gib=4),
)

Ask = Callable[..., list[Offer | Rejection]]


@pytest.fixture
def ask() -> Ask:
    """Offers for a job on the ways of these settings."""

    def found(kind: str, identity: str) -> Mapping[str, Any]:
        if identity not in WORKSPACE:
            raise Missing(f"the workspace has no {kind} {identity}")
        return WORKSPACE[identity]

    def make(
        *compute: Mapping[str, Any], job: SparkJob = JOB, book: SmallBook | None = None, **settings: Any
    ) -> list[Offer | Rejection]:
        own = checked(DatabricksSettings, {"compute": list(compute), **settings}, "engines.databricks")
        return list(offers(job, job_block(job), own, book or SmallBook(), found))

    return make


@pytest.fixture
def small_book() -> SmallBook:
    return SmallBook()
