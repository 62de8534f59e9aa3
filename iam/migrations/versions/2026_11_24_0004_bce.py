"""The tables of bce."""

revision = "0004_bce"
down_revision = "0003_portals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""


def downgrade() -> None:
    """Take the schema back to the revision before."""
