"""The one statement that both databases spell alike and SQLAlchemy keeps apart: insert, or pass over what is there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_or_pass(connection: Connection, table: Table) -> Any:
    """An INSERT that passes over rows whose key is taken; its `rowcount` is the number of rows added."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()
