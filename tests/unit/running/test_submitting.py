"""What comes of a submit that went wrong: one run that is watched, one that is ended and booked, or nothing started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from engineshed.model.attempt import Attempt, Outcome
from engineshed.model.errors import SubmitRejected, SubmitUnsure
from engineshed.model.failure import FailureClass
from engineshed.model.launch import Launch, Token
from engineshed.model.objective import Layer, Objective
from engineshed.model.request import Request
from engineshed.model.status import State
from engineshed.running.orphans import Orphaned
from engineshed.running.reaping import Deed, Reaper
from engineshed.running.route import finish
from engineshed.testing.platform import Script, VirtualEngine
from engineshed.testing.steps import RecordedStep

from .conftest import World


@dataclass
class Over:
    """Every run is over since the start."""

    world: World
    cancelled: list[Token] = field(default_factory=list)

    def orphaned(self, attempt: Attempt) -> Orphaned | None:
        """Long ago."""
        return Orphaned(attempt.intent.created_at, "run run-1 is FAILURE")

    def cancel(self, attempt: Attempt) -> None:
        """Nothing here is uninstalled."""


def test_a_run_whose_every_reply_was_lost_is_watched_all_the_same(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    world.platform.faults = {"submit_reply_lost": 99}
    result = finish(RecordedStep(), world.order, world.shed)
    assert result.engine == "first"
    assert world.platform.submissions == [result.token]
    assert world.platform.cancels == []


def test_what_a_platform_began_and_then_refused_is_ended_and_its_cost_counts(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    world.platform.faults = {"submit_refused_too_late": 1, "cancel_busy": 2}
    order = replace(world.order, layers=(Layer("run override", Objective(budget_usd=Decimal(100))),))
    step = RecordedStep()
    result = finish(step, order, world.shed)
    refused, good = world.shed.ledger.attempts(step.key)
    assert result.token == good.intent.token
    assert set(world.platform.cancels) == {refused.intent.token}
    assert refused.launch is not None
    assert refused.settlement is not None
    assert refused.settlement.outcome is Outcome.FAILED
    assert refused.settlement.cost is not None
    assert refused.settlement.cost.total_usd > 0


def test_what_it_does_not_end_keeps_the_next_offer_from_being_tried(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    world.platform.script = Script(lasts_s=1e9)
    world.platform.faults = {"submit_refused_too_late": 1, "cancel_ignored": 1}
    step = RecordedStep()
    with pytest.raises(SubmitUnsure, match="did not end in time"):
        finish(step, world.order, world.shed)
    (attempt,) = world.shed.ledger.attempts(step.key)
    assert attempt.live
    assert world.platform.submissions == [attempt.intent.token]


def test_a_platform_that_stays_away_after_a_lost_reply_keeps_the_attempt_live(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    world.platform.faults = {"submit_reply_lost": 99, "find_busy": 10_000}
    step = RecordedStep("run-1")
    with pytest.raises(SubmitUnsure, match="leave it to the reaper"):
        finish(step, world.order, world.shed)
    (attempt,) = world.shed.ledger.live_attempts()
    assert world.platform.submissions == [attempt.intent.token], "no other offer was tried"
    world.platform.faults.clear()
    result = finish(RecordedStep("run-2", root_run_id="run-1"), world.order, world.shed)
    assert result.token == attempt.intent.token
    assert result.adopted
    assert len(world.platform.submissions) == 1


def test_the_reaper_settles_it_only_once_the_platform_says_what_runs(world: World) -> None:
    world.platform.script = Script(lasts_s=1e9)
    world.platform.faults = {"submit_reply_lost": 99, "find_busy": 10_000}
    with pytest.raises(SubmitUnsure):
        finish(RecordedStep(), world.order, world.shed)
    reaper = Reaper(world.shed, team="web", code_location="web_graph")
    world.clock.sleep(1_000)
    (finding,) = reaper.reap(Over(world))
    assert finding.deed is Deed.UNSURE
    assert world.shed.ledger.live_attempts()
    world.platform.faults.clear()
    (finding,) = reaper.reap(Over(world))
    assert finding.deed is Deed.ENDED
    (token,) = world.platform.submissions
    assert world.platform.cancels == [token]
    attempt = world.shed.ledger.attempt(token)
    assert attempt is not None
    assert attempt.launch is not None, "its cost counts, metered or not"
    assert world.shed.ledger.live_attempts() == []


def test_a_plain_refusal_is_settled_even_where_the_platform_cannot_be_asked(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    world.platform.reject = FailureClass.CAPACITY
    world.platform.faults = {"find_busy": 10_000}
    step = RecordedStep()
    with pytest.raises(SubmitRejected):
        finish(step, world.order, world.shed)
    assert [a.intent.engine for a in world.shed.ledger.attempts(step.key)] == ["first", "second"]
    assert world.shed.ledger.live_attempts() == []


class Dies(BaseException):
    """SIGKILL."""


class Deadly(VirtualEngine):
    """An engine at whose submit the worker dies."""

    def submit(self, request: Request) -> Launch:
        """Never."""
        raise Dies


def test_a_recorded_request_that_is_refused_later_goes_to_the_next_offer(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    deadly = replace(world.shed, engines={**world.shed.engines, "first": Deadly(world.platform, "first")})
    with pytest.raises(Dies):
        finish(RecordedStep("run-1"), world.order, deadly)
    full = replace(world.shed, engines={**world.shed.engines, "first": Full(world.platform, "first")})
    result = finish(RecordedStep("run-2", root_run_id="run-1"), world.order, full)
    assert result.engine == "second"
    assert not result.adopted


class Full(VirtualEngine):
    """An engine without room."""

    def submit(self, request: Request) -> Launch:
        """Refused."""
        raise SubmitRejected("no machines.", FailureClass.CAPACITY)


class InParts(VirtualEngine):
    """A platform that makes a run first and starts it by a second call; the worker may die in between."""

    def __init__(self, world: World, *, dies: bool) -> None:
        super().__init__(world.platform, "virtual")
        self._world, self._dies = world, dies

    @property
    def capabilities(self) -> object:  # type: ignore[override]
        """As every virtual engine's, in parts."""
        return replace(super().capabilities, submits_in_parts=True)

    def submit(self, request: Request) -> Launch:
        """Made held, then let go."""
        if request.token not in self._world.platform.runs:
            self._world.platform.script = Script(lasts_s=1e9, opens=False)
            super().submit(request)
        if self._dies:
            raise Dies
        self._world.platform.runs[request.token].script = Script()
        return super().submit(request)


def test_a_run_that_was_made_in_part_is_completed_by_who_adopts_it(world: World) -> None:
    with pytest.raises(Dies):
        finish(RecordedStep("run-1"), world.order, replace(world.shed, engines={"virtual": InParts(world, dies=True)}))
    assert len(world.platform.submissions) == 1
    shed = replace(world.shed, engines={"virtual": InParts(world, dies=False)})
    result = finish(RecordedStep("run-2", root_run_id="run-1"), world.order, shed)
    assert world.platform.submissions == [result.token]
    assert world.platform.state(world.platform.runs[result.token]) is State.SUCCEEDED


def test_one_busy_answer_to_the_find_is_no_doubt(world: World) -> None:
    world.platform.faults = {"submit_reply_lost": 99, "find_busy": 3}
    result = finish(RecordedStep(), world.order, world.shed)
    assert world.platform.submissions == [result.token]


def test_a_busy_platform_that_started_nothing_is_left_for_the_next_offer(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    world.platform.faults = {"submit_busy": 4}
    step = RecordedStep()
    result = finish(step, world.order, world.shed)
    assert result.engine == "second"
    assert len(world.platform.submissions) == 1
