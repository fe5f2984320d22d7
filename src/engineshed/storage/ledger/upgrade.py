"""Bring a database to this engineshed's schema, however many processes start at once.

SQLite is guarded by a lock on a file beside the database, PostgreSQL by an advisory lock; each is given up when
its holder dies. Refuses a database that a newer engineshed has migrated.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sqlalchemy import Connection, inspect, text

from engineshed.model.errors import LedgerError, LedgerTooNew
from engineshed.storage.ledger.database import Database
from engineshed.storage.ledger.schema import REVISION, VERSION_TABLE

MIGRATIONS = Path(__file__).with_name("migrations")
_ADVISORY_KEY = 0x656E67696E65  # "engine" in ASCII: any constant that no other user of the database takes


def upgrade(database: Database) -> None:
    """Migrate to the newest schema. Raises LedgerTooNew, LedgerBusy."""
    with _one_at_a_time(database):
        with database.writing() as connection:
            if database.is_postgres:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
            _migrate(connection, database.label)
        if not database.is_postgres:
            with database.bare() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")


@contextmanager
def _one_at_a_time(database: Database) -> Iterator[None]:
    if database.is_postgres:
        yield
        return
    # Turning WAL on needs the whole database and does not wait for it, so a transaction's lock would not be enough.
    with _lock_file(database) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lock_file(database: Database) -> TextIO:
    try:
        return open(f"{database.path}.lock", "a", encoding="ascii")
    except OSError as error:
        raise LedgerError(
            f"ledger {database.path}: no file can be written beside it ({error}): give its folder to this user, or "
            "name another ledger (ledger_url, $ENGINESHED_HOME)."
        ) from error


def _migrate(connection: Connection, label: str) -> None:
    found = _revision(connection)
    if found == REVISION:
        return
    # Imported here: it takes longer than everything else, and most openings need no migration.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise LedgerTooNew(
            f"ledger {label} is at schema {found}, this engineshed knows up to {REVISION}: "
            "upgrade engineshed, or restore a backup made before the newer one ran."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
