"""What a price book must answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar, Protocol

from engineshed.model.errors import EngineshedError
from engineshed.model.failure import FailureClass


class PriceUnknown(EngineshedError):
    """The book has no price for the item: the offer is rejected, the plan goes on."""

    failure_class: FailureClass = FailureClass.CONFIGURATION
    transient: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per hour of one unit of `item`, with its origin."""

    item: str
    market: str
    usd_per_hour: Decimal
    source: str
    as_of: date


class PriceBook(Protocol):
    """Prices with source and date."""

    def price(self, item: str, market: str = "") -> Price:
        """The price of one unit for an hour. Raises PriceUnknown naming item, market and where to add it."""
        ...
