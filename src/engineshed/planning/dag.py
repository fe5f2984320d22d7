"""Chooses for several steps at once: the deadline holds for the critical path, the budget for the sum.

Exact: what it returns is the best of all combinations, found by branch and bound. Where a graph is so large that the
search is cut short, it returns the best that was found and says that it is not proven. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from itertools import islice, product

from engineshed.model.errors import SettingInvalid
from engineshed.planning.forecast import INTERVAL

MOST_NODES = 200_000
"""Of the search, about a second."""

_CLOSE_HOURS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to run a step. error: standard error of the logarithm of its cost."""

    engine: str
    cost_usd: Decimal
    hours: float
    offer: str = ""
    error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, its ways, and the steps that must have ended before it starts."""

    name: str
    choices: tuple[Choice, ...]
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One choice for each step, in their order. hours: of the critical path. proven: nothing is better."""

    choices: tuple[Choice, ...]
    cost_usd: Decimal
    hours: float
    proven: bool = True

    @property
    def engines(self) -> tuple[str, ...]:
        """Engine names in the order of the steps."""
        return tuple(choice.engine for choice in self.choices)


class Graph:
    """The steps in an order in which each comes after those it waits for. Raises SettingInvalid."""

    def __init__(self, steps: Sequence[Step]) -> None:
        names = [step.name for step in steps]
        self._check(steps, names)
        try:
            order = list(TopologicalSorter({step.name: step.after for step in steps}).static_order())
        except CycleError as error:
            raise SettingInvalid(f"steps wait for one another in a circle: {' -> '.join(error.args[1])}.") from None
        by_name = {step.name: step for step in steps}
        self.sorted = [by_name[name] for name in order]
        self._as_given = [order.index(name) for name in names]
        self._after = [[order.index(name) for name in step.after] for step in self.sorted]

    @staticmethod
    def _check(steps: Sequence[Step], names: Sequence[str]) -> None:
        if len(set(names)) != len(names):
            raise SettingInvalid(f"a step is named twice among {', '.join(names)}: give each step one name.")
        for step in steps:
            if not step.choices:
                raise SettingInvalid(f"step {step.name!r} can run nowhere: give it at least one way.")
            if missing := set(step.after) - set(names):
                raise SettingInvalid(f"step {step.name!r} waits for {', '.join(sorted(missing))}, which is no step.")

    def hours(self, hours: Sequence[float]) -> float:
        """The critical path, for the hours of the sorted steps."""
        ends: list[float] = []
        for own, after in zip(hours, self._after, strict=True):
            ends.append(own + max((ends[n] for n in after), default=0.0))
        return max(ends, default=0.0)

    def combination(self, chosen: Sequence[Choice], *, proven: bool = True) -> Combination:
        """From the choices of the sorted steps."""
        return Combination(
            choices=tuple(chosen[n] for n in self._as_given),
            cost_usd=sum((c.cost_usd for c in chosen), Decimal(0)),
            hours=self.hours([c.hours for c in chosen]),
            proven=proven,
        )


def best(
    steps: Sequence[Step],
    *,
    deadline_hours: float | None = None,
    budget_usd: Decimal | None = None,
    value_usd_per_hour: Decimal = Decimal(0),
) -> Combination | None:
    """The combination of least cost plus hours at their value, then fewest hours, then first by engine names.

    None where no combination keeps deadline and budget. Raises SettingInvalid for steps that make no graph.
    """
    search = _Search(Graph(steps), deadline_hours, budget_usd, value_usd_per_hour)
    return search.run()


def combinations(steps: Sequence[Step], most: int) -> list[Combination] | None:
    """All of them, cheapest first; None where there are more than `most`."""
    graph = Graph(steps)
    if math.prod(len(step.choices) for step in steps) > most:
        return None
    found = (graph.combination(chosen) for chosen in product(*(step.choices for step in graph.sorted)))
    return sorted(islice(found, most), key=lambda c: (c.cost_usd, c.hours, c.engines))


def pareto(steps: Sequence[Step]) -> Iterator[Combination]:
    """Those that nothing beats in both cost and hours, cheapest first."""
    found = best(steps)
    while found is not None:
        yield found
        found = best(steps, deadline_hours=found.hours * (1 - _CLOSE_HOURS) - _CLOSE_HOURS)


def dominated(one: Combination, others: Sequence[Combination]) -> bool:
    """Whether another is cheaper and not slower, or faster and not dearer."""
    return any(
        o.cost_usd <= one.cost_usd
        and o.hours <= one.hours + _CLOSE_HOURS
        and (o.cost_usd < one.cost_usd or o.hours < one.hours - _CLOSE_HOURS)
        for o in others
    )


def tied(one: Combination, other: Combination) -> bool:
    """Whether their costs differ by no more than the errors of the steps in which they differ."""
    apart = [(a, b) for a, b in zip(one.choices, other.choices, strict=True) if a != b]
    error = math.hypot(*(float(c.cost_usd) * c.error for pair in apart for c in pair))
    return abs(float(one.cost_usd - other.cost_usd)) <= INTERVAL * error


class _Search:
    """Depth first, cheapest choice first; a branch that cannot beat the best so far is cut."""

    def __init__(self, graph: Graph, deadline_hours: float | None, budget_usd: Decimal | None, value: Decimal) -> None:
        self._graph, self._deadline, self._budget, self._value = graph, deadline_hours, budget_usd, value
        self._ways = [sorted(_undominated(s.choices), key=lambda c: (c.cost_usd, c.hours)) for s in graph.sorted]
        self._least_hours = [min(c.hours for c in ways) for ways in self._ways]
        self._rest_usd = [Decimal(0)]
        for ways in reversed(self._ways):
            self._rest_usd.insert(0, self._rest_usd[0] + min(c.cost_usd for c in ways))
        self._nodes = 0
        self._best: Combination | None = None

    def run(self) -> Combination | None:
        self._descend([], Decimal(0))
        found = self._best
        if found is None or self._nodes < MOST_NODES:
            return found
        return Combination(choices=found.choices, cost_usd=found.cost_usd, hours=found.hours, proven=False)

    def _descend(self, chosen: list[Choice], cost_usd: Decimal) -> None:
        self._nodes += 1
        if self._nodes >= MOST_NODES or not self._may_win(chosen, cost_usd):
            return
        if len(chosen) == len(self._ways):
            found = self._graph.combination(chosen)
            if self._best is None or self._rank(found) < self._rank(self._best):
                self._best = found
            return
        for choice in self._ways[len(chosen)]:
            self._descend([*chosen, choice], cost_usd + choice.cost_usd)

    def _may_win(self, chosen: Sequence[Choice], cost_usd: Decimal) -> bool:
        least_usd = cost_usd + self._rest_usd[len(chosen)]
        least_hours = self._graph.hours([*(c.hours for c in chosen), *self._least_hours[len(chosen) :]])
        if self._budget is not None and least_usd > self._budget:
            return False
        if self._deadline is not None and least_hours > self._deadline + _CLOSE_HOURS:
            return False
        return self._best is None or self._worth(least_usd, least_hours) <= self._rank(self._best)[0]

    def _worth(self, usd: Decimal, hours: float) -> Decimal:
        return usd + self._value * Decimal(repr(hours)) if self._value else usd

    def _rank(self, found: Combination) -> tuple[Decimal, float, tuple[str, ...]]:
        return self._worth(found.cost_usd, found.hours), found.hours, found.engines


def _undominated(choices: Sequence[Choice]) -> list[Choice]:
    """Without those that another beats in cost and does not lose to in hours: no combination needs them."""
    return [c for c in choices if not any(o.cost_usd < c.cost_usd and o.hours <= c.hours for o in choices)]


def by_name(steps: Sequence[Step], found: Combination) -> Mapping[str, Choice]:
    """Step name -> its choice."""
    return dict(zip((step.name for step in steps), found.choices, strict=True))
