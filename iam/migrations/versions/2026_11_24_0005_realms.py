"""The tables of realms."""

revision = "0005_realms"
down_revision = "0004_bce"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""


def downgrade() -> None:
    """Take the schema back to the revision before."""
