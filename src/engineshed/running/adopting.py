"""Before anything is planned: what has already been done for this key?

| the newest attempt of the key | then |
|---|---|
| none | launch |
| live, launched | watch it |
| live, never seen launched | ask that engine for the token; found: watch it; else send the recorded request again |
| the same, where a submit has several parts | send the recorded request again: it completes what is there |
| live, on an engine that this location no longer has | raise: only that engine can say whether it runs |
| succeeded, settled by this run | return the recorded result |
| succeeded, settled by another run that the orchestrator never recorded as done | return the recorded result |
| succeeded, settled by another run and delivered there | launch anew: a deliberate re-execution |
| failed, cancelled or never submitted | launch anew |
"""

from __future__ import annotations

from dataclasses import replace

from engineshed.model.attempt import Attempt, Outcome, Settlement
from engineshed.model.errors import SettingInvalid
from engineshed.model.fact import FactKind
from engineshed.ports.step import Step
from engineshed.running.leasing import LeaseKeeper
from engineshed.running.listening import FROM_START
from engineshed.running.patience import patiently
from engineshed.running.recording import record, record_launch
from engineshed.running.result import Result
from engineshed.running.shed import Shed
from engineshed.running.submitting import submit


def adopt(step: Step, shed: Shed, keeper: LeaseKeeper) -> Attempt | Result | None:
    """A live attempt to watch, a recorded result to return, or None to launch anew."""
    attempts = shed.ledger.attempts(step.key)
    if not attempts:
        return None
    newest = attempts[-1]
    if newest.settlement is not None:
        return _recorded(step, newest, newest.settlement)
    if newest.intent.engine not in shed.engines:
        raise _engine_gone(newest)
    if newest.launch is not None:
        # Its watcher may have died between handing on the first messages and saving how far it was.
        return _adopted(step, replace(newest, cursor=newest.cursor or FROM_START), shed)
    engine = shed.engines[newest.intent.engine]
    found = patiently(lambda: engine.find(newest.intent.token), step, shed, keeper)
    if found is None:
        step.info(f"Found intent {newest.intent.token} without a launch: sending the recorded request again.")
        return submit(step, newest.intent, shed, keeper, again=True)
    if engine.capabilities.submits_in_parts:
        step.info(f"Found {newest.intent.token} as {found.native_id}: sending what may be missing of it.")
        return submit(step, newest.intent, shed, keeper, again=True)
    record_launch(shed, newest.intent, found, keeper.lease)
    return _adopted(step, replace(newest, launch=found), shed)


def settled_by_run(step: Step, shed: Shed) -> Result | None:
    """What another body of this very run has settled."""
    attempts = shed.ledger.attempts(step.key)
    settlement = attempts[-1].settlement if attempts else None
    if settlement is None or settlement.outcome is not Outcome.SUCCEEDED or settlement.run_id != step.run_id:
        return None
    return Result.from_json(settlement.result)


def _adopted(step: Step, attempt: Attempt, shed: Shed) -> Attempt:
    intent, launch = attempt.intent, attempt.launch
    native_id = launch.native_id if launch else ""
    step.event(f"Adopted {intent.engine} run {native_id} (token {intent.token}), submitted by run {intent.run_id}.", {})
    record(shed, intent, FactKind.ADOPTED, nth=step.body_id, data={"run_id": step.run_id})
    return attempt


def _recorded(step: Step, attempt: Attempt, settlement: Settlement) -> Result | None:
    if settlement.outcome is not Outcome.SUCCEEDED:
        return None
    if settlement.run_id != step.run_id and step.delivered(settlement.run_id):
        return None
    step.info(f"Attempt {attempt.intent.token} was settled by run {settlement.run_id}: returning its recorded result.")
    return Result.from_json(settlement.result)


def _engine_gone(attempt: Attempt) -> SettingInvalid:
    intent = attempt.intent
    native_id = attempt.launch.native_id if attempt.launch else "perhaps submitted"
    return SettingInvalid(
        f"attempt {intent.token} lives on engine {intent.engine!r} ({native_id}), which this location no longer has: "
        "bring the engine's settings back to finish it."
    )
