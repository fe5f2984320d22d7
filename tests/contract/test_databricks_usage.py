"""What runs on Databricks are billed for, held against the double's books of machines: within one part in a hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.contract.workspaces import NEW_CLUSTER, VOLUME, SimulatedWorkspace, SmallBook

from engineshed.model.launch import Launch
from engineshed.model.money import Basis
from engineshed.model.resources import Resources
from engineshed.model.status import State
from engineshed.testing.databricks import DatabricksDouble, Faults, RunFault, RunTrouble, Script

Make = Callable[..., SimulatedWorkspace]

SPOT = {**NEW_CLUSTER, "markets": ["spot"]}
FOUR = Resources(driver_cores=1, driver_memory_gib=1, executors=4, executor_cores=2, executor_memory_gib=2)
TOLERANCE = Decimal("0.01")


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabricksDouble]:
    with DatabricksDouble(scripts=Script(lasts_s=1800.0)) as started:
        started.make_volume(VOLUME)
        monkeypatch.setenv("DATABRICKS_HOST", started.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", started.token)
        yield started


@pytest.fixture
def workspace(double: DatabricksDouble, tmp_path: Path) -> Make:
    def make(*compute: Mapping[str, Any], faults: Faults | None = None, **more: Any) -> SimulatedWorkspace:
        double.plan(faults or Faults())
        return SimulatedWorkspace(double, tmp_path, *compute, **more)

    return make


def billed(here: SimulatedWorkspace, launch: Launch) -> None:
    """The engine's bill is what the double's machines cost by the same prices, and it is complete."""
    for _ in range(100):
        if here.engine.usage(launch).complete:
            break
        here.clock.sleep(10)
    usage = here.engine.usage(launch)
    assert usage.complete
    book, now = SmallBook(), here.clock.now()
    cost = here.engine.cost(usage, book)
    assert cost.basis is Basis.METERED
    spans = here.double.books.spans(int(launch.native_id))
    compute = sum(
        (span.hours(now) * book.price(f"ec2:{span.node_type}", span.market).usd_per_hour for span in spans), Decimal(0)
    )
    units = sum((span.dbus(now) for span in spans), Decimal(0)) * Decimal("0.15")
    assert spans
    assert abs(cost.compute_usd - compute) <= TOLERANCE * compute
    assert abs(cost.surcharge_usd - units) <= TOLERANCE * units


@pytest.mark.parametrize("compute", [NEW_CLUSTER, SPOT, {**SPOT, "first_on_demand": 3}, {**SPOT, "first_on_demand": 0}])
def test_machines_of_each_market(compute: Mapping[str, Any], workspace: Make) -> None:
    here = workspace(compute)
    launch = here.submit(resources=FOUR)
    here.ended(launch)
    billed(here, launch)


def test_workers_that_come_and_go(workspace: Make) -> None:
    here = workspace({**SPOT, "autoscale": {"min": 2, "max": 6}})
    launch = here.submit(resources=FOUR)
    here.ended(launch)
    billed(here, launch)


def test_spot_workers_that_are_lost_and_replaced_on_demand(workspace: Make) -> None:
    lost = tuple(RunFault(trouble=RunTrouble.NODES_LOST, at_s=at_s, workers=2) for at_s in (300, 900))
    here = workspace(SPOT, faults=Faults(runs=lost))
    launch = here.submit(resources=FOUR)
    here.ended(launch)
    markets = {span.market for span in here.double.books.spans(int(launch.native_id)) if not span.driver}
    assert markets == {"spot", "on_demand"}
    billed(here, launch)


def test_a_cluster_that_found_no_spot_at_all(workspace: Make) -> None:
    here = workspace(SPOT, faults=Faults(runs=(RunFault(trouble=RunTrouble.NO_SPOT),)))
    launch = here.submit(resources=FOUR)
    here.ended(launch)
    billed(here, launch)


def test_a_cancelled_run_is_billed_to_the_end_of_its_cluster(workspace: Make) -> None:
    here = workspace(NEW_CLUSTER)
    launch = here.submit(resources=FOUR)
    here.until(launch, State.RUNNING)
    here.clock.sleep(700)
    here.engine.cancel(launch)
    here.ended(launch)
    billed(here, launch)


def test_a_run_without_capacity_costs_nothing(workspace: Make) -> None:
    here = workspace(NEW_CLUSTER, faults=Faults(runs=(RunFault(trouble=RunTrouble.NO_CAPACITY),)))
    launch = here.submit()
    here.ended(launch)
    cost = here.engine.cost(here.engine.usage(launch), SmallBook())
    held = here.double.books.node_hours(run_id=int(launch.native_id))
    assert (cost.total_usd == 0) is (held == 0)


def test_usage_of_a_run_that_lives_grows_and_is_not_complete(workspace: Make) -> None:
    here = workspace(NEW_CLUSTER)
    launch = here.submit()
    here.until(launch, State.RUNNING)
    first = here.engine.usage(launch)
    here.clock.sleep(600)
    later = here.engine.usage(launch)
    assert not later.complete
    assert later.hours - first.hours == pytest.approx(600 / 3600)
    assert here.engine.cost(later, SmallBook()).basis is Basis.ESTIMATED


def test_machines_of_a_pool_are_those_of_the_pool(double: DatabricksDouble, workspace: Make) -> None:
    double.add_pool("p1", node_type_id="m5.large", instance_pool_name="small", aws_attributes={"availability": "SPOT"})
    here = workspace({"kind": "pool", "runtime": "15.4", "pool": "p1"})
    launch = here.submit(resources=FOUR)
    here.ended(launch)
    usage = here.engine.usage(launch)
    hours = sum(i.hours * i.quantity for i in usage.intervals if i.item == "ec2:m5.large")
    held = here.double.books.node_hours(run_id=int(launch.native_id))
    assert hours == pytest.approx(float(held), rel=0.02)


def test_a_cluster_for_all_is_billed_for_the_time_of_the_run(double: DatabricksDouble, workspace: Make) -> None:
    cluster_id = double.add_cluster(spark_version="15.4.x-scala2.12", node_type_id="m5.large", num_workers=2)
    double.clock.sleep(7200)
    here = workspace({"kind": "existing", "runtime": "15.4", "cluster": cluster_id})
    launch = here.submit()
    here.ended(launch)
    usage = here.engine.usage(launch)
    assert usage.complete
    assert usage.hours == pytest.approx(0.5, abs=0.01)
    machines = sum(i.hours * i.quantity for i in usage.intervals if i.item == "ec2:m5.large")
    assert machines == pytest.approx(1.5, abs=0.03)
    assert all("ALL_PURPOSE" in i.item for i in usage.intervals if i.item.startswith("dbu:"))


def test_serverless_is_an_estimate_at_best(double: DatabricksDouble, workspace: Make) -> None:
    unknown = workspace({"kind": "serverless", "environment_version": "4"})
    launch = unknown.submit()
    unknown.ended(launch)
    usage = unknown.engine.usage(launch)
    assert (usage.intervals, usage.complete) == ((), False)
    assert usage.measures["run_s"] == pytest.approx(1800, abs=60)
    stated = workspace({"kind": "serverless", "environment_version": "4", "dbus_per_hour": "2"})
    cost = stated.engine.cost(stated.engine.usage(launch), SmallBook())
    assert cost.basis is Basis.ESTIMATED
    assert cost.total_usd == pytest.approx(Decimal("0.15"), abs=Decimal("0.01"))


def test_events_are_read_over_any_number_of_pages(double: DatabricksDouble, workspace: Make) -> None:
    here = workspace(NEW_CLUSTER)
    double.platform.limits = type(double.platform.limits)(events=1)
    launch = here.submit(resources=FOUR)
    here.ended(launch)
    here.clock.sleep(timedelta(minutes=5).total_seconds())
    billed(here, launch)
