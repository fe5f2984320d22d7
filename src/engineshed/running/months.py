"""The months by which an exchange is divided, so that what nobody needs can be deleted while others stage. Pure.

Whoever stages writes and looks below the month that it is, and nowhere else; whoever collects deletes whole months that
ended long ago. So no object is ever deleted that somebody has just found to be there: the two never work in one month.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def month_of(moment: datetime) -> str:
    """`2026-03`, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def end_of(month: str) -> datetime | None:
    """The first moment after it; None for a word that is no month."""
    found = _MONTH.fullmatch(month)
    if found is None:
        return None
    year, number = int(found[1]), int(found[2])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
