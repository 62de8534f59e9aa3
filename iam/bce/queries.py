"""Reading the register: an enterprise, who represents it, how fresh what we know is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
from sqlalchemy import LargeBinary, RowMapping, Text, Uuid, bindparam, func, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from iam.bce.facts import functions_of
from iam.bce.model import (
    Basis,
    Consequence,
    Enterprise,
    EnterpriseKind,
    FeedState,
    Name,
    RegisterState,
    Representation,
    SetAside,
)
from iam.bce.record import watch
from iam.bce.reference import rulebook
from iam.bce.rules import display_name, name_to_show, represent
from iam.bce.tables import BceExtract, BceFeed, BceFunction, BceFunctionCode
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.reasons import Reason
from iam.kernel.ssin import Fingerprint
from iam.storage import ReadConnection
from iam.storage.tables import core

__all__ = [
    "display_name",
    "extract_number",
    "feed_state",
    "find_by_number",
    "function_labels",
    "functions_under_others",
    "load",
    "lookup",
    "name_to_show",
    "names_of",
    "representations_of",
    "representatives",
    "set_aside",
    "watch",
]

_extract = core(BceExtract)
_feed = core(BceFeed)
_function = core(BceFunction)
_function_code = core(BceFunctionCode)

# One round trip an answer: names and seat beside the enterprise. What it last was, if it has vanished.
_ENTERPRISES = """
    SELECT v.entity_id, v.number, v.kind, v.form, v.situation, v.consequence, v.state, v.start_on,
           v.names, seat.municipality_fr, seat.municipality_nl,
           seat.struck_off_on IS NOT NULL AS doubtful_seat
      FROM bce_enterprise_view v
      LEFT JOIN LATERAL (
           SELECT a.municipality_fr, a.municipality_nl, a.struck_off_on FROM bce_address a
            WHERE a.entity_id = v.entity_id AND a.unit IS NULL AND a.kind = 'REGO' LIMIT 1) seat ON true
"""
_BY_NUMBER = text(_ENTERPRISES + " WHERE v.number = :number")
_BY_ENTITY = text(_ENTERPRISES + " WHERE v.entity_id = ANY(:entities)")


async def find_by_number(conn: ReadConnection, number: EnterpriseNumber) -> Enterprise | None:
    """The enterprise that goes by this number now, vanished ones included; None when there is none."""
    row = (await conn.execute(_BY_NUMBER, {"number": number.digits})).mappings().one_or_none()
    return None if row is None else enterprise_of(row)


async def load(conn: ReadConnection, entity_ids: Iterable[EntityId]) -> Mapping[EntityId, Enterprise]:
    """The enterprises of these keys; one that the register has never known is absent."""
    wanted = list(entity_ids)
    if not wanted:
        return {}
    rows = (await conn.execute(_BY_ENTITY, {"entities": wanted})).mappings()
    return {EntityId(row["entity_id"]): enterprise_of(row) for row in rows}


def names_of(document: str) -> tuple[Name, ...]:
    """The names behind the text of the view's `names`, for statements that join it."""
    return msgspec.json.decode(document, type=tuple[Name, ...])


async def lookup(conn: ReadConnection, typed: str) -> Enterprise | Refusal:
    """The enterprise that a person means by what he typed, or why there is none to choose.

    The number of an establishment or branch is told as such (nr 2), an unknown enterprise from one
    that has ceased.
    """
    try:
        number = EnterpriseNumber.parse(typed)
    except InvalidNumber as error:
        return Refusal(reason=_FAULTS[error.fault], about="enterpriseNumber")
    found = await find_by_number(conn, number)
    facts = {"number": number.dotted}
    if found is None:
        return Refusal(reason=Reason.ENTERPRISE_UNKNOWN, about="enterpriseNumber", facts=facts)
    if not found.operating:
        return Refusal(reason=Reason.ENTERPRISE_CEASED, about="enterpriseNumber", facts=facts)
    return found


_FAULTS: Mapping[str, Reason] = {
    "shape": Reason.NUMBER_SHAPE,
    "checksum": Reason.NUMBER_CHECKSUM,
    "establishment": Reason.NUMBER_IS_ESTABLISHMENT,
    "branch": Reason.NUMBER_IS_BRANCH,
}


def enterprise_of(row: RowMapping) -> Enterprise:
    """The enterprise of a row that has its names and the municipality of its seat."""
    return Enterprise(
        entity=EntityId(row["entity_id"]),
        number=EnterpriseNumber(row["number"]),
        kind=EnterpriseKind(row["kind"]),
        form=row["form"],
        situation=row["situation"],
        consequence=Consequence(row["consequence"]),
        state=RegisterState(row["state"]),
        start_on=row["start_on"],
        names=tuple(Name(**name) for name in row["names"]),
        municipality_fr=row["municipality_fr"],
        municipality_nl=row["municipality_nl"],
        doubtful_seat=row["doubtful_seat"],
    )


async def representatives(conn: ReadConnection, entity_id: EntityId, at: datetime) -> list[Representation]:
    """Who represents the enterprise at `at`, by the register as we know it now (nr 18-24).

    Those whose powers are suspended are among them, and say why.
    """
    return await _represent(conn, [entity_id], at)


async def representations_of(
    conn: ReadConnection, fingerprints: Sequence[Fingerprint], at: datetime, person: PersonId | None = None
) -> list[Representation]:
    """The enterprises that the person of these fingerprints represents at `at`, in order of number.

    With `person`, those too that he represents by a dossier: who has no number has no fingerprint.
    """
    mine = {*fingerprints, *(() if person is None else (person,))}
    if not mine:
        return []
    asked = {"digests": [each.digest for each in fingerprints], "person": person}
    entities = [EntityId(row.entity_id) for row in await conn.execute(_HOLDING, asked)]
    return [each for each in await _represent(conn, entities, at) if each.holder in mine]


_DIGESTS = bindparam("digests", type_=ARRAY(LargeBinary))
_HOLDING = (
    select(_function.c.entity_id)
    .distinct()
    .where(
        _function.c.recorded_until.is_(None),
        or_(
            _function.c.holder_digest == func.any(_DIGESTS),
            _function.c.permanent_digest == func.any(_DIGESTS),
            _function.c.holder_person == bindparam("person", type_=Uuid),
        ),
    )
)


async def _represent(
    conn: ReadConnection, entities: Sequence[EntityId], at: datetime
) -> list[Representation]:
    enterprises = await load(conn, entities)
    if not enterprises:
        return []
    functions = await functions_of(conn, list(enterprises))
    book = await rulebook(conn)
    feed = await feed_state(conn)
    ordered = sorted(enterprises.values(), key=lambda each: each.number)
    return [
        told_by(found, feed) for enterprise in ordered for found in represent(enterprise, functions, book, at)
    ]


def told_by(found: Representation, feed: FeedState | None) -> Representation:
    """Every feed says of each function again that it is so, also by not mentioning it in an update."""
    if feed is None or found.how is Basis.MANUAL_DOSSIER:
        return found
    return replace(found, told_at=feed.produced_at)


async def function_labels(conn: ReadConnection, language: Language) -> Mapping[str, str]:
    """The words for codes of functions, as the reference data has them."""
    label = _function_code.c.labels.op("->>")(bindparam("language", language.value, Text))
    rows = await conn.execute(select(_function_code.c.code, label.label("label")))
    return {row.code: row.label or row.code for row in rows}


async def feed_state(conn: ReadConnection) -> FeedState | None:
    """The newest feed of functions; None before the first. How old it may be, the caller says (nr 23)."""
    row = (
        await conn.execute(
            select(_feed.c.number, _feed.c.produced_at)
            .where(_feed.c.status == "applied")
            .order_by(_feed.c.number.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else FeedState(number=row.number, produced_at=row.produced_at)


_UNDER_OTHERS = text(
    """
    SELECT key_id, count(*) AS functions
      FROM bce_function f, unnest(ARRAY[f.holder_key_id, f.permanent_key_id]) AS key_id
     WHERE f.recorded_until IS NULL AND (f.ends_at IS NULL OR f.ends_at > :at)
       AND key_id IS NOT NULL AND key_id <> ALL(:keys)
     GROUP BY key_id ORDER BY key_id
    """
)


async def functions_under_others(
    conn: ReadConnection, keys: Sequence[str], at: datetime
) -> Mapping[str, int]:
    """How many functions that hold now or later are known under each key that is none of these.

    The next full feed makes them anew under the key in use. Reads all functions.
    """
    rows = await conn.execute(_UNDER_OTHERS, {"keys": list(keys), "at": at})
    return {row.key_id: row.functions for row in rows}


async def extract_number(conn: ReadConnection) -> int:
    """The number of the extract that all answers about the register stand on; 0 before the first (nr 17)."""
    newest = select(func.max(_extract.c.number)).where(_extract.c.status == "applied")
    return int((await conn.execute(newest)).scalar_one() or 0)


_SET_ASIDE = text(
    """
    SELECT newest.attempt, q.file, q.line, q.reason
      FROM ((SELECT attempt_id, 'extract ' || number AS attempt FROM bce_extract
              ORDER BY attempted_at DESC LIMIT 1)
            UNION ALL
            (SELECT attempt_id, 'functions ' || number FROM bce_feed ORDER BY attempted_at DESC LIMIT 1)
           ) newest
      JOIN bce_quarantine q ON q.attempt_id = newest.attempt_id
     ORDER BY newest.attempt, q.file, q.line
    """
)


async def set_aside(conn: ReadConnection) -> list[SetAside]:
    """The rows not believed of the newest attempt at an extract and at a feed (nr 8)."""
    rows = await conn.execute(_SET_ASIDE)
    return [SetAside(attempt=row.attempt, file=row.file, line=row.line, reason=row.reason) for row in rows]
