"""Copies of a SQLite ledger, and the way back that never gives a number twice.

An old copy knows lower ordinals and epochs than were given since it was made. Were they given again, an old run
and a new one would share a token. A restore therefore keeps the higher counters of the ledger that it replaces,
goes above `at_least` where that ledger is lost, and takes every lease from its holder.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from engineshed.model.errors import LedgerBusy, LedgerError
from engineshed.storage.ledger.database import Database
from engineshed.storage.ledger.schema import ORDINALS

_PATIENCE_S = 30.0


def backup(database: Database, path: Path) -> None:
    """Write a consistent copy while others go on; `path` is replaced only once the copy is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with closing(_open(database.path)) as source, closing(_open(part)) as target:
            source.backup(target)
            # One file, without the -wal that a copy of a WAL database would need beside it.
            target.execute("PRAGMA journal_mode = DELETE")
        part.replace(path)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise LedgerError(
            f"ledger {database.path} cannot be copied to {path}: {error}. Give a writable path."
        ) from error


def restore(source: Path, url: str, *, at_least: int = 0) -> None:
    """Make the SQLite ledger at `url` hold what the backup holds, in one step that others see whole or not at all.

    at_least: the next ordinal will be above this; give the highest ordinal of any commit where the old file is lost.
    Raises LedgerError for a backup that cannot be read, LedgerBusy while others write.
    """
    path = Database(url, patience_s=_PATIENCE_S).path
    if not source.is_file():
        raise LedgerError(f"backup {source} is no file: name one that `backup` wrote.")
    try:
        with closing(sqlite3.connect(":memory:")) as copy, closing(_open(path)) as target:
            with closing(_open(source)) as backed_up:
                backed_up.backup(copy)
            _raise_counters(copy, _counters(target), at_least)
            copy.execute("UPDATE engineshed_leases SET holder = '', epoch = epoch + 1")
            copy.commit()
            copy.backup(target)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise LedgerBusy(f"ledger {path} is in use ({error}): stop its writers, then restore again.") from error
        raise LedgerError(f"backup {source} cannot be restored: {error}. Name a file that `backup` wrote.") from error


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_PATIENCE_S)


def _raise_counters(copy: sqlite3.Connection, replaced: dict[str, int], at_least: int) -> None:
    floors = {ORDINALS: at_least}
    for name, value in _counters(copy).items():
        value = max(value, replaced.get(name, 0), floors.get(name, 0))
        copy.execute("UPDATE engineshed_counters SET value = ? WHERE name = ?", (value, name))


def _counters(connection: sqlite3.Connection) -> dict[str, int]:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'engineshed_counters'").fetchone()
    return dict(connection.execute("SELECT name, value FROM engineshed_counters").fetchall()) if there else {}
