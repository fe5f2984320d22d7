"""The reaper on a platform in virtual time: what it ends, what it leaves, and that it books what it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from engineshed.model.attempt import Attempt, Outcome, Settlement
from engineshed.model.errors import LedgerBusy, PlatformBusy, RunCancelled, SettingInvalid
from engineshed.model.fact import FactKind
from engineshed.model.launch import Launch, Token
from engineshed.ports.step import RunState
from engineshed.running.orphans import DagsterRuns, Orphaned
from engineshed.running.reaping import Deed, Patience, Reaper
from engineshed.running.route import finish
from engineshed.testing.platform import Script
from engineshed.testing.steps import Interrupted, RecordedStep

from .conftest import World

LONG = Script(lasts_s=100_000.0)


class Said:
    """Says of every attempt the same."""

    def __init__(self, orphaned: Orphaned | None) -> None:
        self._orphaned = orphaned
        self.cancelled: list[Token] = []

    def orphaned(self, attempt: Attempt) -> Orphaned | None:
        """As told."""
        return self._orphaned

    def cancel(self, attempt: Attempt) -> None:
        """Remembered."""
        self.cancelled.append(attempt.intent.token)


@pytest.fixture
def abandoned(world: World) -> Token:
    """A foreign run whose worker left it to a successor that never comes."""
    world.platform.script = LONG
    step = RecordedStep(successor=True)

    def interrupt() -> None:
        world.platform.advance()
        if world.platform.submissions and world.clock.monotonic_s() > 5:
            raise Interrupted

    world.clock.on_sleep = interrupt
    with pytest.raises(Interrupted):
        finish(step, world.order, world.shed)
    world.clock.on_sleep = world.platform.advance
    return world.platform.submissions[-1]


def _reaper(world: World, *, team: str = "web", dry: bool = False) -> Reaper:
    return Reaper(world.shed, team=team, code_location="web_graph", patience=Patience(), dry=dry)


def _over(world: World) -> Said:
    return Said(Orphaned(world.clock.now(), "run run-1 is CANCELED"))


def test_an_orphan_is_ended_and_booked_when_its_grace_is_over(world: World, abandoned: Token) -> None:
    over = _over(world)
    world.clock.sleep(299)
    assert [f.deed for f in _reaper(world).reap(over)] == [Deed.LEFT]
    assert world.platform.cancels == []
    world.clock.sleep(2)
    (finding,) = _reaper(world).reap(over)
    assert (finding.token, finding.deed) == (abandoned, Deed.ENDED)
    assert world.platform.cancels == [abandoned]
    attempt = world.shed.ledger.attempt(abandoned)
    assert attempt is not None
    assert attempt.settlement is not None
    assert attempt.settlement.outcome is Outcome.CANCELLED
    assert attempt.settlement.cost is not None
    assert attempt.settlement.cost.total_usd > 0
    assert attempt.settlement.failure is not None
    assert "CANCELED" in attempt.settlement.failure.message
    assert FactKind.REAPED in {fact.kind for _, fact in world.shed.ledger.facts()}
    assert _reaper(world).reap(over) == []


def test_a_run_that_dagster_still_has_is_left(world: World, abandoned: Token) -> None:
    world.clock.sleep(100_000)
    assert [f.deed for f in _reaper(world).reap(Said(None))] == [Deed.LEFT]
    assert world.platform.cancels == []


def test_a_held_lease_is_a_sign_of_life(world: World, abandoned: Token) -> None:
    over = _over(world)
    world.clock.sleep(1000)
    attempt = world.shed.ledger.attempt(abandoned)
    assert attempt is not None
    lease = world.shed.ledger.acquire(attempt.intent.key.digest, "a worker", now=world.clock.now(), ttl_s=60)
    assert lease is not None
    for dry in (True, False):
        (finding,) = _reaper(world, dry=dry).reap(over)
        assert (finding.deed, finding.why) == (Deed.LEFT, "a worker holds its lease")
    assert world.shed.ledger.renew(lease, now=world.clock.now(), ttl_s=60).epoch == lease.epoch


def test_another_teams_runs_are_not_its_business(world: World, abandoned: Token) -> None:
    over = _over(world)
    world.clock.sleep(1000)
    assert _reaper(world, team="registry").reap(over) == []
    assert world.platform.cancels == []


def test_a_run_that_ended_well_waits_longer_for_a_successor(world: World, abandoned: Token) -> None:
    world.clock.sleep(200_000)
    over = _over(world)
    world.clock.sleep(timedelta(hours=23).total_seconds())
    assert [f.deed for f in _reaper(world).reap(over)] == [Deed.LEFT]
    successor = finish(RecordedStep("run-2", root_run_id="run-1"), world.order, world.shed)
    assert successor.adopted
    assert len(world.platform.submissions) == 1


def test_it_is_settled_when_nobody_came_for_it(world: World, abandoned: Token) -> None:
    world.clock.sleep(200_000)
    over = _over(world)
    world.clock.sleep(timedelta(hours=25).total_seconds())
    assert [f.deed for f in _reaper(world).reap(over)] == [Deed.ENDED]


def test_a_dry_run_ends_nothing(world: World, abandoned: Token) -> None:
    over = _over(world)
    world.clock.sleep(1000)
    assert [f.deed for f in _reaper(world, dry=True).reap(over)] == [Deed.ENDED]
    assert world.platform.cancels == []
    assert len(world.shed.ledger.live_attempts()) == 1


def test_a_run_that_goes_on_although_it_is_settled_is_ended(world: World) -> None:
    world.platform.script = LONG
    world.platform.faults["cancel_ignored"] = 1000
    step = RecordedStep()

    def cancel() -> None:
        world.platform.advance()
        if world.clock.monotonic_s() > 5:
            step.state = RunState.CANCELLING

    world.clock.on_sleep = cancel
    with pytest.raises(Exception, match="cancel"):
        finish(step, world.order, world.shed)
    world.clock.on_sleep = world.platform.advance
    assert world.shed.ledger.live_attempts() == []
    world.platform.faults.clear()
    (token,) = world.platform.submissions
    assert any(token in line and "`engineshed reap` ends what is left" in line for line in step.warnings)
    assert [f.deed for f in _reaper(world).reap(Said(None))] == [Deed.LEFT]
    world.clock.sleep(400)
    (finding,) = _reaper(world).reap(Said(None))
    assert (finding.token, finding.deed) == (token, Deed.ENDED)
    world.clock.sleep(1)
    assert _reaper(world).reap(Said(None)) == []


class Troubled:
    """What stands around another and fails at one call for one token."""

    def __init__(self, inner: Any, call: str, at: str, error: Exception) -> None:
        self._inner, self._call, self._at, self._error = inner, call, at, error

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name != self._call:
            return value

        def call(about: Any, *rest: Any, **named: Any) -> Any:
            if self._at in (about, getattr(about, "token", "")):
                raise self._error
            return value(about, *rest, **named)

        return call


def _leave(world: World, run_id: str, state: RunState) -> Token:
    """A long run whose worker is interrupted, or ended in vain."""
    step = RecordedStep(run_id)
    start_s = world.clock.monotonic_s()

    def end() -> None:
        world.platform.advance()
        if world.clock.monotonic_s() > start_s + 5:
            step.state = state
            if state is RunState.RUNNING:
                raise Interrupted

    world.clock.on_sleep = end
    with pytest.raises((Interrupted, RunCancelled)):
        finish(step, world.order, world.shed)
    world.clock.on_sleep = world.platform.advance
    return world.platform.submissions[-1]


def test_a_run_that_cannot_be_asked_after_keeps_no_other_of_its_engine_from_its_end(world: World) -> None:
    world.platform.script = LONG
    world.platform.faults["cancel_ignored"] = 1000
    first, second = (_leave(world, run, RunState.CANCELLING) for run in ("run-1", "run-2"))
    world.platform.faults.clear()
    world.clock.sleep(1000)
    engine = Troubled(world.shed.engines["virtual"], "status", first, PlatformBusy("throttled."))
    shed = replace(world.shed, engines={"virtual": engine})
    findings = Reaper(shed, team="web", code_location="web_graph").reap(Said(None))
    assert {f.token: f.deed for f in findings} == {first: Deed.UNSURE, second: Deed.ENDED}


def test_a_ledger_that_is_busy_at_one_attempt_keeps_no_other_from_its_end(world: World) -> None:
    world.platform.script = LONG
    first, second = (_leave(world, run, RunState.RUNNING) for run in ("run-1", "run-2"))
    over = _over(world)
    world.clock.sleep(1000)
    attempt = world.shed.ledger.attempt(first)
    assert attempt is not None
    ledger = Troubled(world.shed.ledger, "acquire", attempt.intent.key.digest, LedgerBusy("locked."))
    findings = Reaper(replace(world.shed, ledger=ledger), team="web", code_location="web_graph").reap(over)
    assert [(f.token, f.deed) for f in findings[:2]] == [(first, Deed.UNSURE), (second, Deed.ENDED)]


def test_a_release_that_goes_ends_what_lives_at_once(world: World, abandoned: Token) -> None:
    assert [a.intent.token for a in _reaper(world).live()] == [abandoned]
    runs = Said(None)
    (finding,) = _reaper(world).end_all(runs)
    assert runs.cancelled == [abandoned]
    assert (finding.deed, finding.why) == (Deed.ENDED, "the release is uninstalled")
    assert _reaper(world).live() == []


def test_an_engine_that_is_gone_is_said_and_not_guessed(world: World, abandoned: Token) -> None:
    over = _over(world)
    world.clock.sleep(1000)
    shed = replace(world.shed, engines={})
    (finding,) = Reaper(shed, team="web", code_location="web_graph").reap(over)
    assert finding.deed is Deed.UNSURE
    assert "no longer has engine virtual" in finding.why


def test_an_instance_that_forgets_is_no_witness() -> None:
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(SettingInvalid, match="DAGSTER_HOME"):
        DagsterRuns(instance)


def test_a_worker_that_ends_its_own_run_is_waited_for(world: World, abandoned: Token) -> None:
    attempt = world.shed.ledger.attempt(abandoned)
    assert attempt is not None
    lease = world.shed.ledger.acquire(attempt.intent.key.digest, "a worker", now=world.clock.now(), ttl_s=600)
    assert lease is not None

    def worker() -> None:
        world.platform.advance()
        if world.clock.monotonic_s() > 20 and world.shed.ledger.live_attempts():
            settlement = Settlement(outcome=Outcome.CANCELLED, run_id="run-1", settled_at=world.clock.now())
            world.shed.ledger.settle(abandoned, settlement, lease)
            world.shed.ledger.release(lease)

    world.clock.on_sleep = worker
    (finding,) = _reaper(world).end_all(Said(None))
    assert finding.deed is Deed.ENDED
    assert "its own worker" in finding.why
    assert world.platform.cancels == []


class Keeping:
    """An engine that keeps what has ended, around another."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.forgotten: list[Token] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def forget(self, launch: Launch) -> None:
        """Remembered."""
        self.forgotten.append(launch.token)


@pytest.mark.parametrize("dry", [False, True])
def test_what_a_platform_keeps_of_ended_runs_goes_with_the_release(world: World, abandoned: Token, dry: bool) -> None:
    keeping = Keeping(world.shed.engines["virtual"])
    shed = replace(world.shed, engines={"virtual": keeping})
    Reaper(shed, team="web", code_location="web_graph", dry=dry).end_all(Said(None))
    assert keeping.forgotten == ([] if dry else [abandoned])


def test_what_another_code_location_has_launched_is_not_forgotten(world: World, abandoned: Token) -> None:
    keeping = Keeping(world.shed.engines["virtual"])
    shed = replace(world.shed, engines={"virtual": keeping})
    Reaper(shed, team="other", code_location="other").end_all(Said(None))
    assert keeping.forgotten == []
