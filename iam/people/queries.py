"""Reading persons."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from iam.kernel.ids import EntityId, PersonId
from iam.kernel.language import Language
from iam.kernel.ssin import Fingerprint
from iam.people.model import Address, Person, Standing
from iam.people.tables import PeopleAddress, PeopleFingerprint, PeoplePerson
from iam.storage import ReadConnection
from iam.storage.tables import core

_person = core(PeoplePerson)
_fingerprint = core(PeopleFingerprint)
_address = core(PeopleAddress)


def language_of(code: str | None) -> Language | None:
    """The language of a stored code."""
    return None if code is None else Language(code)


async def person(conn: ReadConnection, person_id: PersonId) -> Person | None:
    """The person under this id."""
    row = (await conn.execute(select(_person).where(_person.c.id == person_id))).one_or_none()
    if row is None:
        return None
    return Person(
        id=PersonId(row.id),
        language=language_of(row.language),
        given_name=row.given_name,
        family_name=row.family_name,
        blocked=row.blocked_at is not None,
        revision=row.revision,
        recognised_at=row.recognised_at,
    )


async def standings(conn: ReadConnection, persons: Sequence[PersonId]) -> list[Standing]:
    """What rules must know of these persons; unknown ids are left out."""
    rows = (await conn.execute(select(_person).where(_person.c.id.in_(persons)))).all()
    confirmed: dict[UUID, list[Address]] = {}
    for row in await conn.execute(
        select(_address).where(_address.c.person_id.in_(persons), _address.c.verified_at.is_not(None))
    ):
        confirmed.setdefault(row.person_id, []).append(_read_address(row))
    return [
        Standing(
            person=PersonId(row.id),
            blocked=row.blocked_at is not None,
            confirmed=tuple(confirmed.get(row.id, ())),
            language=language_of(row.language),
            given_name=row.given_name,
            family_name=row.family_name,
        )
        for row in rows
    ]


async def fingerprints(conn: ReadConnection, person_id: PersonId) -> list[Fingerprint]:
    """Every fingerprint of the person, those of a number he had before too: a register may lag behind."""
    rows = await conn.execute(select(_fingerprint).where(_fingerprint.c.person_id == person_id))
    return [Fingerprint(row.key_id, row.digest) for row in rows]


async def person_of(conn: ReadConnection, found: Sequence[Fingerprint]) -> PersonId | None:
    """The person known under one of the fingerprints; the first of them counts most."""
    for fingerprint in found:
        row = (
            await conn.execute(
                select(_fingerprint.c.person_id).where(
                    _fingerprint.c.key_id == fingerprint.key_id, _fingerprint.c.digest == fingerprint.digest
                )
            )
        ).one_or_none()
        if row is not None:
            return PersonId(row.person_id)
    return None


async def addresses(conn: ReadConnection, person_id: PersonId) -> list[Address]:
    """The person's addresses, the confirmed first, then by address."""
    rows = await conn.execute(
        select(_address)
        .where(_address.c.person_id == person_id)
        .order_by(_address.c.verified_at.is_(None), _address.c.email, _address.c.id)
    )
    return [_read_address(row) for row in rows]


def _read_address(row: Any) -> Address:
    return Address(
        id=row.id,
        email=row.email,
        entity=None if row.entity_id is None else EntityId(row.entity_id),
        verified_at=row.verified_at,
    )
