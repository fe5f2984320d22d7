"""What a seed has in store: prices, wishes, faults, deaths. Every draw comes from the seed's number alone."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

from engineshed.model.failure import Failure, FailureClass
from engineshed.model.objective import Objective
from engineshed.model.status import State
from engineshed.testing.platform import Script

ENGINES = ("first", "second", "third")
IN_PARTS = "third"
"""The engine whose submit makes a run first and lets it go by a second call."""

HANGS_S = 1e6
"""What a run takes that hangs: longer than any story."""

TIMEOUT_S = 40.0
"""Of the stories' job."""

COMMIT_POINTS = (
    "acquire",
    "attempts",
    "next_ordinal",
    "stage",
    "prepare",
    "record_intent",
    "submit",
    "record_launch",
    "find",
    "status",
    "cancel",
    "save_cursor",
    "publish",
    "usage",
    "settle",
    "release",
)
"""The calls at which a body may be made to die, before or after."""

_MOST_LIKELY = {
    "submit_busy": 0.4,
    "submit_reply_lost": 0.5,
    "submit_refused_too_late": 0.1,
    "find_busy": 0.4,
    "status_busy": 0.3,
    "usage_busy": 0.3,
    "cancel_busy": 0.4,
    "cancel_ignored": 0.5,
    "no_room": 0.3,
    "ledger_busy": 0.01,
    "unreadable": 0.1,
}
_FAILURES = (
    Failure(FailureClass.CAPACITY, "no_capacity", "no machines"),
    Failure(FailureClass.SPOT_LOSS, "spot_loss", "spot capacity was taken away"),
    Failure(FailureClass.PLATFORM, "internal", "the platform failed"),
    Failure(FailureClass.PLATFORM, "out_of_memory", "killed for lack of memory"),
)


@dataclass(frozen=True, slots=True)
class Death:
    """Of one body: at the nth call, or at the nth of that name; never where `nth` is 0."""

    nth: int = 0
    name: str = ""
    when: str = "before"


@dataclass(slots=True)
class Fate:
    """The draws of one seed. `calm`: misfortunes are over, so that every story can end."""

    seed: int
    calm: bool = False
    dice: random.Random = field(init=False)
    likely: dict[str, float] = field(init=False)
    away: dict[str, list[tuple[float, float]]] = field(init=False)
    state_lag_s: float = field(init=False)
    list_lag_s: float = field(init=False)
    core_hours: float | None = field(init=False)
    budget_usd: Decimal | None = field(init=False)

    def __post_init__(self) -> None:
        dice = self.dice = random.Random(self.seed)
        self.likely = {name: dice.choice((0.0, 0.0, most / 3, most)) for name, most in _MOST_LIKELY.items()}
        self.away = {engine: self._outages() for engine in ENGINES}
        self.state_lag_s = dice.choice((0.0, 0.0, dice.uniform(0, 20)))
        self.list_lag_s = dice.choice((0.0, 0.0, dice.uniform(0, 1.5)))
        self.core_hours = dice.choice((None, 0.002, 1.0))
        self.budget_usd = dice.choice((None, None, Decimal(dice.randint(1, 400)) / 100))

    def happens(self, what: str) -> bool:
        """Whether a fault of that name happens now."""
        return not self.calm and self.dice.random() < self.likely.get(what, 0.0)

    def chance(self, share: float) -> bool:
        """Once in a while, before the calm."""
        return not self.calm and self.dice.random() < share

    def is_away(self, engine: str, now_s: float) -> bool:
        """Whether the platform answers nobody."""
        return not self.calm and any(start <= now_s < end for start, end in self.away[engine])

    def usd_per_hour(self) -> Decimal:
        """Today's price of an engine: each body finds others."""
        return Decimal(self.dice.randint(5, 200)) / 100

    def wishes(self) -> Objective:
        """What this run asks for; the next one may ask for something else."""
        engine = self.dice.choice(ENGINES)
        kind = self.dice.randrange(6)
        return Objective(
            budget_usd=self.budget_usd,
            pinned=engine if kind == 0 and not self.calm else None,
            forbidden=frozenset({engine}) if kind == 1 else frozenset(),
            preferred=(engine,) if kind == 2 else (),
            value_usd_per_hour=Decimal(self.dice.randint(0, 20)) if kind == 3 else None,
        )

    def script(self) -> Script:
        """What a run that is started now will do."""
        lasts_s, lines = self.dice.uniform(0, 30), self.dice.randint(0, 4)
        if self.chance(0.06):
            return Script(lasts_s=HANGS_S, lines=lines)
        if self.chance(0.25):
            failure = self.dice.choice(_FAILURES)
            return Script(lasts_s=lasts_s, lines=lines, ends=State.FAILED, closes=False, seals=False, failure=failure)
        if self.chance(0.04):
            return Script(lasts_s=lasts_s, lines=lines, exception="no such column: dst")
        return Script(lasts_s=lasts_s, lines=lines, rows=1)

    def death(self) -> Death:
        """Of the next body."""
        if not self.chance(0.6):
            return Death()
        when = self.dice.choice(("before", "after"))
        if self.dice.random() < 0.5:
            return Death(self.dice.randint(1, 120), "", when)
        return Death(self.dice.choice((1, 1, 2)), self.dice.choice(COMMIT_POINTS), when)

    def pause_s(self, before: str) -> float:
        """How long a body stands still before a call: now and then longer than its lease holds.

        Never so long between its intent and its submit: no platform knows of leases.
        """
        if self.calm:
            return 0.0
        lot = self.dice.random()
        if lot < 0.003 and before != "submit":
            return self.dice.uniform(21, 60)
        return self.dice.uniform(0, 2) if lot < 0.05 else 0.0

    def _outages(self) -> list[tuple[float, float]]:
        starts = [self.dice.uniform(0, 90) for _ in range(self.dice.choice((0, 0, 0, 1, 2)))]
        return [(start, start + self.dice.choice((5.0, 60.0, 700.0))) for start in starts]
