"""The route: one step from its start to its result, whatever dies on the way.

    hold the lease -> adopt | launch -> watch -> judge -> settle

Failures of class capacity, spot loss, platform and unsupported go to the next offer; all others stop. Where no other
offer is left, one whose platform lost a run that it had taken (a drained node, a lost machine) is tried once more. An
interrupt is a hint only: the run's own state decides whether the foreign run is cancelled or left for a successor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from engineshed.model.attempt import Attempt, Outcome
from engineshed.model.check import CheckOutcome
from engineshed.model.errors import (
    EngineError,
    EngineshedError,
    LeaseLost,
    NoOffer,
    PublishRefused,
    RunCancelled,
    RunFailed,
)
from engineshed.model.fact import FactKind
from engineshed.model.failure import Failure, FailureClass
from engineshed.model.launch import Token
from engineshed.planning.escalation import MEMORY, ON_DEMAND, OUT_OF_MEMORY, escalates, escalation
from engineshed.ports.step import RunState, Step
from engineshed.running.adopting import adopt, settled_by_run
from engineshed.running.cancelling import cancel_and_settle
from engineshed.running.launching import launch
from engineshed.running.leasing import LeaseKeeper, hold, leave_when_over
from engineshed.running.order import Order
from engineshed.running.patience import patiently
from engineshed.running.recording import record
from engineshed.running.result import Result
from engineshed.running.settling import Audit, Contents, settle_bad, settle_good
from engineshed.running.shed import Shed
from engineshed.running.terms import before
from engineshed.running.transcript import Transcript
from engineshed.running.verdict import TIMEOUT, Verdict, judge
from engineshed.running.watching import Ended, Watch

_SIGNALS_WHILE_CANCELLING = 3

_NEXT = {
    MEMORY: "Trying again with twice the memory.",
    ON_DEMAND: "Trying on demand.",
    "": "Looking for another offer.",
}

_LOSES_RUNS = frozenset({FailureClass.PLATFORM, FailureClass.SPOT_LOSS})


def no_audit(contents: Contents) -> Sequence[CheckOutcome]:
    """Checks nothing."""
    return ()


class Route:
    """One body's way through one step."""

    def __init__(self, step: Step, order: Order, shed: Shed, audit: Audit = no_audit) -> None:
        self._step, self._order, self._shed, self._audit = step, order, shed, audit
        self._failed: frozenset[tuple[str, str]] = frozenset()
        self._lost: frozenset[tuple[str, str]] = frozenset()
        self._repeated: frozenset[tuple[str, str]] = frozenset()
        self._watches: dict[Token, Watch] = {}
        self._publishing = False

    def run(self) -> Result:
        """The step's result.

        Raises RunFailed, RunCancelled, ChecksFailed, PublishRefused, NoOffer and what a submit raises; LeaseLost when
        another body has taken over or the run is over, after which this body must leave without output.
        """
        keeper = self._hold()
        try:
            return self._under_lease(keeper)
        except RunCancelled:
            self._cancel_live(keeper)
            raise
        except self._step.interrupts:
            self._interrupted(keeper)
            raise
        finally:
            keeper.release()

    def _hold(self) -> LeaseKeeper:
        """The lease. Interrupted while waiting for it: only a cancelled run waits on, to end what the key has
        running.
        """
        try:
            return hold(self._step, self._shed)
        except self._step.interrupts:
            if self._step.run_state() is not RunState.CANCELLING:
                raise
            return hold(self._step, self._shed)

    def _under_lease(self, keeper: LeaseKeeper) -> Result:
        leave_when_over(self._step, self._shed)
        found, last = self._adopt(keeper)
        if isinstance(found, Result):
            return found
        adopted, attempt = found is not None, found
        while True:
            if attempt is None:
                attempt = self._launch(keeper, last)
            order = Order.from_json(attempt.intent.record["order"])
            watch = Watch(self._step, attempt, self._shed, keeper, order.job.timeout_s)
            self._watches[attempt.intent.token] = watch
            ended = watch.run()
            verdict = patiently(partial(self._judge, order, attempt, ended), self._step, self._shed, keeper)
            if verdict.good:
                result = self._settle(order, attempt, ended, verdict, keeper)
                return replace(result, adopted=adopted)
            assert verdict.failure is not None
            last = self._settle_failure(attempt, verdict.failure, keeper, ended.transcript)
            if not verdict.failure.failure_class.tries_next_offer:
                raise last
            self._fail_over(attempt, verdict.failure, last)
            attempt = None

    def _fail_over(self, attempt: Attempt, failure: Failure, said: EngineshedError) -> None:
        """Put on record what is tried next: the same with more memory or on demand, else another offer."""
        intent = attempt.intent
        others = [a for a in self._shed.ledger.attempts(self._step.key) if a.intent.token != intent.token]
        answer = escalates(escalation(others), failure)
        if answer != MEMORY:
            self._failed |= {(intent.engine, intent.offer)}
        if failure.failure_class in _LOSES_RUNS and failure.reason != OUT_OF_MEMORY:
            self._lost |= {(intent.engine, intent.offer)}
        because = _because(failure.failure_class, failure.reason) | ({"escalation": answer} if answer else {})
        record(self._shed, intent, FactKind.FAILED_OVER, data=because)
        self._step.warning(f"{said} {_NEXT[answer]}")

    def _adopt(self, keeper: LeaseKeeper) -> tuple[Attempt | Result | None, EngineshedError | None]:
        """What there is of the key; where a recorded request is refused now, nothing and what was said."""
        try:
            return adopt(self._step, self._shed, keeper), None
        except EngineError as error:
            self._refused(error)
            return None, error

    def _launch(self, keeper: LeaseKeeper, last: EngineshedError | None) -> Attempt:
        while True:
            attempts = self._shed.ledger.attempts(self._step.key)
            order = replace(self._order, job=escalation(attempts).sized(self._order.job))
            try:
                return launch(self._step, order, self._shed, keeper, before(attempts, self._failed))
            except NoOffer as error:
                if last is None:
                    raise
                if not self._once_more():
                    raise last from error
            except EngineError as error:
                self._refused(error)
                last = error

    def _once_more(self) -> bool:
        """Allow the offers that lost a run again, each once: what took the machine away need not take the next."""
        again = self._lost - self._repeated
        if not again:
            return False
        self._repeated |= again
        self._failed -= again
        named = ", ".join(f"{engine} ({offer})" for engine, offer in sorted(again))
        self._step.warning(f"No other offer is left: trying once more where the run was lost: {named}.")
        return True

    def _refused(self, error: EngineError) -> None:
        """Put on record that the next offer is tried. Raises the error where it may not be."""
        attempts = self._shed.ledger.attempts(self._step.key)
        if not attempts or attempts[-1].live or not error.failure_class.tries_next_offer:
            raise error
        refused = attempts[-1].intent
        self._failed |= {(refused.engine, refused.offer)}
        record(self._shed, refused, FactKind.FAILED_OVER, data=_because(error.failure_class, str(error)))
        self._step.warning(f"{refused.engine} ({refused.offer}) could not start the job: {error} {_NEXT['']}")

    def _judge(self, order: Order, attempt: Attempt, ended: Ended) -> Verdict:
        token, tables = attempt.intent.token, order.job.tables
        sealed = bool(tables) and all(
            self._shed.datasets.sealed(order.asset, target, order.mode, token) for target in order.selection.targets
        )
        verdict = judge(ended.status, ended.transcript, tables, sealed_in_store=sealed)
        failure = verdict.failure
        if failure is not None and (ended.timed_out or failure.reason == TIMEOUT) and order.job.timeout_s is not None:
            limit = f"the job's time limit of {order.job.timeout_s:g} s was over"
            return Verdict(Failure(FailureClass.USER_CODE, TIMEOUT, limit, failure.detail))
        if verdict.warning:
            self._step.warning(verdict.warning)
        return verdict

    def _settle(self, order: Order, attempt: Attempt, ended: Ended, verdict: Verdict, keeper: LeaseKeeper) -> Result:
        leave_when_over(self._step, self._shed)
        self._publishing = True
        try:
            result = patiently(
                lambda: settle_good(self._step, order, attempt, ended.transcript, self._shed, keeper, self._audit),
                self._step,
                self._shed,
                keeper,
            )
        except PublishRefused as error:
            failure = Failure(error.failure_class, "not_published", str(error))
            settle_bad(self._step, attempt, Outcome.FAILED, failure, self._shed, keeper, ended.transcript)
            raise
        return replace(result, warnings=(*result.warnings, verdict.warning)) if verdict.warning else result

    def _settle_failure(
        self, attempt: Attempt, failure: Failure, keeper: LeaseKeeper, transcript: Transcript
    ) -> RunFailed | RunCancelled:
        assert attempt.launch is not None
        cancelled = failure.failure_class is FailureClass.CANCELLED
        outcome = Outcome.CANCELLED if cancelled else Outcome.FAILED
        settle_bad(self._step, attempt, outcome, failure, self._shed, keeper, transcript)
        intent = attempt.intent
        text = (
            f"{intent.engine} run {attempt.launch.native_id} of job {intent.job!r} failed "
            f"({failure.failure_class}, {failure.reason}): {failure.message}"
        )
        if cancelled:
            return RunCancelled(text)
        return RunFailed(f"{text}\n{failure.detail}".rstrip(), failure)

    def _cancel_live(self, keeper: LeaseKeeper) -> None:
        """End whatever the key has running. A signal that comes meanwhile must not leave it half done: one often
        follows the word of a cancel, and platforms repeat it.
        """
        for _ in range(_SIGNALS_WHILE_CANCELLING):
            try:
                return self._end_live(keeper)
            except self._step.interrupts:
                self._step.info("Interrupted while ending the foreign run: going on with it.")
        self._end_live(keeper)

    def _end_live(self, keeper: LeaseKeeper) -> None:
        try:
            keeper.keep(at_once=True)
        except LeaseLost:
            self._step.info("Another worker has taken over: the foreign run is its own to end.")
            return
        for attempt in self._shed.ledger.attempts(self._step.key):
            if attempt.live:
                cancel_and_settle(self._step, attempt, self._shed, keeper)
                if (watch := self._watches.get(attempt.intent.token)) is not None:
                    watch.hear_the_rest()

    def _interrupted(self, keeper: LeaseKeeper) -> None:
        """A signal came. What it means is read from the run; the interrupt itself is passed on by the caller."""
        state = self._step.run_state()
        if self._publishing or state is RunState.UNREADABLE or state is RunState.WILL_RETRY:
            self._step.info("Interrupted: leaving the run to a successor.")
            return
        if state is RunState.CANCELLING:
            self._cancel_live(keeper)
            raise RunCancelled(
                f"run {self._step.run_id} was cancelled: its foreign run is ended, nothing is published."
            )
        if state is RunState.RUNNING and self._step.successor_expected():
            self._step.info("This worker is being evicted: its foreign run goes on and waits for the next worker.")
            return
        self._cancel_live(keeper)


def _because(failure_class: FailureClass, reason: str) -> dict[str, str]:
    return {"class": str(failure_class), "reason": reason}


def finish(step: Step, order: Order, shed: Shed, audit: Audit = no_audit) -> Result:
    """Run one step to its result; see `Route.run`.

    A body that loses its lease while the run lives waits like any second body of it. Where the run has meanwhile
    succeeded, it returns what the other one settled: an error would turn the run into a failed one, to be retried.
    """
    while True:
        try:
            return Route(step, order, shed, audit).run()
        except LeaseLost:
            state = step.run_state()
            if state is RunState.FINISHED:
                settled = settled_by_run(step, shed)
                if settled is not None:
                    return settled
            if state not in (RunState.RUNNING, RunState.UNREADABLE):
                raise
