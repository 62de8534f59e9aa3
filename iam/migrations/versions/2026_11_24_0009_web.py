"""The tables of web."""

revision = "0009_web"
down_revision = "0008_tokens"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""


def downgrade() -> None:
    """Take the schema back to the revision before."""
