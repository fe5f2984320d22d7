"""Many partitions at once: which engine makes each, what all of them cost, when the last is done. Pure.

A partition's assets run one after another, partitions side by side, a chunk after a chunk. Each step takes the best of
its offers whose engine has a place, as a run does when it starts; where none has, it waits.

Costs add up by their means: a run's forecast is its median, its mean is higher by e^(spread^2 / 2). How runs scatter is
each run's own, so that it evens out over many. How far a forecast is off is the same for all runs of an asset, because
it rests on the same past runs: it never evens out, and is added up as it is. Between assets it counts as independent.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from engineshed.model.errors import SettingInvalid
from engineshed.model.plan import Candidate
from engineshed.planning.forecast import INTERVAL

_CENTS = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Stage:
    """One asset of the backfill and its offers, best first, each of known cost and hours."""

    asset: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """So many dollars are left for these assets; what: names the budget."""

    what: str
    left_usd: Decimal
    assets: frozenset[str]


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
    """chunks: partitions that fit, in their order. left_out: those after them. stopped_by: the budget that ended it."""

    chunks: tuple[tuple[str, ...], ...]
    placed: tuple[Placed, ...]
    left_out: tuple[str, ...] = ()
    stopped_by: str = ""

    @property
    def hours(self) -> float:
        """To the end of the last step."""
        return max((p.end_hours for p in self.placed), default=0.0)


def plan_backfill(
    partitions: Sequence[str],
    stages: Sequence[Stage],
    *,
    chunk: int,
    concurrency: int,
    places: Mapping[str, int],
    ceilings: Iterable[Ceiling] = (),
) -> BackfillPlan:
    """Partitions in the order given, as many as every ceiling allows.

    chunk: partitions between two looks at the money. concurrency: partitions at once. places: engine -> runs at once,
    where that is limited. Raises SettingInvalid where a ceiling does not allow the first chunk.
    """
    limits = tuple(ceilings)
    chunks: list[tuple[str, ...]] = []
    placed: list[Placed] = []
    spent = [Decimal(0)] * len(limits)
    start = 0.0
    for first in range(0, len(partitions), chunk):
        keys = tuple(partitions[first : first + chunk])
        made = _Chunk(stages, concurrency, places, start).run(keys)
        fitting, short = _fitting(keys, made, limits, spent)
        if not chunks and len(fitting) < len(keys) and short is not None:
            raise SettingInvalid(
                f"{short.what} leaves ${short.left_usd:.4f}, the first chunk of {len(keys)} partitions is forecast to "
                f"cost ${_mean(made):.4f}: raise the budget, or take a smaller --chunk."
            )
        if fitting:
            chunks.append(fitting)
            made = made if len(fitting) == len(keys) else _Chunk(stages, concurrency, places, start).run(fitting)
            placed += made
        if short is not None:
            done = sum(map(len, chunks))
            return BackfillPlan(tuple(chunks), tuple(placed), tuple(partitions[done:]), short.what)
        start = max(p.end_hours for p in made)
    return BackfillPlan(tuple(chunks), tuple(placed))


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

    def __init__(self, stages: Sequence[Stage], concurrency: int, places: Mapping[str, int], start: float) -> None:
        self._stages, self._concurrency, self._places, self._start = stages, concurrency, places, start
        self._busy: list[tuple[float, str]] = []

    def run(self, keys: Sequence[str]) -> list[Placed]:
        waiting = list(enumerate(keys))
        events = [(self._start, n, 0) for n, _ in waiting[: self._concurrency]]
        following = iter(waiting[self._concurrency :])
        placed = []
        while events:
            now, n, step = heapq.heappop(events)
            if step == len(self._stages):
                if (later := next(following, None)) is not None:
                    heapq.heappush(events, (now, later[0], 0))
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
) -> tuple[tuple[str, ...], Ceiling | None]:
    """The first keys that all limits allow, and the limit that the next one would break. Adds to `spent`."""
    for n, key in enumerate(keys):
        own = [p for p in made if p.partition == key]
        new = [
            gone + sum((mean_usd(p.candidate) for p in own if p.asset in limit.assets), Decimal(0))
            for gone, limit in zip(spent, limits, strict=True)
        ]
        for total, limit in zip(new, limits, strict=True):
            if total > limit.left_usd:
                return tuple(keys[:n]), limit
        spent[:] = new
    return tuple(keys), None


def _mean(placed: Iterable[Placed]) -> Decimal:
    return sum((mean_usd(p.candidate) for p in placed), Decimal(0))


def _usd(amount: float) -> Decimal:
    return Decimal(repr(amount)).quantize(_CENTS)
