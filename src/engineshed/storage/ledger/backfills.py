"""Backfills: recorded once, moved on by compare-and-set, so that of two who saw the same state one moves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, select, update

from engineshed.model.backfill import Backfill, BackfillState, BackfillWork
from engineshed.storage.ledger.schema import backfills
from engineshed.storage.ledger.statements import insert_or_pass

_WORK: TypeAdapter[BackfillWork] = TypeAdapter(BackfillWork)
_TUPLES = ("failed", "skipped")
_OVER = [state.value for state in BackfillState if state.over]


def record(connection: Connection, backfill: Backfill) -> bool:
    """See Ledger.record_backfill."""
    return bool(connection.execute(insert_or_pass(connection, backfills).values(_row(backfill))).rowcount == 1)


def move(connection: Connection, after: Backfill) -> bool:
    """See Ledger.move_backfill."""
    same = (backfills.c.id == after.id, backfills.c.version == after.version)
    moved = update(backfills).where(*same).values(_row(after) | {"version": after.version + 1})
    return connection.execute(moved).rowcount == 1


def backfill(connection: Connection, id_: str) -> Backfill | None:
    """See Ledger.backfill."""
    row = connection.execute(select(backfills).where(backfills.c.id == id_)).mappings().one_or_none()
    return None if row is None else _of(row)


def listed(connection: Connection, code_location: str, *, over: bool) -> Sequence[Backfill]:
    """See Ledger.backfills."""
    query = select(backfills).where(backfills.c.code_location == code_location)
    if not over:
        query = query.where(backfills.c.state.not_in(_OVER))
    rows = connection.execute(query.order_by(backfills.c.submitted_at, backfills.c.id)).mappings()
    return [_of(row) for row in rows]


def _row(backfill: Backfill) -> dict[str, Any]:
    plain = {field.name: getattr(backfill, field.name) for field in fields(Backfill)}
    work: Any = _WORK.dump_python(backfill.work, mode="json")
    own = {"team": backfill.work.team, "code_location": backfill.work.code_location, "work": work}
    return plain | own | {"state": backfill.state.value} | {name: list(plain[name]) for name in _TUPLES}


def _of(row: RowMapping) -> Backfill:
    plain: dict[str, Any] = {field.name: row[backfills.c[field.name]] for field in fields(Backfill)}
    plain |= {"work": _WORK.validate_python(plain["work"]), "state": BackfillState(plain["state"])}
    return Backfill(**plain | {name: tuple(plain[name]) for name in _TUPLES})
