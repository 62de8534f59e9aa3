"""The tables of people, and the views that other slices join."""

import sqlalchemy as sa
from alembic import op

revision = "0002_people"
down_revision = "0001_journal"
branch_labels = None
depends_on = None

_PERSON = ["people_person.id"]


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "people_person",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("language", sa.Text),
        sa.Column("given_name", sa.Text),
        sa.Column("family_name", sa.Text),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recognised_at", sa.DateTime(timezone=True)),
        sa.Column("blocked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_people_person"),
        sa.CheckConstraint("language IN ('fr', 'de', 'nl', 'en')", name=op.f("ck_people_person_language")),
    )
    op.create_table(
        "people_fingerprint",
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("key_id", "digest", name="pk_people_fingerprint"),
        sa.ForeignKeyConstraint(["person_id"], _PERSON, name="fk_people_fingerprint_person_id_people_person"),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_people_fingerprint_digest")),
    )
    op.create_index("ix_people_fingerprint_person_id", "people_fingerprint", ["person_id"])
    op.create_table(
        "people_identity",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("replaced_by", sa.Uuid),
        sa.PrimaryKeyConstraint("id", name="pk_people_identity"),
        sa.ForeignKeyConstraint(["person_id"], _PERSON, name="fk_people_identity_person_id_people_person"),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["people_identity.id"], name="fk_people_identity_replaced_by_people_identity"
        ),
    )
    current = sa.text("until IS NULL")
    op.create_index(
        "uq_people_identity_current", "people_identity", ["issuer", "subject"],
        unique=True, postgresql_where=current,
    )  # fmt: skip
    op.create_index(
        "uq_people_identity_person_current", "people_identity", ["person_id", "issuer"],
        unique=True, postgresql_where=current,
    )  # fmt: skip
    op.create_table(
        "people_address",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("entity_id", sa.Uuid),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_people_address"),
        sa.ForeignKeyConstraint(["person_id"], _PERSON, name="fk_people_address_person_id_people_person"),
        sa.UniqueConstraint(
            "person_id",
            "email",
            "entity_id",
            name="uq_people_address_claim",
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_people_address_email")),
    )
    op.create_table(
        "people_link",
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("subject", sa.Uuid, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("digest", name="pk_people_link"),
        sa.ForeignKeyConstraint(["person_id"], _PERSON, name="fk_people_link_person_id_people_person"),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_people_link_digest")),
    )
    op.create_index("ix_people_link_subject", "people_link", ["purpose", "person_id", "subject"])
    op.create_table(
        "people_session",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("keycloak_session", sa.Text, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hint", sa.LargeBinary),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_people_session"),
        sa.UniqueConstraint("digest", name="uq_people_session_digest"),
        sa.ForeignKeyConstraint(["person_id"], _PERSON, name="fk_people_session_person_id_people_person"),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_people_session_digest")),
    )
    op.create_index("ix_people_session_keycloak", "people_session", ["issuer", "keycloak_session"])
    op.create_index("ix_people_session_person_id", "people_session", ["person_id"])
    op.create_index("ix_people_session_expires_at", "people_session", ["expires_at"])
    op.execute(
        "CREATE VIEW people_fingerprint_view AS SELECT person_id, key_id, digest FROM people_fingerprint"
    )
    op.execute(
        "CREATE VIEW people_person_view AS"
        " SELECT p.id AS person_id, p.blocked_at IS NOT NULL AS blocked, p.revision, p.language,"
        " p.given_name, p.family_name, i.subject AS keycloak_user"
        " FROM people_person p LEFT JOIN LATERAL ("
        "   SELECT subject FROM people_identity"
        "    WHERE person_id = p.id AND until IS NULL ORDER BY since DESC, id DESC LIMIT 1"
        " ) i ON true"
    )


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.execute("DROP VIEW people_person_view")
    op.execute("DROP VIEW people_fingerprint_view")
    for table in (
        "people_session", "people_link", "people_address", "people_identity",
        "people_fingerprint", "people_person",
    ):  # fmt: skip
        op.drop_table(table)
