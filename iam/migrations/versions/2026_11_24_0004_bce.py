"""The register: entities, their numbers and facts with both times, extracts, functions, reference data."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_bce"
down_revision = "0003_portals"
branch_labels = None
depends_on = None

_OPEN = sa.text("recorded_until IS NULL AND ends_at IS NULL")
_RECORDED = sa.text("recorded_until IS NULL")


def _at(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _text(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text, nullable=null)


def _uuid(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Uuid, nullable=null)


def _date(name: str, *, null: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Date, nullable=null)


def _integer(name: str, *, null: bool = False, auto: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.Integer, nullable=null, autoincrement=auto)


def _of_entity(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["entity_id"], ["bce_entity.entity_id"], name=f"fk_{table}_entity_id_bce_entity"
    )


def _both_times(table: str, *columns: "sa.Column[Any]") -> None:
    """A table of facts with a valid and a record period."""
    op.create_table(
        table,
        sa.Column("version_id", sa.BigInteger, nullable=False, autoincrement=True),
        _uuid("entity_id"), *columns,
        _at("starts_at"), _at("ends_at", null=True), _at("recorded_from"), _at("recorded_until", null=True),
        sa.PrimaryKeyConstraint("version_id", name=f"pk_{table}"),
        _of_entity(table),
        sa.CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name=f"ck_{table}_period"),
        sa.CheckConstraint("recorded_until IS NULL OR recorded_until >= recorded_from", name=f"ck_{table}_record"),
    )  # fmt: skip


def _never_two(table: str, name: str, same: str) -> None:
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT ex_{table}_{name} EXCLUDE USING gist ("
        f" {same} WITH =,"
        " tstzrange(starts_at, ends_at) WITH &&, tstzrange(recorded_from, recorded_until) WITH &&)"
    )


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "bce_entity",
        _uuid("entity_id"), sa.Column("revision", sa.BigInteger, nullable=False),
        _integer("first_extract"), _at("vanished_at", null=True),
        sa.PrimaryKeyConstraint("entity_id", name="pk_bce_entity"),
    )  # fmt: skip
    op.create_table(
        "bce_watch",
        _uuid("entity_id"),
        sa.PrimaryKeyConstraint("entity_id", name="pk_bce_watch"),
        _of_entity("bce_watch"),
    )
    _facts()
    _present()
    _attempts()
    _functions()
    _reference()
    op.execute(
        """
        CREATE VIEW bce_enterprise_view AS
        SELECT e.entity_id, n.number,
               CASE WHEN e.vanished_at IS NULL THEN 'active' ELSE 'vanished' END AS state,
               e.vanished_at IS NULL
                   AND coalesce(c.consequence, unheard.consequence, 'controlled') <> 'terminal' AS operating,
               s.kind, coalesce(s.form_cac, s.form) AS form, s.situation,
               coalesce(c.consequence, unheard.consequence, 'controlled') AS consequence, s.start_on
          FROM bce_entity e
          JOIN bce_number n ON n.entity_id = e.entity_id AND n.recorded_until IS NULL AND n.ends_at IS NULL
          JOIN bce_snapshot s ON s.entity_id = e.entity_id AND s.recorded_until IS NULL
                             AND s.ends_at IS NOT DISTINCT FROM e.vanished_at
          LEFT JOIN bce_situation c ON c.code = s.situation
          LEFT JOIN bce_situation unheard ON unheard.code = '*'
        """
    )


def _facts() -> None:
    _both_times("bce_number", _text("number"))
    op.create_index("uq_bce_number_number", "bce_number", ["number"], unique=True, postgresql_where=_OPEN)
    op.create_index(
        "uq_bce_number_entity_id", "bce_number", ["entity_id"], unique=True, postgresql_where=_OPEN
    )
    _never_two("bce_number", "one_entity", "number")
    _never_two("bce_number", "one_number", "entity_id")
    _both_times(
        "bce_snapshot",
        _uuid("digest"), _text("status"), sa.Column("kind", sa.SmallInteger, nullable=False), _text("situation"),
        _text("form", null=True), _text("form_cac", null=True), _date("start_on"),
    )  # fmt: skip
    _never_two("bce_snapshot", "one_state", "entity_id")
    _both_times(
        "bce_name",
        _uuid("digest"), _text("unit", null=True), _text("language"), _text("kind"), _text("text"),
    )  # fmt: skip
    for table in ("bce_establishment", "bce_branch"):
        _both_times(table, _uuid("digest"), _text("number"), _date("start_on"))
        op.create_index(f"uq_{table}_number", table, ["number"], unique=True, postgresql_where=_OPEN)
    for table in ("bce_snapshot", "bce_name", "bce_establishment", "bce_branch"):
        op.create_index(f"ix_{table}_entity_id", table, ["entity_id"])


def _present() -> None:
    op.create_table(
        "bce_address",
        _uuid("entity_id"), _uuid("digest"), _text("unit", null=True), _text("kind"),
        _text("country_nl", null=True), _text("country_fr", null=True), _text("postcode", null=True),
        _text("municipality_nl", null=True), _text("municipality_fr", null=True),
        _text("street_nl", null=True), _text("street_fr", null=True), _text("house_number", null=True),
        _text("box", null=True), _text("extra", null=True), _date("struck_off_on", null=True),
        sa.PrimaryKeyConstraint("entity_id", "digest", name="pk_bce_address"),
        _of_entity("bce_address"),
    )  # fmt: skip
    op.create_table(
        "bce_contact",
        _uuid("entity_id"), _uuid("digest"), _text("unit", null=True), _text("kind"), _text("value"),
        sa.PrimaryKeyConstraint("entity_id", "digest", name="pk_bce_contact"),
        _of_entity("bce_contact"),
    )  # fmt: skip
    op.create_table(
        "bce_tombstone",
        _uuid("entity_id"), _integer("vanished_extract"), _at("vanished_at"),
        _integer("reactivated_extract", null=True), _at("reactivated_at", null=True),
        sa.PrimaryKeyConstraint("entity_id", "vanished_extract", name="pk_bce_tombstone"),
        _of_entity("bce_tombstone"),
    )  # fmt: skip


def _attempts() -> None:
    op.create_table(
        "bce_extract",
        _uuid("attempt_id"), _integer("number"), _text("kind"), _date("snapshot_on"), _at("extracted_at"),
        sa.Column("sha256", sa.LargeBinary, nullable=False), _text("status"), _text("reason", null=True),
        sa.Column("counts", postgresql.JSONB, nullable=False), _at("attempted_at"),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_bce_extract"),
        sa.CheckConstraint("status IN ('applied', 'rejected', 'halted')", name="ck_bce_extract_status"),
    )  # fmt: skip
    op.create_table(
        "bce_feed",
        _uuid("attempt_id"), _integer("number"), _text("kind"), _at("produced_at"), _text("status"),
        _text("reason", null=True), sa.Column("counts", postgresql.JSONB, nullable=False), _at("attempted_at"),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_bce_feed"),
        sa.CheckConstraint("status IN ('applied', 'rejected')", name="ck_bce_feed_status"),
    )  # fmt: skip
    for table in ("bce_extract", "bce_feed"):
        op.create_index(
            f"uq_{table}_number",
            table,
            ["number"],
            unique=True,
            postgresql_where=sa.text("status = 'applied'"),
        )
    op.create_table(
        "bce_quarantine",
        _uuid("attempt_id"), _text("file"), sa.Column("line", sa.BigInteger, nullable=False, autoincrement=False),
        _text("key", null=True), _text("reason"),
        sa.PrimaryKeyConstraint("attempt_id", "file", "line", name="pk_bce_quarantine"),
    )  # fmt: skip


def _functions() -> None:
    octets = sa.LargeBinary
    op.create_table(
        "bce_function",
        sa.Column("version_id", sa.BigInteger, nullable=False, autoincrement=True), _uuid("function_id"),
        _uuid("entity_id"), _text("code"),
        _text("holder_key_id", null=True), sa.Column("holder_digest", octets), _text("holder_number", null=True),
        _text("permanent_key_id", null=True), sa.Column("permanent_digest", octets),
        _at("starts_at"), _at("ends_at", null=True), _text("source"), _integer("feed"), _at("produced_at"),
        _at("recorded_from"), _at("recorded_until", null=True),
        sa.PrimaryKeyConstraint("version_id", name="pk_bce_function"),
        _of_entity("bce_function"),
        sa.CheckConstraint("(holder_digest IS NULL) <> (holder_number IS NULL)", name="ck_bce_function_one_holder"),
        sa.CheckConstraint(
            "(holder_digest IS NULL) = (holder_key_id IS NULL)"
            " AND (permanent_digest IS NULL) = (permanent_key_id IS NULL)",
            name="ck_bce_function_fingerprint",
        ),
        sa.CheckConstraint("permanent_digest IS NULL OR holder_number IS NOT NULL", name="ck_bce_function_permanent"),
        sa.CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name="ck_bce_function_period"),
    )  # fmt: skip
    for column in ("entity_id", "holder_digest", "permanent_digest"):
        op.create_index(f"ix_bce_function_{column}", "bce_function", [column], postgresql_where=_RECORDED)
    # One stretch of a function at a time; another one of it may follow or precede (a correction).
    _never_two("bce_function", "one_record", "function_id")


def _reference() -> None:
    op.create_table(
        "bce_function_code",
        _text("code"), sa.Column("type", sa.SmallInteger, nullable=False),
        sa.Column("labels", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_bce_function_code"),
    )  # fmt: skip
    op.create_table(
        "bce_representation_rule",
        _integer("rule_id", auto=True), _text("function"), _text("form"), _text("represents"), _text("controlled"),
        _date("valid_from"), _date("valid_to", null=True), _text("source"),
        sa.PrimaryKeyConstraint("rule_id", name="pk_bce_representation_rule"),
        sa.UniqueConstraint(
            "function", "form", "valid_from", name="uq_bce_representation_rule_function_form_valid_from"
        ),
    )  # fmt: skip
    # Two answers for the same function, form and day must not exist.
    op.execute(
        "ALTER TABLE bce_representation_rule ADD CONSTRAINT ex_bce_representation_rule_one_answer EXCLUDE USING gist"
        " (function WITH =, form WITH =, daterange(valid_from, valid_to, '[]') WITH &&)"
    )
    op.create_table(
        "bce_situation",
        _text("code"), _text("consequence"),
        sa.PrimaryKeyConstraint("code", name="pk_bce_situation"),
        sa.CheckConstraint(
            "consequence IN ('normal', 'watch', 'controlled', 'terminal')", name="ck_bce_situation_consequence"
        ),
    )  # fmt: skip


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.execute("DROP VIEW bce_enterprise_view")
    for table in (
        "bce_situation", "bce_representation_rule", "bce_function_code", "bce_function", "bce_quarantine",
        "bce_feed", "bce_extract", "bce_tombstone", "bce_contact", "bce_address", "bce_branch",
        "bce_establishment", "bce_name", "bce_snapshot", "bce_number", "bce_watch", "bce_entity",
    ):  # fmt: skip
        op.drop_table(table)
