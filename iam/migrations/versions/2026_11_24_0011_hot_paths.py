"""What the hot routes read by single statements: views to join, and indexes that answer alone (ADR 0012)."""

import sqlalchemy as sa
from alembic import op

revision = "0011_hot_paths"
down_revision = "0010_console"
branch_labels = None
depends_on = None

_OPEN = sa.text("recorded_until IS NULL AND ends_at IS NULL")
_CURRENT = sa.text("recorded_until IS NULL")
_GRANT = "ix_delegation_grant_person_id_entity_id"
_NUMBER = "uq_bce_number_number"
_SNAPSHOT = "ix_bce_snapshot_entity_id"

_ENTERPRISE_BEFORE = """
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
# What a statement does not name costs it nothing: the names, and the situation nobody has heard of, are
# looked up where they are needed and not joined. The names are those of today, or the last there were.
_ENTERPRISE = """
    CREATE OR REPLACE VIEW bce_enterprise_view AS
    SELECT e.entity_id, n.number,
           CASE WHEN e.vanished_at IS NULL THEN 'active' ELSE 'vanished' END AS state,
           e.vanished_at IS NULL AND coalesce(
               c.consequence, (SELECT u.consequence FROM bce_situation u WHERE u.code = '*'), 'controlled'
           ) <> 'terminal' AS operating,
           s.kind, coalesce(s.form_cac, s.form) AS form, s.situation,
           coalesce(
               c.consequence, (SELECT u.consequence FROM bce_situation u WHERE u.code = '*'), 'controlled'
           ) AS consequence,
           s.start_on,
           (SELECT coalesce(json_agg(json_build_object('text', a.text, 'language', a.language, 'kind', a.kind)
                                     ORDER BY a.kind, a.language, a.text), '[]')
              FROM bce_name a
             WHERE a.entity_id = e.entity_id AND a.unit IS NULL AND a.recorded_until IS NULL
               AND a.ends_at IS NOT DISTINCT FROM e.vanished_at) AS names
      FROM bce_entity e
      JOIN bce_number n ON n.entity_id = e.entity_id AND n.recorded_until IS NULL AND n.ends_at IS NULL
      JOIN bce_snapshot s ON s.entity_id = e.entity_id AND s.recorded_until IS NULL
                         AND s.ends_at IS NOT DISTINCT FROM e.vanished_at
      LEFT JOIN bce_situation c ON c.code = s.situation
"""
_EXTRACT = """
    CREATE VIEW bce_extract_view AS
    SELECT coalesce((SELECT max(number) FROM bce_extract WHERE status = 'applied'), 0) AS number
"""
_PERSON_BEFORE = """
    CREATE OR REPLACE VIEW people_person_view AS
    SELECT p.id AS person_id, p.blocked_at IS NOT NULL AS blocked, p.revision, p.language,
           p.given_name, p.family_name, i.subject AS keycloak_user
      FROM people_person p LEFT JOIN LATERAL (
           SELECT subject FROM people_identity
            WHERE person_id = p.id AND until IS NULL ORDER BY since DESC, id DESC LIMIT 1
      ) i ON true
"""
_PERSON = """
    CREATE OR REPLACE VIEW people_person_view AS
    SELECT p.id AS person_id, p.blocked_at IS NOT NULL AS blocked, p.revision, p.language,
           p.given_name, p.family_name,
           (SELECT i.subject FROM people_identity i
             WHERE i.person_id = p.id AND i.until IS NULL ORDER BY i.since DESC, i.id DESC LIMIT 1
           ) AS keycloak_user
      FROM people_person p
"""
_PORTAL = """
    CREATE VIEW portals_portal_view AS
    SELECT id AS portal_id, client_id, revision, active, audience, sector, names, return_urls, roles, citizens,
           level, alg, longest_seconds, receives, secret_hashes
      FROM portals_portal
"""
_DEMARCHE = "CREATE VIEW portals_demarche_view AS SELECT portal_id, code, roles FROM portals_demarche"
_PAIRWISE = """
    CREATE VIEW portals_pairwise_view AS SELECT portal_id, sub, person_id, level FROM portals_pairwise
"""
_SESSION = """
    CREATE VIEW realms_session_view AS
    SELECT issuer, session_id, subject, person_id, authenticated_at, expires_at, ended_at FROM realms_session
"""


def upgrade() -> None:
    """Bring the schema to this revision."""
    for statement in (_ENTERPRISE, _EXTRACT, _PERSON, _PORTAL, _DEMARCHE, _PAIRWISE, _SESSION):
        op.execute(statement)
    op.drop_index(_NUMBER, "bce_number")
    op.create_index(
        _NUMBER, "bce_number", ["number"],
        unique=True, postgresql_where=_OPEN, postgresql_include=["entity_id"],
    )  # fmt: skip
    op.drop_index(_SNAPSHOT, "bce_snapshot")
    op.create_index(
        _SNAPSHOT, "bce_snapshot", ["entity_id"],
        postgresql_include=["situation", "ends_at", "recorded_until"],
    )  # fmt: skip
    op.drop_index(_GRANT, "delegation_grant")
    op.create_index(
        _GRANT, "delegation_grant", ["person_id", "entity_id"],
        postgresql_where=_CURRENT, postgresql_include=["role", "grant_id", "starts_at", "ends_at", "ended"],
    )  # fmt: skip


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.drop_index(_GRANT, "delegation_grant")
    op.create_index(_GRANT, "delegation_grant", ["person_id", "entity_id"], postgresql_where=_CURRENT)
    op.drop_index(_SNAPSHOT, "bce_snapshot")
    op.create_index(_SNAPSHOT, "bce_snapshot", ["entity_id"])
    op.drop_index(_NUMBER, "bce_number")
    op.create_index(_NUMBER, "bce_number", ["number"], unique=True, postgresql_where=_OPEN)
    for view in (
        "realms_session_view", "portals_pairwise_view", "portals_demarche_view", "portals_portal_view",
        "bce_extract_view", "bce_enterprise_view",
    ):  # fmt: skip
        op.execute(f"DROP VIEW {view}")
    op.execute(_ENTERPRISE_BEFORE)
    op.execute(_PERSON_BEFORE)
