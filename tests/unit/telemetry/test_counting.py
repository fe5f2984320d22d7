"""Counters are a pure function of facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineshed.model.fact import Fact, FactKind
from engineshed.telemetry import metrics as m
from engineshed.telemetry.counting import Counting
from engineshed.telemetry.metrics import OTHER
from engineshed.telemetry.series import SeriesSet

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
LABELS = {
    "team": "web",
    "code_location": "web_graph",
    "engine": "emr",
    "asset": "edges",
    "asset_group": "graph",
    "transport": "objects",
}
WHOSE = {name: LABELS[name] for name in ("team", "code_location", "asset_group", "engine")}


def fact(kind: FactKind, after_s: float = 0, *, nth: str = "", token: str = "es-1", **data: Any) -> Fact:
    return Fact(
        kind=kind,
        identity=f"{token}:{kind}:{nth}",
        at=NOON + timedelta(seconds=after_s),
        token=token,
        labels=LABELS,
        data=data,
    )


def a_good_run(token: str = "es-1") -> list[Fact]:
    cost = {"compute_usd": "308.63", "storage_usd": "13.72", "surcharge_usd": "80.19", "basis": "metered"}
    return [
        fact(FactKind.INTENDED, 0, token=token, forecast_usd=400.0),
        fact(FactKind.SUBMITTED, 2, token=token),
        fact(FactKind.STATE, 10, nth="starting", token=token),
        fact(FactKind.STATE, 100, nth="running", token=token),
        fact(FactKind.PROGRESS, 120, nth="7", token=token, tasks_done=3, tasks_total=10, note="reading"),
        fact(FactKind.STATE, 700, nth="succeeded", token=token),
        fact(FactKind.PUBLISHED, 702, nth="c1|d1", token=token, rows={"pages": 6627, "links": 10}),
        fact(
            FactKind.SETTLED,
            705,
            token=token,
            outcome="succeeded",
            messages=40,
            duplicates=2,
            lost=0,
            damaged=1,
            cost=cost,
            forecast_usd=400.0,
            input_bytes=1000,
            latencies_s=[0.2, 0.9],
        ),
    ]


def counted(facts: list[Fact]) -> Counting:
    counting = Counting()
    counting.take(facts)
    return counting


def test_a_run_is_counted_by_whose_it_is() -> None:
    series = counted(a_good_run()).series
    assert series.value(m.ATTEMPTS_STARTED, **WHOSE) == 1
    assert series.value(m.ATTEMPTS, **WHOSE, outcome="succeeded", error_class="") == 1
    assert series.value(m.COST, **WHOSE, part="surcharge", kind="metered") == pytest.approx(80.19)
    assert series.value(m.ROWS, **WHOSE) == 6637
    assert series.value(m.MESSAGES, team="web", code_location="web_graph", engine="emr", transport="objects") == 40
    assert series.value(m.MESSAGES_DUPLICATE, transport="objects") == 2
    assert series.value(m.MESSAGE_SECONDS, transport="objects") == 2


def test_each_state_has_its_time() -> None:
    series = counted(a_good_run()).series
    times = {values[2]: found.total for values, found in series.histograms(m.STATE_SECONDS).items()}
    assert times == {"queued": 8, "starting": 90, "running": 600, "settling": 5}


def test_a_live_run_is_seen_and_vanishes_when_it_is_settled() -> None:
    facts = a_good_run()
    counting = counted(facts[:5])
    assert counting.live["es-1"].state == "running"
    assert counting.live["es-1"].progress == {"tasks_done": 3, "tasks_total": 10}
    counting.take(facts[5:])
    assert counting.live == {}


def test_a_fact_that_shows_late_brings_no_run_back() -> None:
    facts = a_good_run()
    late = facts.pop(4)
    assert counted([*facts, late]).live == {}


def test_a_failure_is_counted_by_its_class() -> None:
    facts = [
        fact(FactKind.INTENDED),
        fact(FactKind.SETTLED, 5, outcome="failed", **{"class": "spot_loss"}),
        fact(FactKind.FAILED_OVER, 5, **{"class": "spot_loss"}),
    ]
    series = counted(facts).series
    assert series.value(m.ATTEMPTS, **WHOSE, outcome="failed", error_class="spot_loss") == 1
    assert series.value(m.FAILOVERS, team="web", engine="emr", error_class="spot_loss") == 1


def test_old_facts_without_figures_add_nothing() -> None:
    facts = [fact(FactKind.SETTLED, 5, outcome="succeeded")]
    assert counted(facts).series.numbers(m.COST) == {}


@given(st.lists(st.integers(0, 3), max_size=12), st.data())
def test_in_whatever_portions_they_are_read_the_numbers_are_the_same(runs: list[int], data: st.DataObject) -> None:
    facts = [one for n, kind in enumerate(runs) for one in a_good_run(f"es-{n}")[: 8 - kind]]
    whole, piecewise = counted(facts), Counting()
    rest = facts
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        piecewise.take(rest[:size])
        piecewise.series = SeriesSet.from_json(json.loads(json.dumps(piecewise.series.to_json())))
        rest = rest[size:]
    assert piecewise.series.to_json() == whole.series.to_json()
    assert piecewise.live == whole.live


def test_series_beyond_the_cap_are_folded_and_counted_and_sums_stay_right() -> None:
    series = SeriesSet(cap=3)
    for n in range(10):
        series.add(m.POLL_ERRORS, engine=f"engine-{n}")
    assert len(series.numbers(m.POLL_ERRORS)) == 4
    assert series.value(m.POLL_ERRORS, engine=OTHER) == 7
    assert series.folded == 7
    assert sum(series.numbers(m.POLL_ERRORS).values()) == 10


def test_a_label_that_the_table_does_not_list_is_refused() -> None:
    with pytest.raises(KeyError, match="has the labels engine"):
        SeriesSet().add(m.POLL_ERRORS, run_id="es-1")
