from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engineshed.testing.databricks.faults import CallFault, CallTrouble, Faults, Mischief, RunFault, RunTrouble

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_call_fault_spares_hits_and_stops() -> None:
    fault = CallFault(trouble=CallTrouble.THROTTLED, on="runs/get$", after=2, times=3)
    mischief = Mischief(Faults(calls=(fault,)))
    hit = [mischief.of_call("GET /api/2.2/jobs/runs/get", NOW) is fault for _ in range(7)]
    assert hit == [False, False, True, True, True, False, False]
    assert mischief.of_call("GET /api/2.2/jobs/runs/get-output", NOW) is None


def test_a_lasting_call_fault_ends_with_its_time_not_its_count() -> None:
    fault = CallFault(trouble=CallTrouble.UNAVAILABLE, times=0, lasting_s=60)
    mischief = Mischief(Faults(calls=(fault,)))
    seconds = (0, 30, 59, 60, 90)
    hit = [mischief.of_call("GET /", NOW + timedelta(seconds=s)) is fault for s in seconds]
    assert hit == [True, True, True, False, False]


def test_the_first_fault_of_a_call_counts_and_all_of_them_are_counted() -> None:
    first = CallFault(trouble=CallTrouble.THROTTLED, times=1)
    second = CallFault(trouble=CallTrouble.EXPIRED, after=1, times=1)
    mischief = Mischief(Faults(calls=(first, second)))
    assert [mischief.of_call("GET /", NOW) for _ in range(3)] == [first, second, None]


def test_run_faults_hit_tasks_by_the_order_of_their_start() -> None:
    spot = RunFault(trouble=RunTrouble.NODES_LOST, times=0)
    capacity = RunFault(trouble=RunTrouble.NO_CAPACITY, after=1, times=2)
    mischief = Mischief(Faults(runs=(spot, capacity)))
    assert [mischief.of_task() for _ in range(4)] == [(spot,), (spot, capacity), (spot, capacity), (spot,)]
