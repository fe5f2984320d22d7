"""Ranks offers and says why. Pure: the same input gives the same plan, whatever the day.

What is left after all objections is ranked by forecast cost plus what its hours are worth, then by hours, then by name.
Offers whose costs cannot be told apart by what is known are named as ties, and a stated preference breaks them, only
them. An offer without history of its own must be cheaper by a margin, unless this run is one of those that explore. An
offer that would miss the deadline comes after all that keep it; where none does, the fastest comes first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from engineshed.model.history import PastRun
from engineshed.model.job import SparkJob
from engineshed.model.money import Basis
from engineshed.model.objective import Layer, Objective
from engineshed.model.offer import Offer
from engineshed.model.plan import Candidate, Plan, Rejection
from engineshed.planning.forecast import INTERVAL, Past, forecast
from engineshed.planning.layers import merge
from engineshed.planning.objections import Limits, objection

MARGIN_PERCENT = 25.0
"""By how much cheaper an engine without history must look, where nothing else is set: a forecast from other engines'
runs is off by more than that more often than not."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a plan for now needs to know of now: the time, and the run's lot, a number from 0 to below 1.

    The lot decides whether a run explores. It is drawn from the run's key, so that a retry plans alike.
    """

    now: datetime
    lot: float = 1.0


def plan(
    job: SparkJob,
    findings: Iterable[Offer | Rejection],
    *,
    history: Sequence[PastRun] = (),
    layers: Sequence[Layer] = (),
    limits: Limits | None = None,
    moment: Moment | None = None,
    partitions: int = 1,
) -> Plan:
    """The ranked plan for one run of the job, which makes so many partitions.

    findings: what the engines answered. moment: without it deadlines play no part and nothing is explored.
    Raises SettingInvalid for contradictory layers; a plan without candidates is returned, its `chosen` raises NoOffer.
    """
    objective, said = merge(layers)
    limits = limits or Limits()
    rejections: list[Rejection] = []
    offers: list[Offer] = []
    for finding in findings:
        if isinstance(finding, Rejection):
            rejections.append(finding)
        else:
            offers.append(finding)
    past = Past(history)
    candidates: list[Candidate] = []
    for offer in offers:
        candidate = Candidate(offer, forecast(offer, past, job, partitions=partitions, others=offers))
        rejection = objection(offer, candidate.forecast, objective, limits)
        if rejection is None:
            candidates.append(candidate)
        else:
            rejections.append(rejection)
    ranking = _Ranking(objective, moment)
    candidates.sort(key=ranking.key)
    ties = ranking.ties(candidates)
    explored = ranking.explored(candidates)
    candidates, rule = ranking.first(candidates, ties, explored)
    return Plan(
        candidates=tuple(candidates),
        explores=explored is not None,
        rejections=tuple(rejections),
        ties=tuple(_name(c) for c in ties) if len(ties) > 1 else (),
        decided_by=(*said, *rule),
    )


def margin(objective: Objective) -> Decimal:
    """By what share of its cost an engine without history counts as dearer."""
    percent = MARGIN_PERCENT if objective.margin_percent is None else objective.margin_percent
    return Decimal(repr(percent)) / 100


class _Ranking:
    """The order of candidates under one objective."""

    def __init__(self, objective: Objective, moment: Moment | None) -> None:
        self._objective, self._moment = objective, moment
        self._margin = 1 + margin(objective)
        self._preferred = {name: place for place, name in enumerate(objective.preferred)}

    def key(self, candidate: Candidate) -> tuple[object, ...]:
        """Sorts best first. Among offers of unknown cost the preferred one, then the least dollars an hour and core."""
        offer, expected = candidate.offer, candidate.forecast
        late = self.late(candidate)
        hours = math.inf if expected.hours is None else expected.hours
        name = (offer.engine, offer.name)
        if expected.cost_usd is None:
            return (late, 1, self._place(offer), _usd_per_core_hour(offer), hours, *name)
        worth = self.worth(candidate) * (1 if expected.basis is not Basis.PRIOR else self._margin)
        # Where all are late, soonest first.
        return (late, 0, hours if late else 0.0, worth, hours, *name)

    def worth(self, candidate: Candidate) -> Decimal:
        """Forecast dollars, and the hours at what an hour is worth."""
        expected = candidate.forecast
        value = self._objective.value_usd_per_hour or Decimal(0)
        return (expected.cost_usd or Decimal(0)) + value * Decimal(repr(expected.hours or 0.0))

    def late(self, candidate: Candidate) -> bool:
        """Whether it is expected to miss the deadline. Unknown hours are not held against it."""
        objective = self._objective
        hours = candidate.forecast.hours_at(objective.confidence)
        if objective.deadline is None or self._moment is None or hours is None:
            return False
        return hours * 3600 > (objective.deadline - self._moment.now).total_seconds()

    def ties(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The first, and those that what is known does not tell apart from it."""
        if not candidates or candidates[0].forecast.cost_usd is None:
            return []
        first = candidates[0]
        return [first, *(c for c in candidates[1:] if self._tied(first, c))]

    def first(
        self, candidates: list[Candidate], ties: Sequence[Candidate], explored: Candidate | None
    ) -> tuple[list[Candidate], tuple[str, ...]]:
        """The candidates with the chosen one in front, and the rule that chose it."""
        if not candidates:
            return candidates, ()
        if explored is not None:
            share = f"{self._objective.explore_percent:g} in a hundred runs explore"
            rule = f"{_title(explored)} is chosen: there is no history of it, and {share}"
            return _fronted(candidates, explored), (rule,)
        favoured = min(ties, key=lambda c: self._place(c.offer), default=None)
        if favoured is not None and favoured is not candidates[0] and favoured.offer.engine in self._preferred:
            rule = f"{_title(favoured)} is chosen: preferred among {len(ties)} offers that cost cannot tell apart"
            return _fronted(candidates, favoured), (rule,)
        return candidates, (f"{_title(candidates[0])} is chosen: {self._reason(candidates)}",)

    def _reason(self, candidates: Sequence[Candidate]) -> str:
        first, objective = candidates[0], self._objective
        if objective.pinned is not None and len({c.offer.engine for c in candidates}) == len(candidates):
            return "its engine is pinned"
        if len(candidates) == 1:
            return "it is the only offer left"
        if self.late(first):
            return "no offer is expected to meet the deadline, it is the fastest"
        if first.forecast.cost_usd is None:
            if first.offer.engine in self._preferred:
                return "first of the preferred engines that made an offer, no cost is known"
            return "no cost is known, it has the lowest rate for a core"
        worth = "cost and hours together" if objective.value_usd_per_hour else "forecast cost"
        skipped = any(self.late(c) for c in candidates)
        return f"least {worth}" + (" of those that meet the deadline" if skipped else "")

    def _tied(self, first: Candidate, other: Candidate) -> bool:
        """Whether their costs differ by no more than the errors of the two forecasts. Against history a prior, which
        says next to nothing, is no tie: it would let a preference choose blindly.
        """
        bases = first.forecast.basis, other.forecast.basis
        if other.forecast.cost_usd is None or self.late(other) != self.late(first):
            return False
        if Basis.PRIOR in bases and bases[0] is not bases[1]:
            return False
        worths = float(self.worth(first)), float(self.worth(other))
        error = math.hypot(worths[0] * first.forecast.error, worths[1] * other.forecast.error)
        return abs(worths[1] - worths[0]) <= INTERVAL * error

    def explored(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """The one without history that this run tries, if it is one of those that explore."""
        share, moment = self._objective.explore_percent, self._moment
        if not share or moment is None or moment.lot * 100 >= share:
            return None
        if all(c.forecast.basis is Basis.PRIOR for c in candidates):
            return None
        return next((c for c in candidates if c.forecast.basis is Basis.PRIOR and not self.late(c)), None)

    def _place(self, offer: Offer) -> int:
        return self._preferred.get(offer.engine, len(self._preferred))


def _fronted(candidates: Sequence[Candidate], chosen: Candidate) -> list[Candidate]:
    return [chosen, *(c for c in candidates if c is not chosen)]


def _usd_per_core_hour(offer: Offer) -> Decimal:
    if offer.rates is None:
        return Decimal("Infinity")
    return offer.rates.total_usd_per_hour / offer.resources.cores


def _name(candidate: Candidate) -> str:
    return f"{candidate.offer.engine}/{candidate.offer.name}"


def _title(candidate: Candidate) -> str:
    return f"{candidate.offer.engine} ({candidate.offer.name})"
