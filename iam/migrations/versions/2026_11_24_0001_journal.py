"""The journal: entries, their erasable details, the dense order, the consumers' cursors."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_journal"
down_revision = None
branch_labels = None
depends_on = None

_EXTENSIONS = ("btree_gist", "pg_trgm", "unaccent")


def upgrade() -> None:
    """Bring the schema to this revision."""
    for extension in _EXTENSIONS:
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    op.create_table(
        "journal_entry",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("head_kind", sa.Text, nullable=False),
        sa.Column("head_id", sa.Uuid, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_person", sa.Uuid),
        sa.Column("actor_name", sa.Text),
        sa.Column("capacity", sa.Text, nullable=False),
        sa.Column("basis", postgresql.JSONB, nullable=False),
        sa.Column("level", sa.Integer),
        sa.Column("authenticated_at", sa.DateTime(timezone=True)),
        sa.Column("trace_id", sa.Text),
        sa.Column("data", postgresql.JSONB, nullable=False),
        sa.Column("detail_digest", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_journal_entry"),
        sa.UniqueConstraint(
            "head_kind", "head_id", "revision", "ordinal",
            name="uq_journal_entry_head_kind_head_id_revision_ordinal",
        ),
    )  # fmt: skip
    op.create_index("ix_journal_entry_actor_person", "journal_entry", ["actor_person", "at"])
    op.create_table(
        "journal_detail",
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("data", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_journal_detail"),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["journal_entry.id"], name="fk_journal_detail_entry_id_journal_entry"
        ),
    )
    op.create_table(
        "journal_pending",
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_journal_pending"),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["journal_entry.id"], name="fk_journal_pending_entry_id_journal_entry"
        ),
    )
    op.create_table(
        "journal_seal",
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("entry_id", sa.Uuid, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_journal_seal"),
        sa.UniqueConstraint("entry_id", name="uq_journal_seal_entry_id"),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["journal_entry.id"], name="fk_journal_seal_entry_id_journal_entry"
        ),
    )
    op.create_table(
        "journal_cursor",
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("consumer", name="pk_journal_cursor"),
    )
    op.create_table(
        "journal_parked",
        sa.Column("consumer", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "seq", name="pk_journal_parked"),
    )
    op.execute(
        "CREATE FUNCTION journal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION 'the journal is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table in ("journal_entry", "journal_seal"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_change()"
        )


def downgrade() -> None:
    """Take the schema back to the revision before."""
    for table in (
        "journal_parked", "journal_cursor", "journal_seal", "journal_pending",
        "journal_detail", "journal_entry",
    ):  # fmt: skip
        op.drop_table(table)
    op.execute("DROP FUNCTION journal_refuse_change()")
    for extension in reversed(_EXTENSIONS):
        op.execute(f"DROP EXTENSION IF EXISTS {extension}")
