"""Signing keys, the record of tokens issued (partitioned by day), revocations, the cut-off."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008_tokens"
down_revision = "0007_delegation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "tokens_key",
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("alg", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("public", postgresql.JSONB, nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("published_at", moment, nullable=False),
        sa.Column("active_at", moment),
        sa.Column("retired_at", moment),
        sa.Column("removed_at", moment),
        sa.PrimaryKeyConstraint("kid", name="pk_tokens_key"),
        sa.CheckConstraint("alg IN ('ES256', 'RS256')", name="ck_tokens_key_alg"),
        sa.CheckConstraint("state IN ('next', 'active', 'retired', 'removed')", name="ck_tokens_key_state"),
        sa.CheckConstraint("(state = 'removed') = (wrapped IS NULL)", name="ck_tokens_key_wrapped"),
    )
    op.create_index(
        "uq_tokens_key_one_of_a_state", "tokens_key", ["issuer", "kind", "alg", "state"],
        unique=True, postgresql_where=sa.text("state IN ('next', 'active')"),
    )  # fmt: skip
    op.create_table(
        "tokens_issue",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("jti", sa.Uuid, nullable=False),
        sa.Column("portal_id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("entity_id", sa.Uuid),
        sa.Column("number", sa.Text),
        sa.Column("enterprise_name", sa.Text),
        sa.Column("capacity", sa.Text, nullable=False),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("roles", postgresql.JSONB, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("revision", sa.Text, nullable=False),
        sa.Column("authenticated_at", moment, nullable=False),
        sa.Column("issued_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("session_hash", sa.LargeBinary, nullable=False),
        sa.Column("alg", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("day", "jti", name="pk_tokens_issue"),
        # nr 56, whatever wrote the row
        sa.CheckConstraint(
            "expires_at > issued_at AND expires_at <= issued_at + interval '300 seconds'",
            name="ck_tokens_issue_lifetime",
        ),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index("ix_tokens_issue_person", "tokens_issue", ["person_id", "issued_at"])
    op.create_index("ix_tokens_issue_entity", "tokens_issue", ["entity_id", "issued_at"])
    op.create_table(
        "tokens_revoked",
        sa.Column("jti", sa.Uuid, nullable=False),
        sa.Column("portal_id", sa.Uuid, nullable=False),
        sa.Column("revoked_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("jti", name="pk_tokens_revoked"),
    )
    op.create_index("ix_tokens_revoked_expires_at", "tokens_revoked", ["expires_at"])
    op.create_table(
        "tokens_cutoff",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("not_before", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tokens_cutoff"),
        sa.CheckConstraint("id = 1", name="ck_tokens_cutoff_one"),
    )


def downgrade() -> None:
    """Take the schema back to the revision before."""
    for table in ("tokens_cutoff", "tokens_revoked", "tokens_issue", "tokens_key"):
        op.drop_table(table)
