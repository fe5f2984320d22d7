"""All combinations of a table's steps side by side: which are dominated, and which cannot be told apart. Pure.

Refuses to list what nobody could read: beyond a limit there are only those that nothing beats.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice, product

from engineshed.planning.dag import CLOSE_HOURS, Combination, Graph, Step, best
from engineshed.planning.forecast import INTERVAL


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
        found = best(steps, deadline_hours=found.hours * (1 - CLOSE_HOURS) - CLOSE_HOURS)


def dominated(one: Combination, others: Sequence[Combination]) -> bool:
    """Whether another is cheaper and not slower, or faster and not dearer."""
    return any(
        o.cost_usd <= one.cost_usd
        and o.hours <= one.hours + CLOSE_HOURS
        and (o.cost_usd < one.cost_usd or o.hours < one.hours - CLOSE_HOURS)
        for o in others
    )


def tied(one: Combination, other: Combination, *, value_usd_per_hour: Decimal = Decimal(0)) -> bool:
    """Whether their costs, with the hours at their value, differ by no more than the errors of the steps in which they
    differ.
    """
    value = float(value_usd_per_hour)
    apart = [c for pair in zip(one.choices, other.choices, strict=True) if pair[0] != pair[1] for c in pair]
    error = math.hypot(*((float(c.cost_usd) + value * c.hours) * c.error for c in apart))
    return abs(float(one.cost_usd - other.cost_usd) + value * (one.hours - other.hours)) <= INTERVAL * error
