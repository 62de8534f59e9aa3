"""Functions by a feed, full or update, and by a dossier; a halted feed waits for a person; rules have versions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012_functions"
down_revision = "0011_hot_paths"
branch_labels = None
depends_on = None

_RECORDED = sa.text("recorded_until IS NULL")
_ONE_HOLDER = "ck_bce_function_one_holder"
_ENTITY = "ix_bce_function_entity_id"


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.drop_constraint("ck_bce_feed_status", "bce_feed", type_="check")
    op.create_check_constraint(
        "ck_bce_feed_status", "bce_feed", "status IN ('applied', 'rejected', 'halted')"
    )
    op.create_check_constraint("ck_bce_feed_kind", "bce_feed", "kind IN ('full', 'update')")
    op.add_column("bce_feed", sa.Column("mark", sa.LargeBinary))
    op.add_column("bce_function", sa.Column("holder_person", sa.Uuid))
    op.alter_column("bce_function", "feed", nullable=True)
    op.drop_constraint(_ONE_HOLDER, "bce_function", type_="check")
    op.create_check_constraint(
        _ONE_HOLDER, "bce_function", "num_nonnulls(holder_digest, holder_number, holder_person) = 1"
    )
    op.create_check_constraint(
        "ck_bce_function_source",
        "bce_function",
        "CASE source WHEN 'functions' THEN feed IS NOT NULL AND holder_person IS NULL"
        " WHEN 'manualDossier' THEN feed IS NULL AND holder_person IS NOT NULL ELSE false END",
    )
    op.create_index(
        "ix_bce_function_holder_person", "bce_function", ["holder_person"], postgresql_where=_RECORDED
    )
    # What was believed before is asked for too: who represented a watched enterprise until now.
    op.drop_index(_ENTITY, "bce_function")
    op.create_index(_ENTITY, "bce_function", ["entity_id"])
    op.create_table(
        "bce_rulebook",
        sa.Column("version", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("files", postgresql.JSONB, nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_bce_rulebook"),
    )
    # Rules that are there already are the first version.
    op.execute(
        "INSERT INTO bce_rulebook (version, files, loaded_at)"
        " SELECT 1, '{}', now() WHERE EXISTS (SELECT FROM bce_representation_rule)"
    )


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.drop_table("bce_rulebook")
    op.drop_index(_ENTITY, "bce_function")
    op.create_index(_ENTITY, "bce_function", ["entity_id"], postgresql_where=_RECORDED)
    op.drop_index("ix_bce_function_holder_person", "bce_function")
    op.drop_constraint("ck_bce_function_source", "bce_function", type_="check")
    op.drop_constraint(_ONE_HOLDER, "bce_function", type_="check")
    op.execute("DELETE FROM bce_function WHERE source <> 'functions'")
    op.create_check_constraint(
        _ONE_HOLDER, "bce_function", "(holder_digest IS NULL) <> (holder_number IS NULL)"
    )
    op.alter_column("bce_function", "feed", nullable=False)
    op.drop_column("bce_function", "holder_person")
    op.drop_column("bce_feed", "mark")
    op.drop_constraint("ck_bce_feed_kind", "bce_feed", type_="check")
    op.execute("DELETE FROM bce_feed WHERE status = 'halted'")
    op.drop_constraint("ck_bce_feed_status", "bce_feed", type_="check")
    op.create_check_constraint("ck_bce_feed_status", "bce_feed", "status IN ('applied', 'rejected')")
