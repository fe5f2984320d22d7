"""Offers in, ranked plan with reasons out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engineshed.model.budget import Account, Allowance, BudgetScope, Standing
from engineshed.model.errors import NoOffer, SettingInvalid
from engineshed.model.failure import FailureClass
from engineshed.model.history import PastRun
from engineshed.model.job import Mode, SparkJob
from engineshed.model.money import Basis, Rates
from engineshed.model.objective import Layer, Objective
from engineshed.model.offer import Offer
from engineshed.model.plan import Candidate, Rejection
from engineshed.model.resources import Resources
from engineshed.planning.explain import as_json, as_markdown, as_text
from engineshed.planning.layers import allowances, merge
from engineshed.planning.objections import Limits
from engineshed.planning.planner import Moment, plan

JOB = SparkJob(name="edges", script="edges.py", expected_input_bytes=200)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RUN = Account(BudgetScope.RUN, "root-1")


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
    assert found.chosen.forecast.hours == pytest.approx(2.2, rel=0.01), "a run that hung moved it"
    assert found.chosen.forecast.cost_usd == pytest.approx(Decimal("6.6"), rel=Decimal("0.01"))
    assert found.chosen.forecast.basis is Basis.HISTORY
    assert found.decided_by == ("fast (one) is chosen: least forecast cost",)


def test_an_hour_saved_is_worth_what_is_said() -> None:
    history = [_past("slow", 10), _past("fast", 2)]
    offers = [_offer("slow", "1"), _offer("fast", "10")]
    assert plan(JOB, offers, history=history).chosen.offer.engine == "slow"
    layers = [Layer("asset", Objective(value_usd_per_hour=Decimal(2)))]
    found = plan(JOB, offers, history=history, layers=layers)
    assert found.chosen.offer.engine == "fast"
    assert found.decided_by[-1] == "fast (one) is chosen: least cost and hours together"


def test_a_preference_breaks_a_tie_and_only_a_tie() -> None:
    layers = [Layer("team default", Objective(preferred=("b",)))]
    tie = [_past("a", 1.0)] * 3 + [_past("b", 1.05)] * 3
    found = plan(JOB, [_offer("a"), _offer("b")], layers=layers, history=tie)
    assert [c.offer.engine for c in found.candidates] == ["b", "a"]
    assert found.ties == ("a/one", "b/one")
    assert found.decided_by[-1] == "b (one) is chosen: preferred among 2 offers that cost cannot tell apart"
    assert plan(JOB, [_offer("a"), _offer("b")], history=tie).chosen.offer.engine == "a", "nothing was preferred"
    apart = [_past("a", 1.0)] * 3 + [_past("b", 9.0)] * 3
    found = plan(JOB, [_offer("a"), _offer("b")], layers=layers, history=apart)
    assert (found.chosen.offer.engine, found.ties) == ("a", ())


def test_without_any_cost_the_preferred_comes_first_then_the_least_rate_for_a_core() -> None:
    offers = [_offer("a", "3"), _offer("b", "2"), _offer("c", "9")]
    assert [c.offer.engine for c in plan(JOB, offers).candidates] == ["b", "a", "c"]
    layers = [Layer("team default", Objective(preferred=("c",)))]
    assert [c.offer.engine for c in plan(JOB, offers, layers=layers).candidates] == ["c", "b", "a"]


def test_an_engine_without_history_wins_by_the_margin_or_not_at_all() -> None:
    history = [_past("known", 4.0)] * 5
    near, far = _offer("new", "0.9"), _offer("new", "0.7")
    assert plan(JOB, [_offer("known"), near], history=history).chosen.offer.engine == "known"
    found = plan(JOB, [_offer("known"), far], history=history)
    assert (found.chosen.offer.engine, found.chosen.forecast.basis) == ("new", Basis.PRIOR)
    layers = [Layer("asset", Objective(margin_percent=5))]
    assert plan(JOB, [_offer("known"), near], history=history, layers=layers).chosen.offer.engine == "new"


def test_so_many_in_a_hundred_runs_explore() -> None:
    history = [_past("known", 4.0)] * 5
    layers = [Layer("asset", Objective(explore_percent=10))]
    chosen = [
        plan(JOB, [_offer("known"), _offer("new")], history=history, layers=layers, moment=Moment(NOW, n / 1000)).chosen
        for n in range(1000)
    ]
    assert sum(c.offer.engine == "new" for c in chosen) == 100
    lucky = plan(JOB, [_offer("known"), _offer("new")], history=history, layers=layers, moment=Moment(NOW, 0.05))
    assert lucky.decided_by[-1] == ("new (one) is chosen: there is no history of it, and 10 in a hundred runs explore")


@pytest.mark.parametrize(
    ("hours", "confidence", "chosen", "why"),
    [
        (12, None, "slow", "least forecast cost"),
        (12, 0.95, "fast", "least forecast cost of those that meet the deadline"),
        (5, None, "fast", "least forecast cost of those that meet the deadline"),
        (1, None, "fast", "no offer is expected to meet the deadline, it is the fastest"),
    ],
)
def test_a_deadline_is_met_by_the_estimate_or_with_the_confidence_asked_for(
    hours: float, confidence: float | None, chosen: str, why: str
) -> None:
    history = [_past("slow", 10)] * 9 + [_past("fast", 2)] * 9
    layers = [Layer("asset", Objective(deadline=NOW + timedelta(hours=hours), confidence=confidence))]
    offers = [_offer("slow", "1"), _offer("fast", "30")]
    found = plan(JOB, offers, history=history, layers=layers, moment=Moment(NOW))
    assert found.chosen.offer.engine == chosen
    assert found.decided_by[-1] == f"{chosen} (one) is chosen: {why}"


@given(hours=st.lists(st.floats(0.1, 100), min_size=2, max_size=5), first=st.floats(0.1, 200), more=st.floats(0, 200))
def test_a_later_deadline_never_makes_the_plan_dearer(hours: list[float], first: float, more: float) -> None:
    offers = [_offer(f"e{n}", str(1 + n)) for n in range(len(hours))]
    history = [run for n, h in enumerate(hours) for run in [_past(f"e{n}", h)] * 3]

    def chosen(deadline_hours: float) -> Candidate:
        layers = [Layer("asset", Objective(deadline=NOW + timedelta(hours=deadline_hours)))]
        return plan(JOB, offers, history=history, layers=layers, moment=Moment(NOW)).chosen

    early, late = chosen(first).forecast, chosen(first + more).forecast
    assert early.cost_usd is not None
    assert late.cost_usd is not None
    met = early.hours is not None and early.hours <= first
    assert late.cost_usd <= early.cost_usd if met else True


@given(costs=st.lists(st.integers(1, 50), min_size=1, max_size=5), first=st.integers(1, 60), more=st.integers(0, 60))
def test_a_larger_budget_never_makes_the_plan_worse(costs: list[int], first: int, more: int) -> None:
    offers = [_offer(f"e{n}", str(cost)) for n, cost in enumerate(costs)]
    history = [run for n in range(len(costs)) for run in [_past(f"e{n}", 1 + n)] * 3]
    value = [Layer("asset", Objective(value_usd_per_hour=Decimal(5)))]

    def worth(limit: int) -> float:
        limits = Limits(allowances=[(Allowance(RUN, Decimal(limit)), Standing())])
        found = plan(JOB, offers, history=history, layers=value, limits=limits)
        if not found.candidates:
            return float("inf")
        return float(found.chosen.forecast.cost_usd or 0) + 5 * (found.chosen.forecast.hours or 0)

    assert worth(first + more) <= worth(first)


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


def test_unknown_prices_budgets_failures_and_full_engines_are_reasons() -> None:
    limits = Limits(
        failed=frozenset({("broken", "one")}),
        full={"full": "there is room for 2 at a time on full, and all places are taken"},
        allowances=[(Allowance(RUN, Decimal(5)), Standing(spent_usd=Decimal(1), reserved_usd=Decimal("0.5")))],
    )
    found = plan(
        JOB,
        [
            _offer("free", "0"),
            _offer("dear", "100"),
            _offer("unpriced", None),
            _offer("broken"),
            _offer("full"),
            Rejection(engine="x", code="no_java", reason="no Java"),
        ],
        history=[_past("dear", 1)] * 5,
        limits=limits,
    )
    assert [c.offer.engine for c in found.candidates] == ["free"]
    assert {r.engine: r.code for r in found.rejections} == {
        "x": "no_java",
        "dear": "budget",
        "unpriced": "price_unknown",
        "broken": "failed_before",
        "full": "full",
    }
    budget = next(r.reason for r in found.rejections if r.code == "budget")
    assert budget.endswith("above the budget of run root-1 ($5, $1 spent and $0.5 reserved)")


def test_after_a_loss_of_spot_capacity_only_on_demand_is_offered() -> None:
    offers = [replace(_offer("a"), spot=True), _offer("b", "9")]
    found = plan(JOB, offers, limits=Limits(spot_lost=True))
    assert ([c.offer.engine for c in found.candidates], found.rejections[0].code) == (["b"], "spot_lost")


def test_the_policys_budget_caps_what_lower_layers_set() -> None:
    def in_force(policy: str | None, run: str | None, asset: str | None) -> tuple[Decimal | None, list[str]]:
        layers = [
            Layer("platform policy", Objective(budget_usd=Decimal(policy) if policy else None), caps=True),
            Layer("run override", Objective(budget_usd=Decimal(run) if run else None)),
            Layer("asset", Objective(budget_usd=Decimal(asset) if asset else None), own=True),
        ]
        found = allowances(layers, root_run_id="root-1", asset="edges", team="web", month="2026-11")
        return merge(layers)[0].budget_usd, [f"{a.account} ${a.limit_usd}" for a in found]

    assert in_force("10", None, None) == (Decimal(10), ["run root-1 $10"])
    assert in_force("10", None, "5") == (Decimal(5), ["run root-1 $10", "asset edges in run root-1 $5"])
    assert in_force("10", "20", "5") == (Decimal(10), ["run root-1 $10"])
    assert in_force(None, "20", "5") == (Decimal(20), ["run root-1 $20"])


def test_monthly_budgets_are_those_of_asset_and_team() -> None:
    objective = Objective(asset_month_usd=Decimal(100), team_month_usd=Decimal(1000))
    found = allowances(
        [Layer("asset", objective, own=True)], root_run_id="r", asset="edges", team="web", month="2026-11"
    )
    assert [str(a.account) for a in found] == ["asset edges in 2026-11", "team web in 2026-11"]


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
    assert "| chosen | a | one | $1.51 | $0.95 to $2.37 | 1.5063 | history, 1 run |" in text
    assert "no \\| price" in text
    chosen = as_json(found)["chosen"]
    assert Decimal(chosen["low_usd"]) < Decimal(chosen["cost_usd"]) < Decimal(chosen["high_usd"])
    lines = as_text(found).splitlines()
    assert lines[0].split() == ["engine", "offer", "forecast", "four", "in", "five", "hours", "basis", "why"]
    assert lines[2].startswith("rejected  b")
    assert lines[-1] == "a (one) is chosen: it is the only offer left"
