"""What vendors charged: the days their exports told, the lines of our attempts, and the cost billed to each."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_time = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
_dollars = sa.Text().with_variant(sa.Numeric(), "postgresql")


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "engineshed_bill_days",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("exported_at", _time, nullable=False),
    )
    op.create_table(
        "engineshed_bill_lines",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("token", sa.Text, sa.ForeignKey("engineshed_intents.token"), nullable=False),
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("usd", _dollars, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
    )
    op.create_index("ix_engineshed_bill_lines_token", "engineshed_bill_lines", ["token"])
    op.create_table(
        "engineshed_billings",
        sa.Column("token", sa.Text, sa.ForeignKey("engineshed_intents.token"), primary_key=True),
        sa.Column("billed_compute_usd", _dollars, nullable=False),
        sa.Column("billed_storage_usd", _dollars, nullable=False),
        sa.Column("billed_surcharge_usd", _dollars, nullable=False),
        sa.Column("accounts", sa.Text, nullable=False),
        sa.Column("exported_at", _time, nullable=False),
    )
