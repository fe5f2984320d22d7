"""Files of one export, told apart by their columns. Files that overlap give each line once.

Refuses days that no bill can tell of: those after the export was made, and those of more than ten years before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from engineshed.model.billing import BillExport, BillLine
from engineshed.model.errors import SettingInvalid
from engineshed.prices.bills import aws, databricks, plain
from engineshed.prices.bills.tables import header_of

_FINEST = Decimal("1E-12")
"""To what a charge is rounded: finer digits would be lost in sums of many."""


def read_export(paths: Sequence[Path], exported_at: datetime) -> BillExport:
    """All files as one export. Raises SettingInvalid naming file, row and column; then nothing was read."""
    kinds = {path: _kind(path) for path in paths}
    prices = databricks.read_prices(path for path, kind in kinds.items() if kind == "prices")
    lines: dict[tuple[object, ...], BillLine] = {}
    for path, kind in kinds.items():
        if kind != "prices":
            read = partial(databricks.read, prices=prices) if kind == "usage" else _READERS[kind]
            _add(lines, _told_apart(map(_rounded, read(path, exported_at))), path)
    return BillExport(
        exported_at=exported_at, source=", ".join(path.name for path in kinds), lines=tuple(lines.values())
    )


_READERS = {"aws": aws.read, "plain": plain.read}
_COLUMNS = {
    "aws": aws.NEEDED,
    "usage": databricks.NEEDED,
    "prices": databricks.PRICES_NEEDED,
    "plain": plain.NEEDED,
}


def _kind(path: Path) -> str:
    header = header_of(path)
    for kind, needed in _COLUMNS.items():
        if set(needed) <= set(header):
            return kind
    nearest = max(_COLUMNS.values(), key=lambda needed: len(set(needed) & set(header)) / len(needed))
    lacking = ", ".join(sorted(set(nearest) - set(header))) if set(nearest) & set(header) else "all columns of one"
    raise SettingInvalid(
        f"{path.name} is no export that is known here: it lacks {lacking}. Export these columns too (docs/costs.md); "
        "nothing was imported."
    )


def _rounded(line: BillLine) -> BillLine:
    return replace(line, usd=line.usd.quantize(_FINEST)) if line.usd % _FINEST else line


def _told_apart(found: Iterable[BillLine]) -> Iterator[BillLine]:
    """Lines of one file that read alike are several charges: they are numbered."""
    seen: dict[tuple[object, ...], int] = {}
    for line in found:
        number = seen[_key(line)] = seen.get(_key(line), 0) + 1
        yield line if number == 1 else replace(line, identity=f"{line.identity}|{number}")


def _add(lines: dict[tuple[object, ...], BillLine], found: Iterable[BillLine], path: Path) -> None:
    for line in found:
        there = lines.setdefault(_key(line), line)
        if there != line:
            raise SettingInvalid(
                f"{path.name} says ${line.usd} for {line.what} of {line.day} where another file of the same export "
                f"says ${there.usd}: import them one after the other, each with its --exported."
            )


def _key(line: BillLine) -> tuple[object, ...]:
    return line.account, line.day, line.identity
