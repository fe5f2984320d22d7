"""Facts: appended once by identity, and read in an order in which nothing turns up behind a reader.

A row's id is given when it is inserted, but the row shows only when its transaction commits, so on PostgreSQL a
lower id may appear after a higher one and a reader that remembers ids would miss it. Facts are therefore read
by a second number, the position, that the first reader to see a row gives it under a lock: positions never
appear out of order, and writers never wait for one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, select, update

from engineshed.model.fact import Fact
from engineshed.storage.ledger import rows
from engineshed.storage.ledger.leases import next_number
from engineshed.storage.ledger.schema import POSITIONS, facts
from engineshed.storage.ledger.statements import insert_or_pass

_ROWS_A_STATEMENT = 500  # SQLite takes at most 32,766 parameters a statement, a row has six


def append(connection: Connection, new: Iterable[Fact]) -> int:
    """See Ledger.append."""
    added = 0
    for chunk in _chunks(new):
        added += connection.execute(insert_or_pass(connection, facts).values(chunk)).rowcount
    return added


def placed(connection: Connection, after: int, limit: int) -> list[tuple[int, Fact]]:
    """Facts that have a position after `after`, by position."""
    query = select(facts).where(facts.c.position > after).order_by(facts.c.position).limit(limit)
    return [(row[facts.c.position], rows.fact_of(row)) for row in connection.execute(query).mappings()]


def unplaced(connection: Connection) -> bool:
    """Whether a committed fact waits for its position."""
    return connection.execute(select(facts.c.id).where(facts.c.position.is_(None)).limit(1)).first() is not None


def place(connection: Connection, limit: int) -> None:
    """Give positions to at most `limit` facts, oldest id first."""
    # The counter is locked before the facts are looked at: whoever waited for it sees what the one before has placed.
    first = next_number(connection, POSITIONS, count=0)
    ranked = (
        select(facts.c.id, (func.row_number().over(order_by=facts.c.id) + (first - 1)).label("position"))
        .where(facts.c.position.is_(None))
        .order_by(facts.c.id)
        .limit(limit)
        .subquery()
    )
    given = connection.execute(update(facts).where(facts.c.id == ranked.c.id).values(position=ranked.c.position))
    next_number(connection, POSITIONS, count=given.rowcount)


def _chunks(new: Iterable[Fact]) -> Iterator[list[dict[str, Any]]]:
    row_iterator = (rows.fact_row(fact) for fact in new)
    while chunk := list(islice(row_iterator, _ROWS_A_STATEMENT)):
        yield chunk
