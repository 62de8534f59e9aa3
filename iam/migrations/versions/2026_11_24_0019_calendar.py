"""Until when it has been told who began and who ceased to represent an enterprise by time alone."""

import sqlalchemy as sa
from alembic import op

revision = "0019_calendar"
down_revision = "0018_dossiers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "bce_calendar",
        sa.Column("id", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_bce_calendar"),
        sa.CheckConstraint("id = 1", name="ck_bce_calendar_single"),
    )


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.drop_table("bce_calendar")
