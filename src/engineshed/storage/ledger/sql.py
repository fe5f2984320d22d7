"""The ledger on a SQL database: one transaction a call, and nothing kept in memory between calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from engineshed.model.attempt import Attempt, Lease, Settlement
from engineshed.model.backfill import Backfill
from engineshed.model.billing import BillExport, Imported
from engineshed.model.budget import Account, Room, Standing, Terms
from engineshed.model.fact import Fact
from engineshed.model.history import PastRun
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, Launch, LaunchKey, Token
from engineshed.model.spending import Spending
from engineshed.storage.ledger import attempts, backfills, bills, budgets, facts, leases
from engineshed.storage.ledger.backup import backup
from engineshed.storage.ledger.database import Database
from engineshed.storage.ledger.schema import ORDINALS, REVISION
from engineshed.storage.ledger.upgrade import upgrade


def open_ledger(url: str, *, patience_s: float = 30.0) -> SqlLedger:
    """The ledger at `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`, made or migrated where needed.

    patience_s: seconds a call waits for a lock or a connection before LedgerBusy. Raises SettingInvalid for
    another URL, ExtraMissing without psycopg2, LedgerTooNew, LedgerBusy. Any number of processes may open the
    same ledger at once.
    """
    database = Database(url, patience_s=patience_s)
    upgrade(database)
    return SqlLedger(database)


class SqlLedger:
    """ports.ledger.Ledger, where each method's contract is. Threads may share it, forked processes may not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def label(self) -> str:
        """Where it is, without password."""
        return self._database.label

    @property
    def revision(self) -> str:
        """Its schema: opening it has brought it there."""
        return REVISION

    def acquire(self, name: str, holder: str, *, now: datetime, ttl_s: float) -> Lease | None:
        """See Ledger."""
        with self._database.writing() as connection:
            return leases.acquire(connection, name, holder, now=now, ttl_s=ttl_s)

    def renew(self, lease: Lease, *, now: datetime, ttl_s: float) -> Lease:
        """See Ledger. A lease that ran out and was not taken is renewed too."""
        with self._database.writing() as connection:
            return leases.renew(connection, lease, now=now, ttl_s=ttl_s)

    def release(self, lease: Lease) -> None:
        """See Ledger."""
        with self._database.writing() as connection:
            leases.release(connection, lease)

    def held(self, name: str, *, now: datetime) -> bool:
        """See Ledger."""
        with self._database.reading() as connection:
            return leases.held(connection, name, now=now)

    def next_ordinal(self, at_least: int = 1) -> int:
        """See Ledger."""
        with self._database.writing() as connection:
            return leases.next_number(connection, ORDINALS, at_least=at_least)

    def record_intent(
        self, intent: Intent, lease: Lease, told: Iterable[Fact] = (), terms: Terms | None = None
    ) -> None:
        """See Ledger. The very same intent again is no error, since the reply to the first call may have been lost."""
        with self._database.writing() as connection:
            attempts.record_intent(connection, intent, lease, terms)
            facts.append(connection, told)

    def record_launch(self, launch: Launch, lease: Lease, told: Iterable[Fact] = ()) -> None:
        """See Ledger. Raises LedgerError when the token already is another run."""
        with self._database.writing() as connection:
            attempts.record_launch(connection, launch, lease)
            facts.append(connection, told)

    def save_cursor(self, token: Token, cursor: str, lease: Lease) -> None:
        """See Ledger."""
        with self._database.writing() as connection:
            attempts.save_cursor(connection, token, cursor, lease)

    def settle(self, token: Token, settlement: Settlement, lease: Lease, told: Iterable[Fact] = ()) -> Attempt:
        """See Ledger."""
        with self._database.writing() as connection:
            settled = attempts.settle(connection, token, settlement, lease)
            facts.append(connection, told)
            return settled

    def attempt(self, token: Token) -> Attempt | None:
        """See Ledger."""
        with self._database.reading() as connection:
            return attempts.attempt(connection, token)

    def attempts(self, key: LaunchKey) -> Sequence[Attempt]:
        """See Ledger."""
        with self._database.reading() as connection:
            return attempts.attempts(connection, key)

    def live_attempts(self) -> Sequence[Attempt]:
        """See Ledger."""
        with self._database.reading() as connection:
            return attempts.live_attempts(connection)

    def attempts_of_run(self, run_id: str) -> Sequence[Attempt]:
        """See Ledger."""
        with self._database.reading() as connection:
            return attempts.attempts_of_run(connection, run_id)

    def past_runs(self, job: str, mode: Mode, *, limit: int = 1000) -> Sequence[PastRun]:
        """See Ledger. Runs that never were submitted, or whose cost is not known, are left out."""
        with self._database.reading() as connection:
            return attempts.past_runs(connection, job, mode, limit)

    def spendings(self, start: datetime, end: datetime) -> Sequence[Spending]:
        """See Ledger."""
        with self._database.reading() as connection:
            return attempts.spendings(connection, start, end)

    def record_bill(self, export: BillExport) -> Imported:
        """See Ledger."""
        with self._database.writing() as connection:
            return bills.record(connection, export)

    def standing(self, account: Account) -> Standing:
        """See Ledger."""
        with self._database.reading() as connection:
            return budgets.standing(connection, account)

    def live_on(self, room: Room) -> int:
        """See Ledger."""
        with self._database.reading() as connection:
            return budgets.live_on(connection, room)

    def record_backfill(self, backfill: Backfill) -> bool:
        """See Ledger."""
        with self._database.writing() as connection:
            return backfills.record(connection, backfill)

    def move_backfill(self, after: Backfill) -> bool:
        """See Ledger."""
        with self._database.writing() as connection:
            return backfills.move(connection, after)

    def backfill(self, id_: str) -> Backfill | None:
        """See Ledger."""
        with self._database.reading() as connection:
            return backfills.backfill(connection, id_)

    def backfills(self, code_location: str, *, over: bool = True) -> Sequence[Backfill]:
        """See Ledger."""
        with self._database.reading() as connection:
            return backfills.listed(connection, code_location, over=over)

    def attempts_of_backfill(self, id_: str) -> Sequence[Attempt]:
        """See Ledger."""
        with self._database.reading() as connection:
            return attempts.attempts_of_backfill(connection, id_)

    def append(self, facts_: Iterable[Fact]) -> int:
        """See Ledger."""
        with self._database.writing() as connection:
            return facts.append(connection, facts_)

    def facts(self, *, after: int = 0, limit: int = 1000) -> Sequence[tuple[int, Fact]]:
        """See Ledger. The number beside a fact is its position: none ever turns up at or before one that was read."""
        with self._database.reading() as connection:
            found = facts.placed(connection, after, limit)
            complete = len(found) == limit or not facts.unplaced(connection)
        if complete:
            return found
        with self._database.writing() as connection:
            facts.place(connection, limit)
        with self._database.reading() as connection:
            return facts.placed(connection, after, limit)

    def backup(self, path: Path) -> None:
        """Copy a SQLite ledger in use to a file, whole and consistent. Raises LedgerError on PostgreSQL."""
        backup(self._database, path)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._database.close()
