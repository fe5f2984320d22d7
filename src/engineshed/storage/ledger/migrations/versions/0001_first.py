"""First schema: counters, leases, intents, launches, settlements, facts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_time = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
_dollars = sa.Text().with_variant(sa.Numeric(), "postgresql")
_json = sa.JSON()


def upgrade() -> None:
    """Make all tables and start the counters."""
    _counters_and_leases()
    _attempts()
    _facts()


def _counters_and_leases() -> None:
    counters = op.create_table(
        "engineshed_counters",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "ordinals", "value": 0}, {"name": "positions", "value": 0}])
    op.create_table(
        "engineshed_leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("expires_at", _time, nullable=False),
    )


def _attempts() -> None:
    op.create_table(
        "engineshed_intents",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("ordinal", sa.BigInteger, nullable=False, unique=True),
        sa.Column("key_digest", sa.Text, nullable=False),
        sa.Column("root_run_id", sa.Text, nullable=False),
        sa.Column("step_key", sa.Text, nullable=False),
        sa.Column("partition_keys", _json, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("code_location", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("offer", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("reserved_usd", _dollars, nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("record", _json, nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
    )
    op.create_index("ix_engineshed_intents_key_digest", "engineshed_intents", ["key_digest"])
    op.create_index("ix_engineshed_intents_run_id", "engineshed_intents", ["run_id"])
    op.create_index("ix_engineshed_intents_job", "engineshed_intents", ["job"])
    op.create_index(
        "uq_engineshed_intents_live_key",
        "engineshed_intents",
        ["key_digest"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_table(
        "engineshed_launches",
        sa.Column("token", sa.Text, sa.ForeignKey("engineshed_intents.token"), primary_key=True),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("native_id", sa.Text, nullable=False),
        sa.Column("submitted_at", _time, nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("extras", _json, nullable=False),
    )
    op.create_table(
        "engineshed_settlements",
        sa.Column("token", sa.Text, sa.ForeignKey("engineshed_intents.token"), primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("settled_at", _time, nullable=False),
        sa.Column("failure_class", sa.Text),
        sa.Column("failure", _json),
        sa.Column("usage", _json),
        sa.Column("hours", sa.Float),
        sa.Column("input_bytes", sa.BigInteger),
        sa.Column("compute_usd", _dollars),
        sa.Column("storage_usd", _dollars),
        sa.Column("surcharge_usd", _dollars),
        sa.Column("cost_basis", sa.Text),
        sa.Column("result", _json, nullable=False),
    )
    op.create_index("ix_engineshed_settlements_run_id", "engineshed_settlements", ["run_id"])
    op.create_index("ix_engineshed_settlements_settled_at", "engineshed_settlements", ["settled_at"])


def _facts() -> None:
    op.create_table(
        "engineshed_facts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("position", sa.BigInteger, unique=True),
        sa.Column("identity", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("at", _time, nullable=False),
        sa.Column("labels", _json, nullable=False),
        sa.Column("data", _json, nullable=False),
    )
    op.create_index("ix_engineshed_facts_token", "engineshed_facts", ["token"])
    unplaced = sa.text("position IS NULL")
    op.create_index(
        "ix_engineshed_facts_unplaced",
        "engineshed_facts",
        ["id"],
        sqlite_where=unplaced,
        postgresql_where=unplaced,
    )
