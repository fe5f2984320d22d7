"""From past runs to hours, from hours to dollars at today's prices. The basis is always said.

| there are good runs of | then the hours are | basis |
|---|---|---|
| this offer | the cold start, and the median of their working hours by input bytes | history |
| other offers of its engine | the same by core-hours | scaled_history |
| other engines | the same, still less certain | prior |
| none, but the job declares core-hours | the cold start, and those over the offer's cores | prior |
| none | unknown | prior |

Medians, so that one run that hung does not move the next plan; logarithms, because hours are off by factors. A small
sample is trusted as far as it goes: its scatter is mixed with what is believed before any run.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from engineshed.model.history import PastRun
from engineshed.model.job import SparkJob
from engineshed.model.money import Basis
from engineshed.model.offer import Offer
from engineshed.model.plan import Forecast
from engineshed.planning.reliability import ON_DEMAND, SPOT, Expectation, reliability

NEWEST = 50
"""So many good runs of an offer count; older ones tell of code and data that are gone."""

INTERVAL = 1.2816
"""Standard deviations on each side of four fifths of a normal distribution."""

_BELIEVED_RUNS = 2.0
_SPREAD: Mapping[Basis, float] = {Basis.HISTORY: 0.25, Basis.SCALED: 0.5, Basis.PRIOR: 0.9}
"""Believed standard deviation of ln(hours), worth two runs seen: a quarter up or down, a half, a factor of 2.5."""

_LEAST_WORK = 0.02
"""Of a run's hours count as work at least, where the stated cold start is longer than the run was."""

_CENTS = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class _Work:
    """Expected working hours of a good run, and how they are known."""

    hours: float
    scatter: float
    runs: int
    basis: Basis


@dataclass(frozen=True, slots=True)
class _Size:
    """How much there is to do. `input_bytes`: of one partition."""

    input_bytes: int | None
    partitions: int


class Past:
    """The runs of one job, sorted once, so that each offer's forecast looks at its own only."""

    def __init__(self, runs: Sequence[PastRun]) -> None:
        self._all: dict[tuple[str, str], list[PastRun]] = defaultdict(list)
        for run in runs:
            self._all[run.engine, run.offer].append(run)

    def of(self, offer: Offer) -> Sequence[PastRun]:
        """The offer's own, newest first."""
        return self._all.get((offer.engine, offer.name), ())

    def good(self, offer: Offer) -> Sequence[PastRun]:
        """Its newest that succeeded."""
        good = (run for run in self.of(offer) if run.failure_class is None)
        return [run for run, _ in zip(good, range(NEWEST), strict=False)]


def forecast(
    offer: Offer,
    past: Past,
    job: SparkJob,
    *,
    partitions: int = 1,
    others: Sequence[Offer] = (),
    believed: Expectation | None = None,
) -> Forecast:
    """What a run on the offer is expected to take.

    partitions: how many it makes. others: all offers, whose past may stand in for this one's.
    believed: of failures, before any attempt; by default after the offer's market.
    """
    cold_hours = offer.cold_start_s / 3600
    work = _work(offer, past, _Size(job.expected_input_bytes, partitions), others, job.expected_core_hours)
    if work is None:
        return Forecast(hours=None, cost_usd=None, basis=Basis.PRIOR, cold_start_hours=cold_hours)
    good_hours = cold_hours + work.hours
    failing = reliability(past.of(offer), good_hours, believed or (SPOT if offer.spot else ON_DEMAND))
    hours = good_hours * failing.factor
    spread, error = _uncertainty(work)
    cost = _usd(hours, offer)
    around = math.exp(INTERVAL * math.hypot(spread, error))
    return Forecast(
        hours=hours,
        cost_usd=cost,
        low_usd=_usd(good_hours / around, offer),
        high_usd=_usd(hours * around, offer),
        basis=work.basis,
        runs=work.runs,
        cold_start_hours=cold_hours,
        failure_share=failing.failure_share,
        burnt_share=failing.burnt_share,
        error=error,
        spread=spread,
    )


def _work(
    offer: Offer, past: Past, size: _Size, others: Sequence[Offer], declared_core_hours: float | None
) -> _Work | None:
    own = [_working(run, offer, size) for run in past.good(offer)]
    if own:
        return _Work(median(own), _scatter(own), len(own), Basis.HISTORY)
    for basis, fits in ((Basis.SCALED, True), (Basis.PRIOR, False)):
        found = [
            _working(run, other, size) * other.resources.cores / offer.resources.cores
            for other in others
            if (other.engine == offer.engine) is fits
            for run in past.good(other)
        ]
        if found:
            return _Work(median(found), _scatter(found), len(found), basis)
    if declared_core_hours is None:
        return None
    return _Work(declared_core_hours * size.partitions / offer.resources.cores, 0.0, 0, Basis.PRIOR)


def _working(run: PastRun, offer: Offer, size: _Size) -> float:
    """A run's hours without the offer's cold start, as they would be for so much."""
    work = max(run.hours - offer.cold_start_s / 3600, run.hours * _LEAST_WORK)
    if run.input_bytes and size.input_bytes:
        return work * size.input_bytes * size.partitions / run.input_bytes
    return work * size.partitions / run.partitions


def _scatter(hours: Sequence[float]) -> float:
    """Robust standard deviation of their logarithms."""
    logs = [math.log(max(h, 1e-9)) for h in hours]
    middle = median(logs)
    return 1.4826 * median(abs(log - middle) for log in logs)


def _uncertainty(work: _Work) -> tuple[float, float]:
    """(spread of one run, error of the estimate), in logarithms."""
    believed = _SPREAD[work.basis]
    known = max(0, work.runs - 1)
    spread = math.sqrt((known * work.scatter**2 + _BELIEVED_RUNS * believed**2) / (known + _BELIEVED_RUNS))
    if work.basis is Basis.HISTORY:
        return spread, spread / math.sqrt(work.runs)
    # However many runs of something else there are, what it says of this offer stays a belief.
    return spread, math.hypot(believed, spread / math.sqrt(max(1, work.runs)))


def _usd(hours: float, offer: Offer) -> Decimal | None:
    if offer.rates is None:
        return None
    return (Decimal(repr(hours)) * offer.rates.total_usd_per_hour).quantize(_CENTS)
