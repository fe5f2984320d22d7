"""A plain CSV or Parquet table, for own clusters and for whatever else sends a bill.

| column | |
|---|---|
| `account`, `day`, `part`, `cost_usd` | needed; part is compute, storage or surcharge |
| `currency` | where it is there, USD |
| `token` | the attempt; or |
| `engine`, `run_id` | the run's own id there |
| `what` | in words; two lines that agree in everything but the cost are two lines |
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from engineshed.model.billing import BillLine, Part
from engineshed.prices.bills.tables import Row, rows_of

NEEDED = ("account", "day", "part", "cost_usd")
_TELLING = ("part", "token", "engine", "run_id", "what")


def read(path: Path, exported_at: datetime) -> Iterable[BillLine]:
    """The lines. Raises SettingInvalid."""
    for row in rows_of(path):
        if row.text("currency") not in ("", "USD"):
            row.wrong("currency", f"is {row.text('currency')!r}, the ledger keeps dollars")
        yield BillLine(
            account=row.text("account") or row.wrong("account", "is empty"),
            day=row.day("day", exported_at),
            identity="|".join(row.text(column) for column in _TELLING),
            part=_part(row),
            usd=row.amount("cost_usd"),
            what=row.text("what") or row.text("part"),
            token=row.text("token"),
            engine=row.text("engine"),
            run_id=row.text("run_id"),
        )


def _part(row: Row) -> Part:
    try:
        return Part(row.text("part"))
    except ValueError:
        row.wrong("part", f"is {row.text('part')!r}, not one of {', '.join(Part)}")
