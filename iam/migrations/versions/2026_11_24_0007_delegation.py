"""The catalogue, the heads, offices, grants and requests; what must never be true twice."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007_delegation"
down_revision = "0006_notify"
branch_labels = None
depends_on = None


def _at(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _text(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text, nullable=null)


def _uuid(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Uuid, nullable=null)


def _foreign(table: str, column: str, other: str, key: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.{key}"], name=f"fk_{table}_{column}_{other}")


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "delegation_head",
        _uuid("entity_id"),
        sa.Column("revision", sa.BigInteger, nullable=False),
        _at("at"),
        sa.PrimaryKeyConstraint("entity_id", name="pk_delegation_head"),
    )
    op.create_table(
        "delegation_catalogue",
        sa.Column("id", sa.SmallInteger, nullable=False, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delegation_catalogue"),
        sa.CheckConstraint("id = 1", name="ck_delegation_catalogue_single"),
    )
    op.execute("INSERT INTO delegation_catalogue (id, revision) VALUES (1, 0)")
    op.create_table(
        "delegation_role",
        _text("code"),
        _text("context"),
        sa.Column("labels", postgresql.JSONB, nullable=False),
        sa.Column("allows", postgresql.JSONB, nullable=False),
        sa.Column("grantable_by", postgresql.JSONB, nullable=False),
        sa.Column("longest_days", sa.Integer, nullable=False),
        sa.Column("minimum_level", sa.Integer, nullable=False),
        sa.Column("four_eyes", sa.Boolean, nullable=False),
        _at("retired_at", null=True),
        sa.PrimaryKeyConstraint("code", name="pk_delegation_role"),
        sa.CheckConstraint("longest_days > 0", name="ck_delegation_role_longest_days"),
        sa.CheckConstraint("context IN ('enterprise', 'staff')", name="ck_delegation_role_context"),
    )
    op.create_table(
        "delegation_office",
        _uuid("version_id"), _uuid("office_id"), _uuid("entity_id"), _text("kind"), _uuid("person_id"),
        _text("state"), _text("origin"), _uuid("appointed_by", null=True), _at("starts_at"), _at("ends_at", null=True),
        _text("ended", null=True), _at("recorded_from"), _at("recorded_until", null=True),
        sa.PrimaryKeyConstraint("version_id", name="pk_delegation_office"),
        _foreign("delegation_office", "entity_id", "delegation_head", "entity_id"),
        sa.CheckConstraint("state IN ('pending', 'active')", name="ck_delegation_office_state"),
        sa.CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name="ck_delegation_office_period"),
        sa.CheckConstraint(
            "recorded_until IS NULL OR recorded_until >= recorded_from",
            name="ck_delegation_office_record",
        ),
    )  # fmt: skip
    op.execute(
        "ALTER TABLE delegation_office ADD CONSTRAINT ex_delegation_office_one_holder EXCLUDE USING gist ("
        " entity_id WITH =, kind WITH =, state WITH =,"
        " tstzrange(starts_at, ends_at) WITH &&, tstzrange(recorded_from, recorded_until) WITH &&)"
    )
    op.execute(
        "ALTER TABLE delegation_office ADD CONSTRAINT ex_delegation_office_one_state EXCLUDE USING gist ("
        " office_id WITH =,"
        " tstzrange(starts_at, ends_at) WITH &&, tstzrange(recorded_from, recorded_until) WITH &&)"
    )
    op.create_table(
        "delegation_office_contact",
        _uuid("office_id"), _text("email"), _text("language", null=True),
        sa.PrimaryKeyConstraint("office_id", name="pk_delegation_office_contact"),
    )  # fmt: skip
    op.create_table(
        "delegation_grant",
        _uuid("version_id"), _uuid("grant_id"), _uuid("entity_id"), _uuid("person_id"), _text("role"),
        _at("starts_at"), _at("ends_at", null=True), _text("origin"), _uuid("granted_by", null=True),
        _at("granted_at"), sa.Column("to_oneself", sa.Boolean, nullable=False),
        _uuid("request_id", null=True), _text("ended", null=True), _at("recorded_from"),
        _at("recorded_until", null=True),
        sa.PrimaryKeyConstraint("version_id", name="pk_delegation_grant"),
        _foreign("delegation_grant", "entity_id", "delegation_head", "entity_id"),
        _foreign("delegation_grant", "role", "delegation_role", "code"),
        sa.CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name="ck_delegation_grant_period"),
        sa.CheckConstraint(
            "recorded_until IS NULL OR recorded_until >= recorded_from",
            name="ck_delegation_grant_record",
        ),
    )  # fmt: skip
    op.execute(
        "ALTER TABLE delegation_grant ADD CONSTRAINT ex_delegation_grant_no_overlap EXCLUDE USING gist ("
        " entity_id WITH =, person_id WITH =, role WITH =,"
        " tstzrange(starts_at, ends_at) WITH &&, tstzrange(recorded_from, recorded_until) WITH &&)"
    )
    op.execute(
        "ALTER TABLE delegation_grant ADD CONSTRAINT ex_delegation_grant_one_record EXCLUDE USING gist ("
        " grant_id WITH =, tstzrange(recorded_from, recorded_until) WITH &&)"
    )
    op.create_table(
        "delegation_request",
        _uuid("request_id"), _uuid("entity_id"), _uuid("person_id"), _text("relation"), _text("language"),
        _at("starts_at"), _at("ends_at", null=True), _text("state"), _at("submitted_at"), _at("lapses_at"),
        _at("routed_at", null=True), _at("decided_at", null=True), _uuid("decided_by", null=True),
        sa.PrimaryKeyConstraint("request_id", name="pk_delegation_request"),
        _foreign("delegation_request", "entity_id", "delegation_head", "entity_id"),
    )  # fmt: skip
    op.create_table(
        "delegation_request_role",
        _uuid("request_id"), _text("role"),
        sa.PrimaryKeyConstraint("request_id", "role", name="pk_delegation_request_role"),
        _foreign("delegation_request_role", "request_id", "delegation_request", "request_id"),
        _foreign("delegation_request_role", "role", "delegation_role", "code"),
    )  # fmt: skip
    op.create_table(
        "delegation_request_text",
        _uuid("request_id"), _text("email", null=True), _text("motivation", null=True),
        _text("refusal", null=True),
        sa.PrimaryKeyConstraint("request_id", name="pk_delegation_request_text"),
        _foreign("delegation_request_text", "request_id", "delegation_request", "request_id"),
    )  # fmt: skip
    op.create_table(
        "delegation_bootstrap",
        _text("digest"), _uuid("entity_id"), _at("lapses_at"), _uuid("claimed_by", null=True),
        _at("claimed_at", null=True),
        sa.PrimaryKeyConstraint("digest", name="pk_delegation_bootstrap"),
        _foreign("delegation_bootstrap", "entity_id", "delegation_head", "entity_id"),
    )  # fmt: skip
    current = sa.text("recorded_until IS NULL")
    for table, columns in (
        ("delegation_office", ["entity_id"]),
        ("delegation_office", ["person_id"]),
        ("delegation_grant", ["person_id", "entity_id"]),
        ("delegation_grant", ["entity_id"]),
        ("delegation_grant", ["starts_at"]),
        ("delegation_grant", ["ends_at"]),
    ):
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns, postgresql_where=current)
    op.create_index("ix_delegation_grant_grant_id", "delegation_grant", ["grant_id"])
    op.create_index("ix_delegation_request_person_id", "delegation_request", ["person_id", "submitted_at"])
    op.create_index("ix_delegation_request_entity_id", "delegation_request", ["entity_id", "state"])
    op.create_index("ix_delegation_request_lapses_at", "delegation_request", ["lapses_at"])


def downgrade() -> None:
    """Take the schema back to the revision before."""
    for table in (
        "delegation_bootstrap", "delegation_request_text", "delegation_request_role", "delegation_request", "delegation_grant",
        "delegation_office_contact", "delegation_office", "delegation_role", "delegation_catalogue",
        "delegation_head",
    ):  # fmt: skip
        op.drop_table(table)
