"""Ends what no step can end any more: worker killed and run cancelled, daemon down, release uninstalled.

It looks at what this code location's ledger rows and our tokens name, never at anything else: a run whose token the
ledger does not know may belong to another platform that shares the account. A lease that somebody holds is a sign of
life and is respected, whatever the orchestrator says.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from engineshed.model.attempt import Attempt, Outcome
from engineshed.model.errors import EngineError, EngineshedError, LaunchLost
from engineshed.model.fact import FactKind
from engineshed.model.launch import TOKEN_PREFIX, Launch
from engineshed.model.status import State
from engineshed.ports.engine import Engine, Forgets
from engineshed.running.cancelling import cancel_and_settle
from engineshed.running.leasing import LeaseKeeper
from engineshed.running.orphans import Orphaned, Runs
from engineshed.running.recording import record
from engineshed.running.shed import Shed
from engineshed.running.standalone import AttemptStep

_WORKER_ENDS_WITHIN_S = 90.0
"""A worker reads its run's state every few seconds, then cancels, settles and gives up its lease."""

_HELD = "a worker holds its lease"


class Deed(StrEnum):
    """What was done about a run. UNSURE: the platform did not answer; the next round looks again."""

    LEFT = "left"
    ENDED = "ended"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One run that carries our token, what was done about it and why."""

    token: str
    asset: str
    engine: str
    deed: Deed
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an orphan is left; one that ended well `keep_finished`, since a re-execution would adopt it."""

    grace: timedelta = timedelta(minutes=5)
    keep_finished: timedelta = timedelta(hours=24)


class Reaper:
    """One round for one code location. `dry` changes nothing and says ENDED where it would have ended."""

    def __init__(
        self,
        shed: Shed,
        *,
        team: str,
        code_location: str,
        patience: Patience = Patience(),
        dry: bool = False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._shed, self._team, self._code_location = shed, team, code_location
        self._patience, self._dry, self._say = patience, dry, say
        self._holder = f"reaper:{uuid.uuid4().hex[:12]}"

    def live(self) -> list[Attempt]:
        """The attempts of this code location that are not settled."""
        return [a for a in self._shed.ledger.live_attempts() if self._own(a)]

    def reap(self, runs: Runs) -> list[Finding]:
        """Settle or end every orphan whose grace is over, and every run that goes on although it is settled."""
        findings = [self._surely(attempt, lambda a: self._look(a, runs.orphaned(a))) for attempt in self.live()]
        return [*findings, *self._settled_but_running()]

    def end_all(self, runs: Runs) -> list[Finding]:
        """End every live attempt: the release goes. Runs that live are cancelled first, so that their workers end what
        they watch; what none of them ends is ended here.
        """
        attempts = self.live()
        for attempt in attempts if not self._dry else ():
            runs.cancel(attempt)
        why = "the release is uninstalled"
        findings = [self._surely(attempt, lambda a: self._end(a, why, wait_for_lease=True)) for attempt in attempts]
        if not self._dry:
            self._forget_all()
        return findings

    def _forget_all(self) -> None:
        """What platforms keep of our ended runs goes with the release. What cannot be deleted goes by its own time."""
        for name, engine in sorted(self._shed.engines.items()):
            if not isinstance(engine, Forgets):
                continue
            try:
                for launch in engine.owned(TOKEN_PREFIX):
                    attempt = self._shed.ledger.attempt(launch.token)
                    if attempt is not None and self._own(attempt) and not attempt.live:
                        engine.forget(launch)
            except EngineshedError as error:
                self._say(f"What {name} keeps of ended runs could not be deleted: {error}")

    def _own(self, attempt: Attempt) -> bool:
        return (attempt.intent.team, attempt.intent.code_location) == (self._team, self._code_location)

    def _surely(self, attempt: Attempt, act: Callable[[Attempt], Finding]) -> Finding:
        """What keeps one attempt from being looked at or ended keeps no other: the next round tries again."""
        try:
            return act(attempt)
        except EngineshedError as error:
            return _finding(attempt, Deed.UNSURE, str(error))

    def _look(self, attempt: Attempt, orphaned: Orphaned | None) -> Finding:
        if orphaned is None:
            return _finding(attempt, Deed.LEFT, "its Dagster run lives or will be retried")
        age = self._shed.clock.now() - max(orphaned.since, attempt.intent.created_at)
        if age < self._patience.grace:
            return _finding(attempt, Deed.LEFT, f"{orphaned.why}, but for no longer than the grace")
        if age < self._patience.keep_finished and self._succeeded(attempt):
            return _finding(attempt, Deed.LEFT, f"{orphaned.why}; it ended well and can still be adopted")
        return self._end(attempt, orphaned.why)

    def _succeeded(self, attempt: Attempt) -> bool:
        engine = self._shed.engines.get(attempt.intent.engine)
        if engine is None or attempt.launch is None:
            return False
        try:
            return engine.status(attempt.launch).state is State.SUCCEEDED
        except EngineError:
            return False

    def _end(self, attempt: Attempt, why: str, *, wait_for_lease: bool = False) -> Finding:
        intent = attempt.intent
        if intent.engine not in self._shed.engines:
            return _finding(attempt, Deed.UNSURE, f"{why}, but this location no longer has engine {intent.engine}")
        if self._dry:
            held = self._shed.ledger.held(intent.key.digest, now=self._shed.clock.now())
            return _finding(attempt, Deed.LEFT, _HELD) if held else _finding(attempt, Deed.ENDED, why)
        keeper = self._lease(attempt, wait=wait_for_lease)
        if keeper is None:
            return _finding(attempt, Deed.LEFT, _HELD)
        try:
            known = self._shed.ledger.attempt(intent.token)
            if known is not None and not known.live:
                return _finding(attempt, Deed.ENDED, f"{why}: its own worker has ended it")
            cancel_and_settle(AttemptStep(attempt, self._holder, self._say), attempt, self._shed, keeper, because=why)
        finally:
            keeper.release()
        settled = self._shed.ledger.attempt(intent.token)
        if settled is None or settled.live:
            return _finding(attempt, Deed.UNSURE, f"{why}, but it could not be settled")
        record(self._shed, intent, FactKind.REAPED, data={"reason": why})
        return _finding(attempt, Deed.ENDED, why)

    def _lease(self, attempt: Attempt, *, wait: bool) -> LeaseKeeper | None:
        """The lease of the attempt's key; with `wait`, that of a worker which has just been ended is outlasted."""
        clock, ttl_s = self._shed.clock, self._shed.cadence.lease_s
        give_up_s = clock.monotonic_s() + (_WORKER_ENDS_WITHIN_S if wait else 0.0)
        while True:
            lease = self._shed.ledger.acquire(attempt.intent.key.digest, self._holder, now=clock.now(), ttl_s=ttl_s)
            if lease is not None:
                return LeaseKeeper(self._shed, lease)
            if clock.monotonic_s() >= give_up_s:
                return None
            clock.sleep(0.5)

    def _settled_but_running(self) -> Iterator[Finding]:
        for name, engine in sorted(self._shed.engines.items()):
            try:
                for launch in engine.owned(TOKEN_PREFIX):
                    yield from self._settled(engine, launch)
            except EngineshedError as error:
                yield Finding(token="", asset="", engine=name, deed=Deed.UNSURE, why=str(error))

    def _settled(self, engine: Engine, launch: Launch) -> Iterator[Finding]:
        attempt = self._shed.ledger.attempt(launch.token)
        if attempt is None or not self._own(attempt) or attempt.live:
            return
        try:
            yield from self._still_running(engine, launch, attempt)
        except EngineError as error:
            yield _finding(attempt, Deed.UNSURE, f"whether it still runs is not known: {error}")

    def _still_running(self, engine: Engine, launch: Launch, attempt: Attempt) -> Iterator[Finding]:
        settlement = attempt.settlement
        assert settlement is not None
        try:
            if engine.status(launch).state.final:
                return
            if self._shed.clock.now() - settlement.settled_at < self._patience.grace:
                yield _finding(attempt, Deed.LEFT, "settled, and still ending within the grace")
                return
            if not self._dry:
                engine.cancel(launch)
        except LaunchLost:
            return
        word = "cancelled" if settlement.outcome is Outcome.CANCELLED else f"settled as {settlement.outcome}"
        if not self._dry:
            record(self._shed, attempt.intent, FactKind.REAPED, nth="running", data={"reason": f"was {word}"})
        yield _finding(attempt, Deed.ENDED, f"it was {word} and still ran")


def _finding(attempt: Attempt, deed: Deed, why: str) -> Finding:
    intent = attempt.intent
    return Finding(token=intent.token, asset=intent.asset, engine=intent.engine, deed=deed, why=why)
