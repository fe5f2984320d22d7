"""The lines of a bill as rows: the same figures under the same names for a terminal, for files and for Dagster's pages.

Dollars keep all their digits in figures; what people read is rounded. Refuses to leave out where figures come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from engineshed.model.money import Basis
from engineshed.planning.showback import Sum, basis_text, share_text, total

SETTLED_BASES = (Basis.BILLED, Basis.METERED, Basis.ESTIMATED)
"""On what the cost of a settled attempt may stand, the surest first."""

_SUMMED = (
    "attempts", "failed", "unpriced", "hours", "compute_usd", "storage_usd", "surcharge_usd", "total_usd",
    "forecast_usd",
)  # fmt: skip

_HEAD = ("runs", "failed", "hours", "compute $", "storage $", "surcharge $", "total $", "basis")


def figures(line: Sum) -> Mapping[str, Decimal | float]:
    """All figures of a line by name: sums, then the dollars of the total that stand on each basis."""
    summed: dict[str, Decimal | float] = {name: getattr(line, name) for name in _SUMMED}
    return summed | {f"{basis}_usd": line.by_basis.get(str(basis), Decimal(0)) for basis in SETTLED_BASES}


def head(names: Sequence[str]) -> tuple[str, ...]:
    """The columns that people read, after those the bill is told by."""
    return (*names, *_HEAD)


def cells(line: Sum) -> tuple[str, ...]:
    """What stands in those columns, rounded for people."""
    counts = (count_text(line.attempts), count_text(line.failed), _rounded(line.hours))
    money = (line.compute_usd, line.storage_usd, line.surcharge_usd, line.total_usd)
    return (*line.of.values(), *counts, *map(money_text, money), basis_text(line))


def as_markdown(names: Sequence[str], lines: Sequence[Sum], *, most: int) -> str:
    """A table of the dearest `most` lines, a line for the rest where there is one, and the total."""
    columns = head(names)
    rule = ["---" if n < len(names) or n == len(columns) - 1 else "---:" for n in range(len(columns))]
    rows = [cells(line) for line in lines[:most]]
    for name, some in (("the rest", lines[most:]), ("**total**", lines)):
        if some:
            one = cells(total(some))
            rows.append((name, *[""] * (len(names) - 1), *one))
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in (columns, rule, *rows))


def unpriced_text(whole: Sum) -> str:
    """What the sum does not hold, in words; empty where it holds everything."""
    if not whole.unpriced:
        return ""
    return f"{count_text(whole.unpriced)} of {count_text(whole.attempts)} runs have no known cost and add nothing."


def shares_text(whole: Sum) -> str:
    """How many dollars stand on each basis, in words: `billed $400.00 (95 %), metered $19.30 (5 %)`."""
    parts = [(basis, whole.by_basis[str(basis)]) for basis in SETTLED_BASES if whole.by_basis.get(str(basis))]
    return ", ".join(f"{basis} ${money_text(usd)} ({share_text(usd, whole.total_usd)})" for basis, usd in parts)


def count_text(count: Decimal) -> str:
    """A count, of which a partition may have a part."""
    return f"{count:.2f}".rstrip("0").rstrip(".")


def money_text(usd: Decimal) -> str:
    """Dollars with cents; with four digits below one dollar."""
    return _rounded(usd)


def _rounded(figure: Decimal | float) -> str:
    return f"{figure:,.4f}" if 0 < abs(float(figure)) < 1 else f"{figure:,.2f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
