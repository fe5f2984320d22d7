"""Ends a foreign run for good: cancel, wait a bounded time for the platform to confirm, settle. Never publishes."""

from __future__ import annotations

from engineshed.model.attempt import Attempt, Outcome
from engineshed.model.errors import EngineError, LaunchLost, LeaseLost, LedgerBusy
from engineshed.model.fact import FactKind
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.launch import Launch, Token
from engineshed.ports.engine import Engine
from engineshed.ports.step import Step
from engineshed.running.leasing import LeaseKeeper
from engineshed.running.recording import record, record_launch
from engineshed.running.settling import settle_bad
from engineshed.running.shed import Shed
from engineshed.running.watching import LOST_AFTER

_UNCONFIRMED = "cancel was asked, but the platform did not confirm the end in time: `engineshed reap` ends what is left"
_LOOK_S = 0.2
_APPEARS_WITHIN_S = 2.0


def cancel_and_settle(step: Step, attempt: Attempt, shed: Shed, keeper: LeaseKeeper, *, because: str = "") -> None:
    """Cancel whatever carries the attempt's token and settle it as cancelled, `because` in the record.

    A platform that does not confirm in time is said in the log; its run keeps our token, by which the reaper finds it.
    One that does not say whether it has such a run leaves the attempt live: the reaper asks again.
    """
    engine = shed.engines.get(attempt.intent.engine)
    if engine is None:
        step.warning(f"Engine {attempt.intent.engine} is gone: nobody here can cancel {attempt.intent.token}.")
        return
    try:
        launch = attempt.launch or found(engine, attempt.intent.token, shed)
    except EngineError as error:
        step.warning(f"{engine.name} does not say whether it runs {attempt.intent.token}, which stays live: {error}")
        return
    confirmed = launch is None or ended(step, engine, launch, shed, keeper)
    record(shed, attempt.intent, FactKind.CANCEL_ASKED, nth=step.body_id)
    fact = "the run was cancelled" if confirmed else _UNCONFIRMED
    if not confirmed:
        step.warning(f"{attempt.intent.token} on {engine.name}: {_UNCONFIRMED}.")
    try:
        if launch is not None and attempt.launch is None:
            record_launch(shed, attempt.intent, launch, keeper.lease)
        settle_bad(
            step,
            Attempt(intent=attempt.intent, launch=launch),
            Outcome.CANCELLED,
            Failure(FailureClass.CANCELLED, "cancelled", f"{because}: {fact}" if because else fact),
            shed,
            keeper,
        )
    except (LeaseLost, LedgerBusy) as error:
        step.warning(f"Could not settle {attempt.intent.token} as cancelled: {error}")


def found(engine: Engine, token: Token, shed: Shed) -> Launch | None:
    """The run of a submit that may just have been under way: it appears a moment later.

    Raises EngineError where the platform did not answer last.
    """
    deadline_s = shed.clock.monotonic_s() + _APPEARS_WITHIN_S
    while True:
        over = shed.clock.monotonic_s() > deadline_s
        try:
            there = engine.find(token)
            if there is not None or over:
                return there
        except EngineError:
            if over:
                raise
        shed.clock.sleep(_LOOK_S)


def ended(step: Step, engine: Engine, launch: Launch, shed: Shed, keeper: LeaseKeeper) -> bool:
    """Cancel it; whether the platform confirms the end within `cadence.cancel_s`. Raises LeaseLost."""
    deadline_s = shed.clock.monotonic_s() + shed.cadence.cancel_s
    asked, denied = False, 0
    while shed.clock.monotonic_s() < deadline_s:
        try:
            if not asked:
                engine.cancel(launch)
                asked = True
                step.info(f"Cancelling {engine.name} run {launch.native_id}.")
            if engine.status(launch).state.final:
                return True
            denied = 0
        except LaunchLost:
            denied += 1
            if denied >= LOST_AFTER:
                return True
        except EngineError as error:
            if not error.transient:
                step.warning(f"{engine.name} run {launch.native_id}: {error}")
                return False
        keeper.keep()
        shed.clock.sleep(_LOOK_S)
    return False
