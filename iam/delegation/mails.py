"""Events to messages: who is told what, in his language, with a link (DOMAIN 7.3 nr 42, 69, 70).

A consumer of the journal: what it queues and its place in the journal are one transaction, so one
event makes one mail for each reader, whatever crashes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from iam.bce import queries as register
from iam.delegation import catalogue
from iam.delegation import events as e
from iam.delegation.facts import offices_of
from iam.delegation.model import GrantEnd, GrantOrigin, OfficeEnd, Role
from iam.delegation.tables import (
    DelegationOffice,
    DelegationOfficeContact,
    DelegationRequest,
    DelegationRequestRole,
    DelegationRequestText,
)
from iam.journal.model import Context, Entry
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, OfficeId, PersonId, RequestId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.notify.model import Link, Message
from iam.notify.queue import queue
from iam.people import queries as people
from iam.people.commands import claim_address
from iam.people.links import intent
from iam.people.model import Purpose, confirmed_for, usual_address
from iam.storage import WriteConnection
from iam.storage.tables import core
from iam.texts import formats, translator

_office = core(DelegationOffice)
_contact = core(DelegationOfficeContact)
_request = core(DelegationRequest)
_request_role = core(DelegationRequestRole)
_request_text = core(DelegationRequestText)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whom a mail goes to."""

    person: PersonId
    address: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as mails speak of it."""

    id: RequestId
    entity: EntityId
    person: PersonId
    email: str | None
    language: Language
    roles: tuple[str, ...]
    wished: Period


class Mails:
    """The consumer. `public_url` makes the links that stand in running text."""

    def __init__(self, public_url: str, default_language: Language) -> None:
        """Remember where the service is and which language to fall back on."""
        self._public_url = public_url
        self._default = default_language

    async def handle(self, conn: WriteConnection, entry: Entry) -> None:
        """The mails of an entry are queued; entries that concern nobody are passed over."""
        if not e.TYPES.knows(entry):
            return
        for message in await self._messages(conn, entry, e.TYPES.decode(entry)):
            await queue(conn, message, entry.at)

    async def _messages(self, conn: WriteConnection, entry: Entry, event: object) -> list[Message]:
        match event:
            case e.RequestSubmitted():
                return await self._submitted(conn, entry, event)
            case e.RequestConfirmed():
                return await self._confirmed(conn, entry, event)
            case e.RequestRouted():
                return await self._routed(conn, entry, event)
            case e.RequestApproved():
                return await self._approved(conn, entry, event)
            case e.RequestRefused():
                return await self._refused(conn, entry, event)
            case e.RequestExpired() | e.RequestVoided():
                return await self._lapsed(conn, entry, event)
            case e.OfficeAppointed():
                return await self._appointed(conn, entry, event)
            case e.OfficeActivated():
                return await self._activated(conn, entry, event)
            case e.OfficeEnded():
                return await self._office_ended(conn, entry, event)
            case e.RoleGranted():
                return await self._granted(conn, entry, event)
            case e.GrantEnded():
                return await self._grant_ended(conn, entry, event)
            case _:
                return []

    # --- requests -------------------------------------------------------------------------------

    async def _submitted(
        self, conn: WriteConnection, entry: Entry, event: e.RequestSubmitted
    ) -> list[Message]:
        if event.email is None:
            return []
        [standing] = await people.standings(conn, [event.person])
        reader = Reader(person=event.person, address=event.email, language=event.language)
        _ = translator(reader.language).gettext
        name = await self._enterprise(conn, event.entity, reader.language)
        facts = await self._asked_facts(
            conn, event.roles, Period(event.starts_at, event.ends_at), reader.language
        )
        if event.email in confirmed_for(standing.confirmed, event.entity):
            return [
                self._message(
                    entry, reader, "sent",
                    subject=_("Votre demande est envoyée"),
                    paragraphs=(
                        _("Votre demande pour %(enterprise)s est envoyée.", enterprise=name),
                        _("Vous recevrez un message dès qu'une décision est prise."),
                    ),
                    facts=facts,
                    link=Link(label=_("Suivre ma demande"), path=f"/requests/{event.request}"),
                    closing=await self._neutral(conn, event.entity, reader.language),
                )
            ]  # fmt: skip
        return [
            self._message(
                entry, reader, "confirm",
                subject=_("Confirmez votre adresse pour envoyer votre demande"),
                paragraphs=(
                    _("Vous avez préparé une demande pour %(enterprise)s.", enterprise=name),
                    _("Confirmez que cette adresse est la vôtre. Votre demande part dès que c'est fait."),
                ),
                facts=facts,
                link=Link(
                    label=_("Confirmer mon adresse"),
                    path="/address/confirm",
                    intent=await _proves(conn, entry, event.person, event.email, event.entity),
                ),
                closing=await self._neutral(conn, event.entity, reader.language),
            )
        ]  # fmt: skip

    async def _neutral(self, conn: WriteConnection, entity: EntityId, language: Language) -> tuple[str, ...]:
        """The text to hand on to whoever represents the enterprise: the same for every one (nr 49)."""
        _ = translator(language).gettext
        number = await _number(conn, entity)
        return (
            _(
                "Vous pouvez transmettre cette adresse à une personne qui représente l'entreprise. "
                "Elle y verra ce qu'elle peut faire : %(url)s",
                url=f"{self._public_url}/represent?enterprise={number.digits}",
            ),
        )

    async def _confirmed(
        self, conn: WriteConnection, entry: Entry, event: e.RequestConfirmed
    ) -> list[Message]:
        """Without a chief access manager the representatives we can write to are told (nr 44)."""
        offices = (await offices_of(conn, [event.entity])).values()
        if any(office.is_active(entry.at) for office in offices):
            return []
        messages = []
        number = await _number(conn, event.entity)
        for reader in await self._representatives(conn, event.entity, entry):
            _ = translator(reader.language).gettext
            name = await self._enterprise(conn, event.entity, reader.language)
            messages.append(
                self._message(
                    entry, reader, "waits",
                    subject=_("Une demande attend un gestionnaire d'accès"),
                    paragraphs=(
                        _("Une personne demande un rôle pour %(enterprise)s.", enterprise=name),
                        _(
                            "L'entreprise n'a pas encore de gestionnaire d'accès principal (GAP) : la "
                            "personne qui décide qui peut agir pour elle. Vous représentez l'entreprise : "
                            "vous pouvez désigner un GAP."
                        ),
                    ),
                    link=Link(label=_("Désigner un GAP"), path=f"/represent/{number.digits}"),
                )
            )  # fmt: skip
        return messages

    async def _routed(self, conn: WriteConnection, entry: Entry, event: e.RequestRouted) -> list[Message]:
        reader = await self._holder(conn, event.office)
        asked = await self._asked(conn, event.request)
        if reader is None or asked is None:
            return []
        _ = translator(reader.language).gettext
        name = await self._enterprise(conn, event.entity, reader.language)
        return [
            self._message(
                entry, reader, "decide",
                subject=_("Une demande attend votre décision"),
                paragraphs=(
                    _(
                        "%(person)s demande un rôle pour %(enterprise)s.",
                        person=await self._name(conn, event.person), enterprise=name,
                    ),
                ),
                facts=await self._asked_facts(conn, asked.roles, asked.wished, reader.language),
                link=Link(label=_("Voir la demande"), path=f"/desk/requests/{event.request}"),
            )
        ]  # fmt: skip

    async def _approved(self, conn: WriteConnection, entry: Entry, event: e.RequestApproved) -> list[Message]:
        asked = await self._asked(conn, event.request)
        if asked is None:
            return []
        messages = []
        if asked.email is not None:
            reader = Reader(person=asked.person, address=asked.email, language=asked.language)
            _ = translator(reader.language).gettext
            name = await self._enterprise(conn, event.entity, reader.language)
            shorter = (
                (_("La période accordée est plus courte que celle que vous aviez demandée."),)
                if event.shortened
                else ()
            )
            number = await _number(conn, event.entity)
            messages.append(
                self._message(
                    entry, reader, "approved",
                    subject=_("Votre demande est acceptée"),
                    paragraphs=(
                        _("Votre demande pour %(enterprise)s est acceptée.", enterprise=name),
                        *(await self._allowed(conn, asked.roles, reader.language)),
                        *shorter,
                    ),
                    link=Link(label=_("Ouvrir Mon Espace"), path=f"/enterprises/{number.digits}"),
                )
            )  # fmt: skip
        return messages + await self._decider(conn, entry, event.by, asked, approved=True)

    async def _refused(self, conn: WriteConnection, entry: Entry, event: e.RequestRefused) -> list[Message]:
        asked = await self._asked(conn, event.request)
        if asked is None:
            return []
        messages = []
        if asked.email is not None:
            reader = Reader(person=asked.person, address=asked.email, language=asked.language)
            _ = translator(reader.language).gettext
            name = await self._enterprise(conn, event.entity, reader.language)
            messages.append(
                self._message(
                    entry, reader, "refused",
                    subject=_("Votre demande est refusée"),
                    paragraphs=(_("Votre demande pour %(enterprise)s est refusée.", enterprise=name),),
                    facts=() if event.reason is None else ((_("Raison"), event.reason),),
                    link=Link(label=_("Voir ma demande"), path=f"/requests/{asked.id}"),
                )
            )  # fmt: skip
        return messages + await self._decider(conn, entry, event.by, asked, approved=False)

    async def _decider(
        self, conn: WriteConnection, entry: Entry, by: PersonId, asked: Asked, *, approved: bool
    ) -> list[Message]:
        """The one who decided keeps a trace of it too (nr 42)."""
        reader = await self._person(conn, by, asked.entity)
        if reader is None:
            return []
        _ = translator(reader.language).gettext
        name = await self._enterprise(conn, asked.entity, reader.language)
        who = await self._name(conn, asked.person)
        said = (
            _("Vous avez accepté la demande de %(person)s pour %(enterprise)s.", person=who, enterprise=name)
            if approved
            else _(
                "Vous avez refusé la demande de %(person)s pour %(enterprise)s.", person=who, enterprise=name
            )
        )
        return [
            self._message(
                entry, reader, "decided",
                subject=_("Votre décision est enregistrée"),
                paragraphs=(said,),
                facts=await self._asked_facts(conn, asked.roles, None, reader.language),
                link=Link(label=_("Voir la demande"), path=f"/desk/requests/{asked.id}"),
            )
        ]  # fmt: skip

    async def _lapsed(
        self, conn: WriteConnection, entry: Entry, event: e.RequestExpired | e.RequestVoided
    ) -> list[Message]:
        asked = await self._asked(conn, event.request)
        if asked is None or asked.email is None:
            return []
        reader = Reader(person=asked.person, address=asked.email, language=asked.language)
        _ = translator(reader.language).gettext
        name = await self._enterprise(conn, event.entity, reader.language)
        why = (
            _("Personne n'a décidé à temps de votre demande pour %(enterprise)s. Vous pouvez la refaire.", enterprise=name)
            if isinstance(event, e.RequestExpired)
            else _("%(enterprise)s a cessé ses activités : votre demande est sans objet.", enterprise=name)
        )  # fmt: skip
        return [
            self._message(
                entry, reader, "lapsed",
                subject=_("Votre demande est close"),
                paragraphs=(why,),
                link=Link(label=_("Voir ma demande"), path=f"/requests/{asked.id}"),
            )
        ]  # fmt: skip

    # --- offices --------------------------------------------------------------------------------

    async def _appointed(
        self, conn: WriteConnection, entry: Entry, event: e.OfficeAppointed
    ) -> list[Message]:
        if event.email is None or event.by == event.person:
            return []  # who names herself is told by the activation
        reader = Reader(person=event.person, address=event.email, language=event.language)
        _ = translator(reader.language).gettext
        name = await self._enterprise(conn, event.entity, reader.language)
        return [
            self._message(
                entry, reader, "appointed",
                subject=_("On vous propose de gérer les accès d'une entreprise"),
                paragraphs=(
                    _(
                        "Une personne qui représente %(enterprise)s vous désigne comme gestionnaire d'accès "
                        "principal (GAP).",
                        enterprise=name,
                    ),
                    _("Vous décideriez qui peut agir pour l'entreprise dans les démarches en ligne."),
                    _(
                        "Répondez avant le %(day)s. Connectez-vous avec votre carte d'identité (eID) ou itsme.",
                        day=formats.day(event.lapses_at, reader.language),
                    ),
                ),
                link=Link(
                    label=_("Répondre"),
                    path=f"/appointments/{event.office}",
                    intent=await _proves(conn, entry, event.person, event.email, event.entity),
                ),
            )
        ]  # fmt: skip

    async def _activated(
        self, conn: WriteConnection, entry: Entry, event: e.OfficeActivated
    ) -> list[Message]:
        number = await _number(conn, event.entity)
        messages = []
        reader = await self._holder(conn, event.office)
        if reader is not None:
            _ = translator(reader.language).gettext
            name = await self._enterprise(conn, event.entity, reader.language)
            proof = (
                None
                if event.email is None
                else await _proves(conn, entry, event.person, event.email, event.entity)
            )
            messages.append(
                self._message(
                    entry, reader, "active",
                    subject=_("Vous gérez les accès d'une entreprise"),
                    paragraphs=(
                        _("Vous êtes gestionnaire d'accès principal (GAP) de %(enterprise)s.", enterprise=name),
                        _("Les demandes de rôle vous parviennent. Vous seul·e en décidez."),
                    ),
                    link=Link(label=_("Ouvrir la gestion des accès"), path=f"/desk/{number.digits}", intent=proof),
                )
            )  # fmt: skip
        told = await self._appointer(conn, event, besides=event.person)
        if told is not None:
            _ = translator(told.language).gettext
            name = await self._enterprise(conn, event.entity, told.language)
            messages.append(
                self._message(
                    entry, told, "accepted",
                    subject=_("Votre gestionnaire d'accès a accepté"),
                    paragraphs=(
                        _(
                            "%(person)s est maintenant gestionnaire d'accès principal (GAP) de %(enterprise)s.",
                            person=await self._name(conn, event.person), enterprise=name,
                        ),
                    ),
                    link=Link(label=_("Voir l'entreprise"), path=f"/represent/{number.digits}"),
                )
            )  # fmt: skip
        return messages

    async def _office_ended(self, conn: WriteConnection, entry: Entry, event: e.OfficeEnded) -> list[Message]:
        if event.why in {OfficeEnd.REPLACED, OfficeEnd.CANCELLED}:
            reader = await self._holder(conn, event.office)
        else:
            reader = await self._appointer(conn, event, besides=event.person)
        if reader is None:
            return []
        _ = translator(reader.language).gettext
        name = await self._enterprise(conn, event.entity, reader.language)
        number = await _number(conn, event.entity)
        said = {
            OfficeEnd.REPLACED: _("Une autre personne gère maintenant les accès de %(enterprise)s.", enterprise=name),
            OfficeEnd.CANCELLED: _("La proposition de gérer les accès de %(enterprise)s est retirée.", enterprise=name),
            OfficeEnd.DECLINED: _("La personne que vous aviez désignée pour %(enterprise)s a refusé. Vous pouvez en désigner une autre.", enterprise=name),
            OfficeEnd.EXPIRED: _("La personne que vous aviez désignée pour %(enterprise)s n'a pas répondu à temps. Vous pouvez en désigner une autre.", enterprise=name),
        }[event.why]  # fmt: skip
        return [
            self._message(
                entry, reader, "office-ended",
                subject=_("La gestion des accès d'une entreprise a changé"),
                paragraphs=(said,),
                link=Link(label=_("Voir l'entreprise"), path=f"/enterprises/{number.digits}"),
            )
        ]  # fmt: skip

    # --- grants ---------------------------------------------------------------------------------

    async def _granted(self, conn: WriteConnection, entry: Entry, event: e.RoleGranted) -> list[Message]:
        if event.origin is not GrantOrigin.DIRECT or event.to_oneself:
            return []  # an approval has its own mail, and who acts himself sees the receipt
        reader = await self._person(conn, event.person, event.entity)
        if reader is None:
            return []
        _ = translator(reader.language).gettext
        name = await self._enterprise(conn, event.entity, reader.language)
        number = await _number(conn, event.entity)
        return [
            self._message(
                entry, reader, "granted",
                subject=_("Vous avez reçu un rôle"),
                paragraphs=(
                    _("Vous pouvez agir pour %(enterprise)s.", enterprise=name),
                    *(await self._allowed(conn, (event.role,), reader.language)),
                ),
                link=Link(label=_("Ouvrir Mon Espace"), path=f"/enterprises/{number.digits}"),
            )
        ]  # fmt: skip

    async def _grant_ended(self, conn: WriteConnection, entry: Entry, event: e.GrantEnded) -> list[Message]:
        revoked = event.why is GrantEnd.REVOKED
        reader = (
            await self._person(conn, event.person, event.entity)
            if revoked
            else await self._gap(conn, event.entity, entry)
        )
        if reader is None:
            return []
        _ = translator(reader.language).gettext
        name = await self._enterprise(conn, event.entity, reader.language)
        role = await self._labels(conn, (event.role,), reader.language)
        said = (
            _("Votre rôle « %(role)s » pour %(enterprise)s a pris fin.", role=role, enterprise=name)
            if revoked
            else _(
                "%(person)s a rendu son rôle « %(role)s » pour %(enterprise)s.",
                person=await self._name(conn, event.person), role=role, enterprise=name,
            )
        )  # fmt: skip
        number = await _number(conn, event.entity)
        path = f"/enterprises/{number.digits}" if revoked else f"/desk/{number.digits}"
        return [
            self._message(
                entry, reader, "grant-ended",
                subject=_("Un rôle a pris fin"),
                paragraphs=(said,),
                facts=() if event.reason is None else ((_("Raison"), event.reason),),
                link=Link(label=_("Voir l'entreprise"), path=path),
            )
        ]  # fmt: skip

    # --- readers --------------------------------------------------------------------------------

    async def _holder(self, conn: WriteConnection, office: OfficeId) -> Reader | None:
        """Who holds the office, at the address it was given to."""
        row = (
            await conn.execute(
                select(_office.c.person_id, _office.c.entity_id, _contact.c.email, _contact.c.language)
                .outerjoin(_contact, _contact.c.office_id == _office.c.office_id)
                .where(_office.c.office_id == office, _office.c.recorded_until.is_(None))
                .limit(1)
            )
        ).one_or_none()
        if row is None:
            return None
        person = PersonId(row.person_id)
        if row.email is None:
            return await self._person(conn, person, EntityId(row.entity_id))
        language = row.language and Language(row.language)
        return Reader(
            person=person,
            address=row.email,
            language=await self._language(conn, person, language),
        )

    async def _appointer(
        self, conn: WriteConnection, event: e.OfficeActivated | e.OfficeEnded, *, besides: PersonId
    ) -> Reader | None:
        by = (
            await conn.execute(
                select(_office.c.appointed_by)
                .where(_office.c.office_id == event.office, _office.c.recorded_until.is_(None))
                .limit(1)
            )
        ).scalar_one_or_none()
        return None if by is None or by == besides else await self._person(conn, PersonId(by), event.entity)

    async def _gap(self, conn: WriteConnection, entity: EntityId, entry: Entry) -> Reader | None:
        offices = (await offices_of(conn, [entity])).values()
        gap = next((office for office in offices if office.is_active(entry.at)), None)
        return None if gap is None else await self._holder(conn, gap.id)

    async def _representatives(self, conn: WriteConnection, entity: EntityId, entry: Entry) -> list[Reader]:
        """The representatives who are known here and have confirmed an address."""
        holders = [
            held.holder
            for held in await register.representatives(conn, entity, entry.at)
            if not held.suspended
        ]
        found = {await people.person_of(conn, [holder]) for holder in holders}
        known = sorted(person for person in found if person is not None)
        readers = [await self._person(conn, person, entity) for person in known]
        return [reader for reader in readers if reader is not None]

    async def _person(self, conn: WriteConnection, person: PersonId, entity: EntityId) -> Reader | None:
        """A person at an address he has confirmed, for this enterprise if he has; None when there is none."""
        [standing] = await people.standings(conn, [person])
        address = usual_address(standing.confirmed, entity)
        if address is None:
            return None
        return Reader(
            person=person,
            address=address,
            language=standing.language or self._default,
        )

    async def _language(self, conn: WriteConnection, person: PersonId, asked: Language | None) -> Language:
        [standing] = await people.standings(conn, [person])
        return standing.language or asked or self._default

    # --- words ----------------------------------------------------------------------------------

    async def _asked(self, conn: WriteConnection, request: RequestId) -> Asked | None:
        row = (
            await conn.execute(
                select(_request, _request_text.c.email)
                .outerjoin(_request_text, _request_text.c.request_id == _request.c.request_id)
                .where(_request.c.request_id == request)
            )
        ).one_or_none()
        if row is None:
            return None
        roles = await conn.execute(select(_request_role.c.role).where(_request_role.c.request_id == request))
        return Asked(
            id=request,
            entity=EntityId(row.entity_id),
            person=PersonId(row.person_id),
            email=row.email,
            language=Language(row.language),
            roles=tuple(sorted(roles.scalars())),
            wished=Period(row.starts_at, row.ends_at),
        )

    async def _asked_facts(
        self,
        conn: WriteConnection,
        roles: Sequence[str],
        wished: Period | None,
        language: Language,
    ) -> tuple[tuple[str, str], ...]:
        _ = translator(language).gettext
        facts: tuple[tuple[str, str], ...] = ((_("Rôle"), await self._labels(conn, roles, language)),)
        if wished is not None:
            facts += ((_("Période"), formats.period(wished, language)),)
        return facts

    async def _labels(self, conn: WriteConnection, roles: Sequence[str], language: Language) -> str:
        known = await catalogue.load(conn)
        return formats.listed([_label(known, code, language) for code in roles], language)

    async def _allowed(
        self, conn: WriteConnection, roles: Sequence[str], language: Language
    ) -> tuple[str, ...]:
        known = await catalogue.load(conn)
        _ = translator(language).gettext
        return tuple(
            _("Vous pouvez %(allowed)s.", allowed=known[code].allows[language])
            for code in roles
            if code in known
        )

    async def _enterprise(self, conn: WriteConnection, entity: EntityId, language: Language) -> str:
        enterprise = (await register.load(conn, [entity]))[entity]
        return f"{register.display_name(enterprise, language)} ({enterprise.number.dotted})"

    async def _name(self, conn: WriteConnection, person: PersonId) -> str:
        [standing] = await people.standings(conn, [person])
        names = (standing.given_name, standing.family_name)
        return " ".join(name for name in names if name) or "—"

    def _message(
        self,
        entry: Entry,
        reader: Reader,
        what: str,
        *,
        subject: str,
        paragraphs: tuple[str, ...],
        link: Link,
        facts: tuple[tuple[str, str], ...] = (),
        closing: tuple[str, ...] = (),
    ) -> Message:
        return Message(
            key=f"{entry.id}:{what}:{reader.person}",
            address=reader.address,
            language=reader.language,
            subject=subject,
            paragraphs=paragraphs,
            facts=facts,
            link=link,
            closing=closing,
        )


def _label(known: Mapping[str, Role], code: str, language: Language) -> str:
    return known[code].labels[language] if code in known else code


async def _number(conn: WriteConnection, entity: EntityId) -> EnterpriseNumber:
    return (await register.load(conn, [entity]))[entity].number


async def _proves(
    conn: WriteConnection, entry: Entry, person: PersonId, address: str, entity: EntityId
) -> Mapping[str, str] | None:
    """What the single-use link stands for: who opens it, logged in as the person, reads this mailbox."""
    context = Context(actor=SystemActor(trigger=f"entry {entry.id}"), capacity=Capacity.SYSTEM, at=entry.at)
    claimed = await claim_address(conn, person, address, entity, context)
    if isinstance(claimed, Refusal):
        return None
    return intent(Purpose.ADDRESS, person, claimed.id)
