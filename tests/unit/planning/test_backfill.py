"""Backfills planned: places, chunks, ceilings, and an interval that holds."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineshed.model.errors import SettingInvalid
from engineshed.model.money import Basis, Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Candidate, Forecast
from engineshed.model.resources import Resources
from engineshed.planning.backfill import Ceiling, Stage, cost_of, mean_usd, plan_backfill, plan_in_time

KEYS = tuple("abcdefgh")
ALL = frozenset({"edges", "graph"})


def way(engine: str, usd: str = "1", hours: float = 1.0, error: float = 0.0, spread: float = 0.0) -> Candidate:
    offer = Offer(engine=engine, name=f"{engine}[2]", resources=Resources(), rates=Rates())
    expected = Forecast(hours=hours, cost_usd=Decimal(usd), basis=Basis.HISTORY, runs=3, error=error, spread=spread)
    return Candidate(offer, expected)


def test_a_full_engine_sends_partitions_to_the_next_offer_and_the_hours_follow() -> None:
    stages = [Stage("edges", (way("cheap"), way("dear", "3", 2.0)))]
    found = plan_backfill(KEYS[:3], stages, chunk=3, places={"cheap": 1})
    assert [(p.partition, p.candidate.offer.engine) for p in found.placed] == [
        ("a", "cheap"), ("b", "dear"), ("c", "dear")
    ]  # fmt: skip
    assert found.hours == 2.0


def test_where_no_engine_has_a_place_a_step_waits() -> None:
    found = plan_backfill(KEYS[:3], [Stage("edges", (way("one"),))], chunk=3, places={"one": 1})
    assert [p.start_hours for p in found.placed] == [0.0, 1.0, 2.0]


def test_a_chunk_begins_when_the_one_before_is_done_and_assets_follow_one_another() -> None:
    stages = [Stage("edges", (way("one"),)), Stage("graph", (way("one", hours=0.5),))]
    found = plan_backfill(KEYS[:4], stages, chunk=2, places={})
    assert found.chunks == (("a", "b"), ("c", "d"))
    assert [p.start_hours for p in found.placed if p.partition == "c"] == [1.5, 2.5]
    assert found.hours == 3.0


def test_a_ceiling_ends_the_plan_and_says_what_the_next_partition_lacks() -> None:
    stages = [Stage("edges", (way("one"),)), Stage("graph", (way("one", "2"),))]
    month = Ceiling("asset graph in 2026-11", Decimal(11), frozenset({"graph"}))
    found = plan_backfill(KEYS, stages, chunk=2, places={}, ceilings=[month])
    assert found.chunks == (("a", "b"), ("c", "d"), ("e",))
    assert found.left_out == ("f", "g", "h")
    assert str(found.stopped_by) == (
        "asset graph in 2026-11 has $1.0000 left, partition 'f' is forecast to cost $2.0000"
    )
    nothing = plan_backfill(KEYS, stages, chunk=2, places={}, ceilings=[Ceiling("--budget", Decimal(2), ALL)])
    assert (nothing.chunks, nothing.left_out) == ((), KEYS)


def test_the_least_value_of_an_hour_that_meets_the_deadline_is_taken() -> None:
    stages = [Stage("edges", (way("slow", "1", 4.0), way("middle", "3", 2.0), way("fast", "10", 1.0)))]

    def engines(hours: float, **more: object) -> tuple[set[str], float]:
        found = plan_in_time(KEYS[:4], stages, chunk=2, places={}, hours=hours, **more)  # type: ignore[arg-type]
        return {p.candidate.offer.engine for p in found.placed}, found.hours

    assert engines(8.0) == ({"slow"}, 8.0)
    assert engines(7.9) == ({"middle"}, 4.0)
    assert engines(3.9) == ({"fast"}, 2.0)
    assert engines(1.0) == ({"fast"}, 2.0), "nothing is fast enough: the fastest, and the caller looks"
    tight = [Ceiling("--budget", Decimal(5), ALL)]
    assert engines(7.9, ceilings=tight) == ({"slow"}, 8.0), "in time because the money ends sooner is no gain"
    value = plan_in_time(KEYS[:4], stages, chunk=2, places={}, hours=7.9).value_usd_per_hour
    assert 1 < value < Decimal("1.01"), "two dollars more for two hours less"


def test_an_offer_without_history_counts_as_dearer_also_where_hours_have_a_value() -> None:
    guess = replace(way("guess", "1.0", 0.9), forecast=replace(way("guess", "1.0", 0.9).forecast, basis=Basis.PRIOR))
    for margin, engine in ((Decimal(0), "guess"), (Decimal("0.25"), "known")):
        stage = Stage("edges", (way("known", "1.1", 1.0), guess), margin)
        assert stage.at(Decimal("0.5")).candidates[0].offer.engine == engine


OFFERS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 8)).map(lambda c: way(f"e{c[0] % 3}", str(c[0] / 4), c[1] / 2)),
    min_size=1,
    max_size=4,
)
STAGES = st.lists(OFFERS, min_size=1, max_size=3).map(
    lambda found: [Stage(f"asset{n}", tuple(sorted(offers, key=mean_usd))) for n, offers in enumerate(found)]
)


@given(
    stages=STAGES,
    count=st.integers(1, 8),
    chunk=st.integers(1, 5),
    places=st.dictionaries(st.sampled_from(["e0", "e1", "e2"]), st.integers(1, 3)),
    left=st.none() | st.integers(0, 60),
)
def test_no_plan_breaks_a_limit_and_none_leaves_money_for_one_more(
    stages: list[Stage], count: int, chunk: int, places: dict[str, int], left: int | None
) -> None:
    keys = KEYS[:count]
    limit = [] if left is None else [Ceiling("it", Decimal(left), frozenset(s.asset for s in stages))]
    found = plan_backfill(keys, stages, chunk=chunk, places=places, ceilings=limit)
    made = [key for one in found.chunks for key in one]
    assert (*made, *found.left_out) == keys
    assert sorted((p.partition, p.asset) for p in found.placed) == sorted((k, s.asset) for k in made for s in stages)
    for p in found.placed:
        engine = p.candidate.offer.engine
        at_once = [
            q
            for q in found.placed
            if q.candidate.offer.engine == engine and q.start_hours <= p.start_hours < q.end_hours
        ]
        assert len(at_once) <= places.get(engine, len(found.placed))
    cost = sum((mean_usd(p.candidate) for p in found.placed), Decimal(0))
    if found.stopped_by is not None:
        assert left is not None
        assert cost <= left < cost + found.stopped_by.needed_usd
    elif left is not None:
        assert cost <= left


@given(stages=STAGES, count=st.integers(1, 6), chunk=st.integers(1, 3), hours=st.floats(0.1, 30))
def test_a_plan_in_time_costs_no_more_than_the_fastest_and_is_late_only_where_nothing_is_in_time(
    stages: list[Stage], count: int, chunk: int, hours: float
) -> None:
    found = plan_in_time(KEYS[:count], stages, chunk=chunk, places={}, hours=hours)
    fastest = plan_backfill(KEYS[:count], stages, chunk=chunk, places={}, value=Decimal(1_000_000))
    assert (found.hours <= hours) == (fastest.hours <= hours)
    if found.hours <= hours:
        assert cost_of(found.placed).expected_usd <= cost_of(fastest.placed).expected_usd


def test_one_run_has_the_interval_of_its_own_forecast() -> None:
    found = plan_backfill(KEYS[:1], [Stage("edges", (way("one", "10", error=0.3, spread=0.4),))],
                          chunk=1, places={})  # fmt: skip
    around = math.exp(1.2816 * 0.5)
    assert float(cost_of(found.placed).low_usd) == pytest.approx(10 / around, rel=1e-4)
    assert float(cost_of(found.placed).high_usd) == pytest.approx(10 * around, rel=1e-4)


@pytest.mark.parametrize(("error", "spread", "runs"), [(0.2, 0.5, 40), (0.5, 0.5, 10), (0.05, 0.6, 200), (0.0, 0.3, 2)])
def test_four_sums_in_five_lie_within_the_interval(error: float, spread: float, runs: int) -> None:
    keys = [str(n) for n in range(runs)]
    stages = [Stage(asset, (way("one", usd, error=error, spread=spread),)) for asset, usd in (("x", "5"), ("y", "3"))]
    cost = cost_of(plan_backfill(keys, stages, chunk=runs, places={}).placed)
    draw = random.Random(7)
    inside = 0
    for _ in range(2000):
        total = 0.0
        for usd in (5, 3):
            off = math.exp(draw.gauss(0, error))
            total += sum(usd * off * math.exp(draw.gauss(0, spread)) for _ in keys)
        inside += float(cost.low_usd) <= total <= float(cost.high_usd)
    assert inside / 2000 == pytest.approx(0.8, abs=0.05)


def test_an_offer_of_unknown_cost_has_no_sum() -> None:
    unknown = replace(way("one"), forecast=replace(way("one").forecast, cost_usd=None))
    with pytest.raises(SettingInvalid, match="no cost is known of one: make one partition first"):
        cost_of(plan_backfill(KEYS[:1], [Stage("edges", (unknown,))], chunk=1, places={}).placed)
