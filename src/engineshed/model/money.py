"""Money and its basis: Decimal dollars, split as the paper splits them, never without saying where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Basis(StrEnum):
    """Where a figure comes from. Figures of different bases are never added without saying so."""

    PRIOR = "prior"
    SCALED = "scaled_history"
    HISTORY = "history"
    ESTIMATED = "estimated"
    METERED = "metered"
    BILLED = "billed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars per hour of a whole offer, by part. as_of: of the oldest price in it."""

    compute_usd_per_hour: Decimal = Decimal(0)
    storage_usd_per_hour: Decimal = Decimal(0)
    surcharge_usd_per_hour: Decimal = Decimal(0)
    source: str = ""
    as_of: date | None = None

    @property
    def total_usd_per_hour(self) -> Decimal:
        """All parts together."""
        return self.compute_usd_per_hour + self.storage_usd_per_hour + self.surcharge_usd_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run cost, in US dollars, in the columns of the paper's appendix 2."""

    compute_usd: Decimal = Decimal(0)
    storage_usd: Decimal = Decimal(0)
    surcharge_usd: Decimal = Decimal(0)
    basis: Basis = Basis.ESTIMATED

    @property
    def total_usd(self) -> Decimal:
        """All parts together."""
        return self.compute_usd + self.storage_usd + self.surcharge_usd
