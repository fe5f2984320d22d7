"""What a table of past runs says: every combination of engines, which are worth a thought, which is chosen."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from engineshed.planning.comparing import combinations, dominated, pareto, tied
from engineshed.planning.dag import CLOSE_HOURS, Combination, Step, best
from engineshed.planning.past_table import read_rows, steps_of

MOST = 4096
"""Beyond so many combinations only those that nothing beats are listed."""


_WIDTH = 120
"""Columns of a table that goes into a file or a pipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is wanted of the plan."""

    deadline_hours: float | None
    budget_usd: Decimal | None
    value_usd_per_hour: Decimal

    def keeps(self, one: Combination) -> bool:
        """Whether it keeps deadline and budget."""
        in_time = self.deadline_hours is None or one.hours <= self.deadline_hours + CLOSE_HOURS
        return in_time and (self.budget_usd is None or one.cost_usd <= self.budget_usd)


def print_history(text: str, source: str, wanted: History, *, as_json: bool) -> int:
    """Plan from the table and print. The exit code is 1 where nothing keeps deadline and budget."""
    steps = steps_of(read_rows(text, source), source)
    found = combinations(steps, MOST)
    listed = found if found is not None else list(pareto(steps))
    chosen = best(
        steps,
        deadline_hours=wanted.deadline_hours,
        budget_usd=wanted.budget_usd,
        value_usd_per_hour=wanted.value_usd_per_hour,
    )
    ties = _ties(chosen, listed, wanted)
    fastest = _fastest(listed, wanted.budget_usd)
    if as_json:
        plain = {
            "steps": [step.name for step in steps],
            "chosen": None if chosen is None else _plain(chosen, listed),
            "fastest": None if fastest is None else _plain(fastest, listed),
            "ties": [list(c.engines) for c in ties],
            "complete": found is not None,
            "plans": [_plain(c, listed) for c in listed],
        }
        click.echo(json.dumps(plain, indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else _WIDTH).print(_table(steps, listed, chosen, ties, source))
        click.echo(_words(chosen, fastest, listed, wanted))
    return 0 if chosen is not None else 1


def _ties(chosen: Combination | None, listed: Sequence[Combination], wanted: History) -> list[Combination]:
    """Those that serve as well as the chosen one, as far as the table tells; what another beats does not."""
    if chosen is None:
        return []
    return [
        c
        for c in listed
        if c.engines != chosen.engines
        and wanted.keeps(c)
        and tied(chosen, c, value_usd_per_hour=wanted.value_usd_per_hour)
        and not dominated(c, listed)
    ]


def _fastest(listed: Sequence[Combination], budget_usd: Decimal | None) -> Combination | None:
    affordable = [c for c in listed if budget_usd is None or c.cost_usd <= budget_usd]
    return min(affordable, key=lambda c: (c.hours, c.cost_usd, c.engines), default=None)


def _plain(one: Combination, listed: Sequence[Combination]) -> dict[str, Any]:
    return {
        "plan": list(one.engines),
        "cost_usd": float(one.cost_usd),
        "hours": round(one.hours, 6),
        "dominated": dominated(one, listed),
    }


def _table(
    steps: Sequence[Step],
    listed: Sequence[Combination],
    chosen: Combination | None,
    ties: Sequence[Combination],
    source: str,
) -> Table:
    table = Table(title=f"{len(listed)} plans from {source}", title_justify="left")
    for step in steps:
        table.add_column(step.name, no_wrap=True)
    for column in ("dollars", "hours"):
        table.add_column(column, justify="right")
    table.add_column("")
    for one in listed:
        table.add_row(*one.engines, f"{one.cost_usd:.2f}", f"{one.hours:.2f}", _mark(one, listed, chosen, ties))
    return table


def _mark(
    one: Combination, listed: Sequence[Combination], chosen: Combination | None, ties: Sequence[Combination]
) -> str:
    if chosen is not None and one.engines == chosen.engines:
        return "chosen"
    if dominated(one, listed):
        return "dominated"
    return "tie" if one in ties else ""


def _words(
    chosen: Combination | None, fastest: Combination | None, listed: Sequence[Combination], wanted: History
) -> str:
    if chosen is None:
        least = min(c.cost_usd for c in listed)
        soonest = min(c.hours for c in listed)
        return (
            f"No plan keeps this deadline and budget: the cheapest costs ${least:.2f}, the fastest takes "
            f"{soonest:.2f} h. Give more of either."
        )
    said = f"Chosen: {_said(chosen)}"
    said += "." if chosen.proven else " (the best found; the search was cut short)."
    if wanted.budget_usd is not None and fastest is not None:
        said += f" Fastest within the budget: {_said(fastest)}."
    return said


def _said(one: Combination) -> str:
    return f"{', '.join(one.engines)} for ${one.cost_usd:.2f} in {one.hours:.2f} h"
