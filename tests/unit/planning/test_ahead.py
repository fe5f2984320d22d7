"""A step planned in sight of those that follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engineshed.model.history import PastRun
from engineshed.model.job import Mode, SparkJob
from engineshed.model.money import Basis, Rates
from engineshed.model.objective import Layer, Objective
from engineshed.model.offer import Offer
from engineshed.model.plan import Candidate, Forecast, Plan
from engineshed.model.resources import Resources
from engineshed.planning.ahead import Following, in_sight
from engineshed.planning.planner import Moment, plan

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
FAR = NOW + timedelta(hours=100)


def ways(*candidates: tuple[str, float | None, str]) -> Plan:
    """(engine, hours, dollars), best first by cost."""
    found = tuple(
        Candidate(
            Offer(engine=engine, name="one", resources=Resources(), rates=Rates()),
            Forecast(hours=hours, cost_usd=None if hours is None else Decimal(usd), basis=Basis.HISTORY),
        )
        for engine, hours, usd in candidates
    )
    return Plan(candidates=found, decided_by=("a layer says", "the cheapest is chosen"))


EDGES = ways(("emr", 10.0, "400"), ("databricks", 6.0, "770"))
GRAPH = ways(("emr", 1.0, "5"), ("databricks", 0.4, "18"))


def by(hours: float) -> Objective:
    return Objective(deadline=NOW + timedelta(hours=hours))


def test_what_follows_needs_its_share_of_the_deadline() -> None:
    following = [Following("graph", ("edges",), GRAPH)]
    assert in_sight(EDGES, "edges", following, by(11.0), now=NOW).chosen.offer.engine == "emr"
    hurried = in_sight(EDGES, "edges", following, by(10.3), now=NOW)
    assert hurried.chosen.offer.engine == "databricks"
    assert hurried.decided_by == (
        "a layer says",
        "databricks (one) is chosen: with graph on emr the run is expected to end in 7.00 h for $775.00, "
        "by its deadline in 10.30 h",
    )
    assert [c.offer.engine for c in hurried.candidates] == ["databricks", "emr"]


def test_a_step_that_nobody_waits_for_may_take_its_time() -> None:
    nodes = ways(("emr", 0.4, "0.41"), ("databricks", 0.2, "0.50"))
    beside = [Following("edges", (), EDGES), Following("graph", ("nodes", "edges"), GRAPH)]
    assert in_sight(nodes, "nodes", beside, by(6.5), now=NOW).chosen.offer.engine == "emr"
    before = [Following("edges", ("nodes",), EDGES), Following("graph", ("nodes", "edges"), GRAPH)]
    assert in_sight(nodes, "nodes", before, by(6.61), now=NOW).chosen.offer.engine == "databricks"


def test_a_deadline_that_is_lost_is_lost_by_as_little_as_can_be() -> None:
    found = in_sight(EDGES, "edges", [Following("graph", ("edges",), GRAPH)], by(3.0), now=NOW)
    assert found.chosen.offer.engine == "databricks"
    assert found.decided_by[-1].endswith("in 6.40 h for $788.00, later than its deadline in 3.00 h")


def test_the_runs_budget_is_for_all_its_steps() -> None:
    following = [Following("graph", ("edges",), GRAPH)]
    objective = Objective(value_usd_per_hour=Decimal(200))
    assert in_sight(EDGES, "edges", following, objective, now=NOW).chosen.offer.engine == "databricks"
    found = in_sight(EDGES, "edges", following, objective, now=NOW, left_usd=Decimal(500))
    assert found.chosen.offer.engine == "emr"


def test_an_hour_off_the_critical_path_is_worth_nothing() -> None:
    nodes = ways(("emr", 4.0, "1"), ("databricks", 1.0, "2"))
    objective = Objective(value_usd_per_hour=Decimal(10))
    beside = [Following("edges", (), EDGES)]
    assert in_sight(nodes, "nodes", beside, objective, now=NOW).chosen.offer.engine == "emr"


def test_what_is_unknown_is_left_out_and_named() -> None:
    following = [Following("graph", ("edges",), ways(("emr", None, "0"))), Following("aggr", ("graph",), GRAPH)]
    found = in_sight(EDGES, "edges", following, by(30), now=NOW)
    assert found.decided_by[-1].endswith("; nothing is known of graph")


def test_nothing_changes_where_nothing_is_asked_or_known() -> None:
    following = [Following("graph", ("edges",), GRAPH)]
    assert in_sight(EDGES, "edges", following, Objective(), now=NOW) is EDGES
    assert in_sight(EDGES, "edges", [], by(1), now=NOW) is EDGES
    unknown = ways(("emr", None, "0"))
    assert in_sight(unknown, "edges", following, by(1), now=NOW) is unknown


def planned(rates: dict[str, str], objective: Objective, *, known: tuple[str, ...], lot: float = 1.0) -> Plan:
    """One step of two, whose engines take an hour each by what twenty runs of the known ones say."""
    offers = [
        Offer(engine=engine, name="one", resources=Resources(), rates=Rates(compute_usd_per_hour=Decimal(usd)))
        for engine, usd in rates.items()
    ]
    history = [
        PastRun(
            job="edges",
            engine=engine,
            offer="one",
            mode=Mode.FULL,
            hours=1.0,
            cost_usd=Decimal(1),
            ended_at=NOW,
        )
        for engine in known
        for _ in range(20)
    ]
    job = SparkJob(name="edges", script="edges.py")
    own = plan(job, offers, history=history, layers=[Layer("asset", objective)], moment=Moment(NOW, lot))
    return in_sight(own, "edges", [Following("graph", ("edges",), own)], objective, now=NOW)


def test_an_engine_without_history_wins_by_the_margin_in_a_run_of_several_steps_too() -> None:
    def chosen(usd: str, **more: float) -> str:
        objective = Objective(deadline=FAR, **more)
        return planned({"known": "10", "new": usd}, objective, known=("known",)).chosen.offer.engine

    assert chosen("9") == "known"
    assert chosen("7") == "new"
    assert chosen("9", margin_percent=5) == "new"


def test_an_engine_without_history_is_taken_where_only_it_keeps_the_deadline() -> None:
    new = Candidate(
        Offer(engine="new", name="one", resources=Resources(), rates=Rates()),
        Forecast(hours=2.0, cost_usd=Decimal(900), basis=Basis.PRIOR),
    )
    edges = Plan(candidates=(*EDGES.candidates, new), decided_by=("the cheapest is chosen",))
    found = in_sight(edges, "edges", [Following("graph", ("edges",), GRAPH)], by(3.5), now=NOW)
    assert found.chosen.offer.engine == "new"
    assert found.decided_by[-1].endswith("in 3.00 h for $905.00, by its deadline in 3.50 h")


def test_a_run_that_explores_does_so_as_long_as_it_keeps_its_deadline() -> None:
    rates = {"known": "10", "new": "12"}
    objective = Objective(deadline=FAR, explore_percent=10)
    found = planned(rates, objective, known=("known",), lot=0.05)
    assert found.chosen.offer.engine == "new"
    assert found.explores
    assert "there is no history of it and this run explores" in found.decided_by[-1]
    assert not planned(rates, objective, known=("known",), lot=0.5).explores
    poor = in_sight(found, "edges", [Following("graph", ("edges",), found)], objective, now=NOW, left_usd=Decimal(21))
    assert (poor.chosen.offer.engine, poor.explores) == ("known", False)


def test_a_preference_breaks_a_tie_and_only_a_tie_in_a_run_of_several_steps_too() -> None:
    def found(usd: str, known: tuple[str, ...] = ("known", "liked")) -> Plan:
        objective = Objective(deadline=FAR, preferred=("liked",))
        return planned({"known": "10", "liked": usd}, objective, known=known)

    tie = found("10.1")
    assert tie.chosen.offer.engine == "liked"
    assert "preferred among offers that cost cannot tell apart" in tie.decided_by[-1]
    assert found("20").chosen.offer.engine == "known"
    assert found("10.1", known=("known",)).chosen.offer.engine == "known", "what nobody has tried is no tie"
