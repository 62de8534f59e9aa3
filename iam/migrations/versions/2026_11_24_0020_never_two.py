"""Whether two rows hold at once is looked up for each row that was written, where these are few of a table."""

import sqlalchemy as sa
from alembic import op

revision = "0020_never_two"
down_revision = "0019_calendar"
branch_labels = None
depends_on = None

_PAST = "(recorded_until IS NOT NULL OR ends_at IS NOT NULL)"
_OVERLAP = """
    tstzrange(t.starts_at, t.ends_at) && tstzrange(f.starts_at, f.ends_at)
    AND tstzrange(t.recorded_from, t.recorded_until) && tstzrange(f.recorded_from, f.recorded_until)
"""
# Of a day's changes: as a join, planners read all of a table for them, and the check of a day cost as much as
# the register is large. OFFSET 0 keeps them from making one of it.
_LOOKED_UP = f"""
    SELECT EXISTS (
      SELECT FROM fresh f CROSS JOIN LATERAL (
        SELECT count(*) FROM (
          SELECT starts_at, ends_at, recorded_from, recorded_until FROM %2$I
           WHERE recorded_until IS NULL AND ends_at IS NULL AND %1$I = f.%1$I
           UNION ALL
          SELECT starts_at, ends_at, recorded_from, recorded_until FROM %2$I
           WHERE {_PAST} AND %1$I = f.%1$I
          OFFSET 0) t
         WHERE {_OVERLAP}) o(found)
       WHERE o.found > 1)
"""
_JOINED = f"""
    SELECT EXISTS (
      SELECT FROM fresh f
        JOIN (SELECT %1$I AS key, starts_at, ends_at, recorded_from, recorded_until FROM %2$I
               WHERE recorded_until IS NULL AND ends_at IS NULL
               UNION ALL
              SELECT %1$I, starts_at, ends_at, recorded_from, recorded_until FROM %2$I
               WHERE {_PAST}) t
          ON t.key = f.%1$I AND {_OVERLAP}
       GROUP BY f.%1$I, f.starts_at, f.ends_at, f.recorded_from, f.recorded_until
      HAVING count(*) > 1)
"""


_BY_HOW_MANY = f"""
    SELECT count(*) * 20 < (SELECT reltuples FROM pg_class WHERE oid = TG_RELID) FROM fresh INTO few;
    IF few THEN
        question \\:= '{_LOOKED_UP}';
    END IF;
"""


def _function(choose: str) -> sa.TextClause:
    """What is written into a table that is new, or not analysed yet, is joined with it."""
    return sa.text(f"""
    CREATE OR REPLACE FUNCTION bce_never_two() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        question text \\:= '{_JOINED}';
        few boolean;
        twice boolean;
    BEGIN
        {choose}
        EXECUTE format(question, TG_ARGV[0], TG_TABLE_NAME) INTO twice;
        IF twice THEN
            RAISE EXCEPTION 'two rows of % hold at once: "%"', TG_TABLE_NAME, TG_ARGV[1]
                  USING ERRCODE = 'exclusion_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_ARGV[1];
        END IF;
        RETURN NULL;
    END $$
    """)


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.execute(_function(_BY_HOW_MANY))


def downgrade() -> None:
    """Take the schema back to the revision before."""
    op.execute(_function(""))
