"""From a cluster's events to what was held, and from that to dollars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engineshed.engines.databricks import metering
from engineshed.engines.databricks.metering import Machines, Seen
from engineshed.engines.databricks.pricing import cost, sku
from engineshed.model.money import Basis
from engineshed.model.usage import Usage, UsageInterval
from engineshed.ports.prices import PriceUnknown

START = datetime(2026, 11, 2, 11, 0, tzinfo=UTC)
SPEC: Mapping[str, Any] = {
    "node_type_id": "m6i.xlarge",
    "driver_node_type_id": "m6i.large",
    "aws_attributes": {"availability": "SPOT_WITH_FALLBACK", "first_on_demand": 1},
}
MACHINES = Machines.of(SPEC, "PREMIUM_JOBS_COMPUTE")


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def event(kind: str, at_min: float, **details: Any) -> dict[str, Any]:
    return {"type": kind, "timestamp": int(minute(at_min).timestamp() * 1000), "details": details}


def usage(*events: dict[str, Any], seen: tuple[Seen, ...] = (), until_min: float = 60, **given: Any) -> Usage:
    machines = given.pop("machines", MACHINES)
    return metering.of_cluster(machines, events, seen, until=minute(until_min), over=True, **given)


def node_minutes(found: Usage, item: str, market: str | None = None) -> float:
    held = (i for i in found.intervals if i.item == item and market in (None, i.market))
    return round(sum(i.hours * i.quantity for i in held) * 60, 6)


STARTS = (event("CREATING", 0), event("RUNNING", 4, current_num_workers=0, target_num_workers=3))


def test_driver_and_workers_are_counted_from_when_they_are_there() -> None:
    found = usage(*STARTS, event("UPSIZE_COMPLETED", 5, current_num_workers=3), event("TERMINATING", 59))
    assert node_minutes(found, "ec2:m6i.large", "on_demand") == 56
    assert node_minutes(found, "ec2:m6i.xlarge", "spot") == 3 * 55
    assert node_minutes(found, "dbu:PREMIUM_JOBS_COMPUTE:m6i.large") == 56
    assert node_minutes(found, "dbu:PREMIUM_JOBS_COMPUTE:m6i.xlarge") == 3 * 55
    assert node_minutes(found, "ebs:gp3") == 180 * (56 + 3 * 55)
    assert found.complete


def test_resizes_and_losses_move_the_count() -> None:
    found = usage(
        *STARTS,
        event("UPSIZE_COMPLETED", 5, current_num_workers=3),
        event("RESIZING", 10, current_num_workers=3, target_num_workers=6),
        event("UPSIZE_COMPLETED", 12, current_num_workers=6),
        event("NODES_LOST", 20, current_num_workers=4, target_num_workers=6),
        event("UPSIZE_COMPLETED", 23, current_num_workers=6),
        event("AUTOSCALING_STATS_REPORT", 25),
        event("RESIZING", 40, current_num_workers=6, target_num_workers=1),
    )
    assert node_minutes(found, "ec2:m6i.xlarge") == 3 * 7 + 6 * 8 + 4 * 3 + 6 * 17 + 1 * 20


def test_the_live_cluster_says_which_machines_fell_back_to_on_demand() -> None:
    events = (
        *STARTS,
        event("UPSIZE_COMPLETED", 5, current_num_workers=3),
        event("NODES_LOST", 20, current_num_workers=2),
        event("UPSIZE_COMPLETED", 23, current_num_workers=3),
    )
    seen = (Seen(minute(6), 3, 0), Seen(minute(30), 2, 1))
    found = usage(*events, seen=seen)
    assert node_minutes(found, "ec2:m6i.xlarge", "on_demand") == 37
    assert node_minutes(found, "ec2:m6i.xlarge", "spot") == 3 * 15 + 2 * 3 + 2 * 37
    assert node_minutes(usage(*events), "ec2:m6i.xlarge", "on_demand") == 0


def test_workers_that_are_never_spot_are_counted_on_demand() -> None:
    spec = {**SPEC, "aws_attributes": {"availability": "SPOT", "first_on_demand": 3}}
    found = usage(
        *STARTS,
        event("UPSIZE_COMPLETED", 5, current_num_workers=5),
        machines=Machines.of(spec, "PREMIUM_JOBS_COMPUTE"),
    )
    assert node_minutes(found, "ec2:m6i.xlarge", "on_demand") == 2 * 55
    assert node_minutes(found, "ec2:m6i.xlarge", "spot") == 3 * 55


def test_the_cloud_bills_a_machine_from_its_launch_the_vendor_from_when_it_runs() -> None:
    found = usage(*STARTS, seen=(Seen(minute(6), 0, 0, minute(1)),))
    assert node_minutes(found, "ec2:m6i.large") == 59
    assert node_minutes(found, "dbu:PREMIUM_JOBS_COMPUTE:m6i.large") == 56


def test_a_cluster_for_all_is_counted_for_the_time_of_the_run_alone() -> None:
    found = usage(*STARTS, event("UPSIZE_COMPLETED", 5, current_num_workers=3), since=minute(30), until_min=40)
    assert node_minutes(found, "ec2:m6i.large") == 10
    assert node_minutes(found, "ec2:m6i.xlarge") == 30


def test_a_cluster_that_never_ran_held_nothing() -> None:
    assert usage(event("CREATING", 0), event("ADD_NODES_FAILED", 3), event("TERMINATING", 4)).intervals == ()


def test_disks_of_the_clusters_own_are_counted_beside_those_of_the_platform() -> None:
    spec = {**SPEC, "aws_attributes": {"ebs_volume_count": 2, "ebs_volume_size": 100}}
    found = usage(*STARTS, machines=Machines.of(spec, "PREMIUM_JOBS_COMPUTE"))
    assert node_minutes(found, "ebs:gp3") == (180 + 200) * 56


def test_seen_is_what_the_live_cluster_shows() -> None:
    cluster = {
        "driver": {"start_timestamp": int(START.timestamp() * 1000)},
        "executors": [
            {"node_aws_attributes": {"is_spot": True}},
            {"node_aws_attributes": {"is_spot": False}},
            {"node_aws_attributes": {"is_spot": True}},
        ],
    }
    assert Seen.of(cluster, minute(3)) == Seen(minute(3), 2, 1, START)
    assert Seen.of({"state": "PENDING"}, minute(3)) is None


def run(**times: datetime) -> dict[str, Any]:
    return {name: int(at.timestamp() * 1000) for name, at in times.items()}


def test_serverless_is_never_complete_and_says_how_long_it_ran() -> None:
    ended = run(start_time=START, end_time=minute(30))
    found = metering.of_serverless(ended, "PREMIUM_JOBS_SERVERLESS_COMPUTE", None, now=minute(99))
    assert (found.intervals, found.complete, found.measures) == ((), False, {"run_s": 1800})
    stated = metering.of_serverless(ended, "PREMIUM_JOBS_SERVERLESS_COMPUTE", Decimal(4), now=minute(99))
    assert node_minutes(stated, "dbu:PREMIUM_JOBS_SERVERLESS_COMPUTE") == 4 * 30
    assert not stated.complete


def interval(item: str, quantity: float, market: str = "") -> UsageInterval:
    return UsageInterval(item=item, quantity=quantity, market=market, start=START, end=minute(90))


def test_cost_has_the_bills_three_columns(small_book: Any) -> None:
    found = Usage(
        intervals=(
            interval("ec2:m6i.large", 1, "on_demand"),
            interval("ec2:m6i.xlarge", 3, "spot"),
            interval("ebs:gp3", 720),
            interval("dbu:PREMIUM_JOBS_COMPUTE:m6i.xlarge", 3),
            interval("dbu:PREMIUM_JOBS_COMPUTE_(PHOTON):m6i.xlarge", 3),
            interval("dbu:PREMIUM_JOBS_SERVERLESS_COMPUTE", 2),
        )
    )
    bill = cost(found, "eu-central-1", small_book)
    assert bill.compute_usd == Decimal("1.5") * (Decimal("0.1") + 3 * Decimal("0.06"))
    assert bill.storage_usd == Decimal("1.5") * 720 * Decimal("0.0001")
    assert bill.surcharge_usd == Decimal("1.5") * (3 * Decimal("0.7") + 3 * Decimal("1.4") + 2) * Decimal("0.15")
    assert bill.basis is Basis.METERED


def test_what_may_still_grow_is_an_estimate(small_book: Any) -> None:
    found = Usage(intervals=(interval("ebs:gp3", 1),), complete=False)
    assert cost(found, "", small_book).basis is Basis.ESTIMATED


@pytest.mark.parametrize("item", ["ec2:unheard.of", "dbu:PREMIUM_JOBS_COMPUTE:unheard.of"])
def test_a_machine_that_the_book_does_not_know_has_no_price(item: str, small_book: Any) -> None:
    with pytest.raises(PriceUnknown, match="unheard"):
        cost(Usage(intervals=(interval(item, 1, "spot"),)), "", small_book)


def test_skus_are_the_vendors() -> None:
    assert sku("PREMIUM", "new_cluster", photon=False) == "PREMIUM_JOBS_COMPUTE"
    assert sku("ENTERPRISE", "pool", photon=True) == "ENTERPRISE_JOBS_COMPUTE_(PHOTON)"
    assert sku("PREMIUM", "existing", photon=False) == "PREMIUM_ALL_PURPOSE_COMPUTE"
    assert sku("PREMIUM", "serverless", photon=True) == "PREMIUM_JOBS_SERVERLESS_COMPUTE"
