"""Attempts: written before they are submitted, settled once, never deleted.

Refuses a second live attempt of one key, a second run under one token, and every write whose lease is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, insert, or_, select, update

from engineshed.model.attempt import Attempt, Lease, Settlement
from engineshed.model.budget import Terms
from engineshed.model.errors import LedgerError
from engineshed.model.history import PastRun
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, Launch, LaunchKey, Token
from engineshed.model.spending import Spending
from engineshed.storage.ledger import rows
from engineshed.storage.ledger.budgets import admit
from engineshed.storage.ledger.leases import fence
from engineshed.storage.ledger.schema import billings, intents, launches, settlements
from engineshed.storage.ledger.statements import insert_or_pass

_RUN_PREFIX_LENGTH = 8


def record_intent(connection: Connection, intent: Intent, lease: Lease, terms: Terms | None = None) -> None:
    """See Ledger.record_intent. The same intent again is no error: the reply to the first call may have been lost."""
    fence(connection, lease)
    if terms is not None and attempt(connection, intent.token) is None:
        admit(connection, intent, terms)
    # Passing over takes the database's own word for whose row came first, also when two leases race.
    if connection.execute(insert_or_pass(connection, intents).values(rows.intent_row(intent))).rowcount == 1:
        return
    there = attempt(connection, intent.token)
    if there is not None and there.live and there.intent.created_at == intent.created_at:
        return
    live = _attempts(connection, intents.c.key_digest == intent.key.digest, intents.c.live)
    if live:
        raise LedgerError(
            f"step {intent.key.step_key!r} of run {intent.key.root_run_id} has the live attempt "
            f"{live[0].intent.token} on {live[0].intent.engine}: watch or settle it before another is submitted."
        )
    raise LedgerError(
        f"ordinal {intent.ordinal} (token {intent.token}) was used before: take a new one from next_ordinal."
    )


def record_launch(connection: Connection, launch: Launch, lease: Lease) -> None:
    """See Ledger.record_launch."""
    fence(connection, lease)
    there = _known(connection, launch.token)
    if there.launch is None:
        connection.execute(insert(launches).values(rows.launch_row(launch)))
    elif (there.launch.engine, there.launch.native_id) != (launch.engine, launch.native_id):
        raise LedgerError(
            f"token {launch.token} is already run {there.launch.native_id} on {there.launch.engine}, "
            f"now {launch.native_id} on {launch.engine} claims it: end the second, one token is one run."
        )


def save_cursor(connection: Connection, token: Token, cursor: str, lease: Lease) -> None:
    """See Ledger.save_cursor."""
    fence(connection, lease)
    if connection.execute(update(intents).where(intents.c.token == token).values(cursor=cursor)).rowcount == 0:
        raise _unknown(token)


def settle(connection: Connection, token: Token, settlement: Settlement, lease: Lease) -> Attempt:
    """See Ledger.settle."""
    fence(connection, lease)
    there = _known(connection, token)
    if not there.live:
        return there
    connection.execute(insert(settlements).values(rows.settlement_row(token, settlement)))
    connection.execute(update(intents).where(intents.c.token == token).values(live=False))
    return _known(connection, token)


def attempt(connection: Connection, token: Token) -> Attempt | None:
    """See Ledger.attempt."""
    found = _attempts(connection, intents.c.token == token)
    return found[0] if found else None


def attempts(connection: Connection, key: LaunchKey) -> Sequence[Attempt]:
    """See Ledger.attempts."""
    return _attempts(connection, intents.c.key_digest == key.digest)


def live_attempts(connection: Connection) -> Sequence[Attempt]:
    """See Ledger.live_attempts."""
    return _attempts(connection, intents.c.live)


def attempts_of_run(connection: Connection, run_id: str) -> Sequence[Attempt]:
    """See Ledger.attempts_of_run."""
    return _attempts(connection, or_(_is_run(intents.c.run_id, run_id), _is_run(settlements.c.run_id, run_id)))


def attempts_of_backfill(connection: Connection, id_: str) -> Sequence[Attempt]:
    """See Ledger.attempts_of_backfill."""
    return _attempts(connection, intents.c.backfill == id_)


def past_runs(connection: Connection, job: str, mode: Mode, limit: int) -> Sequence[PastRun]:
    """See Ledger.past_runs. Leaves out what says nothing about the next run: never submitted, or its cost not known."""
    query = (
        select(intents, launches.c.submitted_at, settlements, billings)
        .select_from(
            intents.join(launches, launches.c.token == intents.c.token)
            .join(settlements, settlements.c.token == intents.c.token)
            .outerjoin(billings, billings.c.token == intents.c.token)
        )
        .where(intents.c.job == job, intents.c.mode == mode.value)
        .where(or_(settlements.c.cost_basis.is_not(None), billings.c.token.is_not(None)))
        .order_by(settlements.c.settled_at.desc(), intents.c.ordinal.desc())
        .limit(limit)
    )
    return [rows.past_run_of(row) for row in connection.execute(query).mappings()]


def spendings(connection: Connection, start: datetime, end: datetime) -> Sequence[Spending]:
    """See Ledger.spendings."""
    query = (
        select(*rows.SPENDING_COLUMNS)
        .select_from(
            intents.join(settlements, settlements.c.token == intents.c.token).outerjoin(
                billings, billings.c.token == intents.c.token
            )
        )
        .where(settlements.c.settled_at >= start, settlements.c.settled_at < end)
        .order_by(settlements.c.settled_at, intents.c.ordinal)
    )
    return [rows.spending_of(row) for row in connection.execute(query).mappings()]


def _attempts(connection: Connection, *conditions: ColumnElement[bool]) -> list[Attempt]:
    query: Select[Any] = (
        select(intents, launches, settlements)
        .select_from(
            intents.outerjoin(launches, launches.c.token == intents.c.token).outerjoin(
                settlements, settlements.c.token == intents.c.token
            )
        )
        .where(*conditions)
        .order_by(intents.c.ordinal)
    )
    return [rows.attempt_of(row) for row in connection.execute(query).mappings()]


def _known(connection: Connection, token: Token) -> Attempt:
    found = attempt(connection, token)
    if found is None:
        raise _unknown(token)
    return found


def _unknown(token: Token) -> LedgerError:
    return LedgerError(f"the ledger has no intent with token {token}: record the intent before the submit.")


def _is_run(column: ColumnElement[str], run_id: str) -> ColumnElement[bool]:
    if len(run_id) < _RUN_PREFIX_LENGTH:
        return column == run_id
    # Not LIKE: SQLite's ignores case, and both read `_` as a wildcard.
    return func.substr(column, 1, len(run_id)) == run_id
