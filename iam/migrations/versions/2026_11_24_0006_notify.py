"""The tables of notify."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_notify"
down_revision = "0005_realms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "notify_message",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("body", postgresql.JSONB),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claim", sa.Uuid),
        sa.Column("retry_at", sa.DateTime(timezone=True)),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("message_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_notify_message"),
        sa.UniqueConstraint("key", name="uq_notify_message_key"),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed')", name=op.f("ck_notify_message_state")
        ),
        sa.CheckConstraint(
            "state IN ('sent', 'failed')"
            " OR (address IS NOT NULL AND body IS NOT NULL AND retry_at IS NOT NULL)",
            name=op.f("ck_notify_message_waiting_is_whole"),
        ),
        sa.CheckConstraint(
            "(state IN ('sent', 'failed')) = (ended_at IS NOT NULL)", name=op.f("ck_notify_message_ended")
        ),
        sa.CheckConstraint("(state = 'sending') = (claim IS NOT NULL)", name=op.f("ck_notify_message_claim")),
    )
    op.create_index(
        "ix_notify_message_retry_at",
        "notify_message",
        ["retry_at", "id"],
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.create_index(
        "ix_notify_message_ended_at",
        "notify_message",
        ["ended_at"],
        postgresql_where=sa.text("body IS NOT NULL"),
    )


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.drop_table("notify_message")
