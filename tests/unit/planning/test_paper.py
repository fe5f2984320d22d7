"""The oracle: the paper's twelve runs, their sixteen plans, and every point at which the best plan changes."""

from __future__ import annotations

from decimal import Decimal
from importlib import resources
from itertools import product

import pytest

from engineshed.planning.comparing import combinations, dominated, pareto, tied
from engineshed.planning.dag import Combination, Step, best
from engineshed.planning.past_table import joined, read_rows, steps_of

TEXT = resources.files("engineshed.planning").joinpath("data", "paper.csv").read_text()
ROWS = read_rows(TEXT, "paper.csv")
STEPS = steps_of(ROWS, "paper.csv")


def short(found: Combination | None) -> str | None:
    return None if found is None else "".join("E" if e == "emr" else "D" for e in found.engines)


def by_hand(deadline_hours: float | None, budget_usd: Decimal | None) -> str | None:
    """The cheapest of all sixteen, by looking at each."""
    good = []
    for choices in product(*(step.choices for step in STEPS)):
        usd, hours = sum((c.cost_usd for c in choices), Decimal(0)), sum(c.hours for c in choices)
        if deadline_hours is not None and hours > deadline_hours + 1e-9:
            continue
        if budget_usd is not None and usd > budget_usd:
            continue
        good.append((usd, hours, "".join("E" if c.engine == "emr" else "D" for c in choices)))
    return min(good)[2] if good else None


def test_the_rows_reconcile_with_the_printed_totals() -> None:
    assert len(ROWS) == 12
    runs = [ROWS[n : n + 4] for n in (0, 4, 8)]
    assert [joined(run) for run in runs] == [Decimal("422.95"), Decimal("784.64"), Decimal("417.06")]
    assert [round(sum(row.hours for row in run), 2) for run in runs] == [10.99, 6.43, 12.09]


def test_all_sixteen_plans_and_which_of_them_nothing_beats() -> None:
    found = combinations(STEPS, 100)
    assert found is not None
    told = {short(c): (round(float(c.cost_usd), 1), round(c.hours, 2)) for c in found}
    assert len(told) == 16
    assert told["EEED"] == (411.8, 11.68)
    assert told["EEDE"] == (426.2, 11.26)
    assert told["DDDD"] == (785.3, 6.43)
    front = [short(c) for c in found if not dominated(c, found)]
    assert front == ["EEED", "DEED", "EEDD", "DEDD", "EDED", "DDED", "EDDD", "DDDD"]
    assert [short(c) for c in pareto(STEPS)] == front


@pytest.mark.parametrize(
    ("deadline_hours", "plan"),
    [
        (None, "EEED"), (11.68, "EEED"), (11.67, "DEED"), (11.52, "DEED"), (11.51, "EEDD"), (11.12, "EEDD"),
        (11.11, "DEDD"), (10.96, "DEDD"), (10.95, "EDED"), (7.15, "EDED"), (7.14, "DDED"), (6.99, "DDED"),
        (6.98, "EDDD"), (6.59, "EDDD"), (6.58, "DDDD"), (6.43, "DDDD"), (6.42, None),
    ],
)  # fmt: skip
def test_the_plan_changes_at_each_deadline(deadline_hours: float | None, plan: str | None) -> None:
    assert short(best(STEPS, deadline_hours=deadline_hours)) == plan == by_hand(deadline_hours, None)


@pytest.mark.parametrize("budget_usd", ["411.83", "411.84", "424.88", "424.89", "500", "772.21", "772.22", "1000"])
@pytest.mark.parametrize("deadline_hours", [None, 11.0, 7.0, 6.5])
def test_every_budget_under_every_deadline_equals_looking_at_each(
    budget_usd: str, deadline_hours: float | None
) -> None:
    found = best(STEPS, deadline_hours=deadline_hours, budget_usd=Decimal(budget_usd))
    assert short(found) == by_hand(deadline_hours, Decimal(budget_usd))


def test_what_differs_by_nine_cents_is_a_tie_and_the_papers_own_mix_is_dominated() -> None:
    found = {short(c): c for c in combinations(STEPS, 100) or ()}
    assert tied(found["EEED"], found["DEED"])
    assert not tied(found["EEED"], found["EEDD"])
    assert not tied(found["EEED"], found["EDED"])
    assert dominated(found["EEDE"], list(found.values()))


def test_where_nodes_run_beside_edges_their_hours_vanish() -> None:
    after = {"nodes_only": (), "edges": (), "graph": ("nodes_only", "edges"), "graph_aggr": ("graph",)}
    beside = [Step(name=s.name, choices=s.choices, after=after[s.name]) for s in STEPS]
    front = [short(c) for c in pareto(beside)]
    assert all(plan is not None and plan.startswith("E") for plan in front), "a dollar for hours that nobody waits for"
    fastest = best(beside, deadline_hours=6.21)
    assert short(fastest) == "EDDD"
