"""From an order to a live launch: plan, stage, wire, render, intend, submit.

The intent, with the whole rendered request, is written before the platform hears of it. Whoever finds an intent
without a launch asks the platform for its token and, if it is not there, sends the recorded request again under the
same token (`submitting`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from engineshed.model.attempt import Attempt
from engineshed.model.errors import BudgetExceeded, EngineFull, JobInvalid
from engineshed.model.fact import FactKind
from engineshed.model.launch import Intent, Token
from engineshed.model.plan import Candidate, Plan
from engineshed.model.request import Work
from engineshed.model.staged import Staged
from engineshed.planning.explain import as_json, as_markdown
from engineshed.ports.channel import Channel
from engineshed.ports.engine import Engine
from engineshed.ports.step import Step
from engineshed.running.context import pipes_context
from engineshed.running.exchange import Moved
from engineshed.running.leasing import LeaseKeeper
from engineshed.running.order import Order
from engineshed.running.packed import read_packed
from engineshed.running.patience import patiently
from engineshed.running.planning import plan_order
from engineshed.running.recording import fact
from engineshed.running.shed import Shed
from engineshed.running.submitting import submit
from engineshed.running.terms import Before, reserved_usd, terms_of, wait_for_room, waits

_Result = TypeVar("_Result")


def launch(step: Step, order: Order, shed: Shed, keeper: LeaseKeeper, before: Before | None = None) -> Attempt:
    """A live attempt on the best offer; an engine that is full is waited for where there is no other.

    Raises NoOffer with all reasons, or what the submit raised, already settled.
    """
    waited = False
    while True:
        plan = patiently(lambda: _plan(step, order, shed, before or Before()), step, shed, keeper)
        if waits(plan):
            wait_for_room(step, plan, shed, keeper, first=not waited)
            waited = True
            continue
        chosen = plan.chosen
        step.event(f"Plan for {order.asset}: {plan.decided_by[-1]}", _told(plan))
        engine = shed.engines[chosen.offer.engine]
        try:
            intent = _intend(step, order, shed, keeper, engine, chosen, plan)
        except (BudgetExceeded, EngineFull) as error:
            step.info(f"{error} Another run was faster: planning again.")
            continue
        return submit(step, intent, shed, keeper)


def _plan(step: Step, order: Order, shed: Shed, before: Before) -> Plan:
    """Without what failed in earlier bodies of the step, unless that leaves nothing."""
    plan = plan_order(order, shed, step.key, before)
    if plan.candidates or waits(plan) or not before.earlier:
        return plan
    return plan_order(order, shed, step.key, before.own_only())


def _told(plan: Plan) -> dict[str, Any]:
    """The plan for people, and its numbers for plots."""
    expected = plan.chosen.forecast
    numbers = {"forecast_usd": expected.cost_usd, "forecast_hours": expected.hours}
    return {"plan": as_markdown(plan), **{name: float(n) for name, n in numbers.items() if n is not None}}


def _intend(
    step: Step, order: Order, shed: Shed, keeper: LeaseKeeper, engine: Engine, chosen: Candidate, plan: Plan
) -> Intent:
    def patient(act: Callable[[], _Result]) -> _Result:
        return patiently(act, step, shed, keeper)

    terms = terms_of(order, shed, step.key)
    ordinal = patient(lambda: shed.ledger.next_ordinal(_above_published(order, shed)))
    token = step.key.token(ordinal)
    channel = _channel_for(engine, shed)
    staged = patient(lambda: _stage(step, order, engine, shed, keeper))
    context = patient(lambda: pipes_context(order, token, staged, shed))
    wiring = patient(lambda: channel.prepare(token, context))
    work = Work(
        job=order.job, offer=chosen.offer, token=token, wiring=wiring, staged=staged, tags=_tags(step, order, token)
    )
    request = engine.render(work)
    intent = Intent(
        token=token,
        key=step.key,
        ordinal=ordinal,
        run_id=step.run_id,
        asset=order.asset,
        job=order.job.name,
        team=order.team,
        code_location=order.code_location,
        mode=order.mode,
        engine=engine.name,
        offer=chosen.offer.name,
        channel=channel.name,
        address=wiring.address,
        reserved_usd=reserved_usd(chosen.forecast, terms, shed),
        created_at=shed.clock.now(),
        backfill=order.backfill,
        record={
            "asset_group": order.asset_group,
            "order": order.to_json(),
            "plan": as_json(plan),
            "request": request.body,
            "staged": {"root": staged.root, "digest": staged.digest, "script": staged.script.name},
        },
    )
    keeper.keep(at_once=True)
    told = fact(shed, intent, FactKind.INTENDED, data={"forecast_usd": float(intent.reserved_usd)})
    shed.ledger.record_intent(intent, keeper.lease, [told], terms=terms)
    return intent


def _stage(step: Step, order: Order, engine: Engine, shed: Shed, keeper: LeaseKeeper) -> Staged:
    """On this machine, or for drivers elsewhere in the exchange, where there is one."""
    if not engine.capabilities.beyond_machine or shed.exchange is None:
        return shed.staging.stage(order.job)
    told_s = shed.clock.monotonic_s()

    def tell(moved: Moved) -> None:
        nonlocal told_s
        keeper.keep()
        if shed.clock.monotonic_s() - told_s >= shed.cadence.progress_s:
            told_s = shed.clock.monotonic_s()
            step.info(f"Uploading what drivers need: {moved}.")

    folder = shed.environments.get(engine.name)
    return shed.exchange.stage(order.job, tell, None if folder is None else read_packed(folder))


def _above_published(order: Order, shed: Shed) -> int:
    """One more than any published ordinal of the targets, so that a restored ledger never numbers below its data."""
    latest = (shed.datasets.latest(order.asset, target, order.mode) for target in order.selection.targets)
    return 1 + max((commit.ordinal for commit in latest if commit is not None), default=0)


def _channel_for(engine: Engine, shed: Shed) -> Channel:
    for name in engine.capabilities.transports:
        if name in shed.channels:
            return shed.channels[name]
    wanted = engine.capabilities.transports
    why = "".join(f" {shed.rejected_channels[name]}" for name in wanted if name in shed.rejected_channels)
    raise JobInvalid(
        f"engine {engine.name!r} carries {', '.join(wanted)}, but this location has "
        f"the channels {', '.join(sorted(shed.channels)) or 'none'}: configure one of them.{why}"
    )


def _tags(step: Step, order: Order, token: Token) -> Mapping[str, str]:
    return {
        "engineshed/token": token,
        "engineshed/team": order.team,
        "engineshed/asset": order.asset,
        "engineshed/mode": str(order.mode),
        "dagster/run-id": step.run_id,
        "dagster/code-location": order.code_location,
    }
