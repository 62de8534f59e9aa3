"""From a login, or from a national number, to the person: one person for one number, always the same.

Found by fingerprint first, by account only when the number says nothing. Source of the rules:
DESIGN 6, DOMAIN 4.4, STANDARDS 2.7, ADR 0005.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from iam.journal.model import Context
from iam.kernel.actor import Capacity, PersonActor
from iam.kernel.clock import Clock
from iam.kernel.identity import Identity
from iam.kernel.ids import MakeId, PersonId, uuid4, uuid7
from iam.kernel.language import Language
from iam.kernel.ssin import Fingerprint
from iam.people import events as e
from iam.people import queries
from iam.people.model import RebindCause
from iam.people.record import happened, lock
from iam.people.rules import Account, Known, Recognition
from iam.people.rules import recognise as decide
from iam.people.sessions import end_of_person
from iam.people.tables import PeopleFingerprint, PeopleIdentity, PeoplePerson
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_person = core(PeoplePerson)
_fingerprint = core(PeopleFingerprint)
_identity = core(PeopleIdentity)
_TRIES = 5
_LONGEST_NAME = 200


class RecognitionContended(RuntimeError):
    """Others changed the same person again and again; nothing was done, and it may be tried again."""


class NumberTaken(ValueError):
    """The number is another person's: two persons are never merged silently."""


class _Overtaken(Exception):
    """What was decided on has changed before it was locked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Login:
    identity: Identity
    now: datetime
    make_id: MakeId
    trace_id: str | None

    def context(self, person: PersonId) -> Context:
        actor = PersonActor(person=person, assurance=self.identity.assurance)
        return Context(actor=actor, capacity=Capacity.CITIZEN, at=self.now, trace_id=self.trace_id)


async def recognise(
    conn: WriteConnection,
    identity: Identity,
    clock: Clock,
    *,
    make_id: MakeId = uuid4,
    trace_id: str | None = None,
) -> PersonId:
    """The login's person exists, the login's account is his, and what changed is in the journal.

    A new number or a new account of a known person keeps him, his rights with him (`rules.recognise`).
    Two first logins at once make one person. Raises RecognitionContended.
    """
    login = _Login(identity=identity, now=clock(), make_id=make_id, trace_id=trace_id)
    return await _settled(conn, lambda: _recognise(conn, login))


async def _settled(conn: WriteConnection, attempt: Callable[[], Coroutine[Any, Any, PersonId]]) -> PersonId:
    for _ in range(_TRIES):
        try:
            async with conn.begin_nested():
                return await attempt()
        except (IntegrityError, _Overtaken):
            # somebody else was first: what he did is visible to the next attempt
            continue
    raise RecognitionContended


async def _recognise(conn: WriteConnection, login: _Login) -> PersonId:
    identity = login.identity
    known = await _known(conn, identity)
    found = decide(identity.fingerprints, known)
    if found.person is None:
        return await _new(conn, login)
    await lock(conn, [person for person in (known.by_number, known.by_account) if person is not None])
    if await _known(conn, identity) != known:
        raise _Overtaken
    events = await _account(conn, login, found, known)
    events += await _number(conn, login, found)
    events += await _as_last_seen(conn, login, found.person)
    await happened(conn, found.person, events, login.context(found.person))
    return found.person


async def _known(conn: ReadConnection, identity: Identity) -> Known:
    by_number = await queries.person_of(conn, identity.fingerprints)
    account = (
        await conn.execute(
            select(_identity.c.person_id).where(
                _identity.c.issuer == identity.issuer,
                _identity.c.subject == identity.subject,
                _identity.c.until.is_(None),
            )
        )
    ).one_or_none()
    by_account = None if account is None else PersonId(account.person_id)
    of_account = [] if by_account is None else await queries.fingerprints(conn, by_account)
    other = None if by_number is None else await _current(conn, by_number, identity.issuer)
    return Known(
        by_number=by_number,
        by_account=by_account,
        of_account=frozenset(of_account),
        has_account=other is not None,
    )


async def _current(conn: ReadConnection, person: PersonId, issuer: str) -> UUID | None:
    """The person's present account at the issuer."""
    row = await conn.execute(
        select(_identity.c.id).where(
            _identity.c.person_id == person, _identity.c.issuer == issuer, _identity.c.until.is_(None)
        )
    )
    found: UUID | None = row.scalar_one_or_none()
    return found


async def _new(conn: WriteConnection, login: _Login) -> PersonId:
    person = await _make(conn, login.identity.fingerprints, login.identity.language, login)
    link = await _link(conn, login, person, ())
    await conn.execute(update(_person).where(_person.c.id == person).values(recognised_at=login.now))
    events: list[e.Event] = [
        e.PersonRecognised(person=person, expected=False),
        e.IdentityLinked(person=person, link=link),
        *await _as_last_seen(conn, login, person),
    ]
    await happened(conn, person, events, login.context(person))
    return person


async def _make(
    conn: WriteConnection, fingerprints: Sequence[Fingerprint], language: Language | None, login: _Login
) -> PersonId:
    person = PersonId(login.make_id())
    await conn.execute(
        insert(_person).values(
            id=person, language=None if language is None else language.value, revision=0, created_at=login.now
        )
    )
    for fingerprint in fingerprints:
        await conn.execute(insert(_fingerprint).values(_row(fingerprint, person, login.now)))
    return person


def _row(fingerprint: Fingerprint, person: PersonId, now: datetime) -> dict[str, Any]:
    return {
        "key_id": fingerprint.key_id,
        "digest": fingerprint.digest,
        "person_id": person,
        "made_at": now,
    }


async def _link(conn: WriteConnection, login: _Login, person: PersonId, former: Sequence[UUID]) -> UUID:
    """The account is the person's; the ties in `former` have ended, replaced by this one."""
    link = uuid7()
    await conn.execute(update(_identity).where(_identity.c.id.in_(former)).values(until=login.now))
    await conn.execute(
        insert(_identity).values(
            id=link,
            person_id=person,
            issuer=login.identity.issuer,
            subject=login.identity.subject,
            since=login.now,
        )
    )
    await conn.execute(update(_identity).where(_identity.c.id.in_(former)).values(replaced_by=link))
    return link


async def _account(conn: WriteConnection, login: _Login, found: Recognition, known: Known) -> list[e.Event]:
    person = found.person
    assert person is not None  # noqa: S101 - the caller made the new one
    former = await _current(conn, person, login.identity.issuer)
    match found.account:
        case Account.KEEP:
            return []
        case Account.LINK:
            link = await _link(conn, login, person, ())
            return [e.IdentityLinked(person=person, link=link)]
        case Account.REPLACE:
            link = await _link(conn, login, person, [] if former is None else [former])
            return [_rebound(person, found, link, former, None)]
        case Account.MOVE:
            other = known.by_account
            assert other is not None  # noqa: S101 - a tie moves from somebody
            theirs = await _current(conn, other, login.identity.issuer)
            link = await _link(conn, login, person, [tie for tie in (former, theirs) if tie is not None])
            if theirs is not None:
                unlinked = e.IdentityUnlinked(person=other, link=theirs)
                await happened(conn, other, [unlinked], login.context(person))
            # nothing of one person may reach another: whoever sits there logs in again
            await end_of_person(conn, other, login.now)
            return [_rebound(person, found, link, former, other)]


def _rebound(
    person: PersonId, found: Recognition, link: UUID, former: UUID | None, other: PersonId | None
) -> e.IdentityRebound:
    assert found.cause is not None  # noqa: S101 - a tie that changes has a cause
    return e.IdentityRebound(
        person=person, cause=found.cause, link=link, former_link=former, former_person=other
    )


async def _number(conn: WriteConnection, login: _Login, found: Recognition) -> list[e.Event]:
    """The person is known under every fingerprint of the login; those of a number he had are marked."""
    person = found.person
    assert person is not None  # noqa: S101 - the caller made the new one
    await _keep(conn, person, login.identity.fingerprints, login.now)
    if found.number_changed:
        await _retire(conn, person, login.identity.fingerprints, login.now)
    if found.cause in {RebindCause.NUMBER_CHANGED, RebindCause.NUMBER_LEARNED}:
        return [e.IdentityRebound(person=person, cause=found.cause)]
    return []


async def _keep(
    conn: WriteConnection, person: PersonId, fingerprints: Sequence[Fingerprint], now: datetime
) -> None:
    for fingerprint in fingerprints:
        row = _row(fingerprint, person, now)
        await conn.execute(upsert(_fingerprint).values(row).on_conflict_do_nothing())


async def _retire(
    conn: WriteConnection, person: PersonId, present: Sequence[Fingerprint], now: datetime
) -> None:
    await conn.execute(
        update(_fingerprint)
        .where(
            _fingerprint.c.person_id == person,
            _fingerprint.c.replaced_at.is_(None),
            _fingerprint.c.digest.not_in([fingerprint.digest for fingerprint in present]),
        )
        .values(replaced_at=now)
    )


async def _as_last_seen(conn: WriteConnection, login: _Login, person: PersonId) -> list[e.Event]:
    """Names are those of this login; a language is taken over only while none is chosen."""
    row = (await conn.execute(select(_person).where(_person.c.id == person))).one()
    events: list[e.Event] = []
    values: dict[str, Any] = {}
    if row.recognised_at is None:
        values["recognised_at"] = login.now
        events.append(e.PersonRecognised(person=person, expected=True))
    if row.language is None and login.identity.language is not None:
        values["language"] = login.identity.language.value
    given = login.identity.given_name.strip()[:_LONGEST_NAME] or row.given_name
    family = login.identity.family_name.strip()[:_LONGEST_NAME] or row.family_name
    if (given, family) != (row.given_name, row.family_name):
        values |= {"given_name": given, "family_name": family}
        events.append(e.PersonRenamed(person=person, given_name=given, family_name=family))
    if values:
        await conn.execute(update(_person).where(_person.c.id == person).values(values))
    return events


async def expect(
    conn: WriteConnection,
    fingerprints: Sequence[Fingerprint],
    language: Language | None,
    context: Context,
    *,
    make_id: MakeId = uuid4,
) -> PersonId:
    """Somebody named by his national number is a person, known from now on under these fingerprints.

    His first login finds him. Raises RecognitionContended, and ValueError without a fingerprint.
    """
    if not fingerprints:
        message = "nobody can be expected without a number"
        raise ValueError(message)

    async def attempt() -> PersonId:
        found = await queries.person_of(conn, fingerprints)
        if found is not None:
            await _keep(conn, found, fingerprints, context.at)
            return found
        person = PersonId(make_id())
        await conn.execute(
            insert(_person).values(
                id=person,
                language=None if language is None else language.value,
                revision=0,
                created_at=context.at,
            )
        )
        for fingerprint in fingerprints:
            await conn.execute(insert(_fingerprint).values(_row(fingerprint, person, context.at)))
        await happened(conn, person, [e.PersonExpected(person=person)], context)
        return person

    return await _settled(conn, attempt)


async def replace_number(
    conn: WriteConnection, person: PersonId, fingerprints: Sequence[Fingerprint], context: Context
) -> None:
    """The person is known under his new number, and still under the one before (BIS to NRN).

    An authorised command; the caller has checked who gives it. Raises NumberTaken.
    """
    await lock(conn, [person])
    holder = await queries.person_of(conn, fingerprints)
    if holder is not None and holder != person:
        raise NumberTaken
    if holder == person:
        return
    await _keep(conn, person, fingerprints, context.at)
    await _retire(conn, person, fingerprints, context.at)
    replaced = e.IdentityRebound(person=person, cause=RebindCause.NUMBER_REPLACED)
    await happened(conn, person, [replaced], context)
