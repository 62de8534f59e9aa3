"""The tables of delegation."""

revision = "0007_delegation"
down_revision = "0006_notify"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""


def downgrade() -> None:
    """Take the schema back to the revision before."""
