"""The ranked offers, what they are forecast to cost, and why each of the others was turned down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

from engineshed.model.errors import NoOffer
from engineshed.model.money import Basis
from engineshed.model.offer import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What an offer is expected to take.

    hours, cost_usd: expected, with the cold start and the attempts that fail before one succeeds; None where nothing
    is known. low_usd, high_usd: between them the cost of one run lies four times in five.
    basis: HISTORY is this very offer's own past, SCALED that of other offers of its engine, PRIOR what other engines
    or the job's declaration suggest. runs: past runs that it rests on.
    failure_share: how often an attempt fails and is tried again; burnt_share: what such an attempt takes of a run.
    error: standard error of the logarithm of hours; spread: standard deviation of that of a single run.
    """

    hours: float | None
    cost_usd: Decimal | None
    low_usd: Decimal | None = None
    high_usd: Decimal | None = None
    basis: Basis = Basis.PRIOR
    runs: int = 0
    cold_start_hours: float = 0.0
    failure_share: float = 0.0
    burnt_share: float = 0.0
    error: float = 0.0
    spread: float = 0.0

    def hours_at(self, confidence: float | None) -> float | None:
        """The hours that a run keeps to with that probability; None asks for the point estimate."""
        if self.hours is None or confidence is None:
            return self.hours
        return self.hours * math.exp(NormalDist().inv_cdf(confidence) * math.hypot(self.spread, self.error))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer with its forecast."""

    offer: Offer
    forecast: Forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why an engine (offer empty) or one of its offers is out. `code` is stable, `reason` is for people."""

    engine: str
    code: str
    reason: str
    offer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Best first. `decided_by` names, step by step, which layer set what and which rule chose.

    explores: the first is there to learn what it takes, not because it looks best.
    """

    candidates: tuple[Candidate, ...]
    rejections: tuple[Rejection, ...] = ()
    ties: tuple[str, ...] = ()
    decided_by: tuple[str, ...] = ()
    explores: bool = False

    @property
    def chosen(self) -> Candidate:
        """The first candidate. Raises NoOffer with all reasons when there is none."""
        if not self.candidates:
            reasons = "; ".join(f"{r.engine}: {r.reason}" for r in self.rejections) or "no engine made an offer"
            raise NoOffer(f"no engine can run the job: {reasons}", self.rejections)
        return self.candidates[0]
