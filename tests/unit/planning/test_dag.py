"""The search over steps against looking at every combination."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engineshed.model.errors import SettingInvalid
from engineshed.planning.comparing import combinations
from engineshed.planning.dag import Choice, Combination, Graph, Step, best


def choice(engine: str, usd: int, hours: float, doubt: int = 0) -> Choice:
    return Choice(engine=engine, cost_usd=Decimal(usd), hours=hours, doubt_usd=Decimal(doubt))


@st.composite
def graphs(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = []
    for n in range(draw(st.integers(1, 5))):
        ways = draw(st.lists(st.tuples(*[st.integers(0, 9)] * 2, st.integers(0, 3)), min_size=1, max_size=3))
        after = draw(st.sets(st.sampled_from([s.name for s in steps]))) if steps else set()
        choices = tuple(choice(f"e{k}", usd, 1.0 + hours, doubt) for k, (usd, hours, doubt) in enumerate(ways))
        steps.append(Step(name=f"s{n}", choices=choices, after=tuple(sorted(after))))
    return draw(st.permutations(steps))


def every(steps: list[Step]) -> list[Combination]:
    graph = Graph(steps)
    return [graph.combination(chosen) for chosen in product(*(step.choices for step in graph.sorted))]


def weighed_usd(one: Combination) -> Decimal:
    return sum((c.cost_usd + c.doubt_usd for c in one.choices), Decimal(0))


@settings(max_examples=300)
@given(steps=graphs(), deadline=st.integers(1, 40), budget=st.integers(0, 40), value=st.integers(0, 5))
def test_the_search_finds_what_looking_at_each_finds(steps: list[Step], deadline: int, budget: int, value: int) -> None:
    good = [c for c in every(steps) if c.hours <= deadline and c.cost_usd <= budget]
    found = best(steps, deadline_hours=deadline, budget_usd=Decimal(budget), value_usd_per_hour=Decimal(value))
    if not good:
        assert found is None
        return
    assert found is not None
    assert found.proven

    def rank(c: Combination) -> tuple[Decimal, float]:
        return weighed_usd(c) + value * Decimal(repr(c.hours)), c.hours

    assert rank(found) == min(map(rank, good))


@settings(max_examples=200)
@given(graphs(), st.tuples(st.integers(1, 40), st.integers(0, 40)), st.tuples(st.integers(0, 20), st.integers(0, 20)))
def test_more_time_or_money_never_makes_it_worse(
    steps: list[Step], limits: tuple[int, int], more: tuple[int, int]
) -> None:
    first = best(steps, deadline_hours=limits[0], budget_usd=Decimal(limits[1]))
    later = best(steps, deadline_hours=limits[0] + more[0], budget_usd=Decimal(limits[1] + more[1]))
    if first is not None:
        assert later is not None
        assert weighed_usd(later) <= weighed_usd(first)


def test_hours_are_those_of_the_critical_path() -> None:
    steps = [
        Step(name="join", choices=(choice("a", 1, 1.0),), after=("left", "right")),
        Step(name="left", choices=(choice("a", 1, 5.0),)),
        Step(name="right", choices=(choice("cheap", 1, 4.0), choice("fast", 9, 1.0))),
    ]
    found = best(steps, deadline_hours=6.0)
    assert found is not None
    assert (found.hours, found.engines) == (6.0, ("a", "a", "cheap"))


def test_a_search_that_is_cut_short_says_so_and_still_keeps_the_limits() -> None:
    draws = random.Random(3)
    steps = [
        Step(name=f"s{n}", choices=tuple(choice(f"e{k}", draws.randrange(10**6), draws.random()) for k in range(6)))
        for n in range(8)
    ]
    joined = Step(name="join", choices=(choice("e0", 1, 1.0),), after=tuple(s.name for s in steps))
    found = best([*steps, joined], deadline_hours=1.9)
    assert found is not None
    assert found.hours <= 1.9
    assert combinations([*steps, joined], 1000) is None


def test_a_long_chain_is_planned_whole() -> None:
    ways = tuple(choice(f"e{k}", 100 - 17 * k, 1.0 + k * 0.7) for k in range(5))
    steps = [Step(name=f"s{n}", choices=ways, after=(f"s{n - 1}",) if n else ()) for n in range(20)]
    found = best(steps, deadline_hours=40.0)
    assert found is not None
    assert found.proven
    assert found.hours <= 40.0
    assert found.cost_usd == 20 * 100 - 17 * 28, "28 steps of 0.7 hours fit above the least"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([Step(name="a", choices=(choice("x", 1, 1),), after=("a",))], "circle: a -> a"),
        ([Step(name="a", choices=(choice("x", 1, 1),), after=("b",))], "'a' waits for b, which is no step"),
        ([Step(name="a", choices=())], "'a' can run nowhere"),
        ([Step(name="a", choices=(choice("x", 1, 1),))] * 2, "named twice among a, a"),
    ],
)
def test_what_is_no_graph_is_refused(steps: list[Step], words: str) -> None:
    with pytest.raises(SettingInvalid, match=words):
        best(steps)
