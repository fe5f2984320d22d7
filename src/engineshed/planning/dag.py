"""Chooses for several steps at once: the deadline holds for the critical path, the budget for the sum.

Exact: what it returns is the best of all combinations. Step by step only those beginnings are followed that no other
beats in cost and in the end of every step that is still waited for. Where a graph is so large that some had to be
dropped, it returns the best that was found and says that it is not proven. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from operator import le

from engineshed.model.errors import SettingInvalid

MOST_LABELS = 2_000
"""Beginnings that are followed at once; a dozen steps in a row on five engines stay far below."""

CLOSE_HOURS = 1e-9
"""Hours that differ by less are the same."""

_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to run a step.

    error: standard error of the logarithm of its cost. doubt_usd: by so much it must be better than others to be taken;
    nobody pays it, so that budgets leave it out.
    """

    engine: str
    cost_usd: Decimal
    hours: float
    offer: str = ""
    error: float = 0.0
    doubt_usd: Decimal = Decimal(0)

    @property
    def weighed_usd(self) -> Decimal:
        """What it counts for where ways are compared."""
        return self.cost_usd + self.doubt_usd


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
        self.after = [[order.index(name) for name in step.after] for step in self.sorted]

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
        for own, after in zip(hours, self.after, strict=True):
            ends.append(own + max((ends[n] for n in after), default=0.0))
        return max(ends, default=0.0)

    def tails(self, hours: Sequence[float]) -> list[float]:
        """For each of the sorted steps how long at least all that waits for it takes after it."""
        tails = [0.0] * len(self.sorted)
        for n in reversed(range(len(self.sorted))):
            for m in self.after[n]:
                tails[m] = max(tails[m], hours[n] + tails[n])
        return tails

    def waited_for(self, n: int) -> tuple[int, ...]:
        """Of the sorted steps up to n those for which a later one waits."""
        later = {m for after in self.after[n + 1 :] for m in after}
        return tuple(m for m in range(n + 1) if m in later)

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
    """The combination of least cost with doubt and hours at their value, then fewest hours, then first by engine names.

    None where no combination keeps deadline and budget. Raises SettingInvalid for steps that make no graph.
    """
    search = _Search(Graph(steps), deadline_hours, budget_usd, value_usd_per_hour)
    return search.run()


@dataclass(frozen=True, slots=True)
class _Label:
    """Choices for the first steps. ends: of those that a later step waits for, and last of all so far."""

    weighed_usd: Decimal
    cost_usd: Decimal
    ends: tuple[float, ...]
    choices: tuple[Choice, ...] = ()


class _Search:
    """Step by step; of choices that leave the later steps no better off than others do, none is followed."""

    def __init__(self, graph: Graph, deadline_hours: float | None, budget_usd: Decimal | None, value: Decimal) -> None:
        self._graph, self._deadline, self._budget, self._value = graph, deadline_hours, budget_usd, value
        self._ways = [_undominated(step.choices) for step in graph.sorted]
        self._rest_usd = [Decimal(0)]
        for ways in reversed(self._ways):
            self._rest_usd.insert(0, self._rest_usd[0] + min(c.cost_usd for c in ways))
        self._tails = graph.tails([min(c.hours for c in ways) for ways in self._ways])
        self._proven = True

    def run(self) -> Combination | None:
        labels = [_Label(Decimal(0), Decimal(0), (0.0,))]
        waited: tuple[int, ...] = ()
        for n in range(len(self._ways)):
            following = self._graph.waited_for(n)
            labels = self._kept([new for label in labels for new in self._grown(label, n, waited, following)])
            waited = following
        found = [self._graph.combination(label.choices, proven=self._proven) for label in labels]
        return min(found, key=self._rank, default=None)

    def _grown(self, label: _Label, n: int, waited: Sequence[int], following: Sequence[int]) -> Iterator[_Label]:
        """The label with each way of step n that may still keep the limits."""
        ends = dict(zip(waited, label.ends, strict=False))
        start = max((ends[m] for m in self._graph.after[n]), default=0.0)
        for choice in self._ways[n]:
            cost, end = label.cost_usd + choice.cost_usd, start + choice.hours
            if self._budget is not None and cost + self._rest_usd[n + 1] > self._budget:
                continue
            if self._deadline is not None and end + self._tails[n] > self._deadline + CLOSE_HOURS:
                continue
            now = ends | {n: end}
            kept = tuple(round(now[m], _DIGITS) for m in following)
            ends_now = (*kept, round(max(label.ends[-1], end), _DIGITS))
            yield _Label(label.weighed_usd + choice.weighed_usd, cost, ends_now, (*label.choices, choice))

    def _kept(self, labels: list[_Label]) -> list[_Label]:
        """Those that no other beats in cost and every end. Beyond so many the cheapest: then nothing is proven."""
        labels.sort(key=lambda o: (o.weighed_usd, o.cost_usd, o.ends, tuple(c.engine for c in o.choices)))
        kept: list[_Label] = []
        for label in labels:
            # Sorted, one that is kept already beats it if it costs no more and ends nothing later. The newest are the
            # likeliest.
            if not any(
                other.cost_usd <= label.cost_usd and all(map(le, other.ends, label.ends)) for other in reversed(kept)
            ):
                kept.append(label)
                if len(kept) == MOST_LABELS:
                    self._proven = False
                    break
        return kept

    def _rank(self, found: Combination) -> tuple[Decimal, float, tuple[str, ...]]:
        worth = sum((choice.weighed_usd for choice in found.choices), Decimal(0))
        if self._value:
            worth += self._value * Decimal(repr(found.hours))
        return worth, found.hours, found.engines


def _undominated(choices: Sequence[Choice]) -> list[Choice]:
    """Without those that another beats, whatever is wanted: no combination needs them."""
    return [
        c
        for c in choices
        if not any(o.weighed_usd < c.weighed_usd and o.cost_usd <= c.cost_usd and o.hours <= c.hours for o in choices)
    ]
