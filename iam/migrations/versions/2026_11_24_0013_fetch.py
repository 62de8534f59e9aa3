"""Which extracts were fetched, from where, what became of them; which runs there were (ADR 0013)."""

import sqlalchemy as sa
from alembic import op

revision = "0013_fetch"
down_revision = "0012_functions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "bce_fetch",
        sa.Column("fetch_id", sa.Uuid, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("stamp", sa.Text),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("number", sa.Integer),
        sa.Column("full_extract", sa.Boolean),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("fetch_id", name="pk_bce_fetch"),
        sa.UniqueConstraint("source", "name", "sha256", name="uq_bce_fetch_source_name_sha256"),
        sa.CheckConstraint(
            "state IN ('fetched', 'applied', 'alreadyApplied', 'refused', 'rejected', 'halted', 'unreadable')",
            name="ck_bce_fetch_state",
        ),
        sa.CheckConstraint("(number IS NULL) = (full_extract IS NULL)", name="ck_bce_fetch_meta"),
    )
    op.create_table(
        "bce_fetch_run",
        sa.Column("run_id", sa.Uuid, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("detail", sa.Text),
        sa.PrimaryKeyConstraint("run_id", name="pk_bce_fetch_run"),
        sa.CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ck_bce_fetch_run_ended"),
    )
    op.create_index("ix_bce_fetch_run_started_at", "bce_fetch_run", ["started_at"])


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.drop_table("bce_fetch_run")
    op.drop_table("bce_fetch")
