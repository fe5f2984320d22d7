"""Rows of a CSV or Parquet file with the place of each cell, so that a refusal names what is wrong.

Refuses a file it does not understand as a whole: a bill of which half was read would look like a small bill.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from engineshed.model.errors import SettingInvalid


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` counts from 1, without the header."""

    cells: Mapping[str, Any]
    source: str
    number: int

    def text(self, column: str) -> str:
        """The cell as text, empty where there is none."""
        value = self.cells.get(column)
        return "" if value is None else str(value).strip()

    def amount(self, column: str) -> Decimal:
        """An exact number, negative ones included. Raises SettingInvalid."""
        try:
            number = Decimal(self.text(column))
        except InvalidOperation:
            self.wrong(column, f"{self.text(column)!r} is no number")
        if not number.is_finite():
            self.wrong(column, f"{self.text(column)!r} is no amount")
        return number

    def moment(self, column: str) -> datetime:
        """A time in UTC; one without a zone is in UTC already, as vendors write them. Raises SettingInvalid."""
        value = self.cells.get(column)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if not isinstance(value, datetime):
            try:
                value = datetime.fromisoformat(self.text(column).replace("Z", "+00:00"))
            except ValueError:
                self.wrong(column, f"{self.text(column)!r} is no time")
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def mapping(self, column: str) -> dict[str, Any]:
        """A map or struct: of Parquet as it is, of CSV from JSON; empty where there is none. Raises SettingInvalid."""
        value = self.cells.get(column)
        if isinstance(value, str) and value.strip():
            try:
                value = json.loads(value)
            except ValueError:
                self.wrong(column, "holds no JSON")
        if isinstance(value, list):
            value = dict(value)
        if value in (None, ""):
            return {}
        return value if isinstance(value, dict) else self.wrong(column, "holds no map")

    def wrong(self, column: str, fact: str) -> NoReturn:
        """Refuse the file for this cell."""
        raise SettingInvalid(
            f"{self.source}, row {self.number}, column {column}: {fact}; nothing was imported. Export the file again, "
            "or mend the cell."
        )


def header_of(path: Path) -> tuple[str, ...]:
    """The names of the columns. Raises SettingInvalid where the file cannot be read."""
    try:
        if _is_parquet(path):
            return tuple(pq.read_schema(path).names)
        return tuple(csv.DictReader(io.StringIO(_text(path)), strict=True).fieldnames or ())
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def rows_of(path: Path) -> Iterator[Row]:
    """The rows. Raises SettingInvalid where the file cannot be read, or a row has more or fewer cells than columns."""
    try:
        for number, cells in enumerate(_parquet_rows(path) if _is_parquet(path) else _csv_rows(path), start=1):
            row = Row(cells, path.name, number)
            if None in cells or ... in cells.values():
                row.wrong("-", "has not as many cells as the header has columns")
            yield row
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _parquet_rows(path: Path) -> Iterator[dict[Any, Any]]:
    for batch in pq.ParquetFile(path).iter_batches():
        yield from batch.to_pylist()


def _csv_rows(path: Path) -> Iterator[dict[Any, Any]]:
    yield from csv.DictReader(io.StringIO(_text(path)), strict=True, restval=...)  # type: ignore[call-overload]


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _text(path: Path) -> str:
    content = path.read_bytes()
    return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig")


def _unreadable(path: Path, error: Exception) -> SettingInvalid:
    return SettingInvalid(f"{path} cannot be read ({error}); nothing was imported. Give CSV, gzipped CSV or Parquet.")
