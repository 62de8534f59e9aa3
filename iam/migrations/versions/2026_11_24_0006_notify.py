"""The tables of notify."""

revision = "0006_notify"
down_revision = "0005_realms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""


def downgrade() -> None:
    """Take the schema back to the revision before."""
