import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engineshed.model.job import SparkJob
from engineshed.model.launch import Token
from engineshed.model.offer import Offer
from engineshed.model.request import Work
from engineshed.model.resources import Resources
from engineshed.model.staged import Artefact, Staged
from engineshed.model.wiring import Wiring
from engineshed.ports.engine import Surroundings
from engineshed.ports.prices import InstanceType, Price, PriceUnknown
from engineshed.running.system_clock import SystemClock

JOB = SparkJob(
    name="edges",
    script="edges.py",
    arguments=("--limit", "10"),
    conf={"spark.sql.shuffle.partitions": "8"},
    resources=Resources(driver_cores=1, driver_memory_gib=1, executors=1, executor_cores=1, executor_memory_gib=1),
)


class Book:
    """A book of the prices it is given."""

    def __init__(self, **usd_per_hour: Decimal) -> None:
        self._usd_per_hour = usd_per_hour

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        if item not in self._usd_per_hour:
            raise PriceUnknown(f"no price of {item}")
        usd_per_hour = self._usd_per_hour[item]
        return Price(item=item, market=market, usd_per_hour=usd_per_hour, source="own", as_of=date(2026, 1, 2))

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        return ()


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    return Surroundings(home=str(tmp_path), python=sys.executable, clock=SystemClock())


@pytest.fixture
def make_work() -> Callable[..., Work]:
    def make(engine: str, shape: dict[str, Any], **changes: Any) -> Work:
        return Work(
            job=replace(JOB, **changes),
            offer=Offer(engine=engine, name=f"{engine}[2]", resources=Resources(), rates=None, shape=shape),
            token=Token("es-0123456789abcdef01234567"),
            wiring=Wiring(channel="files", address="/a/messages", env={"DAGSTER_PIPES_CONTEXT": "c"}),
            staged=Staged(
                root="/staged/d1",
                digest="d1",
                script=Artefact("edges.py", "s1", "/staged/d1/edges.py"),
                driver=Artefact("engineshed_driver.py", "d2", "/staged/driver/engineshed_driver.py"),
            ),
            tags={"team": "web_graph"},
        )

    return make
