"""Backfills: what each is to make, its budget and how far it is; and which attempts it pays for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_time = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
_dollars = sa.Text().with_variant(sa.Numeric(), "postgresql")
_json = sa.JSON()


def upgrade() -> None:
    """Attempts made so far belong to no backfill."""
    op.add_column("engineshed_intents", sa.Column("backfill", sa.Text, nullable=False, server_default=sa.text("''")))
    op.create_index("ix_engineshed_intents_backfill", "engineshed_intents", ["backfill"])
    op.create_table(
        "engineshed_backfills",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("code_location", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("submitted_at", _time, nullable=False),
        sa.Column("budget_usd", _dollars),
        sa.Column("work", _json, nullable=False),
        sa.Column("plan", _json, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("settled", sa.Integer, nullable=False),
        sa.Column("launched", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("asked_at", _time),
        sa.Column("failed", _json, nullable=False),
        sa.Column("skipped", _json, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("ix_engineshed_backfills_code_location", "engineshed_backfills", ["code_location", "state"])
