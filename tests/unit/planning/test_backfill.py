"""Backfills planned: places, chunks, ceilings, and an interval that holds."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import pytest

from engineshed.model.errors import SettingInvalid
from engineshed.model.money import Basis, Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Candidate, Forecast
from engineshed.model.resources import Resources
from engineshed.planning.backfill import Ceiling, Stage, cost_of, plan_backfill

KEYS = tuple("abcdefgh")


def way(engine: str, usd: str = "1", hours: float = 1.0, error: float = 0.0, spread: float = 0.0) -> Candidate:
    offer = Offer(engine=engine, name=f"{engine}[2]", resources=Resources(), rates=Rates())
    expected = Forecast(hours=hours, cost_usd=Decimal(usd), basis=Basis.HISTORY, runs=3, error=error, spread=spread)
    return Candidate(offer, expected)


def test_a_full_engine_sends_partitions_to_the_next_offer_and_the_hours_follow() -> None:
    stages = [Stage("edges", (way("cheap"), way("dear", "3", 2.0)))]
    found = plan_backfill(KEYS[:4], stages, chunk=4, places={"cheap": 1})
    assert [(p.partition, p.candidate.offer.engine) for p in found.placed] == [
        ("a", "cheap"), ("b", "dear"), ("c", "dear"), ("d", "cheap")
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


def test_a_ceiling_ends_the_plan_and_is_named_and_one_below_the_first_chunk_is_refused() -> None:
    stages = [Stage("edges", (way("one"),)), Stage("graph", (way("one", "2"),))]
    month = Ceiling("asset graph in 2026-11", Decimal(11), frozenset({"graph"}))
    found = plan_backfill(KEYS, stages, chunk=2, places={}, ceilings=[month])
    assert found.chunks == (("a", "b"), ("c", "d"), ("e",))
    assert (found.left_out, found.stopped_by) == (("f", "g", "h"), "asset graph in 2026-11")
    small = Ceiling("--budget", Decimal(5), frozenset({"edges", "graph"}))
    with pytest.raises(SettingInvalid, match=r"--budget leaves \$5.0000, the first chunk of 2 .* cost \$6.0000"):
        plan_backfill(KEYS, stages, chunk=2, places={}, ceilings=[small])


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
