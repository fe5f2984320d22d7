"""Money, places and escalation on the route, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from engineshed.model.attempt import Outcome, Settlement
from engineshed.model.budget import Account, BudgetScope, Room
from engineshed.model.errors import RunFailed
from engineshed.model.fact import FactKind
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.objective import Layer, Objective
from engineshed.model.resources import Resources
from engineshed.model.status import State
from engineshed.ports.step import RunState
from engineshed.running.route import finish
from engineshed.testing.platform import Script, VirtualEngine
from engineshed.testing.steps import Interrupted, RecordedStep

from .conftest import World

NO_MEMORY = Script(ends=State.FAILED, closes=False, failure=Failure(FailureClass.PLATFORM, "out_of_memory", "killed"))
NO_ROOM = Script(ends=State.FAILED, closes=False, failure=Failure(FailureClass.CAPACITY, "no_capacity", "no machines"))
SPOT_LOST = Script(ends=State.FAILED, closes=False, failure=Failure(FailureClass.SPOT_LOSS, "spot_loss", "reclaimed"))


def scripts(world: World, *following: Script) -> None:
    """The first submission has the first script, and so on; the last one serves all that come after."""
    world.platform.script = following[0]

    def tick() -> None:
        world.platform.script = following[min(len(world.platform.submissions), len(following) - 1)]
        world.platform.advance()

    world.clock.on_sleep = tick


def memory_gib(world: World, step: RecordedStep) -> list[float]:
    attempts = world.shed.ledger.attempts(step.key)
    return [a.intent.record["order"]["job"]["resources"]["executor_memory_gib"] for a in attempts]


def learnt(world: World) -> None:
    """Every engine has a good run on record."""
    for n, name in enumerate(world.shed.engines):
        order = replace(world.order, layers=(Layer("asset", Objective(pinned=name)),))
        finish(RecordedStep(f"earlier-{n}"), order, world.shed)


def budget(usd: str, **fields: object) -> tuple[Layer, ...]:
    return (Layer("run override", Objective(budget_usd=Decimal(usd), **fields)),)  # type: ignore[arg-type]


def test_a_job_that_ran_out_of_memory_gets_twice_as_much_on_the_same_offer_twice_at_most(
    make_world: Callable[..., World],
) -> None:
    world = make_world(engines=("first",), resources=Resources(executor_memory_gib=2.0))
    scripts(world, NO_MEMORY, NO_MEMORY, Script())
    step = RecordedStep()
    assert finish(step, world.order, world.shed).published
    assert memory_gib(world, step) == [2.0, 4.0, 8.0]
    facts = [fact.data for _, fact in world.shed.ledger.facts() if fact.kind is FactKind.FAILED_OVER]
    assert [data["escalation"] for data in facts] == ["memory", "memory"]

    other = RecordedStep("run-2")
    scripts(world, NO_MEMORY)
    with pytest.raises(RunFailed, match="out_of_memory"):
        finish(other, world.order, world.shed)
    assert memory_gib(world, other) == [2.0, 4.0, 8.0]


def test_a_successor_of_a_dead_worker_knows_what_the_job_lacked(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first",))
    scripts(world, NO_MEMORY, Script())
    step = RecordedStep()
    base = world.order.job.resources.executor_memory_gib

    def die_in_the_second() -> None:
        world.platform.script = Script() if world.platform.submissions else NO_MEMORY
        world.platform.advance()
        if len(world.platform.submissions) == 2:
            step.state = RunState.RUNNING
            world.platform.runs[world.platform.submissions[1]].script = NO_MEMORY
            raise Interrupted

    world.clock.on_sleep = die_in_the_second
    with pytest.raises(Interrupted):
        finish(step, world.order, world.shed)
    scripts(world, Script())
    successor = RecordedStep("run-2", root_run_id=step.run_id)
    assert finish(successor, world.order, world.shed).published
    assert memory_gib(world, successor) == [base, base * 2, base * 4]


def test_after_spot_is_lost_the_job_runs_on_demand(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("cheap spot", "other spot", "on demand"))
    for name in ("cheap spot", "other spot"):
        _as_spot(world, name)
    scripts(world, SPOT_LOST, Script())
    step = RecordedStep()
    result = finish(step, world.order, world.shed)
    assert [a.intent.engine for a in world.shed.ledger.attempts(step.key)] == ["cheap spot", "on demand"]
    assert {r["code"] for r in result.plan["rejections"]} == {"failed_before", "spot_lost"}


def test_failing_over_stops_where_the_budget_does(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second", "third"))
    learnt(world)
    scripts(world, NO_ROOM)
    once = world.shed.ledger.spendings(world.clock.now() - timedelta(days=1), world.clock.now() + timedelta(days=1))
    cost = once[0].cost
    assert cost is not None
    step = RecordedStep("run-b")
    order = replace(world.order, layers=budget(str(cost.total_usd * Decimal("2.5"))))
    with pytest.raises(RunFailed, match="no machines"):
        finish(step, order, world.shed)
    assert [a.intent.engine for a in world.shed.ledger.attempts(step.key)] == ["first", "second"]
    spent = world.shed.ledger.standing(Account(BudgetScope.RUN, "run-b")).spent_usd
    assert spent <= cost.total_usd * Decimal("2.5")


def test_what_nobody_knows_the_cost_of_reserves_all_that_is_left(world: World) -> None:
    step = RecordedStep()
    seen: list[Decimal] = []

    def look() -> None:
        world.platform.advance()
        seen.append(world.shed.ledger.standing(Account(BudgetScope.RUN, step.run_id)).reserved_usd)

    world.clock.on_sleep = look
    finish(step, replace(world.order, layers=budget("7.5")), world.shed)
    assert max(seen) == Decimal("7.5")


def test_a_run_waits_for_a_place_and_says_so_once(world: World) -> None:
    shed = replace(world.shed, rooms=(Room("virtual", 1, "web"),))
    holder = RecordedStep("run-a")
    _leave_live(world, holder)
    (live,) = world.shed.ledger.live_attempts()
    asked = world.clock.now()

    def end_after_a_minute() -> None:
        world.platform.advance()
        if live.live and world.clock.now() - asked > timedelta(minutes=1) and world.shed.ledger.live_attempts():
            lease = world.shed.ledger.acquire("end", "test", now=world.clock.now(), ttl_s=60)
            assert lease is not None
            settlement = Settlement(outcome=Outcome.CANCELLED, run_id="run-a", settled_at=world.clock.now())
            world.shed.ledger.settle(live.intent.token, settlement, lease)
            world.clock.on_sleep = world.platform.advance

    world.clock.on_sleep = end_after_a_minute
    step = RecordedStep("run-b")
    assert finish(step, world.order, shed).published
    said = [text for text in step.lines if text.startswith("Waiting for a place.")]
    assert said == [
        "Waiting for a place. virtual: team web has room for 1 at a time on virtual, and all places are taken: "
        "it takes a run when one ends."
    ]
    (attempt,) = world.shed.ledger.attempts(step.key)
    assert attempt.intent.created_at - asked > timedelta(minutes=1)


def test_another_engine_is_taken_instead_of_one_that_is_full(make_world: Callable[..., World]) -> None:
    world = make_world(engines=("first", "second"))
    _leave_live(world, RecordedStep("run-a"))
    shed = replace(world.shed, rooms=(Room("first", 1),))
    world.clock.on_sleep = world.platform.advance
    assert finish(RecordedStep("run-b"), world.order, shed).engine == "second"


def _leave_live(world: World, step: RecordedStep) -> None:
    """A worker that dies while its run goes on."""

    def die() -> None:
        world.platform.advance()
        if world.platform.submissions:
            step.state = RunState.RUNNING
            raise Interrupted

    world.platform.script = Script(lasts_s=10_000)
    world.clock.on_sleep = die
    with pytest.raises(Interrupted):
        finish(step, world.order, world.shed)
    world.platform.script = Script()


def _as_spot(world: World, name: str) -> None:
    engine = world.shed.engines[name]
    assert isinstance(engine, VirtualEngine)
    offers = engine.offers

    def spot(*words: object) -> object:
        return [replace(o, spot=True) for o in offers(*words)]  # type: ignore[arg-type, type-var]

    engine.offers = spot  # type: ignore[method-assign, assignment]
