from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from engineshed.model.month import month_bounds, month_of


def test_a_month_is_the_one_in_utc() -> None:
    assert month_of(datetime(2026, 3, 31, 23, 30, tzinfo=UTC)) == "2026-03"
    assert month_of(datetime(2026, 4, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))) == "2026-03"


def test_a_month_has_its_first_moment_and_that_of_the_next() -> None:
    assert month_bounds("2026-12") == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert [month_bounds(word) for word in ("2026-13", "driver", "2026-1", "")] == [None] * 4
