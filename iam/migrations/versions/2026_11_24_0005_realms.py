"""The tables of realms."""

import sqlalchemy as sa
from alembic import op

revision = "0005_realms"
down_revision = "0004_bce"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    _create_projection()
    _create_logins()


def downgrade() -> None:
    """Take the schema back to the revision before."""
    for table in ("realms_logout", "realms_session", "realms_login"):
        op.drop_table(table)
    _drop_projection()


def _create_projection() -> None:
    op.create_table(
        "realms_sync",
        sa.Column("entity_id", sa.Uuid, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("wanted", sa.BigInteger, nullable=False),
        sa.Column("synced", sa.BigInteger, nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True)),
        sa.Column("by_sweep", sa.Boolean, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("claim", sa.Uuid),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True)),
        sa.Column("verify_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("entity_id", "target", name="pk_realms_sync"),
        sa.CheckConstraint("target IN ('keycloak', 'directory')", name=op.f("ck_realms_sync_target")),
        sa.CheckConstraint("synced <= wanted", name=op.f("ck_realms_sync_synced")),
        sa.CheckConstraint("(claim IS NULL) = (claimed_until IS NULL)", name=op.f("ck_realms_sync_claim")),
    )
    op.create_index(
        "ix_realms_sync_behind",
        "realms_sync",
        ["target", "wanted_at"],
        postgresql_where=sa.text("wanted > synced AND NOT held"),
    )
    op.create_index(
        "ix_realms_sync_verify",
        "realms_sync",
        ["target", "verify_at"],
        postgresql_where=sa.text("verify_at IS NOT NULL"),
    )
    op.create_table(
        "realms_group",
        sa.Column("entity_id", sa.Uuid, nullable=False),
        sa.Column("role_code", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text),
        sa.PrimaryKeyConstraint("entity_id", "role_code", name="pk_realms_group"),
        sa.UniqueConstraint("group_id", name="uq_realms_group_group_id"),
    )
    op.create_table(
        "realms_folder",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_realms_folder"),
    )
    op.create_table(
        "realms_sweep",
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removals", sa.Integer, nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True)),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("target", name="pk_realms_sweep"),
        sa.CheckConstraint("target IN ('keycloak', 'directory')", name=op.f("ck_realms_sweep_target")),
    )
    op.create_table(
        "realms_passed",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_realms_passed"),
    )


def _drop_projection() -> None:
    for table in ("realms_passed", "realms_sweep", "realms_folder", "realms_group", "realms_sync"):
        op.drop_table(table)


def _create_logins() -> None:
    op.create_table(
        "realms_login",
        sa.Column("state_digest", sa.LargeBinary, nullable=False),
        sa.Column("binding_digest", sa.LargeBinary, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("level", sa.Integer),
        sa.Column("fresh", sa.Boolean, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_digest", name="pk_realms_login"),
    )
    op.create_index("ix_realms_login_expires_at", "realms_login", ["expires_at"])
    op.create_table(
        "realms_session",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("person_id", sa.Uuid),
        sa.Column("authenticated_at", sa.DateTime(timezone=True)),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("issuer", "session_id", name="pk_realms_session"),
        sa.CheckConstraint(
            "ended_at IS NOT NULL"
            " OR (subject IS NOT NULL AND person_id IS NOT NULL AND authenticated_at IS NOT NULL)",
            name=op.f("ck_realms_session_live_is_whole"),
        ),
    )
    op.create_index("ix_realms_session_subject", "realms_session", ["issuer", "subject"])
    op.create_index("ix_realms_session_expires_at", "realms_session", ["expires_at"])
    op.create_table(
        "realms_logout",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("token_id", sa.Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "token_id", name="pk_realms_logout"),
    )
    op.create_index("ix_realms_logout_expires_at", "realms_logout", ["expires_at"])
