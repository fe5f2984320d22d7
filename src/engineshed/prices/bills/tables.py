"""Rows of a CSV or Parquet file with the place of each cell, so that a refusal names what is wrong.

Refuses a file it does not understand as a whole: a bill of which half was read would look like a small bill.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from engineshed.model.errors import SettingInvalid

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_MOST = Decimal(10) ** 12
_OLDEST_DAYS = 3660
_UNREADABLE = (OSError, EOFError, ValueError, OverflowError, zlib.error, csv.Error, pa.ArrowException)
_TOO_FEW: Any = object()


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `place` is its line in a text file, or its number, from 1, in a Parquet file."""

    cells: Mapping[str, Any]
    source: str
    place: str

    def text(self, column: str) -> str:
        """The cell as text, empty where there is none. Raises SettingInvalid."""
        return self.word(column, self.cells.get(column))

    def word(self, column: str, value: object) -> str:
        """The value as text that any database takes, empty for none. Raises SettingInvalid."""
        text = "" if value is None else str(value).strip()
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
            self.wrong(column, "holds letters that are no text")
        return text

    def amount(self, column: str) -> Decimal:
        """An exact number, negative ones included. Raises SettingInvalid."""
        return self.number(column, self.text(column))

    def number(self, column: str, text: str) -> Decimal:
        """What the text says, exactly. Raises SettingInvalid."""
        if not _NUMBER.fullmatch(text):
            self.wrong(column, f"{text[:40]!r} is no number" if text else "is empty")
        number = Decimal(text)
        return number if abs(number) < _MOST else self.wrong(column, f"{text[:40]} is no amount of a bill")

    def moment(self, column: str) -> datetime:
        """A time in UTC; one without a zone is in UTC already, as vendors write them. Raises SettingInvalid."""
        value = self.cells.get(column)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        try:
            if not isinstance(value, datetime):
                value = datetime.fromisoformat(self.text(column).replace("Z", "+00:00"))
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except (ValueError, OverflowError):
            self.wrong(column, f"{self.text(column)[:40]!r} is no time: write 2026-11-05, or 2026-11-05 13:00:00")

    def day(self, column: str, exported_at: datetime) -> date:
        """A day of which an export of that moment can tell. Raises SettingInvalid."""
        day = self.moment(column).date()
        if not 0 <= (exported_at.date() - day).days <= _OLDEST_DAYS:
            self.wrong(
                column, f"{day} is no day of an export made at {exported_at:%Y-%m-%d %H:%M} UTC (see --exported)"
            )
        return day

    def mapping(self, column: str) -> dict[str, Any]:
        """A map or struct: of Parquet as it is, of CSV from JSON; empty where there is none. Raises SettingInvalid."""
        value = self.cells.get(column)
        try:
            if isinstance(value, str):
                value = json.loads(value) if value.strip() else None
            elif isinstance(value, list):
                value = dict(value)
        except (ValueError, TypeError, RecursionError):
            self.wrong(column, "holds no JSON")
        return value or {} if isinstance(value, dict | None) else self.wrong(column, "holds no map")

    def wrong(self, column: str, fact: str) -> NoReturn:
        """Refuse the file for this cell."""
        raise SettingInvalid(
            f"{self.source}, {self.place}, column {column}: {fact}; nothing was imported. Export the file again, "
            "or mend the cell."
        )


def header_of(path: Path) -> tuple[str, ...]:
    """The names of the columns. Raises SettingInvalid where the file cannot be read or names a column twice."""
    try:
        names = tuple(pq.read_schema(path).names if _is_parquet(path) else _csv(path).fieldnames or ())
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SettingInvalid(f"{path} has several columns {', '.join(twice)}; nothing was imported. Keep one of each.")
    return names


def rows_of(path: Path) -> Iterator[Row]:
    """The rows. Raises SettingInvalid where the file cannot be read, or a row has more or fewer cells than columns."""
    try:
        for place, cells in _parquet_rows(path) if _is_parquet(path) else _csv_rows(path):
            if None in cells or _TOO_FEW in cells.values():
                raise SettingInvalid(
                    f"{path.name}, {place}: has not as many cells as the header has columns; nothing was imported. "
                    "Export the file again, or mend the line."
                )
            yield Row(cells, path.name, place)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[Any, Any]]]:
    number = 0
    for batch in pq.ParquetFile(path).iter_batches():
        for cells in batch.to_pylist():
            number += 1
            yield f"row {number}", cells


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[Any, Any]]]:
    table = _csv(path)
    read = table.line_num
    for cells in table:
        yield f"line {read + 1}", cells
        read = table.line_num


def _csv(path: Path) -> csv.DictReader[Any]:
    """With its header read."""
    table: csv.DictReader[Any] = csv.DictReader(io.StringIO(_text(path)), strict=True, restval=_TOO_FEW)
    _ = table.fieldnames
    return table


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _text(path: Path) -> str:
    content = path.read_bytes()
    return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig")


def _unreadable(path: Path, error: Exception) -> SettingInvalid:
    return SettingInvalid(f"{path} cannot be read ({error}); nothing was imported. Give CSV, gzipped CSV or Parquet.")
