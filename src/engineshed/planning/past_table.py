"""A table of past runs, from any source, as steps with their ways: what `engineshed plan --history` plans from.

| column | |
|---|---|
| `step`, `engine`, `hours`, `cost_usd` | needed |
| `run` | which rows belong together; says nothing to the plan |
| `outcome` | `succeeded` (also where it is empty) or `failed`: a failed attempt counts as burnt, not as a run |
| `input_bytes` | hours and dollars are scaled to the largest input of the step |
| `compute_usd`, `storage_usd`, `surcharge_usd` | the parts of `cost_usd`; given together they must add up to it |
| `after` | steps that it waits for, apart by `;`; without the column each step waits for the one before |

Steps are in the order in which they first appear. Refuses whatever it does not understand, by line and column, instead
of planning from half a table.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from statistics import median

from engineshed.model.errors import SettingInvalid
from engineshed.planning.dag import Choice, Graph, Step

_NEEDED = ("step", "engine", "hours", "cost_usd")
_PARTS = ("compute_usd", "storage_usd", "surcharge_usd")
_KNOWN = (*_NEEDED, "run", "outcome", "input_bytes", "after", *_PARTS)
_OUTCOMES = ("succeeded", "failed")

_MOST = 10**18
"""No hours, dollars or bytes of a run are more."""

_BELIEVED = 0.25
"""Standard deviation of ln(dollars) of one run, as long as few are known; see `forecast`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run of one step."""

    step: str
    engine: str
    hours: float
    cost_usd: Decimal
    good: bool = True
    input_bytes: int | None = None
    after: tuple[str, ...] | None = None


def read_rows(text: str, source: str) -> list[Row]:
    """The rows of a CSV table with a header. Raises SettingInvalid naming source, line, column and what is allowed."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        header = list(reader.fieldnames or ())
        _check_header(header, source)
        rows = [_row(_Cells(plain, source, reader.line_num)) for plain in reader]
    except csv.Error as error:
        raise SettingInvalid(f"{source}, line {reader.reader.line_num}: no CSV ({error}).") from None
    if not rows:
        raise SettingInvalid(f"{source} has no rows: give at least one past run.")
    return rows


def steps_of(rows: Sequence[Row], source: str) -> list[Step]:
    """The steps and their ways: medians by engine, with what failed attempts add. Raises SettingInvalid."""
    names = list(dict.fromkeys(row.step for row in rows))
    chained = all(row.after is None for row in rows)
    steps: list[Step] = []
    for n, name in enumerate(names):
        own = [row for row in rows if row.step == name]
        choices = tuple(c for engine in sorted({r.engine for r in own}) if (c := _choice(own, engine)) is not None)
        if not choices:
            raise SettingInvalid(
                f"{source}: step {name!r} never succeeded on any engine: there is nothing to plan from."
            )
        after = tuple(names[n - 1 : n]) if chained else tuple(dict.fromkeys(a for r in own for a in r.after or ()))
        steps.append(Step(name=name, choices=choices, after=after))
    try:
        Graph(steps)
    except SettingInvalid as error:
        raise SettingInvalid(f"{source}, column after: {error}") from None
    return steps


def _choice(rows: Sequence[Row], engine: str) -> Choice | None:
    largest = max((row.input_bytes or 0 for row in rows), default=0)
    own = [row for row in rows if row.engine == engine]
    good = [(row, _scale(row, largest)) for row in own if row.good]
    if not good:
        return None
    hours, usd = median(r.hours * s for r, s in good), median(r.cost_usd * Decimal(repr(s)) for r, s in good)
    # What the failed have burnt is shared by those that succeeded: each success took so many failures.
    bad = [row for row in own if not row.good]
    hours += sum(r.hours * _scale(r, largest) for r in bad) / len(good)
    usd += sum((r.cost_usd * Decimal(repr(_scale(r, largest))) for r in bad), Decimal(0)) / len(good)
    return Choice(engine=engine, cost_usd=usd, hours=hours, error=_error([float(r.cost_usd) * s for r, s in good]))


def _scale(row: Row, largest: int) -> float:
    return largest / row.input_bytes if largest and row.input_bytes else 1.0


def _error(costs: Sequence[float]) -> float:
    logs = [math.log(max(cost, 1e-9)) for cost in costs]
    middle, known = median(logs), len(logs) - 1
    scatter = 1.4826 * median(abs(log - middle) for log in logs)
    return math.sqrt((known * scatter**2 + 2 * _BELIEVED**2) / (known + 2)) / math.sqrt(len(logs))


@dataclass(frozen=True, slots=True)
class _Cells:
    plain: dict[str | None, str | list[str] | None]
    source: str
    line: int

    def text(self, column: str) -> str:
        return str(self.plain.get(column) or "").strip()

    def needed(self, column: str) -> str:
        return self.text(column) or self.wrong(column, "is empty", "fill it in")

    def number(self, column: str) -> Decimal:
        said = self.needed(column)
        try:
            number = Decimal(said)
        except InvalidOperation:
            self.wrong(column, f"{said!r} is no number", "write it as 402.54")
        if not number.is_finite() or not 0 <= number <= _MOST:
            self.wrong(column, f"is {said}", f"give a number from 0 to {_MOST:,}")
        return number

    def wrong(self, column: str, fact: str, remedy: str) -> str:
        raise SettingInvalid(f"{self.source}, line {self.line}, column {column}: {fact}; {remedy}.")


def _check_header(header: Sequence[str], source: str) -> None:
    if missing := [name for name in _NEEDED if name not in header]:
        raise SettingInvalid(
            f"{source}, line 1: the columns {', '.join(missing)} are missing; there are {', '.join(header) or 'none'}."
        )
    if unknown := [name for name in header if name not in _KNOWN]:
        raise SettingInvalid(f"{source}, line 1: unknown columns {', '.join(unknown)}; known are {', '.join(_KNOWN)}.")
    if doubled := sorted({name for name in header if header.count(name) > 1}):
        raise SettingInvalid(f"{source}, line 1: the columns {', '.join(doubled)} are there twice.")


def _row(cells: _Cells) -> Row:
    if None in cells.plain:
        cells.wrong("(beyond the last)", "more cells than the header has columns", "quote cells that hold commas")
    outcome = cells.text("outcome") or _OUTCOMES[0]
    if outcome not in _OUTCOMES:
        cells.wrong("outcome", f"is {outcome!r}", f"give {' or '.join(_OUTCOMES)}")
    cost = cells.number("cost_usd")
    _check_parts(cells, cost)
    return Row(
        step=cells.needed("step"),
        engine=cells.needed("engine"),
        hours=float(cells.number("hours")),
        cost_usd=cost,
        good=outcome == _OUTCOMES[0],
        input_bytes=int(cells.number("input_bytes")) if cells.text("input_bytes") else None,
        after=_names(cells.text("after")) if "after" in cells.plain else None,
    )


def _check_parts(cells: _Cells, cost: Decimal) -> None:
    given = [name for name in _PARTS if cells.text(name)]
    if len(given) == len(_PARTS):
        total = sum((cells.number(name) for name in _PARTS), Decimal(0))
        if total != cost:
            cells.wrong("cost_usd", f"is {cost}, but its parts add up to {total}", "mend one of them")


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


def joined(rows: Iterable[Row]) -> Decimal:
    """All dollars of the table."""
    return sum((row.cost_usd for row in rows), Decimal(0))
