"""Believing a source of functions, in sets: what it tells against what the register has from it.

Nothing is overwritten: a row's record is closed and another begins (DESIGN 4). `:now` is the instant at
which we believe it, `:since` the one of which the source speaks. Works inside the caller's transaction.
"""

# ruff: noqa: S608 - the statements are made of constants; values are parameters

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from iam.bce.functions.port import Held, Mark, Source, Told
from iam.bce.staging import driver
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import WriteConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a source is believed and of which instant it speaks; `feed` is the number of a feed."""

    now: datetime
    since: datetime
    feed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """How many functions began, ended, or have another end; the lines about enterprises nobody knows.

    `twice` are the lines of enterprises told twice by a source that tells all functions of each at once.
    """

    began: int
    ended: int
    corrected: int
    unknown: tuple[int, ...] = ()
    twice: tuple[int, ...] = ()


_STAGING = (
    "DROP TABLE IF EXISTS staging_function, staging_told, staging_unsure, staging_question, staging_wanted",
    "CREATE TEMP TABLE staging_told (number text, line bigint) ON COMMIT DROP",
    "CREATE TEMP TABLE staging_unsure (number text) ON COMMIT DROP",
    """
    CREATE TEMP TABLE staging_function (
        number text, function_id uuid, code text, starts_at timestamptz, ends_at timestamptz,
        holder_key_id text, holder_digest bytea, holder_key_before text, holder_digest_before bytea,
        holder_number text, holder_person uuid,
        permanent_key_id text, permanent_digest bytea,
        permanent_key_before text, permanent_digest_before bytea) ON COMMIT DROP
    """,
)
_TYPES = (
    "text", "uuid", "text", "timestamptz", "timestamptz", "text", "bytea", "text", "bytea", "text", "uuid",
    "text", "bytea", "text", "bytea",
)  # fmt: skip
# So many functions are in memory at once, not more: COPY takes one file at a time.
_CHUNK = 5_000
_NOBODY = (None, None, None, None)


async def believe(conn: WriteConnection, source: Source, moment: Moment) -> Merged:
    """What the register knows of functions by this source is what the source tells.

    An enterprise of which it is unsure stays as it is. Raises whatever `source.tell` raises.
    """
    await _stage(conn, source)
    return await _merge(conn, source, moment)


async def _stage(conn: WriteConnection, source: Source) -> None:
    for statement in _STAGING:
        await conn.execute(text(statement))
    chunk: list[Told] = []
    waiting = 0
    for told in source.tell():
        chunk.append(told)
        waiting += 1 + len(told.functions)
        if waiting >= _CHUNK:
            await _copy(conn, chunk)
            chunk, waiting = [], 0
    await _copy(conn, chunk)
    if source.unsure:
        await conn.execute(
            text("INSERT INTO staging_unsure VALUES (:number)"),
            [{"number": number.digits} for number in sorted(source.unsure)],
        )


async def _copy(conn: WriteConnection, chunk: list[Told]) -> None:
    if not chunk:
        return
    async with (await driver(conn)).cursor() as cursor:
        async with cursor.copy("COPY staging_told FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(("text", "int8"))
            for told in chunk:
                await copy.write_row((told.number.digits, told.line))
        async with cursor.copy("COPY staging_function FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(_TYPES)
            for told in chunk:
                for held in told.functions:
                    await copy.write_row(_row(told.number, held))


def _row(number: EnterpriseNumber, held: Held) -> tuple[Any, ...]:
    return (
        number.digits, held.id, held.code, held.period.start, held.period.end,
        *_marked(held.by_number),
        None if held.by_enterprise is None else held.by_enterprise.digits,
        held.by_person,
        *_marked(held.permanent),
    )  # fmt: skip


def _marked(mark: Mark | None) -> tuple[Any, ...]:
    if mark is None:
        return _NOBODY
    before = (None, None) if mark.before is None else (mark.before.key_id, mark.before.digest)
    return (mark.current.key_id, mark.current.digest, *before)


# Known under the key before: the same person, written anew under the key in use (DESIGN 6).
_REKEY = """
    UPDATE bce_function f SET {who}_key_id = s.{who}_key_id, {who}_digest = s.{who}_digest
      FROM (SELECT DISTINCT {who}_key_id, {who}_digest, {who}_key_before, {who}_digest_before
              FROM staging_function WHERE {who}_digest_before IS NOT NULL) s
     WHERE f.{who}_digest = s.{who}_digest_before AND f.{who}_key_id = s.{who}_key_before
"""
_OPEN_NUMBER = "bce_number n ON n.number = s.number AND n.recorded_until IS NULL AND n.ends_at IS NULL"
_UNKNOWN = f"""
    SELECT line FROM staging_told s LEFT JOIN {_OPEN_NUMBER} WHERE n.number IS NULL ORDER BY line
"""
_TWICE = """
    SELECT line FROM staging_told
     WHERE number IN (SELECT number FROM staging_told GROUP BY number HAVING count(*) > 1) ORDER BY line
"""
_LEAVE_TWICE = """
    INSERT INTO staging_unsure SELECT number FROM staging_told GROUP BY number HAVING count(*) > 1
"""
# Whatever the source speaks of: what it names, and all that is known from it when it speaks of the whole.
_QUESTION = f"""
    CREATE TEMP TABLE staging_question ON COMMIT DROP AS
    SELECT entity_id
      FROM (SELECT n.entity_id FROM staging_told s JOIN {_OPEN_NUMBER}
             UNION
            SELECT f.entity_id FROM bce_function f
             WHERE :whole AND f.recorded_until IS NULL AND f.source = :source) asked
     WHERE NOT EXISTS (SELECT FROM staging_unsure s JOIN {_OPEN_NUMBER} WHERE n.entity_id = asked.entity_id)
"""
_HOLDER = (
    "holder_key_id", "holder_digest", "holder_number", "holder_person", "permanent_key_id", "permanent_digest"
)  # fmt: skip
_SAME = f"""
    f.source = :source AND f.entity_id = w.entity_id AND f.code = w.code AND f.starts_at = w.starts_at
    AND ({", ".join(f"f.{each}" for each in _HOLDER)})
        IS NOT DISTINCT FROM ({", ".join(f"w.{each}" for each in _HOLDER)})
"""
_ONE = f"n.entity_id, s.code, s.starts_at, {', '.join(f's.{each}' for each in _HOLDER)}"
# Twice the same function with two ends: the one that ends last, an open one after all.
_WANTED = f"""
    CREATE TEMP TABLE staging_wanted ON COMMIT DROP AS
    SELECT DISTINCT ON ({_ONE}) {_ONE}, s.ends_at, s.function_id
      FROM staging_function s
      JOIN {_OPEN_NUMBER}
      JOIN staging_question q ON q.entity_id = n.entity_id
     ORDER BY {_ONE}, s.ends_at DESC NULLS FIRST
"""
_KEPT = ", ".join(("entity_id", "code", *_HOLDER, "starts_at"))
_COLUMNS = f"function_id, {_KEPT}, ends_at, source, feed, produced_at, recorded_from, recorded_until"
_NEW = ":source, CAST(:feed AS integer), :since, :now, NULL"
# No longer told: it has ended at the instant of which the source speaks, as far as we know.
_END = f"""
    WITH closed AS (
        UPDATE bce_function f SET recorded_until = :now FROM staging_question q
         WHERE f.entity_id = q.entity_id AND f.source = :source AND f.recorded_until IS NULL
           AND (f.ends_at IS NULL OR f.ends_at > :since)
           AND NOT EXISTS (SELECT FROM staging_wanted w WHERE {_SAME})
        RETURNING f.*),
    kept AS (
        INSERT INTO bce_function ({_COLUMNS})
        SELECT function_id, {_KEPT}, :since, {_NEW} FROM closed WHERE starts_at < :since)
    SELECT count(*) FROM closed
"""
# Told with another end: a correction, under the same id.
_CORRECT = f"""
    WITH closed AS (
        UPDATE bce_function f SET recorded_until = :now FROM staging_wanted w
         WHERE f.recorded_until IS NULL AND {_SAME} AND f.ends_at IS DISTINCT FROM w.ends_at
        RETURNING f.*, w.ends_at AS told)
    INSERT INTO bce_function ({_COLUMNS})
    SELECT function_id, {_KEPT}, told, {_NEW} FROM closed
"""
_BEGIN = f"""
    INSERT INTO bce_function ({_COLUMNS})
    SELECT coalesce(function_id, gen_random_uuid()), {_KEPT}, ends_at, {_NEW} FROM staging_wanted w
     WHERE NOT EXISTS (SELECT FROM bce_function f WHERE f.recorded_until IS NULL AND {_SAME})
"""


async def _merge(conn: WriteConnection, source: Source, moment: Moment) -> Merged:
    for who in ("holder", "permanent"):
        await conn.execute(text(_REKEY.format(who=who)))
    values = {
        "source": source.name, "whole": source.whole, "now": moment.now, "since": moment.since,
        "feed": moment.feed,
    }  # fmt: skip
    twice: tuple[int, ...] = ()
    if not source.whole:
        twice = tuple(row.line for row in await conn.execute(text(_TWICE)))
        await conn.execute(text(_LEAVE_TWICE))
    unknown = tuple(row.line for row in await conn.execute(text(_UNKNOWN)))
    for statement in (_QUESTION, _WANTED):
        await _run(conn, statement, values)
    await conn.execute(text("ANALYZE staging_question, staging_wanted"))
    ended = int((await _run(conn, _END, values)).scalar_one())
    corrected = (await _run(conn, _CORRECT, values)).rowcount
    began = (await _run(conn, _BEGIN, values)).rowcount
    return Merged(began=began, ended=ended, corrected=corrected, unknown=unknown, twice=twice)


async def _run(conn: WriteConnection, statement: str, values: dict[str, Any]) -> Any:
    used = {name: value for name, value in values.items() if f":{name}" in statement}
    return await conn.execute(text(statement), used)
