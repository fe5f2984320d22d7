"""Transactions on SQLite and PostgreSQL that mean the same, and errors in our own words.

The sqlite3 module opens transactions by guesswork (none before a SELECT or a DDL statement) and lets a reader
that turns writer fail at once. Here every transaction begins by an explicit statement, and one that writes
takes the write lock before its first read, and a signal waits for its end: it must not take a connection along.
Refuses databases in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from engineshed.model.errors import EngineshedError, ExtraMissing, LedgerBusy, LedgerError, SettingInvalid
from engineshed.processes.undisturbed import undisturbed
from engineshed.storage.ledger.columns import to_json

_BEGIN = "engineshed_begin"
# https://www.sqlite.org/rescode.html: what another process, or a disk with room again, may cure.
_SQLITE_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_PROTOCOL")

_SQLITE_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")

# Messages of PostgreSQL 10 to 17 (auth.c, postinit.c) that no waiting cures.
_POSTGRES_REFUSALS = ("authentication failed", "no pg_hba.conf entry", "is not permitted to log in")


class Database:
    """One database, opened lazily. `patience_s`: seconds to wait for a lock or a connection before LedgerBusy."""

    def __init__(self, url: str, *, patience_s: float) -> None:
        self.url = _checked(url)
        self.label = self.url.render_as_string(hide_password=True)
        self._engine = _postgres(self.url, patience_s) if self.is_postgres else _sqlite(self.url, patience_s)
        self._writer = self._engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        self._bare = self._engine.execution_options(**{_BEGIN: ""})

    @property
    def is_postgres(self) -> bool:
        """True on PostgreSQL, False on SQLite."""
        return self.url.get_backend_name() == "postgresql"

    @property
    def path(self) -> Path:
        """The file of a SQLite database. Raises LedgerError on PostgreSQL."""
        if self.is_postgres:
            raise LedgerError(f"ledger {self.label} is no file: use pg_dump and pg_restore for it.")
        return Path(str(self.url.database))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with undisturbed(), self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write; on SQLite it holds the write lock from its start."""
        with undisturbed(), self._translated(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def bare(self) -> Iterator[Connection]:
        """On SQLite a connection outside any transaction, for settings of the file itself."""
        with undisturbed(), self._translated(), self._bare.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise LedgerBusy(f"ledger {self.label} has no free connection: repeat the call.") from error
        except StatementError as error:
            if isinstance(error.orig, EngineshedError):
                raise error.orig from error
            if _refused(error):
                raise LedgerError(
                    f"ledger {self.label} refuses us ({str(error.orig).strip()}): check user, password and database."
                ) from error
            if _damaged(error):
                raise LedgerError(
                    f"ledger {self.label} is damaged ({error.orig}): stop what uses it, move the file away with its "
                    '-wal and -shm, and restore a backup (docs/storage.md, "Backup and restore").'
                ) from error
            if _passing(error):
                raise LedgerBusy(f"ledger {self.label} is locked or away ({error.orig}): repeat the call.") from error
            raise LedgerError(f"ledger {self.label} refused a statement: {error.orig}.") from error
        except SQLAlchemyError as error:
            raise LedgerError(f"ledger {self.label}: {error}.") from error


def _refused(error: StatementError) -> bool:
    """A connection that PostgreSQL turned down for good; libpq gives such errors no code, only the server's words."""
    words = str(error.orig)
    return isinstance(error, OperationalError) and any(word in words for word in _POSTGRES_REFUSALS)


def _damaged(error: StatementError) -> bool:
    return str(getattr(error.orig, "sqlite_errorname", "")).startswith(_SQLITE_DAMAGED)


def _passing(error: StatementError) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return str(getattr(error.orig, "sqlite_errorname", "")).startswith(_SQLITE_PASSING)
    return isinstance(error, OperationalError | InterfaceError)


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingInvalid(
            "ledger.url is no database URL: give sqlite:///FILE or postgresql://USER@HOST/DATABASE."
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        # Named, because SQLAlchemy's default driver for postgresql:// changes with its version.
        return parsed.set(drivername="postgresql+psycopg2")
    if backend != "sqlite":
        raise SettingInvalid(f"ledger.url names {backend!r}: use sqlite:///FILE or postgresql://USER@HOST/DATABASE.")
    if not parsed.database or parsed.database == ":memory:":
        raise SettingInvalid("ledger.url names a database in memory, which forgets what was launched: name a file.")
    return parsed.set(drivername="sqlite")


def _sqlite(url: URL, patience_s: float) -> Engine:
    try:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"the folder of ledger {url.database} cannot be made: {error}. Name another in ledger.url."
        ) from error
    engine = create_engine(url, json_serializer=to_json, connect_args={"timeout": patience_s})

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        begin = connection.get_execution_options().get(_BEGIN, "BEGIN")
        if begin:
            connection.exec_driver_sql(begin)

    return engine


def _postgres(url: URL, patience_s: float) -> Engine:
    try:
        engine = create_engine(
            url,
            json_serializer=to_json,
            pool_pre_ping=True,
            pool_timeout=patience_s,
            connect_args={"connect_timeout": max(2, round(patience_s))},
        )
    except ModuleNotFoundError as error:
        raise ExtraMissing("a ledger on PostgreSQL needs psycopg2: install engineshed[postgres].") from error

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = %s", (round(patience_s * 1000),))
        connection.commit()

    return engine
