"""The tables of portals."""

revision = "0003_portals"
down_revision = "0002_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""


def downgrade() -> None:
    """Take the schema back to the revision before."""
