"""Calendar months in UTC, as `2026-03`: what budgets and the exchange are divided by."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def month_of(moment: datetime) -> str:
    """The month in which the moment lies."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def month_bounds(month: str) -> tuple[datetime, datetime] | None:
    """Its first moment and that of the next month; None for a word that is no month."""
    found = _MONTH.fullmatch(month)
    if found is None:
        return None
    year, number = int(found[1]), int(found[2])
    start = datetime(year, number, 1, tzinfo=UTC)
    return start, datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
