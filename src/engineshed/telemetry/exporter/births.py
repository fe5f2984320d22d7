"""Counters that appear are shown as 0 first: Prometheus takes the first value that it sees for the start, so that the
first failure of a kind, often the only one, would be no growth for `increase` and `rate`.

A series stays 0 until it was scraped and a while has passed, in which a second Prometheus sees it too. What was counted
before this exporter's first page is shown as it is: nobody knows when it grew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from engineshed.telemetry.series import Key, SeriesSet


class Births:
    """Which series are shown with their value. `shown`: those of an earlier life; None when there was none."""

    def __init__(self, hold: timedelta, shown: Iterable[Key] | None) -> None:
        self._hold = hold
        self._first_page = shown is None
        self.shown: set[Key] = set(shown or ())
        self._born: dict[Key, datetime] = {}
        self._seen: dict[Key, datetime] = {}

    def look(self, series: SeriesSet, now: datetime, scraped_at: datetime | None) -> bool:
        """Note what appeared and what has been 0 for long enough. Whether something is to be shown from now on."""
        before = len(self.shown)
        if self._first_page or not self._hold:
            self.shown.update(series.every())
            self._first_page = False
        elif len(self.shown) + len(self._born) < sum(n for _, n in series.count()):
            self._born.update({key: now for key in series.every() if key not in self.shown and key not in self._born})
        if scraped_at is not None:
            self._seen.update(
                {key: scraped_at for key, at in self._born.items() if at < scraped_at and key not in self._seen}
            )
        due = [key for key, at in self._seen.items() if now - at >= self._hold]
        for key in due:
            del self._born[key], self._seen[key]
        self.shown.update(due)
        return len(self.shown) > before

    def page(self, series: SeriesSet) -> SeriesSet:
        """The series with those at 0 that are not shown yet."""
        return series.with_zeros(self._born) if self._born else series
