"""The tables. A change here needs a migration; a test compares the two.

All names carry a prefix, since on the platform the database is shared with Dagster's own tables.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

from engineshed.storage.ledger.columns import Dollars, UtcTime

REVISION = "0003"
"""The newest migration: a database at this revision needs no upgrade."""

VERSION_TABLE = "engineshed_alembic_version"

ORDINALS = "ordinals"
"""The counter from which launches get their ordinals."""

POSITIONS = "positions"
"""The counter from which facts get the positions in which they are read."""

metadata = MetaData()
_json = JSON(none_as_null=True)

counters = Table(
    "engineshed_counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

leases = Table(
    "engineshed_leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

intents = Table(
    "engineshed_intents",
    metadata,
    Column("token", Text, primary_key=True),
    Column("ordinal", BigInteger, nullable=False, unique=True),
    Column("key_digest", Text, nullable=False),
    Column("root_run_id", Text, nullable=False),
    Column("step_key", Text, nullable=False),
    Column("partition_keys", _json, nullable=False),
    Column("run_id", Text, nullable=False, index=True),
    Column("asset", Text, nullable=False),
    Column("job", Text, nullable=False, index=True),
    Column("team", Text, nullable=False),
    Column("code_location", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("offer", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("reserved_usd", Dollars, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("record", _json, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("backfill", Text, nullable=False, server_default=text("''"), index=True),
    Index("ix_engineshed_intents_key_digest", "key_digest"),
    # Whatever the callers do, no key ever has two attempts that are not settled.
    Index(
        "uq_engineshed_intents_live_key",
        "key_digest",
        unique=True,
        sqlite_where=text("live"),
        postgresql_where=text("live"),
    ),
)

launches = Table(
    "engineshed_launches",
    metadata,
    Column("token", Text, ForeignKey(intents.c.token), primary_key=True),
    Column("engine", Text, nullable=False),
    Column("native_id", Text, nullable=False),
    Column("submitted_at", UtcTime, nullable=False),
    Column("url", Text),
    Column("extras", _json, nullable=False),
)

settlements = Table(
    "engineshed_settlements",
    metadata,
    Column("token", Text, ForeignKey(intents.c.token), primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("run_id", Text, nullable=False, index=True),
    Column("settled_at", UtcTime, nullable=False, index=True),
    Column("failure_class", Text),
    Column("failure", _json),
    Column("usage", _json),
    # Copies of what `usage` says, so that history is read without parsing it.
    Column("hours", Float),
    Column("input_bytes", BigInteger),
    Column("compute_usd", Dollars),
    Column("storage_usd", Dollars),
    Column("surcharge_usd", Dollars),
    Column("cost_basis", Text),
    Column("result", _json, nullable=False),
)

facts = Table(
    "engineshed_facts",
    metadata,
    # SQLite counts rows by itself only in a column of its own integer type.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("position", BigInteger, unique=True),
    Column("identity", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("token", Text, nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("labels", _json, nullable=False),
    Column("data", _json, nullable=False),
    Index(
        "ix_engineshed_facts_unplaced",
        "id",
        sqlite_where=text("position IS NULL"),
        postgresql_where=text("position IS NULL"),
    ),
)

bill_days = Table(
    "engineshed_bill_days",
    metadata,
    Column("account", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("exported_at", UtcTime, nullable=False),
)

bill_lines = Table(
    "engineshed_bill_lines",
    metadata,
    Column("account", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    # Tells lines of one account and day apart; says nothing beyond one export.
    Column("identity", Text, primary_key=True),
    Column("token", Text, ForeignKey(intents.c.token), nullable=False, index=True),
    Column("part", Text, nullable=False),
    Column("usd", Dollars, nullable=False),
    Column("what", Text, nullable=False),
)

# Worked out from the lines of an attempt once they are whole; what was metered stays in its settlement.
billings = Table(
    "engineshed_billings",
    metadata,
    Column("token", Text, ForeignKey(intents.c.token), primary_key=True),
    Column("billed_compute_usd", Dollars, nullable=False),
    Column("billed_storage_usd", Dollars, nullable=False),
    Column("billed_surcharge_usd", Dollars, nullable=False),
    Column("accounts", Text, nullable=False),
    Column("exported_at", UtcTime, nullable=False),
)

backfills = Table(
    "engineshed_backfills",
    metadata,
    Column("id", Text, primary_key=True),
    Column("team", Text, nullable=False),
    Column("code_location", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("submitted_at", UtcTime, nullable=False),
    Column("budget_usd", Dollars),
    Column("work", _json, nullable=False),
    Column("plan", _json, nullable=False),
    Column("reason", Text, nullable=False),
    Column("settled", Integer, nullable=False),
    Column("launched", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("asked_at", UtcTime),
    Column("failed", _json, nullable=False),
    Column("skipped", _json, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_engineshed_backfills_code_location", "code_location", "state"),
)
