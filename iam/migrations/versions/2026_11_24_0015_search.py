"""The register can be searched by name and place: one row for each way a legal person is called."""

import sqlalchemy as sa
from alembic import op

revision = "0015_search"
down_revision = "0014_people_keys"
branch_labels = None
depends_on = None

# How names and places are compared. `unaccent` itself is not IMMUTABLE, because its dictionary could be
# edited; ours is the one that comes with PostgreSQL. The dots of an abbreviation bind (S.A. is sa), every
# other sign parts.
_SEARCHABLE = """
    CREATE FUNCTION bce_searchable(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT btrim(regexp_replace(
            regexp_replace(lower(unaccent(value)), '\\m(\\w)[.]', '\\1', 'g'), '[^[:alnum:]]+', ' ', 'g'))
    $$
"""


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.execute(_SEARCHABLE)
    op.create_table(
        "bce_search",
        sa.Column("entity_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("postcode", sa.Text),
        sa.Column("municipality_fr", sa.Text),
        sa.Column("municipality_nl", sa.Text),
        sa.Column("text", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("entity_id", "text", name="pk_bce_search"),
    )
    op.create_index("ix_bce_search_text", "bce_search", ["text", "number"])
    for place in ("postcode", "municipality_fr", "municipality_nl"):
        op.create_index(f"ix_bce_search_{place}", "bce_search", [place, "text", "number"])
    op.create_index(
        "ix_bce_search_words",
        "bce_search",
        [sa.text("array_to_tsvector(string_to_array(text, ' '))")],
        postgresql_using="gin",
    )
    # Wrongly typed words are looked for among words, of which there are few, and not among names.
    op.create_table(
        "bce_search_word",
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("word", name="pk_bce_search_word"),
    )
    op.create_index(
        "ix_bce_search_word_likeness",
        "bce_search_word",
        ["word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.drop_table("bce_search_word")
    op.drop_table("bce_search")
    op.execute("DROP FUNCTION bce_searchable(text)")
