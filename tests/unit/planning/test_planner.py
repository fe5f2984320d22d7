"""Offers in, ranked plan with reasons out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engineshed.model.errors import NoOffer, SettingInvalid
from engineshed.model.failure import FailureClass
from engineshed.model.history import PastRun
from engineshed.model.job import Mode, SparkJob
from engineshed.model.money import Basis, Rates
from engineshed.model.objective import Layer, Objective
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.resources import Resources
from engineshed.planning.explain import as_json, as_markdown
from engineshed.planning.planner import plan

JOB = SparkJob(name="edges", script="edges.py", expected_input_bytes=200)


def _offer(engine: str, usd_per_hour: str | None = "1") -> Offer:
    rates = None if usd_per_hour is None else Rates(compute_usd_per_hour=Decimal(usd_per_hour), source="test")
    return Offer(engine=engine, name="one", resources=Resources(), rates=rates)


def _past(engine: str, hours: float, input_bytes: int | None = None, failed: bool = False) -> PastRun:
    return PastRun(
        job="edges",
        engine=engine,
        offer="one",
        mode=Mode.FULL,
        hours=hours,
        cost_usd=Decimal(0),
        ended_at=datetime(2026, 1, 1, tzinfo=UTC),
        failure_class=FailureClass.PLATFORM if failed else None,
        input_bytes=input_bytes,
    )


def test_history_times_todays_price_decides_where_nothing_else_is_said() -> None:
    history = [_past("slow", 10), _past("fast", 2), _past("fast", 2.2), _past("fast", 400)]
    found = plan(JOB, [_offer("slow", "1"), _offer("fast", "3")], history=history)
    assert found.chosen.offer.engine == "fast"
    assert found.chosen.forecast.hours == 2.2
    assert found.chosen.forecast.cost_usd == Decimal("6.6")
    assert found.chosen.forecast.basis is Basis.HISTORY
    assert found.decided_by == ("fast (one) is chosen: least forecast cost",)


def test_hours_scale_with_input_bytes_and_failed_runs_do_not_count() -> None:
    found = plan(JOB, [_offer("a")], history=[_past("a", 1.0, input_bytes=100), _past("a", 0.1, failed=True)])
    assert found.chosen.forecast.hours == 2.0
    assert found.chosen.forecast.runs == 1


def test_a_stated_preference_comes_before_cost() -> None:
    layers = [Layer("team default", Objective(preferred=("dear",)))]
    found = plan(JOB, [_offer("cheap"), _offer("dear", "9")], layers=layers, history=[_past("cheap", 1)])
    assert [c.offer.engine for c in found.candidates] == ["dear", "cheap"]


def test_the_first_layer_that_says_something_decides_and_bans_add_up() -> None:
    layers = [
        Layer("platform policy", Objective(forbidden=frozenset({"c"}))),
        Layer("run override", Objective(pinned="b")),
        Layer("asset", Objective(pinned="a")),
    ]
    found = plan(JOB, [_offer("a"), _offer("b"), _offer("c")], layers=layers)
    assert [c.offer.engine for c in found.candidates] == ["b"]
    assert {(r.engine, r.code) for r in found.rejections} == {("a", "not_pinned"), ("c", "forbidden")}
    assert found.decided_by == (
        "platform policy forbids c",
        "run override sets pinned=b",
        "asset sets pinned=a, overridden above",
        "b (one) is chosen: its engine is pinned",
    )


def test_a_pin_against_a_ban_is_refused_naming_both() -> None:
    layers = [Layer("platform policy", Objective(forbidden=frozenset({"a"}))), Layer("asset", Objective(pinned="a"))]
    with pytest.raises(SettingInvalid, match="'a' is pinned, but platform policy forbids it"):
        plan(JOB, [_offer("a")], layers=layers)


def test_unknown_prices_budgets_and_earlier_failures_are_reasons() -> None:
    layers = [Layer("asset", Objective(budget_usd=Decimal(5)))]
    found = plan(
        JOB,
        [
            _offer("free", "0"),
            _offer("dear", "100"),
            _offer("unpriced", None),
            _offer("broken"),
            Rejection(engine="x", code="no_java", reason="no Java"),
        ],
        history=[_past("dear", 1)],
        layers=layers,
        spent=[("broken", "one")],
    )
    assert [c.offer.engine for c in found.candidates] == ["free"]
    assert {r.engine: r.code for r in found.rejections} == {
        "x": "no_java",
        "dear": "budget",
        "unpriced": "price_unknown",
        "broken": "failed_before",
    }


def test_without_candidates_the_choice_raises_with_every_reason() -> None:
    found = plan(JOB, [Rejection(engine="local", code="no_java", reason="no Java 17 was found")])
    with pytest.raises(NoOffer, match="local: no Java 17 was found") as caught:
        _ = found.chosen
    assert caught.value.rejections == found.rejections


def test_the_same_input_gives_the_same_plan_whatever_the_order_of_offers() -> None:
    offers = [_offer("b"), _offer("a"), _offer("c")]
    assert plan(JOB, offers).candidates == plan(JOB, list(reversed(offers))).candidates


def test_a_plan_reads_as_a_table_and_as_json() -> None:
    found = plan(JOB, [_offer("a"), Rejection(engine="b", code="x", reason="no | price")], history=[_past("a", 1.5)])
    text = as_markdown(found)
    assert "| chosen | a | one | $1.5 | 1.5000 | history, 1 runs |" in text
    assert "no \\| price" in text
    assert as_json(found)["chosen"]["cost_usd"] == "1.500000"
