"""Many partitions at once: which engine makes each, what all of them cost, when the last is done. Pure.

A partition's assets run one after another, the partitions of a chunk side by side, a chunk after a chunk. Each step
takes the best of its offers whose engine has a place, as a run does when it starts; where none has, it waits. To meet a
deadline, hours are given a value, the least that is enough: the runs are told it and choose alike.

Costs add up by their means: a run's forecast is its median, its mean is higher by e^(spread^2 / 2). How runs scatter is
each run's own, so that it evens out over many. How far a forecast is off is the same for all runs of an asset, because
it rests on the same past runs: it never evens out, and is added up as it is. Between assets it counts as independent.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import permutations

from engineshed.model.errors import SettingInvalid
from engineshed.model.money import Basis
from engineshed.model.plan import Candidate
from engineshed.planning.forecast import INTERVAL

_CENTS = Decimal("0.000001")

_HURRY = Decimal(1_000_000)
"""Dollars for an hour, where nothing less is fast enough."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One asset of the backfill and its offers, best first, each of known cost and hours.

    margin: by what share of its cost an offer without history counts as dearer.
    """

    asset: str
    candidates: tuple[Candidate, ...]
    margin: Decimal = Decimal(0)

    def at(self, value: Decimal) -> Stage:
        """Ranked for that value of an hour; for none as given, since preferences and exploration are in that order."""
        if not value:
            return self
        return replace(self, candidates=tuple(sorted(self.candidates, key=lambda c: self._worth(c, value))))

    def turning_values(self) -> Iterable[Decimal]:
        """The values of an hour from which on the faster of two offers comes before the other."""
        for slow, fast in permutations(self.candidates, 2):
            dollars, hours = self._dollars(fast) - self._dollars(slow), _hours(slow) - _hours(fast)
            if hours > 0:
                yield max(Decimal(0), dollars / hours)

    def _worth(self, candidate: Candidate, value: Decimal) -> Decimal:
        return self._dollars(candidate) + value * _hours(candidate)

    def _dollars(self, candidate: Candidate) -> Decimal:
        usd = candidate.forecast.cost_usd or Decimal(0)
        return usd * (1 + self.margin) if candidate.forecast.basis is Basis.PRIOR else usd


@dataclass(frozen=True, slots=True)
class Ceiling:
    """So many dollars are left for these assets; what: names the budget."""

    what: str
    left_usd: Decimal
    assets: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """The first partition that a ceiling has no room for: what is left of it by then, and what would be needed."""

    what: str
    partition: str
    left_usd: Decimal
    needed_usd: Decimal

    def __str__(self) -> str:
        return (
            f"{self.what} has ${self.left_usd:.4f} left, partition {self.partition!r} is forecast to cost "
            f"${self.needed_usd:.4f}"
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """One asset of one partition on an offer. Hours count from the start of the backfill."""

    partition: str
    asset: str
    candidate: Candidate
    start_hours: float
    end_hours: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Mean of a sum of runs, and between which two amounts it lies four times in five."""

    expected_usd: Decimal
    low_usd: Decimal
    high_usd: Decimal


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """chunks: partitions that fit, in their order. left_out: those after them, and why.

    value_usd_per_hour: what an hour was taken to be worth.
    """

    chunks: tuple[tuple[str, ...], ...]
    placed: tuple[Placed, ...]
    left_out: tuple[str, ...] = ()
    stopped_by: Shortfall | None = None
    value_usd_per_hour: Decimal = Decimal(0)

    @property
    def hours(self) -> float:
        """To the end of the last step."""
        return max((p.end_hours for p in self.placed), default=0.0)


def plan_in_time(
    partitions: Sequence[str],
    stages: Sequence[Stage],
    *,
    chunk: int,
    places: Mapping[str, int],
    ceilings: Iterable[Ceiling] = (),
    hours: float,
    value: Decimal = Decimal(0),
) -> BackfillPlan:
    """As `plan_backfill`, ended within so many hours at the least value of an hour that is enough.

    value: the least that an hour is worth. Where no value is enough, or where money would end sooner for it, the plan
    takes longer than `hours`: it is the caller's to look.
    """
    limits = tuple(ceilings)

    def at(worth: Decimal) -> BackfillPlan:
        return plan_backfill(partitions, stages, chunk=chunk, places=places, ceilings=limits, value=worth)

    first = at(value)
    if first.hours <= hours:
        return first
    fastest = at(max(value, _HURRY))
    if fastest.hours > hours:
        return min(fastest, first, key=lambda p: (len(p.left_out), p.hours))
    for turning in sorted({_above(v) for stage in stages for v in stage.turning_values() if v >= value}):
        found = at(turning)
        # What is in time because the money ends sooner is no gain.
        if found.hours <= hours and len(found.left_out) <= len(first.left_out):
            return found
    return first


def plan_backfill(
    partitions: Sequence[str],
    stages: Sequence[Stage],
    *,
    chunk: int,
    places: Mapping[str, int],
    ceilings: Iterable[Ceiling] = (),
    value: Decimal = Decimal(0),
) -> BackfillPlan:
    """Partitions in the order given, as many as every ceiling allows.

    chunk: partitions at once; the money is looked at between two chunks. places: engine -> runs at once, where that is
    limited. value: of an hour, in dollars. Raises SettingInvalid where the cost of an offer is not known.
    """
    limits = tuple(ceilings)
    ranked = [stage.at(value) for stage in stages]
    chunks: list[tuple[str, ...]] = []
    placed: list[Placed] = []
    spent = [Decimal(0)] * len(limits)
    start = 0.0
    for first in range(0, len(partitions), chunk):
        keys = tuple(partitions[first : first + chunk])
        made = _Chunk(ranked, places, start).run(keys)
        fitting, short = _fitting(keys, made, limits, spent)
        if fitting:
            chunks.append(fitting)
            placed += [p for p in made if p.partition in fitting]
        if short is not None:
            done = sum(map(len, chunks))
            return BackfillPlan(tuple(chunks), tuple(placed), tuple(partitions[done:]), short, value)
        start = max(p.end_hours for p in made)
    return BackfillPlan(tuple(chunks), tuple(placed), value_usd_per_hour=value)


def cost_of(placed: Iterable[Placed]) -> Cost:
    """Of all of them together, as if their sum were lognormal (Fenton and Wilkinson), which a single run's cost is."""
    mean = variance = 0.0
    off: dict[str, float] = defaultdict(float)
    for p in placed:
        forecast = p.candidate.forecast
        own = float(mean_usd(p.candidate))
        mean += own
        variance += own**2 * math.expm1(forecast.spread**2)
        off[p.asset] += own * forecast.error
    if not mean:
        return Cost(Decimal(0), Decimal(0), Decimal(0))
    scatter = math.log1p(variance / mean**2)
    around = INTERVAL * math.hypot(math.sqrt(scatter), math.hypot(*off.values()) / mean)
    middle = mean * math.exp(-scatter / 2)
    return Cost(_usd(mean), _usd(middle * math.exp(-around)), _usd(middle * math.exp(around)))


def mean_usd(candidate: Candidate) -> Decimal:
    """What runs of the offer cost on average. Raises SettingInvalid where no cost is known."""
    forecast = candidate.forecast
    if forecast.cost_usd is None:
        raise SettingInvalid(f"no cost is known of {candidate.offer.engine}: make one partition first.")
    return _usd(float(forecast.cost_usd) * math.exp(forecast.spread**2 / 2))


class _Chunk:
    """Its steps in the order of time."""

    def __init__(self, stages: Sequence[Stage], places: Mapping[str, int], start: float) -> None:
        self._stages, self._places, self._start = stages, places, start
        self._busy: list[tuple[float, str]] = []

    def run(self, keys: Sequence[str]) -> list[Placed]:
        events = [(self._start, n, 0) for n in range(len(keys))]
        placed = []
        while events:
            now, n, step = heapq.heappop(events)
            if step == len(self._stages):
                continue
            found = self._free(self._stages[step], now)
            if found is None:
                heapq.heappush(events, (min(end for end, _ in self._busy if end > now), n, step))
                continue
            end = now + (found.forecast.hours or 0.0)
            self._busy.append((end, found.offer.engine))
            placed.append(Placed(keys[n], self._stages[step].asset, found, now, end))
            heapq.heappush(events, (end, n, step + 1))
        return placed

    def _free(self, stage: Stage, now: float) -> Candidate | None:
        self._busy = [(end, engine) for end, engine in self._busy if end > now]
        taken = [engine for _, engine in self._busy]
        for candidate in stage.candidates:
            most = self._places.get(candidate.offer.engine)
            if most is None or taken.count(candidate.offer.engine) < most:
                return candidate
        return None


def _fitting(
    keys: Sequence[str], made: Sequence[Placed], limits: Sequence[Ceiling], spent: list[Decimal]
) -> tuple[tuple[str, ...], Shortfall | None]:
    """The first keys that all limits allow, and what the next one lacks. Adds to `spent`."""
    if not limits:
        return tuple(keys), None
    own: dict[str, list[Placed]] = defaultdict(list)
    for p in made:
        own[p.partition].append(p)
    for n, key in enumerate(keys):
        needed = [
            sum((mean_usd(p.candidate) for p in own[key] if p.asset in limit.assets), Decimal(0)) for limit in limits
        ]
        for usd, gone, limit in zip(needed, spent, limits, strict=True):
            if gone + usd > limit.left_usd:
                left = max(Decimal(0), limit.left_usd - gone)
                return tuple(keys[:n]), Shortfall(what=limit.what, partition=key, left_usd=left, needed_usd=usd)
        spent[:] = [gone + usd for gone, usd in zip(spent, needed, strict=True)]
    return tuple(keys), None


def _hours(candidate: Candidate) -> Decimal:
    return Decimal(repr(candidate.forecast.hours or 0.0))


def _above(value: Decimal) -> Decimal:
    """A little more, so that no tie is left, in digits that a run's tag can carry."""
    return (value * Decimal("1.001") + _CENTS).quantize(_CENTS)


def _usd(amount: float) -> Decimal:
    return Decimal(repr(amount)).quantize(_CENTS)
