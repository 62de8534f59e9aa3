"""Making a table of the register that is still empty: beside it, filled, constrained, indexed, analysed.

Whoever reads meanwhile finds the empty table. Enterprises, their numbers and what they are are made in the
transaction that changes the register. At a first load what hangs on them is made before it commits, on other
connections, because nobody comes to it but by them: so whatever a reader sees belongs together, however old
his snapshot.

Nothing is locked before the new tables take their places, which takes moments: it is tried until nobody
reads, so that no reader stands in a queue. How a table looks, only the migrations say: its columns,
constraints, indexes, triggers, rights and whatever refers to it are read from the catalogue and made again.
"""

# ruff: noqa: S608 - names are those of our own tables, from the catalogue; there are no values

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from iam.bce.extracts.space import Lane, Row

# How long a reader may stand behind us while we ask for all tables, and how often we ask before we give up.
_PATIENCE_MS = 40
_PAUSE_SECONDS = 0.25
_ATTEMPTS = 2400


class Occupied(Exception):
    """Somebody has read the register without pause for so long that a new table could not take its place."""


@dataclass(slots=True)
class Building:
    """A table in the making, under the name `@new_...`, and what is still to be done at the change."""

    table: str
    rows: int = 0
    later: list[str] = field(default_factory=list)

    @property
    def new(self) -> str:
        """Its name until it takes its place."""
        return f"@new_{self.table}"


async def may_build(lane: Lane, table: str) -> bool:
    """Whether the table is empty, and ours to replace."""
    return bool(
        await lane.value(
            f"SELECT pg_has_role(current_user, relowner, 'USAGE') AND NOT EXISTS (SELECT FROM {table})"
            f" FROM pg_class WHERE oid = '{table}'::regclass"
        )
    )


async def fill(lane: Lane, table: str, columns: Mapping[str, str], rows: str) -> Building:
    """The new table holds what the query `rows` has in these columns, and nothing else is made yet.

    A column is given as what it is in the query; one that is not given is nothing.
    """
    made = Building(table)
    listed = ", ".join(
        f"({columns.get(each.name, 'NULL')})::{each.type}{each.collation} AS {each.name}"
        for each in await _columns(lane, table)
    )
    made.rows = await lane.run(f"CREATE TABLE {made.new} AS SELECT {listed} FROM {rows}")
    return made


async def finish(lane: Lane, made: Building) -> None:
    """The new table has the constraints, indexes and triggers of the old one, and is analysed.

    Of rows with the same digest one is left: the official files say some things twice (quirk c).
    """
    columns = await _columns(lane, made.table)
    rules = [
        *(f"ALTER {each.name} SET NOT NULL" for each in columns if each.must_be),
        *(f"ALTER {each.name} SET DEFAULT {each.otherwise}" for each in columns if each.otherwise),
        *(f"ADD CONSTRAINT {each.name} {each.definition}" for each in await _checks(lane, made.table)),
        *(f"SET ({each.text})" for each in await _parameters(lane, made.table)),
    ]
    await lane.run(f"ALTER TABLE {made.new} {', '.join(rules)}")
    for place, index in enumerate(await _indexes(lane, made.table)):
        name = f"@new{place}_{made.table}"
        if index.constraint == "x":
            await lane.run(f"ALTER TABLE {made.new} ADD CONSTRAINT {name} {index.definition}")
            made.later.append(f"ALTER TABLE {made.table} RENAME CONSTRAINT {name} TO {index.name}")
            continue
        create = f"CREATE {'UNIQUE ' if index.is_unique else ''}INDEX {name} ON {made.new} {index.definition}"
        try:
            async with lane.raw.transaction():
                await lane.run(create)
        except psycopg.errors.UniqueViolation:
            made.rows -= await _once(lane, made)
            await lane.run(create)
        made.later.append(
            f"ALTER TABLE {made.table} ADD CONSTRAINT {index.name} PRIMARY KEY USING INDEX {name}"
            if index.constraint == "p"
            else f"ALTER INDEX {name} RENAME TO {index.name}"
        )
    triggers = await lane.rows(
        f"SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger"
        f" WHERE tgrelid = '{made.table}'::regclass AND NOT tgisinternal ORDER BY tgname"
    )
    made.later += [trigger.definition for trigger in triggers]
    await lane.run(f"ANALYZE {made.new}")


async def _columns(lane: Lane, table: str) -> Sequence[Row]:
    return await lane.rows(
        "SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS must_be,"
        " CASE WHEN a.attcollation <> 0 THEN ' COLLATE ' || quote_ident(c.collname) ELSE '' END AS collation,"
        " pg_get_expr(d.adbin, d.adrelid) AS otherwise"
        " FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation"
        " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        f" WHERE a.attrelid = '{table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    )


async def _checks(lane: Lane, table: str) -> Sequence[Row]:
    return await lane.rows(
        "SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint"
        f" WHERE conrelid = '{table}'::regclass AND contype = 'c' ORDER BY conname"
    )


async def _parameters(lane: Lane, table: str) -> Sequence[Row]:
    """How an operator wants it stored and looked after."""
    return await lane.rows(
        "SELECT array_to_string(reloptions, ', ') AS text FROM pg_class"
        f" WHERE oid = '{table}'::regclass AND reloptions IS NOT NULL"
    )


async def _indexes(lane: Lane, table: str) -> Sequence[Row]:
    """Indexes and exclusion constraints: name, kind of constraint, and what follows the table's name."""
    return await lane.rows(
        "SELECT c.relname AS name, i.indisunique AS is_unique, k.contype AS constraint,"
        " CASE WHEN k.contype = 'x' THEN pg_get_constraintdef(k.oid)"
        "      ELSE substr(d.text, strpos(d.text, ' USING ') + 1) END AS definition"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " CROSS JOIN LATERAL pg_get_indexdef(i.indexrelid) AS d(text)"
        " LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid"
        f" WHERE i.indrelid = '{table}'::regclass ORDER BY c.relname"
    )


async def _once(lane: Lane, made: Building) -> int:
    return await lane.run(
        f"DELETE FROM {made.new} t USING (SELECT ctid, row_number() OVER"
        f" (PARTITION BY entity_id, digest ORDER BY ctid) > 1 AS again FROM {made.new}) x"
        " WHERE x.again AND t.ctid = x.ctid"
    )


async def take_their_places(lane: Lane, made: Sequence[Building]) -> None:
    """The new tables are the register's, the old ones are gone. Raises `Occupied`.

    The caller commits at once: from here on nobody can read.
    """
    tables = [each.table for each in made]
    listed = ", ".join(f"'{table}'::regclass" for table in tables)
    referring, views = await _referring(lane, listed), await _views(lane, listed)
    change = [
        *(f"ALTER TABLE {each.table} DROP CONSTRAINT {each.name}" for each in referring),
        *(f"ALTER TABLE {table} RENAME TO @old_{table}" for table in tables),
        *(f"ALTER TABLE {each.new} RENAME TO {each.table}" for each in made),
        # A view knows its tables by what they are, not by their names: it is told anew.
        *(f"CREATE OR REPLACE VIEW {view.name} AS {view.definition.rstrip(';')}" for view in views),
        *(f"DROP TABLE @old_{table}" for table in tables),
        *(statement for each in made for statement in each.later),
        *(f"ALTER TABLE {each.table} ADD CONSTRAINT {each.name} {each.definition}" for each in referring),
        *await _rights(lane, listed),
    ]
    # The new ones first: whoever tidies them up, as the database does by itself, is waited for in peace.
    await lane.run(f"LOCK TABLE {', '.join(each.new for each in made)} IN ACCESS EXCLUSIVE MODE")
    # Views before the tables they read, as whoever reads them does.
    await _lock(lane, [*(view.name for view in views), *tables, *{each.table for each in referring}])
    await lane.run("; ".join(change))


async def _lock(lane: Lane, names: Sequence[str]) -> None:
    """Nobody else has them. Whoever reads is waited for, and not made to wait for long."""
    for _ in range(_ATTEMPTS):
        try:
            async with lane.raw.transaction():
                await lane.run(f"SET LOCAL statement_timeout = {_PATIENCE_MS}")
                await lane.run(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")
                await lane.run("SET LOCAL statement_timeout = 0")
        except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable):
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return
    raise Occupied


async def _referring(lane: Lane, listed: str) -> Sequence[Row]:
    """Foreign keys of other tables to these, which are empty: so nothing refers to anything yet."""
    return await lane.rows(
        "SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition"
        f" FROM pg_constraint WHERE contype = 'f' AND confrelid IN ({listed})"
        f" AND conrelid NOT IN ({listed}) ORDER BY 1, 2"
    )


async def _views(lane: Lane, listed: str) -> Sequence[Row]:
    """Views that read these tables, each before those that read it."""
    return await lane.rows(
        "SELECT DISTINCT v.oid, v.oid::regclass::text AS name, pg_get_viewdef(v.oid) AS definition"
        " FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class"
        " WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass"
        f" AND d.refobjid IN ({listed}) AND v.relkind = 'v' ORDER BY v.oid"
    )


async def _rights(lane: Lane, listed: str) -> list[str]:
    """What others may do with these tables."""
    rows = await lane.rows(
        "SELECT c.oid::regclass::text AS table, a.privilege_type AS right, a.is_grantable,"
        " CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS who"
        " FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a"
        f" WHERE c.oid IN ({listed}) AND a.grantee <> c.relowner ORDER BY 1, 2, 4"
    )
    return [
        f"GRANT {row.right} ON {row.table} TO {row.who}{' WITH GRANT OPTION' if row.is_grantable else ''}"
        for row in rows
    ]
