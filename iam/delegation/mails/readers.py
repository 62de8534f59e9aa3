"""Whom an event concerns, at which address, in which language."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from iam.bce import queries as register
from iam.delegation import events as e
from iam.delegation.facts import offices_of
from iam.delegation.mails.model import Reader
from iam.delegation.tables import (
    DelegationOffice,
    DelegationOfficeContact,
    DelegationRequest,
    DelegationRequestText,
)
from iam.kernel.ids import EntityId, OfficeId, PersonId
from iam.kernel.language import Language
from iam.kernel.ssin import Fingerprint
from iam.people import queries as people
from iam.people.model import confirmed_for, usual_address
from iam.storage import ReadConnection
from iam.storage.tables import core

_office = core(DelegationOffice)
_contact = core(DelegationOfficeContact)
_request = core(DelegationRequest)
_request_text = core(DelegationRequestText)

_OfRequest = e.RequestSubmitted | e.RequestApproved | e.RequestRefused | e.RequestExpired | e.RequestVoided


@dataclass(frozen=True, slots=True)
class Readers:
    """Finds readers in the caller's transaction, as things were at `at`; nobody where there is no address.

    `default` is the language of those who have chosen none.
    """

    conn: ReadConnection
    at: datetime
    default: Language

    async def requester(self, event: _OfRequest) -> list[Reader]:
        """Who asked, at the address of the request and in the language he asked in."""
        row = (
            await self.conn.execute(
                select(_request.c.person_id, _request.c.language, _request_text.c.email)
                .join(_request_text, _request_text.c.request_id == _request.c.request_id)
                .where(_request.c.request_id == event.request)
            )
        ).one_or_none()
        if row is None or row.email is None:
            return []
        reader = Reader(person=PersonId(row.person_id), address=row.email, language=Language(row.language))
        return [reader]

    async def confirmed_requester(self, event: e.RequestSubmitted) -> list[Reader]:
        """Who asked, where his address is confirmed for the enterprise (nr 51)."""
        return [r for r in await self.requester(event) if await self._is_confirmed(r, event.entity)]

    async def unconfirmed_requester(self, event: e.RequestSubmitted) -> list[Reader]:
        """Who asked, where his address is still to be confirmed for the enterprise (nr 51)."""
        return [r for r in await self.requester(event) if not await self._is_confirmed(r, event.entity)]

    async def _is_confirmed(self, reader: Reader, entity: EntityId) -> bool:
        [standing] = await people.standings(self.conn, [reader.person])
        return reader.address in confirmed_for(standing.confirmed, entity)

    async def decider(self, event: e.RequestApproved | e.RequestRefused) -> list[Reader]:
        """Who decided."""
        return await self._person(event.by, event.entity)

    async def representatives_without_gap(self, event: e.RequestConfirmed) -> list[Reader]:
        """The representatives who are known here, while nobody manages the enterprise's accesses (nr 44)."""
        if await self._active_gap(event.entity) is not None:
            return []
        functions = await register.representatives(self.conn, event.entity, self.at)
        holders = [held.holder for held in functions if not held.suspended]
        found = {
            await people.person_of(self.conn, [holder]) if isinstance(holder, Fingerprint) else holder
            for holder in holders
        }
        known = sorted(person for person in found if person is not None)
        return [reader for person in known for reader in await self._person(person, event.entity)]

    async def appointee(self, event: e.OfficeAppointed) -> list[Reader]:
        """Who was named, at the address and in the language that were given for him."""
        if event.email is None:
            return []
        return [Reader(person=event.person, address=event.email, language=event.language)]

    async def office_holder(self, event: e.RequestRouted | e.OfficeActivated | e.OfficeEnded) -> list[Reader]:
        """Who holds the office of the event, or held it."""
        return await self._holder(event.office)

    async def appointer(self, event: e.OfficeActivated | e.OfficeEnded) -> list[Reader]:
        """Who named the holder of the office; not where he named himself."""
        rows = await self.conn.execute(
            select(_office.c.appointed_by)
            .where(_office.c.office_id == event.office, _office.c.recorded_until.is_(None))
            .limit(1)
        )
        by = rows.scalar_one_or_none()
        return [] if by is None or by == event.person else await self._person(PersonId(by), event.entity)

    async def role_holder(self, event: e.RoleGranted | e.GrantEnded) -> list[Reader]:
        """Who was given the role."""
        return await self._person(event.person, event.entity)

    async def gap(self, event: e.GrantEnded) -> list[Reader]:
        """The chief access manager."""
        active = await self._active_gap(event.entity)
        return [] if active is None else await self._holder(active)

    async def _active_gap(self, entity: EntityId) -> OfficeId | None:
        offices = (await offices_of(self.conn, [entity])).values()
        return next((office.id for office in offices if office.is_active(self.at)), None)

    async def _holder(self, office: OfficeId) -> list[Reader]:
        """Who holds the office, at the address it was given to."""
        row = (
            await self.conn.execute(
                select(_office.c.person_id, _office.c.entity_id, _contact.c.email, _contact.c.language)
                .outerjoin(_contact, _contact.c.office_id == _office.c.office_id)
                .where(_office.c.office_id == office, _office.c.recorded_until.is_(None))
                .limit(1)
            )
        ).one_or_none()
        if row is None:
            return []
        person = PersonId(row.person_id)
        if row.email is None:
            return await self._person(person, EntityId(row.entity_id))
        [standing] = await people.standings(self.conn, [person])
        asked = None if row.language is None else Language(row.language)
        return [Reader(person=person, address=row.email, language=standing.language or asked or self.default)]

    async def _person(self, person: PersonId, entity: EntityId) -> list[Reader]:
        """A person at an address he has confirmed, for this enterprise if he has."""
        [standing] = await people.standings(self.conn, [person])
        address = usual_address(standing.confirmed, entity)
        if address is None:
            return []
        return [Reader(person=person, address=address, language=standing.language or self.default)]
