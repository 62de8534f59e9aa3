"""The keys of fingerprints: a check value of each, and which were let go."""

import sqlalchemy as sa
from alembic import op

revision = "0014_people_keys"
down_revision = "0013_fetch"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "people_key",
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("check_value", sa.LargeBinary, nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("key_id", name="pk_people_key"),
    )


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.drop_table("people_key")
