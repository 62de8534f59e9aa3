"""Relying portals, their démarches, and the names under which they know people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_portals"
down_revision = "0002_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    texts = postgresql.ARRAY(sa.Text)
    op.create_table(
        "portals_portal",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("sector", sa.Text, nullable=False),
        sa.Column("names", postgresql.JSONB, nullable=False),
        sa.Column("return_urls", texts, nullable=False),
        sa.Column("roles", texts, nullable=False),
        sa.Column("citizens", sa.Boolean, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("alg", sa.Text, nullable=False),
        sa.Column("longest_seconds", sa.Integer, nullable=False),
        sa.Column("receives", texts, nullable=False),
        sa.Column("secret_hashes", postgresql.ARRAY(sa.LargeBinary), nullable=False),
        sa.Column("definition", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_portals_portal"),
        sa.UniqueConstraint("client_id", name="uq_portals_portal_client_id"),
        sa.UniqueConstraint("audience", name="uq_portals_portal_audience"),
        sa.UniqueConstraint("sector", name="uq_portals_portal_sector"),
        # nr 56: only these, and never longer than a few minutes, whatever wrote the row
        sa.CheckConstraint("alg IN ('ES256', 'RS256')", name="ck_portals_portal_alg"),
        sa.CheckConstraint("longest_seconds BETWEEN 1 AND 300", name="ck_portals_portal_longest_seconds"),
        sa.CheckConstraint(
            "cardinality(secret_hashes) BETWEEN 1 AND 2", name="ck_portals_portal_secret_hashes"
        ),
    )
    op.create_table(
        "portals_demarche",
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("portal_id", sa.Uuid, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("labels", postgresql.JSONB, nullable=False),
        sa.Column("descriptions", postgresql.JSONB, nullable=False),
        sa.Column("start_url", sa.Text, nullable=False),
        sa.Column("roles", texts, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_portals_demarche"),
        sa.ForeignKeyConstraint(
            ["portal_id"], ["portals_portal.id"], name="fk_portals_demarche_portal_id_portals_portal"
        ),
        sa.CheckConstraint("audience IN ('citizen', 'enterprise')", name="ck_portals_demarche_audience"),
    )
    op.create_index("ix_portals_demarche_portal_id", "portals_demarche", ["portal_id"])
    op.create_table(
        "portals_pairwise",
        sa.Column("portal_id", sa.Uuid, nullable=False),
        sa.Column("sub", sa.Text, nullable=False),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "sub", name="pk_portals_pairwise"),
        sa.UniqueConstraint("portal_id", "person_id", name="uq_portals_pairwise_portal_id_person_id"),
        sa.ForeignKeyConstraint(
            ["portal_id"], ["portals_portal.id"], name="fk_portals_pairwise_portal_id_portals_portal"
        ),
    )
    op.create_index("ix_portals_pairwise_person_id", "portals_pairwise", ["person_id"])


def downgrade() -> None:
    """Take the schema back to the revision before."""
    for table in ("portals_pairwise", "portals_demarche", "portals_portal"):
        op.drop_table(table)
