"""Leases with fencing numbers, and the counter of ordinals: what keeps two living bodies of one step from acting twice.

A lease ends only when another holder takes it or its own gives it up; being late alone loses nothing, so that a slow
holder that nobody replaced goes on. Expiry is judged by the caller's clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from engineshed.model.attempt import Lease
from engineshed.model.errors import LeaseLost, LedgerError
from engineshed.storage.ledger.schema import counters, leases
from engineshed.storage.ledger.statements import insert_or_pass

_NOBODY = ""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def acquire(connection: Connection, name: str, holder: str, *, now: datetime, ttl_s: float) -> Lease | None:
    """See Ledger.acquire."""
    if holder == _NOBODY:
        raise LedgerError(f"lease {name!r} was asked for by a holder without a name: name the body that asks.")
    row = lock(connection, name)
    if row.holder not in (_NOBODY, holder) and row.expires_at > now:
        return None
    epoch = row.epoch if row.holder == holder else row.epoch + 1
    return _store(connection, Lease(name, holder, epoch, now + timedelta(seconds=ttl_s)))


def held(connection: Connection, name: str, *, now: datetime) -> bool:
    """See Ledger.held."""
    row = connection.execute(select(leases).where(leases.c.name == name)).one_or_none()
    return row is not None and row.holder != _NOBODY and row.expires_at > now


def renew(connection: Connection, lease: Lease, *, now: datetime, ttl_s: float) -> Lease:
    """See Ledger.renew."""
    fence(connection, lease)
    return _store(connection, Lease(lease.name, lease.holder, lease.epoch, now + timedelta(seconds=ttl_s)))


def release(connection: Connection, lease: Lease) -> None:
    """See Ledger.release."""
    row = connection.execute(_locking(lease.name)).one_or_none()
    if row is not None and _holds(row, lease):
        _store(connection, Lease(lease.name, _NOBODY, lease.epoch, _LONG_AGO))


def fence(connection: Connection, lease: Lease) -> None:
    """Keep the lease from changing hands until the transaction ends. Raises LeaseLost where it has changed already."""
    row = connection.execute(_locking(lease.name)).one_or_none()
    if row is None or not _holds(row, lease):
        there = "it was given up" if row is None or row.holder == _NOBODY else f"{row.holder} holds epoch {row.epoch}"
        raise LeaseLost(
            f"lease {lease.name!r} epoch {lease.epoch} of {lease.holder} is lost, {there}: leave the work to others."
        )


def lock(connection: Connection, name: str) -> Row[Any]:
    """The row of that name, made where it is missing; others who lock it wait until the transaction ends."""
    row = connection.execute(_locking(name)).one_or_none()
    if row is not None:
        return row
    connection.execute(
        insert_or_pass(connection, leases).values(name=name, holder=_NOBODY, epoch=0, expires_at=_LONG_AGO)
    )
    return connection.execute(_locking(name)).one()


def next_number(connection: Connection, counter: str, *, at_least: int = 1, count: int = 1) -> int:
    """The first of `count` consecutive numbers never given before; others wait until the transaction ends."""
    query = select(counters.c.value).where(counters.c.name == counter).with_for_update()
    first = max(int(connection.execute(query).scalar_one()) + 1, at_least)
    connection.execute(update(counters).where(counters.c.name == counter).values(value=first + count - 1))
    return first


def _locking(name: str) -> Select[Any]:
    return select(leases).where(leases.c.name == name).with_for_update()


def _holds(row: Row[Any], lease: Lease) -> bool:
    return bool(row.epoch == lease.epoch and row.holder == lease.holder)


def _store(connection: Connection, lease: Lease) -> Lease:
    connection.execute(
        update(leases)
        .where(leases.c.name == lease.name)
        .values(holder=lease.holder, epoch=lease.epoch, expires_at=lease.expires_at)
    )
    return lease
