"""What changes a person apart from his logins: language, addresses, blocking."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update

from iam.journal.model import Context
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, MakeId, PersonId, uuid7
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.people import events as e
from iam.people.links import redeem
from iam.people.model import Address, Purpose, normalise_address
from iam.people.record import happened, lock
from iam.people.sessions import end_of_person
from iam.people.tables import PeopleAddress, PeoplePerson
from iam.storage import WriteConnection
from iam.storage.tables import core

_person = core(PeoplePerson)
_address = core(PeopleAddress)
_PROFESSIONAL = "professional"


async def choose_language(
    conn: WriteConnection, person: PersonId, language: Language, context: Context
) -> None:
    """The person is addressed in this language from now on (DOMAIN 7.3 nr 69)."""
    await lock(conn, [person])
    changed = await conn.execute(
        update(_person)
        .where(_person.c.id == person, _person.c.language.is_distinct_from(language.value))
        .values(language=language.value)
    )
    if changed.rowcount:
        await happened(conn, person, [e.LanguageChosen(person=person, language=language)], context)


async def claim_address(
    conn: WriteConnection,
    person: PersonId,
    email: str,
    entity: EntityId | None,
    context: Context,
    *,
    make_id: MakeId = uuid7,
) -> Address | Refusal:
    """The person has named the address; it proves nothing until he confirms it by a link sent there.

    The same claim again is the same address, confirmed or not. Refused with EMAIL_INVALID.
    """
    normal = normalise_address(email, belgian_day(context.at))
    if isinstance(normal, Refusal):
        return normal
    await lock(conn, [person])
    row = (
        await conn.execute(
            select(_address).where(
                _address.c.person_id == person,
                _address.c.email == normal,
                _address.c.entity_id.is_not_distinct_from(entity),
            )
        )
    ).one_or_none()
    if row is not None:
        return Address(id=row.id, email=normal, entity=entity, verified_at=row.verified_at)
    address = make_id()
    await conn.execute(
        insert(_address).values(
            id=address,
            person_id=person,
            email=normal,
            purpose=_PROFESSIONAL,
            entity_id=entity,
            claimed_at=context.at,
        )
    )
    claimed = e.AddressClaimed(person=person, address=address, entity=entity, email=normal)
    await happened(conn, person, [claimed], context)
    return Address(id=address, email=normal, entity=entity, verified_at=None)


async def verify_address(
    conn: WriteConnection, secret: str, person: PersonId, context: Context
) -> Address | Refusal:
    """The address is confirmed: its person, logged in, used the link that was sent there.

    Refused with LINK_INVALID, whatever is wrong with the link. There is no other way to confirm one
    (STANDARDS 5 nr 20).
    """
    await lock(conn, [person])
    subject = await redeem(conn, secret, Purpose.ADDRESS, person, context.at)
    if isinstance(subject, Refusal):
        return subject
    return await _verified(conn, person, subject, context)


async def _verified(
    conn: WriteConnection, person: PersonId, address: UUID, context: Context
) -> Address | Refusal:
    mine = (_address.c.id == address, _address.c.person_id == person)
    row = (await conn.execute(select(_address).where(*mine))).one_or_none()
    if row is None:
        return Refusal(reason=Reason.LINK_INVALID)
    entity = None if row.entity_id is None else EntityId(row.entity_id)
    verified_at: datetime = row.verified_at or context.at
    if row.verified_at is None:
        await conn.execute(update(_address).where(*mine).values(verified_at=context.at))
        verified = e.AddressVerified(person=person, address=address, entity=entity)
        await happened(conn, person, [verified], context)
    return Address(id=address, email=row.email, entity=entity, verified_at=verified_at)


async def block(conn: WriteConnection, person: PersonId, context: Context) -> None:
    """The person may not act, and his sessions have ended. The caller has checked who says so."""
    await lock(conn, [person])
    changed = await conn.execute(
        update(_person)
        .where(_person.c.id == person, _person.c.blocked_at.is_(None))
        .values(blocked_at=context.at)
    )
    if changed.rowcount:
        await end_of_person(conn, person, context.at)
        await happened(conn, person, [e.PersonBlocked(person=person)], context)


async def unblock(conn: WriteConnection, person: PersonId, context: Context) -> None:
    """The person may act again. The caller has checked who says so."""
    await lock(conn, [person])
    changed = await conn.execute(
        update(_person)
        .where(_person.c.id == person, _person.c.blocked_at.is_not(None))
        .values(blocked_at=None)
    )
    if changed.rowcount:
        await happened(conn, person, [e.PersonUnblocked(person=person)], context)
