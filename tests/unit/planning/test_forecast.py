"""Hours and dollars from past runs, and how far they are trusted."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineshed.model.failure import FailureClass
from engineshed.model.history import PastRun
from engineshed.model.job import Mode, SparkJob
from engineshed.model.money import Basis, Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Forecast
from engineshed.model.resources import Resources
from engineshed.planning.forecast import Past, forecast
from engineshed.planning.reliability import NONE, Reliability

JOB = SparkJob(name="edges", script="edges.py")


def offer(engine: str = "emr", name: str = "one", cores: int = 4, *, cold_s: float = 0.0, spot: bool = False) -> Offer:
    resources = Resources(driver_cores=1, executors=cores - 1, executor_cores=1)
    rates = Rates(compute_usd_per_hour=Decimal(2), source="test")
    return Offer(engine=engine, name=name, resources=resources, rates=rates, cold_start_s=cold_s, spot=spot)


def run(
    hours: float,
    engine: str = "emr",
    name: str = "one",
    *,
    failure: FailureClass | None = None,
    input_bytes: int | None = None,
    partitions: int = 1,
) -> PastRun:
    return PastRun(
        job="edges",
        engine=engine,
        offer=name,
        mode=Mode.FULL,
        hours=hours,
        cost_usd=Decimal(0),
        ended_at=datetime(2026, 1, 1, tzinfo=UTC),
        failure_class=failure,
        input_bytes=input_bytes,
        partitions=partitions,
    )


def of(one: Offer, runs: list[PastRun], *others: Offer, job: SparkJob = JOB, partitions: int = 1) -> Forecast:
    return forecast(one, Past(runs), job, partitions=partitions, others=(one, *others), believed=NONE)


def test_only_the_work_grows_with_the_input_not_the_cold_start() -> None:
    job = SparkJob(name="edges", script="edges.py", expected_input_bytes=300)
    found = of(offer(cold_s=360), [run(1.1, input_bytes=100)], job=job)
    assert found.hours == pytest.approx(0.1 + 3.0)
    assert (found.cold_start_hours, found.basis, found.runs) == (0.1, Basis.HISTORY, 1)
    assert found.cost_usd == Decimal("6.200000")


def test_a_run_of_many_partitions_takes_as_many_times_the_work() -> None:
    found = of(offer(cold_s=360), [run(1.1), run(2.1, partitions=2)], partitions=5)
    assert found.hours == pytest.approx(0.1 + 5.0)


def test_other_offers_of_the_engine_stand_in_by_core_hours_then_other_engines() -> None:
    small, large, other = offer(name="small", cores=2), offer(name="large", cores=8), offer("databricks", cores=4)
    scaled = of(large, [run(4.0, name="small")], small, other)
    assert (scaled.basis, scaled.hours) == (Basis.SCALED, pytest.approx(1.0))
    prior = of(other, [run(4.0, name="small")], small, large)
    assert (prior.basis, prior.hours) == (Basis.PRIOR, pytest.approx(2.0))
    assert of(small, [run(4.0, name="small")]).error < scaled.error < prior.error


def test_declared_core_hours_serve_until_there_is_history() -> None:
    job = SparkJob(name="edges", script="edges.py", expected_core_hours=8.0)
    declared = of(offer(cores=4), [], job=job, partitions=2)
    assert (declared.hours, declared.basis, declared.runs) == (4.0, Basis.PRIOR, 0)
    assert of(offer(cores=4), [run(1.0)], job=job).basis is Basis.HISTORY


def test_nothing_known_is_said_to_be_unknown() -> None:
    found = of(offer(), [])
    assert (found.hours, found.cost_usd, found.low_usd, found.basis) == (None, None, None, Basis.PRIOR)


@given(good=st.lists(st.floats(0.9, 1.1), min_size=5, max_size=20), hung=st.floats(50, 5000))
def test_one_run_that_hung_does_not_move_the_forecast(good: list[float], hung: float) -> None:
    found = of(offer(), [*map(run, good), run(hung)])
    assert found.hours is not None
    assert 0.85 <= found.hours <= 1.15


def test_the_interval_holds_four_runs_in_five() -> None:
    draws = random.Random(5)
    inside = total = 0
    for _ in range(400):
        hours = [math.exp(draws.gauss(0, 0.3)) for _ in range(20)]
        found = of(offer(), [run(h) for h in hours])
        assert found.low_usd is not None
        assert found.high_usd is not None
        following = Decimal(repr(math.exp(draws.gauss(0, 0.3)))) * 2
        inside += found.low_usd <= following <= found.high_usd
        total += 1
    assert 0.74 <= inside / total <= 0.88


def test_confidence_asks_for_more_hours() -> None:
    found = of(offer(), [run(1.0), run(1.2), run(0.9)])
    assert found.hours_at(None) == found.hours
    median, safe = found.hours_at(0.5), found.hours_at(0.95)
    assert median == pytest.approx(found.hours)
    assert safe is not None
    assert safe > 1.2


def test_failures_that_another_try_cures_add_what_they_burn_and_user_errors_do_not() -> None:
    half = [run(1.0), run(0.5, failure=FailureClass.SPOT_LOSS)]
    found = of(offer(), half)
    assert (found.failure_share, found.burnt_share) == (0.5, 0.5)
    assert found.hours == pytest.approx(1.0 * (1 + 0.5 * 0.5 / 0.5))
    assert of(offer(), [run(1.0), run(0.5, failure=FailureClass.USER_CODE)]).hours == 1.0


def test_spot_is_believed_to_fail_more_often_until_it_is_known_better() -> None:
    def share(spot: bool, runs: int) -> float:
        return forecast(offer(spot=spot), Past([run(1.0)] * runs), JOB).failure_share

    assert share(True, 1) > 5 * share(False, 1)
    assert share(True, 500) < 0.002


@pytest.mark.parametrize(("share", "burnt"), [(0.57, 0.5), (0.1, 0.3), (0.3, 0.9)])
def test_the_closed_form_of_failures_equals_a_simulation(share: float, burnt: float) -> None:
    draws = random.Random(11)
    total = 0.0
    for _ in range(100_000):
        total += 1.0
        while draws.random() < share:
            total += burnt
    assert Reliability(share, burnt).factor == pytest.approx(total / 100_000, rel=0.01)


def test_the_worked_check_of_the_trial_phase() -> None:
    assert 405.785 * Reliability(0.57, 0.5).factor == pytest.approx(674.73, abs=0.01)
    assert 766.17 * Reliability(0.50, 0.5).factor == pytest.approx(1149.26, abs=0.01)
