"""The page that is made of kept pieces is the one that would be made anew, whatever changed in between."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engineshed.telemetry import metrics as m
from engineshed.telemetry.exporter.births import Births
from engineshed.telemetry.exporter.exposition import Exposition
from engineshed.telemetry.series import SeriesSet

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)

CHANGES: dict[str, Callable[[SeriesSet], None]] = {
    "counter": lambda s: s.add(m.ATTEMPTS, team="web", outcome="succeeded"),
    "another series": lambda s: s.add(m.ATTEMPTS, team="web", outcome="failed"),
    "histogram": lambda s: s.observe(m.SUBMIT_SECONDS, 0.4, engine="emr"),
    "another histogram": lambda s: s.observe(m.SUBMIT_SECONDS, 7.0, engine="local"),
    "nothing": lambda s: None,
}


def lag(value: float) -> SeriesSet:
    own = SeriesSet()
    own.add(m.EXPORTER_LAG, value)
    return own


@given(st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.booleans(), st.integers(0, 40)), max_size=12))
def test_kept_pieces_make_the_page_that_would_be_made_anew(story: list[tuple[str, bool, int]]) -> None:
    counted, births, kept, now = SeriesSet(), Births(timedelta(seconds=30), ()), Exposition(), NOON
    for change, scraped, passed_s in story:
        CHANGES[change](counted)
        now += timedelta(seconds=passed_s)
        births.look(counted, now, now if scraped else None)
        page, gauges = births.page(counted), [lag(passed_s)]
        assert kept.text(page, gauges) == Exposition().text(page, gauges)


class Watched(SeriesSet):
    """Notes which metrics were looked into."""

    def numbers(self, metric: m.Metric) -> dict[tuple[str, ...], float]:  # type: ignore[override]
        seen.append(metric.name)
        return dict(super().numbers(metric))


seen: list[str] = []


def test_what_did_not_change_is_not_made_again() -> None:
    counted, kept = Watched(), Exposition()
    counted.add(m.ATTEMPTS, team="web")
    counted.add(m.COST, 2.0, team="web")
    kept.text(counted, [])
    counted.add(m.COST, 3.0, team="web")
    seen.clear()
    text = kept.text(counted, []).decode()
    assert seen == [m.COST.name]
    assert re.search(r'^engineshed_cost_usd_total\{.*team="web".*\} 5\.0$', text, re.MULTILINE)
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
