"""The register as it was on a day, as far as it was known at an instant (ADR 13).

Number, status, situation, form, names, establishment units and functions carry both times, and both are
asked here. Addresses are as of now. The rules of representation are those loaded now, each with its own days,
and so is what a situation means.
"""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import RowMapping, text

from iam.bce.facts import functions_of
from iam.bce.model import AsOf, Enterprise, FeedState, Representation
from iam.bce.profile import ADDRESS, PAGE, SEAT, Address, Extract, Profile, establishments_of, extract_of
from iam.bce.queries import enterprise_of, told_by
from iam.bce.reference import rulebook
from iam.bce.rules import represent
from iam.kernel.clock import belgian_day, end_of_day
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import ReadConnection

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_LAST = timedelta(microseconds=1)


class InvalidAsOf(ValueError):
    """There is no answer as of then; `field` is `at` or `asKnownOn`, `fault` says why.

    `fault` is one of: `shape`, `future`, `beforeFirstExtract`.
    """

    def __init__(self, field: str, fault: str) -> None:
        """Keep both; what was typed is left out on purpose."""
        super().__init__(f"{field}: {fault}")
        self.field = field
        self.fault = fault


def as_of(at: str, as_known_on: str, now: datetime) -> AsOf | None:
    """What was asked for, a day and a day or an instant (RFC 3339); None where neither was.

    A day up to which was known counts in full. One of the two alone: on that day as known now, or on the day
    of what was known. Raises InvalidAsOf for what is no day or instant, or has not been yet.
    """
    if not at and not as_known_on:
        return None
    known_on = _known_on(as_known_on, now) if as_known_on else now
    day = _day("at", at) if at else belgian_day(known_on)
    if day > belgian_day(now):
        raise InvalidAsOf("at", "future")
    return AsOf(day=day, known_on=known_on)


def _known_on(typed: str, now: datetime) -> datetime:
    if _DAY.fullmatch(typed):
        day = _day("asKnownOn", typed)
        if day > belgian_day(now):
            raise InvalidAsOf("asKnownOn", "future")
        return min(end_of_day(day) - _LAST, now)
    if not _INSTANT.fullmatch(typed):
        raise InvalidAsOf("asKnownOn", "shape")
    try:
        known_on = datetime.fromisoformat(typed)
        belgian_day(known_on)
    except (ValueError, OverflowError) as error:
        raise InvalidAsOf("asKnownOn", "shape") from error
    if known_on > now:
        raise InvalidAsOf("asKnownOn", "future")
    return known_on


def _day(field: str, typed: str) -> date:
    try:
        if _DAY.fullmatch(typed):
            return date.fromisoformat(typed)
    except ValueError:
        pass
    raise InvalidAsOf(field, "shape")


def _known(alias: str) -> str:
    return (
        f"{alias}.recorded_from <= :known_on"
        f" AND ({alias}.recorded_until IS NULL OR {alias}.recorded_until > :known_on)"
    )


def _holds(alias: str) -> str:
    return f"{alias}.starts_at <= :instant AND ({alias}.ends_at IS NULL OR {alias}.ends_at > :instant)"


def _rows(table: str, key: str) -> str:
    """The rows of the key, whenever they held and whenever they were believed, each part from its index."""
    return (
        f"(SELECT * FROM {table} WHERE {key} AND recorded_until IS NULL AND ends_at IS NULL"
        f" UNION ALL SELECT * FROM {table} WHERE {key}"
        " AND (recorded_until IS NOT NULL OR ends_at IS NOT NULL))"
    )


def _names(entity: str, unit: str, when: str, *, cast: str = "") -> str:
    """Of an entity or its unit, those of whose rows `m` the condition is true; as the view has them."""
    return (
        "(SELECT coalesce(json_agg(json_build_object('text', m.text, 'language', m.language, 'kind', m.kind)"
        f" ORDER BY m.kind, m.language, m.text), '[]'){cast}"
        f" FROM {_rows('bce_name', f'entity_id = {entity}')} m"
        f" WHERE m.unit IS NOT DISTINCT FROM {unit} AND {_known('m')} AND {when})"
    )


# Of an enterprise that had vanished, what it last was: the newest of what had begun, and what ended with it.
_AS_IT_WAS = f"CASE WHEN s.ends_at <= :instant THEN m.ends_at = s.ends_at ELSE {_holds('m')} END"
# Whoever had the number then; where nobody had it, who came to it later.
_ENTERPRISES = text(
    f"""
    WITH asked AS (
        SELECT DISTINCT ON (x.number) x.number AS typed, x.entity_id
          FROM {_rows("bce_number", "number = ANY(:numbers)")} x
         WHERE {_known("x")} AND (x.ends_at IS NULL OR x.ends_at > :instant)
         ORDER BY x.number, x.starts_at)
    SELECT asked.typed, asked.entity_id, n.number, s.kind, s.situation, s.start_on,
           coalesce(s.form_cac, s.form) AS form, s.form AS registered_form,
           coalesce(c.consequence, (SELECT u.consequence FROM bce_situation u WHERE u.code = '*'),
                    'controlled') AS consequence,
           CASE WHEN s.ends_at <= :instant THEN 'vanished' ELSE 'active' END AS state,
           {_names("asked.entity_id", "NULL", _AS_IT_WAS)} AS names,
           seat.municipality_fr, seat.municipality_nl, seat.struck_off_on IS NOT NULL AS doubtful_seat
      FROM asked
      JOIN LATERAL (SELECT x.number FROM {_rows("bce_number", "entity_id = asked.entity_id")} x
                     WHERE {_known("x")} AND {_holds("x")}) n ON true
      JOIN LATERAL (SELECT x.* FROM {_rows("bce_snapshot", "entity_id = asked.entity_id")} x
                     WHERE {_known("x")} AND x.starts_at <= :instant
                     ORDER BY x.starts_at DESC LIMIT 1) s ON true
      LEFT JOIN bce_situation c ON c.code = s.situation
      LEFT JOIN LATERAL (
           SELECT a.municipality_fr, a.municipality_nl, a.struck_off_on FROM bce_address a
            WHERE a.entity_id = asked.entity_id AND a.unit IS NULL AND a.kind = 'REGO' LIMIT 1) seat ON true
    """
)
_UNITS = f"{_rows('bce_establishment', 'entity_id = :entity')} u WHERE {_known('u')} AND {_holds('u')}"
_COUNT = text(f"SELECT count(*) FROM {_UNITS}")
_ESTABLISHMENTS = text(
    f"""
    SELECT u.number, u.start_on, {_names(":entity", "u.number", _holds("m"), cast="::text")} AS names,
           (a.entity_id IS NOT NULL) AS placed, {", ".join(f"a.{name}" for name in ADDRESS.split(", "))}
      FROM (SELECT u.* FROM {_UNITS} AND u.number > :after ORDER BY u.number LIMIT :limit) u
      LEFT JOIN LATERAL (
           SELECT * FROM bce_address WHERE entity_id = :entity AND unit = u.number
            ORDER BY digest LIMIT 1) a ON true
     ORDER BY u.number
    """
)
_EXTRACT = text(
    "SELECT number, snapshot_on,"
    " (SELECT min(effective_at) FROM bce_extract WHERE status = 'applied') AS first_effective_at"
    " FROM bce_extract WHERE status = 'applied' AND attempted_at <= :known_on ORDER BY number DESC LIMIT 1"
)
_FEED = text(
    "SELECT number, produced_at FROM bce_feed WHERE status = 'applied' AND attempted_at <= :known_on"
    " ORDER BY number DESC LIMIT 1"
)


async def extract_known(conn: ReadConnection, then: AsOf) -> Extract:
    """The extract on which the register stood at the instant.

    Raises InvalidAsOf before the first, and for a day before that of which the first speaks.
    """
    row = (await conn.execute(_EXTRACT, {"known_on": then.known_on})).one_or_none()
    if row is None:
        raise InvalidAsOf("asKnownOn", "beforeFirstExtract")
    if then.instant < row.first_effective_at:
        raise InvalidAsOf("at", "beforeFirstExtract")
    return Extract(number=row.number, snapshot_on=row.snapshot_on)


async def enterprise_then(conn: ReadConnection, number: EnterpriseNumber, then: AsOf) -> Enterprise | None:
    """The enterprise that had this number then, else the one that goes by it since; None when there is none.

    Under the number, the form, the situation and the names that it had; vanished ones included.
    """
    row = (await _enterprises(conn, [number], then)).get(number)
    return None if row is None else enterprise_of(row)


async def profile_then(
    conn: ReadConnection, number: EnterpriseNumber, then: AsOf, *, after: str = "", page: int = PAGE
) -> Profile | None:
    """All that was known of the enterprise (`enterprise_then`); None when there is none.

    Of its establishment units those whose number comes after `after`, at most `page` of them. Addresses are
    those of now. Raises InvalidAsOf.
    """
    extract, newest = await extract_known(conn, then), await extract_of(conn)
    row = (await _enterprises(conn, [number], then)).get(number)
    if row is None:
        return None
    of_it = {"entity": row["entity_id"]}
    asked = {**of_it, "instant": then.instant, "known_on": then.known_on}
    seat = (await conn.execute(SEAT, of_it)).mappings().one_or_none()
    units = await conn.execute(_ESTABLISHMENTS, {**asked, "after": after, "limit": page + 1})
    found = units.mappings().all()
    shown = found[:page]
    return Profile(
        enterprise=enterprise_of(row),
        registered_form=row["registered_form"],
        seat=None if seat is None else Address(**seat),
        establishments=establishments_of(shown),
        establishment_count=(await conn.execute(_COUNT, asked)).scalar_one(),
        after=shown[-1]["number"] if len(found) > page else None,
        extract=extract,
        as_of=then,
        addresses_on=None if newest is None else newest.snapshot_on,
    )


async def representatives_then(
    conn: ReadConnection, enterprise: Enterprise, then: AsOf
) -> list[Representation]:
    """Who represented the enterprise (of `enterprise_then`) at the end of the day, as far as was known.

    Those whose powers were suspended are among them, and say why.
    """
    functions = await functions_of(conn, [enterprise.entity], before=then.known_on + _LAST)
    holders = {each.holder_number for each in functions if each.holder_number is not None}
    ceased = {
        number
        for number, row in (await _enterprises(conn, holders, then)).items()
        if not enterprise_of(row).operating
    }
    functions = [replace(each, holder_operating=each.holder_number not in ceased) for each in functions]
    feed = (await conn.execute(_FEED, {"known_on": then.known_on})).one_or_none()
    state = None if feed is None else FeedState(number=feed.number, produced_at=feed.produced_at)
    book = await rulebook(conn)
    return [told_by(found, state) for found in represent(enterprise, functions, book, then.instant)]


async def _enterprises(
    conn: ReadConnection, numbers: Iterable[EnterpriseNumber], then: AsOf
) -> Mapping[EnterpriseNumber, RowMapping]:
    asked = {
        "numbers": [number.digits for number in numbers],
        "instant": then.instant,
        "known_on": then.known_on,
    }
    rows = (await conn.execute(_ENTERPRISES, asked)).mappings()
    return {EnterpriseNumber(row["typed"]): row for row in rows}
