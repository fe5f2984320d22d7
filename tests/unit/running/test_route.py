"""The route on a platform in virtual time: results, failures, failover, cancellation, time limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engineshed.model.attempt import Outcome
from engineshed.model.check import CheckOutcome
from engineshed.model.errors import ChecksFailed, LeaseLost, RunCancelled, RunFailed, SubmitRejected
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.job import Mode
from engineshed.model.objective import Layer, Objective
from engineshed.model.partition import PartitionSelection
from engineshed.model.status import State
from engineshed.ports.step import RunState
from engineshed.running.route import finish
from engineshed.testing.platform import Script
from engineshed.testing.steps import Interrupted, RecordedStep

from .conftest import World


def test_a_good_run_publishes_one_commit_and_hands_on_every_line(world: World) -> None:
    step = RecordedStep()
    result = finish(step, world.order, world.shed)
    assert [p.rows for p in result.published] == [{"links": 3}]
    assert [text for _, text, _ in step.spoken] == [f"line {n}" for n in range(1, 6)]
    latest = world.shed.datasets.latest("edges", None, Mode.FULL)
    assert latest is not None
    assert latest.token == result.token
    assert len(world.platform.submissions) == 1
    left = {path.parent.name for path in _attempt_folder(world, result.token).rglob("*.parquet")}
    assert left == {"links"}, "the seal was left beside the tables"
    assert result.cost is not None
    assert result.cost.total_usd > 0


def test_a_flood_of_lines_is_handed_on_whole_in_few_messages(world: World) -> None:
    world.platform.script = Script(lines=5_000, lasts_s=0)
    step = RecordedStep()
    finish(step, world.order, world.shed)
    lines = [line for _, text, _ in step.spoken for line in text.splitlines() if not line.endswith(" messages]")]
    assert lines == [f"line {n}" for n in range(1, 5_001)]
    assert len(step.spoken) <= 10


def test_a_deliberate_reexecution_submits_anew_and_replaces_the_partition(world: World) -> None:
    first = finish(RecordedStep("run-1"), world.order, world.shed)
    again = RecordedStep("run-2", root_run_id="run-1", done_in=frozenset({"run-1"}))
    second = finish(again, world.order, world.shed)
    assert second.token != first.token
    assert second.ordinal > first.ordinal
    assert len(world.platform.submissions) == 2
    latest = world.shed.datasets.latest("edges", None, Mode.FULL)
    assert latest is not None
    assert latest.token == second.token


def test_a_result_that_was_never_delivered_is_returned_again(world: World) -> None:
    first = finish(RecordedStep("run-1"), world.order, world.shed)
    retry = RecordedStep("run-2", root_run_id="run-1")
    second = finish(retry, world.order, world.shed)
    assert second.token == first.token
    assert second.published == first.published
    assert len(world.platform.submissions) == 1


def test_every_partition_of_a_backfill_is_published_under_its_own_key(world: World) -> None:
    selection = PartitionSelection(keys=("a|x", "a|y", "b|x"))
    order = replace(world.order, selection=selection)
    result = finish(RecordedStep(selection=selection), order, world.shed)
    assert [p.ref.partition for p in result.published] == ["a|x", "a|y", "b|x"]
    assert sorted(world.shed.datasets.partitions("edges", Mode.FULL)) == ["a|x", "a|y", "b|x"]


def test_user_code_stops_at_once_with_the_drivers_words(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    world.platform.script = Script(exception="no such column: dst")
    with pytest.raises(RunFailed, match="no such column: dst") as caught:
        finish(RecordedStep(), world.order, world.shed)
    assert caught.value.failure.failure_class is FailureClass.USER_CODE
    assert len(world.platform.submissions) == 1
    assert world.shed.datasets.latest("edges", None, Mode.FULL) is None


def test_exit_zero_with_a_reported_exception_fails(world: World) -> None:
    world.platform.script = Script(exception="boom", ends=State.SUCCEEDED)
    with pytest.raises(RunFailed, match="boom"):
        finish(RecordedStep(), world.order, world.shed)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (Script(closes=False, seals=False), "never_closed"),
        (Script(opens=False, seals=False), "never_opened"),
        (Script(seals=False), "not_sealed"),
    ],
)
def test_success_without_proof_is_no_success(world: World, script: Script, reason: str) -> None:
    world.platform.script = script
    with pytest.raises(RunFailed) as caught:
        finish(RecordedStep(), world.order, world.shed)
    assert caught.value.failure.reason == reason
    assert world.shed.datasets.latest("edges", None, Mode.FULL) is None


def test_a_broken_channel_with_sealed_data_is_taken_with_a_warning(world: World) -> None:
    world.platform.script = Script(closes=False)
    step = RecordedStep()
    result = finish(step, world.order, world.shed)
    assert result.published
    assert any("channel broke" in w for w in result.warnings)


def test_platform_failures_go_to_the_next_offer_and_are_on_record(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    lost = Failure(FailureClass.CAPACITY, "no_capacity", "no machines")
    world.platform.script = Script(ends=State.FAILED, closes=False, failure=lost)
    step = RecordedStep()
    with pytest.raises(RunFailed, match="no machines"):
        finish(step, world.order, world.shed)
    attempts = world.shed.ledger.attempts(step.key)
    assert [a.intent.engine for a in attempts] == ["first", "second"]
    assert [a.settlement.outcome for a in attempts if a.settlement] == [Outcome.FAILED, Outcome.FAILED]


@pytest.mark.parametrize("failure_class", [FailureClass.PLATFORM, FailureClass.SPOT_LOSS])
def test_a_run_that_its_platform_lost_is_tried_once_more_where_nothing_else_is_left(
    make_world: Callable[..., World], failure_class: FailureClass
) -> None:
    world = make_world(engines=("first", "second"))
    lost = Failure(failure_class, "evicted", "the node was drained")
    world.platform.script = Script(ends=State.FAILED, closes=False, failure=lost)
    step = RecordedStep()
    with pytest.raises(RunFailed, match="the node was drained"):
        finish(step, world.order, world.shed)
    attempts = world.shed.ledger.attempts(step.key)
    assert [a.intent.engine for a in attempts] == ["first", "second", "first", "second"]


def test_a_refused_submit_for_lack_of_capacity_goes_on_and_one_for_its_configuration_stops(
    make_world: Callable[..., World],
) -> None:
    world = make_world(engines=("first", "second"))
    world.platform.reject = FailureClass.CAPACITY
    step = RecordedStep()
    with pytest.raises(SubmitRejected):
        finish(step, world.order, world.shed)
    assert [a.intent.engine for a in world.shed.ledger.attempts(step.key)] == ["first", "second"]
    world.platform.reject = FailureClass.CONFIGURATION
    other = RecordedStep("run-9")
    with pytest.raises(SubmitRejected):
        finish(other, world.order, world.shed)
    assert [a.intent.engine for a in world.shed.ledger.attempts(other.key)] == ["first"]


def test_a_pinned_engine_is_used_and_the_plan_says_why(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    order = replace(world.order, layers=(Layer("run override", Objective(pinned="second")),))
    result = finish(RecordedStep(), order, world.shed)
    assert result.engine == "second"
    assert result.plan["rejections"][0]["reason"] == "engine second is pinned"


def test_lost_replies_and_busy_platforms_end_in_one_submission(world: World) -> None:
    world.platform.faults = {"submit_reply_lost": 2, "status_busy": 7, "usage_busy": 1, "forgotten": 2}
    result = finish(RecordedStep(), world.order, world.shed)
    assert result.published
    assert len(world.platform.submissions) == 1


def test_a_users_cancel_ends_the_foreign_run_and_publishes_nothing(world: World) -> None:
    step = RecordedStep()
    world.clock.on_sleep = lambda: _cancel_after(world, step, 3.0)
    with pytest.raises(RunCancelled):
        finish(step, world.order, world.shed)
    assert world.platform.cancels
    assert world.shed.datasets.latest("edges", None, Mode.FULL) is None
    (attempt,) = world.shed.ledger.attempts(step.key)
    assert attempt.settlement is not None
    assert attempt.settlement.outcome is Outcome.CANCELLED


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_the_driver_said_until_its_cancel_is_handed_on_once(world: World, interrupted: bool) -> None:
    world.platform.script = Script(lines=1000, lasts_s=100)
    step = RecordedStep()

    def cancel() -> None:
        world.platform.advance()
        if world.clock.monotonic_s() > 30.0 and step.state is RunState.RUNNING:
            step.state = RunState.CANCELLING
            if interrupted:
                raise Interrupted

    world.clock.on_sleep = cancel
    with pytest.raises(RunCancelled):
        finish(step, world.order, world.shed)
    (run,) = world.platform.runs.values()
    assert [text for _, text, _ in step.spoken] == [f"line {n}" for n in range(1, run.said)]
    assert not any(repeated for _, _, repeated in step.spoken)


def test_a_transport_that_is_gone_does_not_hold_up_a_cancel(world: World) -> None:
    step = RecordedStep()

    def cancel() -> None:
        world.platform.advance()
        if world.clock.monotonic_s() > 3.0 and step.state is RunState.RUNNING:
            step.state = RunState.CANCELLING
            for path in Path(world.shed.ledger.attempts(step.key)[0].intent.address).glob("*"):
                path.unlink()

    world.clock.on_sleep = cancel
    with pytest.raises(RunCancelled):
        finish(step, world.order, world.shed)
    assert world.platform.cancels == world.platform.submissions
    assert not world.shed.ledger.live_attempts()


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.WILL_RETRY, RunState.UNREADABLE])
def test_an_evicted_worker_leaves_the_run_and_its_successor_finishes_it(world: World, state: RunState) -> None:
    evicted = RecordedStep("run-1")
    world.clock.on_sleep = lambda: _interrupt_after(world, evicted, 3.0, state)
    with pytest.raises(Interrupted):
        finish(evicted, world.order, world.shed)
    assert not world.platform.cancels
    world.clock.on_sleep = world.platform.advance
    successor = RecordedStep("run-2", root_run_id="run-1")
    result = finish(successor, world.order, world.shed)
    assert result.adopted
    assert len(world.platform.submissions) == 1
    assert sorted({n for n, _, _ in evicted.spoken} | {n for n, _, _ in successor.spoken}) == [2, 3, 4, 5, 6]


def test_a_signal_without_a_successor_ends_the_foreign_run(world: World) -> None:
    step = RecordedStep(successor=False)
    world.clock.on_sleep = lambda: _interrupt_after(world, step, 3.0, RunState.RUNNING)
    with pytest.raises(Interrupted):
        finish(step, world.order, world.shed)
    assert world.platform.cancels == world.platform.submissions


def test_the_jobs_time_limit_ends_it(make_world: Callable[..., World]) -> None:
    world = make_world(timeout_s=5.0)
    world.platform.script = Script(lasts_s=500)
    with pytest.raises(RunFailed, match="time limit of 5 s"):
        finish(RecordedStep(), world.order, world.shed)
    assert world.platform.cancels


def test_a_cancel_that_the_platform_does_not_take_or_forgets_is_asked_again(make_world: Callable[..., World]) -> None:
    world = make_world(timeout_s=5.0)
    world.platform.script = Script(lasts_s=500)
    world.platform.faults = {"cancel_busy": 2, "cancel_ignored": 1}
    with pytest.raises(RunFailed, match="time limit of 5 s"):
        finish(RecordedStep(), world.order, world.shed)
    assert len(world.platform.cancels) == 4
    assert not world.shed.ledger.live_attempts()


def test_a_platform_that_is_first_to_see_the_limit_passed_says_the_same(make_world: Callable[..., World]) -> None:
    world = make_world(timeout_s=5.0)
    late = Failure(FailureClass.USER_CODE, "timeout", "DeadlineExceeded")
    world.platform.script = Script(lasts_s=3, ends=State.FAILED, failure=late, exception="told to stop (SIGTERM)")
    with pytest.raises(RunFailed, match=r"\(user_code, timeout\): the job's time limit of 5 s was over") as failed:
        finish(RecordedStep(), world.order, world.shed)
    assert "told to stop (SIGTERM)" in failed.value.failure.detail


def test_a_failed_blocking_check_publishes_nothing(world: World) -> None:
    bad = CheckOutcome(name="has_rows", passed=False)
    with pytest.raises(ChecksFailed, match="has_rows"):
        finish(RecordedStep(), world.order, world.shed, lambda contents: [bad])
    assert world.shed.datasets.latest("edges", None, Mode.FULL) is None


def test_a_second_body_of_the_same_step_waits_and_returns_the_same_result(world: World) -> None:
    first = finish(RecordedStep("run-1"), world.order, world.shed)
    second = finish(RecordedStep("run-1"), world.order, world.shed)
    assert second.token == first.token
    assert len(world.platform.submissions) == 1


def test_a_body_of_a_run_that_is_over_leaves_without_output(world: World) -> None:
    step = RecordedStep()
    step.state = RunState.FINISHED
    with pytest.raises(LeaseLost, match="is over"):
        finish(step, world.order, world.shed)
    assert not world.platform.submissions


def test_a_run_failed_from_outside_ends_its_foreign_run_unless_it_is_retried(make_world: Callable[..., World]) -> None:
    world = make_world()
    failed = RecordedStep()
    world.clock.on_sleep = lambda: _fail_after(world, failed, 3.0, RunState.FAILED)
    with pytest.raises(RunCancelled, match="failed from outside"):
        finish(failed, world.order, world.shed)
    assert world.platform.cancels == world.platform.submissions
    world = make_world()
    retried = RecordedStep()
    world.clock.on_sleep = lambda: _fail_after(world, retried, 3.0, RunState.WILL_RETRY)
    with pytest.raises(LeaseLost):
        finish(retried, world.order, world.shed)
    assert not world.platform.cancels
    world.clock.on_sleep = world.platform.advance
    assert finish(RecordedStep("run-2", root_run_id="run-1"), world.order, world.shed).adopted


def _attempt_folder(world: World, token: str) -> Path:
    return Path(world.shed.datasets.attempt_uri("edges", None, Mode.FULL, token))


def _cancel_after(world: World, step: RecordedStep, seconds: float) -> None:
    world.platform.advance()
    if world.clock.monotonic_s() > seconds:
        step.state = RunState.CANCELLING


def _fail_after(world: World, step: RecordedStep, seconds: float, state: RunState) -> None:
    world.platform.advance()
    if world.clock.monotonic_s() > seconds:
        step.state = state


def _interrupt_after(world: World, step: RecordedStep, seconds: float, state: RunState) -> None:
    world.platform.advance()
    if world.clock.monotonic_s() > seconds:
        step.state = state
        raise Interrupted
