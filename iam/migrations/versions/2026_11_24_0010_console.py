"""The table of the console: forms filled in and not sent yet."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010_console"
down_revision = "0009_web"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "console_draft",
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("draft_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("content", JSONB, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "draft_id", name="pk_console_draft"),
    )
    op.create_index("ix_console_draft_made_at", "console_draft", ["made_at"])


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.drop_table("console_draft")
