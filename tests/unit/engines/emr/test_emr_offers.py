"""What EMR is offered for: machines by cores, memory, disk, architecture, price; unknown prices turn an offer down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engineshed.engines.emr.offers import offers
from engineshed.engines.emr.settings import EmrBlock, EmrSettings
from engineshed.model.job import SparkJob
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.resources import Resources
from engineshed.ports.prices import InstanceType, Price, PriceUnknown

GIB = 2**30
JOB = SparkJob(
    name="edges",
    script="edges.py",
    resources=Resources(driver_cores=2, driver_memory_gib=4, executors=6, executor_cores=2, executor_memory_gib=4),
)
ROOT_AND_DISK_GIB = EmrSettings(region="r").machine.root_gib + max(
    EmrSettings(region="r").machine.disk_gib, round(JOB.resources.disk_gib)
)


def machine(name: str, vcpus: int, gib: int, *, disk_gib: int = 0, architecture: str = "x86_64") -> InstanceType:
    return InstanceType(
        name=name, vcpus=vcpus, memory_bytes=gib * GIB, architecture=architecture, storage_bytes=disk_gib * GIB
    )


MACHINES = (
    machine("small", 2, 4),
    machine("middle", 4, 16),
    machine("large", 8, 32),
    machine("disks", 8, 32, disk_gib=1000),
    machine("arm", 8, 32, architecture="arm64"),
)
EC2 = {"small": "0.05", "middle": "0.20", "large": "0.38", "disks": "0.45", "arm": "0.30"}


class SmallBook:
    """Spot is a third of on demand, EMR a quarter. missing: (item, market) without a price."""

    def __init__(self, *missing: tuple[str, str]) -> None:
        self._missing = missing

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        kind, _, name = item.partition(":")
        if (item, market) in self._missing or region != "r":
            raise PriceUnknown(f"no price is known for {item} ({market}) in {region}")
        factor = {"ec2": "1" if market == "on_demand" else "0.3", "emr": "0.25", "ebs": "0.0005"}[kind]
        usd = Decimal(factor) * (Decimal(EC2[name]) if kind != "ebs" else 1)
        as_of = date(2026, 10, 1) if kind == "emr" else date(2026, 11, 1)
        return Price(item=item, market=market, usd_per_hour=usd, source="list", as_of=as_of, region=region)

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        return MACHINES if (platform, region) == ("emr", "r") else ()


def without(kind: str, market: str) -> SmallBook:
    """A book that lacks a kind of price altogether."""
    return SmallBook(*((f"{kind}:{name}", market) for name in (*EC2, "gp3")))


Ask = Callable[..., list[Offer | Rejection]]


@pytest.fixture
def ask() -> Ask:
    def make(book: SmallBook | None = None, *, job: SparkJob = JOB, **settings: Any) -> list[Offer | Rejection]:
        own = EmrSettings.model_validate({"region": "r", **settings})
        return list(offers(job, EmrBlock(), own, book or SmallBook()))

    return make


def fleet(offer: Offer | Rejection) -> dict[str, int]:
    assert isinstance(offer, Offer), offer
    return {choice["type"]: choice["count"] for choice in offer.shape["workers"]}


def test_machines_are_chosen_by_what_they_hold_and_what_the_work_costs_on_them(ask: Ask) -> None:
    (on_demand,) = ask(spot=False)
    # Six executors of two cores: two fit on four cores, four on eight; the small one holds none, arm is another's.
    assert fleet(on_demand) == {"middle": 3, "large": 2, "disks": 2}
    assert on_demand.shape["primary"][0]["type"] == "middle"


def test_another_architecture_is_another_choice(ask: Ask) -> None:
    (on_demand,) = ask(spot=False, architecture="arm64")
    assert fleet(on_demand) == {"arm": 2}


def test_a_machine_with_disks_of_its_own_gets_no_volume(ask: Ask) -> None:
    (on_demand,) = ask(spot=False)
    volumes = {choice["type"]: choice["disk_gib"] for choice in on_demand.shape["workers"]}
    assert volumes["disks"] == 0
    assert volumes["large"] > 0


def test_the_price_is_of_the_dearest_that_the_fleet_may_take_in_the_bills_columns(ask: Ask) -> None:
    (on_demand,) = ask(spot=False, types_a_fleet=1)
    assert isinstance(on_demand, Offer)
    assert on_demand.rates is not None
    (name, count), *_ = fleet(on_demand).items()
    machines = [on_demand.shape["primary"][0]["type"], *[name] * count]
    assert on_demand.rates.compute_usd_per_hour == sum(Decimal(EC2[m]) for m in machines)
    assert on_demand.rates.surcharge_usd_per_hour == sum(Decimal(EC2[m]) for m in machines) / 4
    assert on_demand.rates.storage_usd_per_hour == len(machines) * ROOT_AND_DISK_GIB * Decimal("0.0005")
    assert (on_demand.rates.source, on_demand.rates.as_of) == ("list", date(2026, 10, 1)), "of the oldest price in it"


def test_on_spot_the_primary_and_one_worker_stay_on_demand(ask: Ask) -> None:
    _, spot = ask(types_a_fleet=1)
    assert isinstance(spot, Offer)
    assert spot.spot
    assert spot.rates is not None
    (name, count), *_ = fleet(spot).items()
    primary = spot.shape["primary"][0]["type"]
    expected = Decimal(EC2[primary]) + Decimal(EC2[name]) + Decimal(EC2[name]) * Decimal("0.3") * (count - 1)
    assert spot.rates.compute_usd_per_hour == expected


@pytest.mark.parametrize(("kind", "market"), [("ec2", "on_demand"), ("emr", ""), ("ebs", "")])
def test_an_unknown_price_turns_the_offers_down_with_the_reason(ask: Ask, kind: str, market: str) -> None:
    for answer in ask(without(kind, market)):
        assert isinstance(answer, Rejection)
        assert answer.code == "no_price"
        assert f"no price is known for {kind}:" in answer.reason
        assert "in r" in answer.reason


def test_without_spot_prices_the_offer_on_demand_stands(ask: Ask) -> None:
    on_demand, spot = ask(without("ec2", "spot"))
    assert isinstance(on_demand, Offer)
    assert isinstance(spot, Rejection)
    assert (spot.code, spot.offer) == ("no_price", "spot")


def test_a_machine_without_a_price_is_left_out_and_the_others_are_offered(ask: Ask) -> None:
    on_demand, spot = ask(SmallBook(("ec2:large", "on_demand")))
    assert set(fleet(on_demand)) == {"middle", "disks"}
    assert "large" not in fleet(spot), "one worker of a spot fleet is on demand"


def test_a_region_that_the_book_does_not_know_says_what_to_do(ask: Ask) -> None:
    (answer,) = ask(region="elsewhere")
    assert isinstance(answer, Rejection)
    assert answer.code == "no_machines"
    assert "price_list" in answer.reason


def test_what_fits_nowhere_is_turned_down(ask: Ask) -> None:
    huge = replace(JOB, resources=replace(JOB.resources, executor_memory_gib=500))
    for answer in ask(job=huge):
        assert isinstance(answer, Rejection)
        assert answer.code == "does_not_fit"
