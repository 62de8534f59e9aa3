"""The tables of people."""

revision = "0002_people"
down_revision = "0001_journal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""


def downgrade() -> None:
    """Take the schema back to the revision before."""
