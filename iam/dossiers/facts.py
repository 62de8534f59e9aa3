"""SQL to model: what a command about a dossier needs to know, loaded under the lock of its row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import RowMapping, and_, func, or_, select

from iam.bce import queries as register
from iam.bce.reference import rulebook
from iam.delegation.queries import standing
from iam.delegation.rights import effective
from iam.dossiers import commands as c
from iam.dossiers.facts_model import Claimant, Facts, Limits
from iam.dossiers.model import REVIEWED, REVIEWER, Document, Dossier, Kind, State
from iam.dossiers.tables import DossiersDocument, DossiersDossier, DossiersReview
from iam.kernel.actor import Actor, PersonActor
from iam.kernel.decision import Refusal
from iam.kernel.ids import DocumentId, DossierId, EntityId, GrantId, MakeId, PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Kind as Sort
from iam.kernel.reasons import Reason
from iam.people import queries as people
from iam.storage import ReadConnection
from iam.storage.tables import core

_dossier = core(DossiersDossier)
_document = core(DossiersDocument)
_review = core(DossiersReview)
_BY_REVIEWERS = (c.StartReview, c.Accept, c.Refuse, c.Revoke, c.Read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the rules need from outside the database."""

    limits: Limits
    staff: EnterpriseNumber | None
    make_id: MakeId


async def load(
    conn: ReadConnection, command: c.Command, actor: Actor, now: datetime, outside: Outside
) -> Facts | None:
    """The facts for a command; None when there is no such dossier, or no such enterprise."""
    dossier = None if isinstance(command, c.OpenDossier) else await dossier_of(conn, command.dossier)
    me = actor.person if isinstance(actor, PersonActor) else None
    if isinstance(command, c.OpenDossier):
        entity, who = command.entity, me
    elif dossier is not None:
        entity, who = dossier.entity, dossier.claimant
    else:
        return None
    found = (await register.load(conn, [entity])).get(entity)
    if found is None:
        return None
    held = tuple(await register.representatives(conn, entity, now))
    marks = [] if who is None else await people.fingerprints(conn, who)
    open_ones = [] if who is None else await _open(conn, who, now)
    reviewer = await _reviewer(conn, command, actor, now, outside)
    return Facts(
        now=now,
        actor=actor,
        limits=outside.limits,
        enterprise=found,
        book=await rulebook(conn),
        claimant=await _claimant(conn, who, has_number=bool(marks)),
        actor_blocked=await _blocked(conn, me),
        reviewer=reviewer,
        involved=False if me is None else await _involved(conn, me, entity, reviewer, now),
        first_reviewer_blocked=await _blocked(conn, None if dossier is None else dossier.first_reviewer),
        representations=held,
        own=tuple(each for each in held if each.holder in {who, *marks}),
        dossier=dossier,
        open=len(open_ones),
        recent=await _recent(conn, who, now),
        under_way=entity in open_ones,
        make_id=outside.make_id,
    )


async def lapsed(
    conn: ReadConnection, now: datetime, *, person: PersonId | None = None, limit: int = 100
) -> list[DossierId]:
    """Dossiers whose time is over and is not recorded yet; of one person, or of all."""
    open_states = [State.OPENED.value, *(state.value for state in REVIEWED)]
    wanted = select(_dossier.c.dossier_id).where(
        or_(
            and_(_dossier.c.state.in_(open_states), _dossier.c.lapses_at <= now),
            and_(_dossier.c.state == State.ACCEPTED.value, _dossier.c.ends_at <= now),
        )
    )
    if person is not None:
        wanted = wanted.where(_dossier.c.person_id == person)
    rows = await conn.execute(wanted.order_by(_dossier.c.dossier_id).limit(limit))
    return [DossierId(row.dossier_id) for row in rows]


async def dossier_of(conn: ReadConnection, wanted: DossierId) -> Dossier | None:
    """The dossier, with what is known of its documents and who reviews it."""
    row = (
        (await conn.execute(select(_dossier).where(_dossier.c.dossier_id == wanted))).mappings().one_or_none()
    )
    if row is None:
        return None
    documents = await conn.execute(
        select(_document.c.document_id, _document.c.kind, _document.c.size, _document.c.destroyed_at)
        .where(_document.c.dossier_id == wanted)
        .order_by(_document.c.added_at, _document.c.document_id)
    )
    stage = 1 if row["first_reviewer"] is None else 2
    started = await conn.execute(
        select(_review.c.reviewer).where(_review.c.dossier_id == wanted, _review.c.stage == stage)
    )
    return read_dossier(
        row,
        documents=tuple(
            Document(
                id=DocumentId(each.document_id),
                kind=Kind(each.kind),
                size=each.size,
                destroyed=each.destroyed_at is not None,
            )
            for each in documents
        ),
        started=frozenset(PersonId(each.reviewer) for each in started),
    )


def read_dossier(
    row: RowMapping,
    documents: tuple[Document, ...] = (),
    started: frozenset[PersonId] = frozenset(),
) -> Dossier:
    """The dossier of a row."""
    return Dossier(
        id=DossierId(row["dossier_id"]),
        entity=EntityId(row["entity_id"]),
        claimant=PersonId(row["person_id"]),
        code=row["code"],
        since=row["since"],
        state=State(row["state"]),
        opened_at=row["opened_at"],
        lapses_at=row["lapses_at"],
        documents=documents,
        started=started,
        first_reviewer=_person(row["first_reviewer"]),
        first_until=row["first_until"],
        second_reviewer=_person(row["second_reviewer"]),
        ends_at=row["ends_at"],
    )


def _person(value: UUID | None) -> PersonId | None:
    return None if value is None else PersonId(value)


async def _open(conn: ReadConnection, person: PersonId, now: datetime) -> list[EntityId]:
    """The enterprises of the person's dossiers on which nobody has decided yet."""
    rows = await conn.execute(
        select(_dossier.c.entity_id).where(
            _dossier.c.person_id == person,
            _dossier.c.state.in_([State.OPENED.value, *(state.value for state in REVIEWED)]),
            _dossier.c.lapses_at > now,
        )
    )
    return [EntityId(row.entity_id) for row in rows]


async def _recent(conn: ReadConnection, person: PersonId | None, now: datetime) -> int:
    opened = select(func.count()).where(
        _dossier.c.person_id == person, _dossier.c.opened_at > now - timedelta(days=1)
    )
    return int((await conn.execute(opened)).scalar_one())


async def _claimant(conn: ReadConnection, who: PersonId | None, *, has_number: bool) -> Claimant | None:
    if who is None:
        return None
    [standing] = await people.standings(conn, [who])
    return Claimant(id=who, blocked=standing.blocked, has_number=has_number)


async def _blocked(conn: ReadConnection, me: PersonId | None) -> bool:
    if me is None:
        return False
    return any(standing.blocked for standing in await people.standings(conn, [me]))


async def _reviewer(
    conn: ReadConnection, command: c.Command, actor: Actor, now: datetime, outside: Outside
) -> GrantId | Refusal:
    """The grant by which the actor reviews. To everybody else there is nothing to review (nr 74)."""
    nobody = Refusal(reason=Reason.NOT_STAFF)
    if not isinstance(command, _BY_REVIEWERS) or not isinstance(actor, PersonActor):
        return nobody
    return await reviewing(conn, actor, now, outside.staff)


async def _involved(
    conn: ReadConnection, me: PersonId, entity: EntityId, reviewer: GrantId | Refusal, now: datetime
) -> bool:
    """Whether a reviewer represents the enterprise, or has or wants an office, a role, a dossier there.

    The role by which he reviews does not count: in the administration itself every reviewer has it.
    """
    if isinstance(reviewer, Refusal):
        return False
    found = await standing(conn, me, entity, now)
    return (
        bool(found.representations or found.office or found.proposed)
        or any(grant.id != reviewer for grant in found.grants)
        or any(asked.is_open(now) for asked in found.requests)
        or entity in await _open(conn, me, now)
    )


async def reviewing(
    conn: ReadConnection, actor: PersonActor, now: datetime, staff: EnterpriseNumber | None
) -> GrantId | Refusal:
    """The grant by which the actor reviews now; NOT_STAFF, or the step-up that his role asks for."""
    nobody = Refusal(reason=Reason.NOT_STAFF)
    if staff is None:
        return nobody
    held = await effective(
        conn, person=actor.person, number=staff, roles=frozenset({REVIEWER}), at=now,
        level=actor.assurance.level,
    )  # fmt: skip
    if isinstance(held, Refusal):
        return held if held.reason.kind is Sort.STEP_UP else nobody
    return held.roles[0].grant
