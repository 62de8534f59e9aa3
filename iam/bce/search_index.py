"""Keeping what is searched in step with the register: in sets, in the transaction that changed it.

`refresh` is the one way. Whoever changes names, seats, numbers or situations calls it with the entities that
he touched. Where nothing is searchable yet, all of it is built beside the table and put in its place: indexes
of words are made at once, not row by row, and readers wait for a rename only (ADR 0013).
"""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; `touched` is a statement of ours

from sqlalchemy import text

from iam.storage import ReadConnection, WriteConnection

_LONGEST = 320
_VALUES = ("number", "postcode", "municipality_fr", "municipality_nl")
_COLUMNS = ", ".join(("entity_id", *_VALUES, "text"))
# Only who operates, only legal persons (quirk j). A branch has no number to be found by (DOMAIN 3.1).
_WANTED = f"""
    SELECT DISTINCT e.entity_id, n.number, seat.postcode,
           bce_searchable(seat.municipality_fr) AS municipality_fr,
           bce_searchable(seat.municipality_nl) AS municipality_nl,
           left(bce_searchable(b.text), {_LONGEST}) COLLATE "C" AS text
      FROM bce_entity e
      JOIN bce_snapshot s ON s.entity_id = e.entity_id AND s.recorded_until IS NULL AND s.ends_at IS NULL
      JOIN bce_number n ON n.entity_id = e.entity_id AND n.recorded_until IS NULL AND n.ends_at IS NULL
      JOIN bce_name b ON b.entity_id = e.entity_id AND b.recorded_until IS NULL AND b.ends_at IS NULL
                     AND (b.unit IS NULL OR b.unit < '9')
      LEFT JOIN bce_situation c ON c.code = s.situation
      LEFT JOIN (
           SELECT DISTINCT ON (a.entity_id) a.entity_id, a.postcode, a.municipality_fr, a.municipality_nl
             FROM bce_address a WHERE a.unit IS NULL AND a.kind = 'REGO' {{among_addresses}}
            ORDER BY a.entity_id, a.digest) seat ON seat.entity_id = e.entity_id
     WHERE e.vanished_at IS NULL AND s.kind = 2 AND bce_searchable(b.text) <> ''
       AND coalesce(
               c.consequence, (SELECT u.consequence FROM bce_situation u WHERE u.code = '*'), 'controlled'
           ) <> 'terminal'
       {{among_entities}}
"""
_EMPTY = "SELECT NOT EXISTS (SELECT FROM bce_search)"
_WORDS = "SELECT DISTINCT unnest(string_to_array(s.text, ' ')) AS word FROM {table} s"
_INDEXES = """
    SELECT tablename AS of, indexname AS name, indexdef AS made_by FROM pg_indexes
     WHERE schemaname = current_schema() AND tablename IN ('bce_search', 'bce_search_word')
     ORDER BY indexname
"""


def _wanted(touched: str | None) -> str:
    if touched is None:
        return _WANTED.format(among_addresses="", among_entities="")
    return _WANTED.format(
        among_addresses=f"AND a.entity_id IN ({touched})", among_entities=f"AND e.entity_id IN ({touched})"
    )


def _differences(touched: str | None) -> tuple[str, ...]:
    """What is written for these entities, or for all: only rows that are not as they should be."""
    of_them = "" if touched is None else f"AND t.entity_id IN ({touched})"
    same = "w.entity_id = t.entity_id AND w.text = t.text"
    values = ", ".join(f"{name} = excluded.{name}" for name in _VALUES)
    return (
        "DROP TABLE IF EXISTS staging_search",
        f"CREATE TEMP TABLE staging_search ON COMMIT DROP AS {_wanted(touched)}",
        "ANALYZE staging_search",
        f"DELETE FROM bce_search t WHERE NOT EXISTS (SELECT FROM staging_search w WHERE {same}) {of_them}",
        (
            f"INSERT INTO bce_search ({_COLUMNS}) SELECT {_COLUMNS} FROM staging_search w WHERE NOT EXISTS"
            f" (SELECT FROM bce_search t WHERE {same} AND ROW(w.*) IS NOT DISTINCT FROM ROW(t.*))"
            f" ON CONFLICT (entity_id, text) DO UPDATE SET {values}"
        ),
        f"INSERT INTO bce_search_word (word) {_WORDS.format(table='staging_search')} ON CONFLICT DO NOTHING",
    )


async def is_missing(conn: ReadConnection) -> bool:
    """Whether nothing is searchable although there is a register."""
    missing = text("SELECT NOT EXISTS (SELECT FROM bce_search) AND EXISTS (SELECT FROM bce_entity)")
    return bool((await conn.execute(missing)).scalar_one())


async def refresh(conn: WriteConnection, touched: str | None = None) -> None:
    """What is searched is what the register says, for these entities, or for all.

    `touched` is a statement that selects `entity_id`. Where nothing is searchable yet, it is made for all.
    """
    if (await conn.execute(text(_EMPTY))).scalar_one():
        await _build(conn)
        return
    for statement in _differences(touched):
        await conn.execute(text(statement))


async def _build(conn: WriteConnection) -> None:
    indexes = (await conn.execute(text(_INDEXES))).all()
    words = _WORDS.format(table="bce_search_built")
    statements = [
        "CREATE TABLE bce_search_built (LIKE bce_search)",
        f"INSERT INTO bce_search_built ({_COLUMNS}) {_wanted(None)}",
        "CREATE TABLE bce_search_word_built (LIKE bce_search_word)",
        f"INSERT INTO bce_search_word_built (word) {words}",
        *(_beside(each.of, each.name, each.made_by) for each in indexes),
    ]
    for table in ("bce_search", "bce_search_word"):
        statements += [
            (
                f"ALTER TABLE {table}_built ADD CONSTRAINT pk_{table}_built PRIMARY KEY"
                f" USING INDEX pk_{table}_built"
            ),
            f"ANALYZE {table}_built",
        ]
    # From here on readers wait; there is nothing left to do but to rename.
    for table in ("bce_search", "bce_search_word"):
        statements += [f"DROP TABLE {table}", f"ALTER TABLE {table}_built RENAME TO {table}"]
    statements += [f"ALTER INDEX {each.name}_built RENAME TO {each.name}" for each in indexes]
    for statement in statements:
        await conn.execute(text(statement))


def _beside(table: str, name: str, made_by: str) -> str:
    """The statement that makes an index of the table, for the one that is built beside it."""
    head, _, method = made_by.partition(" USING ")
    unique = "UNIQUE " if head.startswith("CREATE UNIQUE ") else ""
    return f"CREATE {unique}INDEX {name}_built ON {table}_built USING {method}"
