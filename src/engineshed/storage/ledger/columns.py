"""Column types that give back exactly what was stored, on SQLite and PostgreSQL alike.

SQLite knows neither time zones nor exact decimals, so both are text there: times in UTC with a fixed width, so
that they sort; decimals in plain digits. Refuses times without a zone, which would mean another moment on every
machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Dialect, Numeric, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

from engineshed.model.errors import LedgerError


class UtcTime(TypeDecorator[datetime]):
    """A moment, always read as UTC. Refuses naive times with LedgerError."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TIMESTAMPTZ where there is one, else text."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To UTC, and to text for SQLite."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise LedgerError(f"the time {value.isoformat()} has no zone: give an aware one, for example in UTC.")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From text or from the session's zone to UTC."""
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


class Dollars(TypeDecorator[Decimal]):
    """An exact amount. Refuses NaN and infinities with LedgerError."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """NUMERIC without bounds where there is one, else text."""
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Plain digits for SQLite."""
        if value is None:
            return None
        if not value.is_finite():
            raise LedgerError(f"the amount {value} is no sum of money: give finite dollars, or none.")
        return value if dialect.name == "postgresql" else format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """From digits."""
        return None if value is None else Decimal(value)


def to_json(value: Any) -> str:
    """JSON text that both databases take. Raises LedgerError for what JSON cannot hold, NaN included."""
    try:
        return json.dumps(value, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise LedgerError(
            f"a record for the ledger is no JSON ({error}): give strings, finite numbers, lists, mappings."
        ) from error


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} {value!r}")
