"""Dossiers: who represents an enterprise by papers; two reviewers, documents under keys of their own."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018_dossiers"
down_revision = "0017_extracts"
branch_labels = None
depends_on = None


def _at(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _text(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text, nullable=null)


def _uuid(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Uuid, nullable=null)


def _of_dossier(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["dossier_id"], ["dossiers_dossier.dossier_id"], name=f"fk_{table}_dossier_id_dossiers_dossier"
    )


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "dossiers_dossier",
        _uuid("dossier_id"), _uuid("entity_id"), _uuid("person_id"),
        sa.Column("revision", sa.BigInteger, nullable=False), _text("code"),
        sa.Column("since", sa.Date, nullable=False), _text("language"), _text("state"), _at("opened_at"),
        _at("submitted_at", null=True), _at("lapses_at"), _uuid("first_reviewer", null=True),
        sa.Column("first_until", sa.Date), _uuid("second_reviewer", null=True), _at("accepted_at", null=True),
        _at("ends_at", null=True), _at("closed_at", null=True), _at("documents_until", null=True),
        sa.PrimaryKeyConstraint("dossier_id", name="pk_dossiers_dossier"),
        sa.CheckConstraint(
            "state IN ('opened', 'submitted', 'firstReview', 'secondReview', 'accepted', 'refused',"
            " 'withdrawn', 'expired', 'revoked')",
            name="ck_dossiers_dossier_state",
        ),
        # The rules say so too; what must never be is held here as well.
        sa.CheckConstraint(
            "first_reviewer IS DISTINCT FROM person_id AND second_reviewer IS DISTINCT FROM person_id",
            name="ck_dossiers_dossier_claimant_reviews",
        ),
        sa.CheckConstraint(
            "second_reviewer IS NULL OR (first_reviewer IS NOT NULL AND first_reviewer <> second_reviewer)",
            name="ck_dossiers_dossier_two_reviewers",
        ),
        sa.CheckConstraint(
            "state <> 'accepted' OR (second_reviewer IS NOT NULL AND accepted_at IS NOT NULL"
            " AND ends_at > accepted_at)",
            name="ck_dossiers_dossier_accepted",
        ),
        sa.CheckConstraint(
            "(first_reviewer IS NULL) = (first_until IS NULL)", name="ck_dossiers_dossier_first_review"
        ),
    )  # fmt: skip
    op.create_index(
        "uq_dossiers_dossier_under_way", "dossiers_dossier", ["person_id", "entity_id"], unique=True,
        postgresql_where=sa.text("state IN ('opened', 'submitted', 'firstReview', 'secondReview')"),
    )  # fmt: skip
    op.create_index("ix_dossiers_dossier_person_id", "dossiers_dossier", ["person_id", "opened_at"])
    op.create_index("ix_dossiers_dossier_entity_id", "dossiers_dossier", ["entity_id"])
    op.create_index("ix_dossiers_dossier_state", "dossiers_dossier", ["state", "lapses_at"])
    op.create_table(
        "dossiers_text",
        _uuid("dossier_id"), _text("motivation", null=True), _text("email", null=True),
        _text("first_note", null=True), _text("second_note", null=True), _text("answer", null=True),
        sa.PrimaryKeyConstraint("dossier_id", name="pk_dossiers_text"),
        _of_dossier("dossiers_text"),
    )  # fmt: skip
    op.create_table(
        "dossiers_review",
        _uuid("dossier_id"), sa.Column("stage", sa.SmallInteger, nullable=False, autoincrement=False),
        _uuid("reviewer"), _at("started_at"),
        sa.PrimaryKeyConstraint("dossier_id", "stage", "reviewer", name="pk_dossiers_review"),
        _of_dossier("dossiers_review"),
    )  # fmt: skip
    op.create_table(
        "dossiers_document",
        _uuid("document_id"), _uuid("dossier_id"), _text("kind"), sa.Column("size", sa.Integer, nullable=False),
        _at("added_at"), sa.Column("content", sa.LargeBinary), sa.Column("wrapped_key", sa.LargeBinary),
        _text("key_id", null=True), _at("destroyed_at", null=True),
        sa.PrimaryKeyConstraint("document_id", name="pk_dossiers_document"),
        _of_dossier("dossiers_document"),
        sa.CheckConstraint("kind IN ('pdf', 'jpeg', 'png')", name="ck_dossiers_document_kind"),
        sa.CheckConstraint(
            "num_nonnulls(content, wrapped_key, key_id) = CASE WHEN destroyed_at IS NULL THEN 3 ELSE 0 END",
            name="ck_dossiers_document_destroyed",
        ),
    )  # fmt: skip
    op.create_index("ix_dossiers_document_dossier_id", "dossiers_document", ["dossier_id"])
    # Noise cannot be compressed.
    op.execute("ALTER TABLE dossiers_document ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Take the schema back to the revision before."""
    for table in ("dossiers_document", "dossiers_review", "dossiers_text", "dossiers_dossier"):
        op.drop_table(table)
    op.execute("DELETE FROM bce_function WHERE source = 'manualDossier'")
