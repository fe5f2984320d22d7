"""Sends a recorded request and makes sure of what came of it: one run that is watched, or none.

Where no platform says whether a run was started, the attempt stays live in the ledger: who comes next, a successor or
the reaper, asks again. Refuses to go on to another offer from there.
"""

from __future__ import annotations

from collections.abc import Sequence

from engineshed.model.attempt import Attempt, Outcome
from engineshed.model.errors import EngineError, EngineshedError, NoOffer, SubmitUnsure
from engineshed.model.failure import Failure
from engineshed.model.launch import Intent, Launch
from engineshed.model.request import Request
from engineshed.ports.engine import Engine
from engineshed.ports.step import Step
from engineshed.running.cancelling import ended, found
from engineshed.running.leasing import LeaseKeeper
from engineshed.running.linking import links_of_live
from engineshed.running.patience import patiently
from engineshed.running.recording import record_launch
from engineshed.running.settling import settle_bad
from engineshed.running.shed import Shed


def submit(step: Step, intent: Intent, shed: Shed, keeper: LeaseKeeper, *, again: bool = False) -> Attempt:
    """Send the recorded request; safe to call again for the same intent, `again` where another body may have sent it.

    A transient refusal is repeated, and after the last the platform is asked for the token: a run whose reply was lost
    is taken as it is. Any other error ends whatever may have been started, settles the attempt with what that cost, is
    raised. Raises SubmitUnsure where nobody can say, and leaves the attempt live.
    """
    engine = shed.engines[intent.engine]
    answer = _send(engine, _request(intent), shed, keeper)
    if isinstance(answer, Launch):
        started = answer
    else:
        perhaps = again or any(refusal.transient for refusal in answer)
        started = _in_spite_of(answer[-1], step, engine, intent, shed, keeper, perhaps=perhaps)
    record_launch(shed, intent, started, keeper.lease)
    links = links_of_live(intent, started, shed)
    step.event(f"Submitted to {intent.engine} ({intent.offer}) as {started.native_id}, token {intent.token}.", links)
    return Attempt(intent=intent, launch=started)


def _request(intent: Intent) -> Request:
    return Request(engine=intent.engine, token=intent.token, body=intent.record["request"])


def _send(engine: Engine, request: Request, shed: Shed, keeper: LeaseKeeper) -> Launch | Sequence[EngineshedError]:
    """The run, or what the platform said to each try."""
    refusals: list[EngineshedError] = []
    wait_s = 1.0
    while len(refusals) < shed.cadence.submit_tries:
        if refusals:
            shed.clock.sleep(min(wait_s, shed.cadence.busy_s))
            keeper.keep()
            wait_s *= 2
        try:
            return engine.submit(request)
        except EngineshedError as error:
            refusals.append(error)
            if not error.transient:
                break
    return refusals or [NoOffer(f"engine {engine.name!r} was never asked: set submit_tries to at least 1.")]


def _in_spite_of(
    error: EngineshedError,
    step: Step,
    engine: Engine,
    intent: Intent,
    shed: Shed,
    keeper: LeaseKeeper,
    *,
    perhaps: bool,
) -> Launch:
    """The run that was started although no reply said so. Raises the last refusal when settled, SubmitUnsure.

    perhaps: a request may have got through, so that a platform which cannot be asked leaves it open.
    """
    try:
        # A platform that is away now is asked until it answers.
        there = patiently(lambda: found(engine, intent.token, shed), step, shed, keeper)
        if there is not None and error.transient:
            return _whole(there, step, engine, intent, shed, keeper)
    except EngineError as trouble:
        if perhaps:
            raise _unsure(intent, error, str(trouble)) from trouble
        there = None
    if there is not None:
        if not ended(step, engine, there, shed, keeper):
            raise _unsure(intent, error, f"{there.native_id} did not end in time when it was cancelled")
        # Only now: what is on record as launched is watched by a successor, and this may never begin to run.
        record_launch(shed, intent, there, keeper.lease)
    failure = Failure(error.failure_class, "submit_failed", str(error))
    settle_bad(step, Attempt(intent=intent, launch=there), Outcome.FAILED, failure, shed, keeper)
    raise error


def _whole(there: Launch, step: Step, engine: Engine, intent: Intent, shed: Shed, keeper: LeaseKeeper) -> Launch:
    if not engine.capabilities.submits_in_parts:
        return there
    return patiently(lambda: engine.submit(_request(intent)), step, shed, keeper)


def _unsure(intent: Intent, error: EngineshedError, why: str) -> SubmitUnsure:
    return SubmitUnsure(
        f"{error} Whether {intent.engine} runs {intent.token} all the same is not known ({why}), so nothing else is "
        "started: run the step again to take up what is there, or leave it to the reaper."
    )
