"""The ranked offers, what they are forecast to cost, and why each of the others was turned down."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engineshed.model.errors import NoOffer
from engineshed.model.money import Basis
from engineshed.model.offer import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What an offer is expected to take. Hours include the cold start; the interval is of the total cost."""

    hours: float | None
    cost_usd: Decimal | None
    low_usd: Decimal | None = None
    high_usd: Decimal | None = None
    basis: Basis = Basis.PRIOR
    runs: int = 0


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
    """Best first. `decided_by` names, step by step, which layer set what and which rule chose."""

    candidates: tuple[Candidate, ...]
    rejections: tuple[Rejection, ...] = ()
    ties: tuple[str, ...] = ()
    decided_by: tuple[str, ...] = ()

    @property
    def chosen(self) -> Candidate:
        """The first candidate. Raises NoOffer with all reasons when there is none."""
        if not self.candidates:
            reasons = "; ".join(f"{r.engine}: {r.reason}" for r in self.rejections) or "no engine made an offer"
            raise NoOffer(f"no engine can run the job: {reasons}", self.rejections)
        return self.candidates[0]
