"""The tables of tokens."""

revision = "0008_tokens"
down_revision = "0007_delegation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""


def downgrade() -> None:
    """Take the schema back to the revision before."""
