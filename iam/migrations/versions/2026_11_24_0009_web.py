"""The tables of web: the acts of forms, so that each is done once."""

import sqlalchemy as sa
from alembic import op

revision = "0009_web"
down_revision = "0008_tokens"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "web_idempotency",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("act_id", sa.Uuid, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("location", sa.Text),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "act_id", name="pk_web_idempotency"),
    )
    op.create_index("ix_web_idempotency_made_at", "web_idempotency", ["made_at"])


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.drop_table("web_idempotency")
