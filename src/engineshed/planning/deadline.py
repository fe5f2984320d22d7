"""A deadline in words: hours from a start, or a moment. Refuses what is neither, and moments that name no real time."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from engineshed.model.errors import SettingInvalid

_MOST_HOURS = 24 * 366 * 10


def hours_of(said: str, named: str) -> float:
    """`11.5` -> 11.5. named: where it was said, for the error. Raises SettingInvalid."""
    try:
        hours = float(said)
    except ValueError:
        raise SettingInvalid(f"{named} {said!r} is no number of hours: write 11.5.") from None
    if not math.isfinite(hours) or not 0 <= hours <= _MOST_HOURS:
        raise SettingInvalid(f"{named} {said} is no number of hours to wait: give 0 to {_MOST_HOURS}.")
    return hours


def deadline_of(said: str, start: datetime, named: str) -> datetime:
    """Hours from the start, or a moment such as `2026-11-27T18:00Z`, in UTC where it names no zone.

    Raises SettingInvalid saying what is allowed.
    """
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        try:
            return start + timedelta(hours=hours_of(said, named))
        except SettingInvalid:
            raise SettingInvalid(
                f"{named} {said!r} is neither hours nor a moment: write 11.5, or 2026-11-27T18:00Z."
            ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
