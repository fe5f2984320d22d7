"""What must hold in every story, checked as it goes and at its end, against the platforms' own books.

A broken claim is a sentence; the story goes on, so that all of them are read together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from engineshed.model.attempt import Attempt, Settlement
from engineshed.model.budget import Account, BudgetScope
from engineshed.model.errors import BudgetExceeded, EngineshedError, LedgerError, NoOffer
from engineshed.model.launch import Token
from engineshed.model.status import State
from engineshed.ports.clock import Clock
from engineshed.ports.ledger import Ledger
from engineshed.running.order import Order
from engineshed.storage.datasets import Datasets
from engineshed.testing.soak.runs import SoakStep
from engineshed.testing.soak.troubled import TroubledPlatform


class Books:
    """Everything that happened, and every claim that was broken."""

    def __init__(
        self,
        platforms: Mapping[str, TroubledPlatform],
        ledger: Ledger,
        root: str,
        budget_usd: Decimal | None,
        clock: Clock,
    ) -> None:
        self._platforms, self._ledger, self._root = platforms, ledger, root
        self._budget_usd, self._clock = budget_usd, clock
        self._steps: list[SoakStep] = []
        self._results: list[tuple[str, Token]] = []
        self._last: EngineshedError | None = None
        self.said: list[str] = []
        self.broken: list[str] = []

    def say(self, text: str) -> None:
        """A line of the story, for whoever reads it afterwards."""
        self.said.append(f"{self._clock.monotonic_s():6.0f} s  {text}")

    def saw(self, step: SoakStep) -> None:
        """A body's step; what it records is read at the end."""
        self._steps.append(step)

    def failed(self, error: EngineshedError) -> None:
        """A body's run ended so. What the ledger refuses for good, no body may have asked of it."""
        self._last = error
        if type(error) is LedgerError:
            self.broken.append(f"the ledger refused a body: {error}")

    def returned(self, run_id: str, token: Token) -> None:
        """A body handed this result to the orchestrator."""
        self._results.append((run_id, token))
        self.say(f"{run_id} returned {token}")

    def started(self, engine: str, token: Token) -> None:
        """A run began on a platform: no other may live, and none may have succeeded, unless its end was asked for."""
        self.say(f"{engine} started {token}")
        for name, platform in self._platforms.items():
            for other, run in platform.runs.items():
                if other == token or other in platform.cancels:
                    continue
                if platform.lives(other):
                    self.broken.append(f"{engine} started {token} while {other} lived on {name}")
                elif run.script.ends is State.SUCCEEDED and not run.script.exception:
                    self.broken.append(f"{engine} started {token} although {other} had succeeded on {name}")
        self._within_budget(token)

    def close(self, order: Order, datasets: Datasets, *, cancelled: bool) -> None:
        """All claims about the end."""
        attempts = self._ledger.attempts(self._steps[0].key) if self._steps else []
        self._one_success([c.token for c in datasets.history(order.asset, None, order.mode)], cancelled=cancelled)
        self._nothing_left()
        self._all_on_record(attempts)
        self._money(attempts)
        self._every_line()

    def _one_success(self, commits: Sequence[str], *, cancelled: bool) -> None:
        results = {token for _, token in self._results}
        if len(commits) > 1 or len(results) > 1:
            self.broken.append(f"more than one success: commits {commits}, results {sorted(results)}")
        if results - set(commits):
            self.broken.append(f"{sorted(results)} was handed on, but {commits} is published")
        unaffordable = self._budget_usd is not None and isinstance(self._last, NoOffer | BudgetExceeded)
        if not (results or cancelled or unaffordable):
            self.broken.append(f"no success in spite of the calm; the last word was {self._last!r}")

    def _nothing_left(self) -> None:
        for attempt in self._ledger.live_attempts():
            self.broken.append(f"{attempt.intent.token} on {attempt.intent.engine} is live after the reaper")
        for name, platform in self._platforms.items():
            left = [token for token in platform.runs if platform.lives(token)]
            if left:
                self.broken.append(f"{left} still run on {name} after the reaper")

    def _all_on_record(self, attempts: Sequence[Attempt]) -> None:
        """Every run that a platform began is a launch of the ledger, and its hours are the platform's."""
        known = {attempt.intent.token: attempt for attempt in attempts}
        for name, platform in self._platforms.items():
            for token in platform.submissions:
                attempt = known.get(token)
                if attempt is None or attempt.launch is None:
                    self.broken.append(f"{token} ran on {name}, which the ledger does not know")
                elif attempt.settlement is not None and attempt.settlement.usage is not None:
                    self._hours(attempt, attempt.settlement, platform)

    def _hours(self, attempt: Attempt, settlement: Settlement, platform: TroubledPlatform) -> None:
        token = attempt.intent.token
        assert settlement.usage is not None
        metered_s, true_s = settlement.usage.hours * 3600, platform.usage(token).hours * 3600
        settled_while_running = platform.ended_at.get(token, settlement.settled_at) > settlement.settled_at
        if metered_s > true_s + 0.01 or (metered_s < true_s - 0.01 and not settled_while_running):
            self.broken.append(f"{token} is booked with {metered_s:.2f} s, but ran for {true_s:.2f} s")

    def _money(self, attempts: Sequence[Attempt]) -> None:
        """What was reserved is free again, and the account has spent what its attempts have."""
        standing = self._ledger.standing(Account(BudgetScope.RUN, self._root))
        spent = sum(map(_committed_usd, attempts), Decimal(0))
        if standing.reserved_usd != 0 or standing.spent_usd != spent:
            self.broken.append(f"the account says {standing}, its attempts have spent ${spent}")

    def _every_line(self) -> None:
        """Of what was handed on no line is missing; none came twice without a mark."""
        heard = [line for step in self._steps for line in step.heard]
        for token in {token for _, token in self._results}:
            lines = next(p.runs[token].script.lines for p in self._platforms.values() if token in p.runs)
            missing = set(range(2, lines + 2)) - {line.sequence for line in heard if line.token == token}
            if missing:
                self.broken.append(f"lines {sorted(missing)} of {token} were never handed on")
        plain = Counter((line.token, line.sequence) for line in heard if not line.repeated)
        twice = [f"{sequence} of {token}" for (token, sequence), times in plain.items() if times > 1]
        if twice:
            self.broken.append(f"handed on twice without a mark: lines {', '.join(twice)}")

    def _within_budget(self, token: Token) -> None:
        if self._budget_usd is None:
            return
        attempts = self._ledger.attempts(self._steps[0].key)
        committed = sum(map(_committed_usd, attempts), Decimal(0))
        if committed > self._budget_usd:
            self.broken.append(f"{token} was started with ${committed} committed of ${self._budget_usd}")


def _committed_usd(attempt: Attempt) -> Decimal:
    """Reserved while it lives, then its cost; one whose cost is not known counts with what was reserved."""
    settlement = attempt.settlement
    if settlement is None:
        return attempt.intent.reserved_usd
    if settlement.cost is not None:
        return settlement.cost.total_usd
    return attempt.intent.reserved_usd if attempt.launch is not None else Decimal(0)
