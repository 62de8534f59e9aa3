"""The register at national scale: lean tables that an import can build, updates, activities (ADR 0013)."""

import sqlalchemy as sa
from alembic import op

revision = "0017_extracts"
down_revision = "0015_search"
branch_labels = None
depends_on = None

_OPEN = sa.text("recorded_until IS NULL AND ends_at IS NULL")
_RECORDED = sa.text("recorded_until IS NULL")
_PAST_ROWS = "recorded_until IS NOT NULL OR ends_at IS NOT NULL"
_PAST = sa.text(_PAST_ROWS)
_DATED = ("bce_number", "bce_snapshot", "bce_name", "bce_establishment", "bce_branch")
_PRESENT = ("bce_address", "bce_contact")
_CONTENT = {
    "bce_name": "unit, language, kind, text",
    "bce_address": (
        "unit, kind, country_nl, country_fr, postcode, municipality_nl, municipality_fr, street_nl, street_fr,"
        " house_number, box, extra, struck_off_on"
    ),
    "bce_contact": "unit, kind, value",
}
_NEVER_TWO = (
    ("bce_number", "one_entity", "number"),
    ("bce_number", "one_number", "entity_id"),
    ("bce_snapshot", "one_state", "entity_id"),
)
# What exclusion constraints do not see: a row of the past that overlaps with the one that holds now. Asked
# once a statement, of the rows that it wrote.
_FUNCTION = f"""
    CREATE FUNCTION bce_never_two() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        twice boolean;
    BEGIN
        EXECUTE format(
            'SELECT EXISTS (
               SELECT FROM fresh f
                 JOIN (SELECT %1$I AS key, starts_at, ends_at, recorded_from, recorded_until FROM %2$I
                        WHERE recorded_until IS NULL AND ends_at IS NULL
                        UNION ALL
                       SELECT %1$I, starts_at, ends_at, recorded_from, recorded_until FROM %2$I
                        WHERE {_PAST_ROWS}) t
                   ON t.key = f.%1$I
                  AND tstzrange(t.starts_at, t.ends_at) && tstzrange(f.starts_at, f.ends_at)
                  AND tstzrange(t.recorded_from, t.recorded_until)
                      && tstzrange(f.recorded_from, f.recorded_until)
                GROUP BY f.%1$I, f.starts_at, f.ends_at, f.recorded_from, f.recorded_until
               HAVING count(*) > 1)',
            TG_ARGV[0], TG_TABLE_NAME) INTO twice;
        IF twice THEN
            RAISE EXCEPTION 'two rows of % hold at once: "%"', TG_TABLE_NAME, TG_ARGV[1]
                  USING ERRCODE = 'exclusion_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_ARGV[1];
        END IF;
        RETURN NULL;
    END $$
"""


def _exclusion(table: str, name: str, same: str, rows: str = "") -> None:
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT ex_{table}_{name} EXCLUDE USING gist ({same} WITH =,"
        f" tstzrange(starts_at, ends_at) WITH &&, tstzrange(recorded_from, recorded_until) WITH &&){rows}"
    )


def upgrade() -> None:
    """Bring the schema to this revision."""
    for table in _DATED:
        op.drop_column(table, "version_id")
    for table in (*_DATED, *_PRESENT):
        op.drop_constraint(f"fk_{table}_entity_id_bce_entity", table, type_="foreignkey")
    for table in ("bce_snapshot", "bce_establishment", "bce_branch"):
        op.drop_column(table, "digest")
    for table, content in _CONTENT.items():
        op.alter_column(
            table,
            "digest",
            type_=sa.BigInteger,
            postgresql_using=f"hash_record_extended(ROW({content}), 0)",
        )
    op.execute(sa.text(_FUNCTION))
    for table, name, same in _NEVER_TWO:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ex_{table}_{name}")
        _exclusion(table, name, same, f" WHERE ({_PAST_ROWS})")
        for event in ("INSERT", "UPDATE"):
            op.execute(
                f"CREATE TRIGGER {name}_{event.lower()} AFTER {event} ON {table} REFERENCING NEW TABLE AS fresh"
                f" FOR EACH STATEMENT EXECUTE FUNCTION bce_never_two('{same}', 'ex_{table}_{name}')"
            )
    for table in ("bce_snapshot", "bce_name", "bce_establishment", "bce_branch"):
        op.drop_index(f"ix_{table}_entity_id", table)
    for table, columns in (
        ("bce_snapshot", ["entity_id", "ends_at"]),
        ("bce_name", ["entity_id", "digest", "ends_at"]),
    ):
        op.create_index(
            f"uq_{table}_entity_id", table, columns,
            unique=True, postgresql_where=_RECORDED, postgresql_nulls_not_distinct=True,
        )  # fmt: skip
    for table in ("bce_establishment", "bce_branch"):
        op.create_index(f"ix_{table}_entity_id", table, ["entity_id"], postgresql_where=_RECORDED)
    for table in ("bce_name", "bce_establishment", "bce_branch"):
        op.create_index(f"ix_{table}_past", table, ["entity_id"], postgresql_where=_PAST)
    op.create_table(
        "bce_activity",
        sa.Column("entity_id", sa.Uuid, nullable=False),
        sa.Column("digest", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("unit", sa.Text),
        sa.Column("activity_group", sa.Text, nullable=False),
        sa.Column("nace_version", sa.SmallInteger, nullable=False),
        sa.Column("nace_code", sa.Text, nullable=False),
        sa.Column("classification", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("entity_id", "digest", name="pk_bce_activity"),
    )
    _attempts()


def _attempts() -> None:
    op.add_column("bce_extract", sa.Column("effective_at", sa.DateTime(timezone=True)))
    # A full extract spoke from the beginning of its day on.
    op.execute(
        "UPDATE bce_extract SET effective_at = (snapshot_on::timestamp AT TIME ZONE 'Europe/Brussels')"
        " WHERE status = 'applied'"
    )
    for name, value in (("activities", "false"), ("branches", "true")):
        op.add_column(
            "bce_extract", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.text(value))
        )
        op.alter_column("bce_extract", name, server_default=None)
    op.create_check_constraint(op.f("ck_bce_extract_kind"), "bce_extract", "kind IN ('full', 'update')")
    op.create_check_constraint(
        op.f("ck_bce_extract_effective"), "bce_extract", "status <> 'applied' OR effective_at IS NOT NULL"
    )
    op.drop_index("uq_bce_extract_number", "bce_extract")
    op.create_index(
        "uq_bce_extract_number", "bce_extract", ["number", "kind"],
        unique=True, postgresql_where=sa.text("status = 'applied'"),
    )  # fmt: skip


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.execute(
        "DELETE FROM bce_extract u WHERE status = 'applied' AND kind = 'update' AND EXISTS"
        " (SELECT FROM bce_extract f WHERE f.number = u.number AND f.status = 'applied' AND f.kind = 'full')"
    )
    op.drop_index("uq_bce_extract_number", "bce_extract")
    op.create_index(
        "uq_bce_extract_number", "bce_extract", ["number"],
        unique=True, postgresql_where=sa.text("status = 'applied'"),
    )  # fmt: skip
    for name in ("ck_bce_extract_effective", "ck_bce_extract_kind"):
        op.drop_constraint(op.f(name), "bce_extract", type_="check")
    for name in ("branches", "activities", "effective_at"):
        op.drop_column("bce_extract", name)
    op.drop_table("bce_activity")
    for table in ("bce_name", "bce_establishment", "bce_branch"):
        op.drop_index(f"ix_{table}_past", table)
    for table in ("bce_establishment", "bce_branch"):
        op.drop_index(f"ix_{table}_entity_id", table)
    for table in ("bce_snapshot", "bce_name"):
        op.drop_index(f"uq_{table}_entity_id", table)
    for table in ("bce_snapshot", "bce_name", "bce_establishment", "bce_branch"):
        op.create_index(f"ix_{table}_entity_id", table, ["entity_id"])
    for table, name, same in _NEVER_TWO:
        for event in ("insert", "update"):
            op.execute(f"DROP TRIGGER {name}_{event} ON {table}")
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ex_{table}_{name}")
        _exclusion(table, name, same)
    op.execute("DROP FUNCTION bce_never_two()")
    for table, content in _CONTENT.items():
        op.alter_column(table, "digest", type_=sa.Uuid, postgresql_using=f"md5(ROW({content})::text)::uuid")
    _dated_as_before()


def _dated_as_before() -> None:
    for table, content in (
        ("bce_snapshot", "status, kind, situation, form, form_cac, start_on"),
        ("bce_establishment", "number, start_on"),
        ("bce_branch", "number, start_on"),
    ):
        op.add_column(table, sa.Column("digest", sa.Uuid))
        op.execute(f"UPDATE {table} SET digest = md5(ROW({content})::text)::uuid")
        op.alter_column(table, "digest", nullable=False)
    for table in _DATED:
        op.add_column(table, sa.Column("version_id", sa.BigInteger, autoincrement=True))
        op.execute(f"CREATE SEQUENCE {table}_version_id_seq OWNED BY {table}.version_id")
        op.execute(
            f"ALTER TABLE {table} ALTER COLUMN version_id SET DEFAULT nextval('{table}_version_id_seq')"
        )
        op.execute(f"UPDATE {table} SET version_id = DEFAULT")
        op.create_primary_key(f"pk_{table}", table, ["version_id"])
    for table in (*_DATED, *_PRESENT):
        op.create_foreign_key(
            f"fk_{table}_entity_id_bce_entity", table, "bce_entity", ["entity_id"], ["entity_id"]
        )
