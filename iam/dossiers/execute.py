"""The one way to a dossier: lock -> facts -> decide -> record, with the journal, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from iam.dossiers import commands as c
from iam.dossiers import events as e
from iam.dossiers.facts import Outside, dossier_of, lapsed, load
from iam.dossiers.facts_model import Limits
from iam.dossiers.model import Document
from iam.dossiers.queries import one_of_each_key, sealed
from iam.dossiers.record import record
from iam.dossiers.rules import decide
from iam.dossiers.rules.outcome import Outcome
from iam.dossiers.tables import DossiersDossier
from iam.dossiers.vault import LostKey, Sealed, Vault
from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.kernel.actor import Actor, PersonActor, SystemActor
from iam.kernel.assurance import Level
from iam.kernel.clock import Clock
from iam.kernel.decision import Refusal
from iam.kernel.ids import DossierId, MakeId, uuid4
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from iam.people.record import lock as lock_persons
from iam.settings import Policy, Settings
from iam.storage import Database, ReadConnection, WriteConnection
from iam.storage.tables import core

_dossier = core(DossiersDossier)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The command took effect once its transaction commits."""

    dossier: DossierId
    at: datetime
    events: tuple[e.Event, ...]


def limits(policy: Policy) -> Limits:
    """What the operator set, as the rules read it: the login is that of an appointment."""
    return Limits(
        level=Level(policy.appointment_level),
        fresh=timedelta(seconds=policy.appointment_fresh_seconds),
        unsent=timedelta(days=policy.dossier_unsent_days),
        undecided=timedelta(days=policy.dossier_days),
        longest_days=policy.dossier_longest_days,
        retention=timedelta(days=policy.dossier_retention_days),
        documents=policy.dossier_documents,
        document_bytes=policy.dossier_document_bytes,
        open_at_once=policy.dossiers_at_once,
        per_day=policy.dossiers_per_day,
    )


class DossierDoor:
    """Executes commands on dossiers. Made once a process from the settings.

    The vault is needed by whoever takes documents in; the clock's chores do without.
    """

    def __init__(
        self, settings: Settings, clock: Clock, vault: Vault | None = None, make_id: MakeId = uuid4
    ) -> None:
        """Keep what the rules need from outside."""
        staff = settings.staff_enterprise
        self._clock = clock
        self._vault = vault
        self.outside = Outside(
            limits=limits(settings.policy),
            staff=None if staff is None else EnterpriseNumber.parse(staff),
            make_id=make_id,
        )

    async def prepare(self, db: Database) -> None:
        """No document is kept under a key that the vault lacks. Called before the first request.

        Raises `LostKey`.
        """
        async with db.read() as conn:
            kept = await one_of_each_key(conn)
        for dossier, document, found in kept:
            if self._vault is None or not self._vault.has_key_of(found, document, dossier):
                raise LostKey(f"documents are kept under the dossier key {found.key_id}")

    async def execute(
        self, conn: WriteConnection, command: c.Command, actor: Actor, *, trace_id: str | None = None
    ) -> Done | Refusal:
        """The command's events are in the tables and in the journal, or nothing has changed at all.

        Commands on one dossier, and the opening of dossiers by one person, happen one after the other.
        """
        attempt = await conn.begin_nested()
        await self._lock(conn, command, actor)
        now = self._clock()
        facts = await load(conn, command, actor, now, self.outside)
        outcome = Refusal(reason=Reason.DOSSIER_UNKNOWN) if facts is None else decide(command, facts)
        if isinstance(outcome, Refusal):
            await attempt.rollback()
            return outcome
        done = await self._record(conn, command, outcome, actor, now, trace_id)
        await attempt.commit()
        return done

    async def open_document(
        self, conn: WriteConnection, command: c.Read, actor: Actor, *, trace_id: str | None = None
    ) -> tuple[Document, bytes] | Refusal:
        """A document in clear, once the look is in the journal. Raises `UnreadableDocument`."""
        done = await self.execute(conn, command, actor, trace_id=trace_id)
        if isinstance(done, Refusal):
            return done
        dossier = await dossier_of(conn, command.dossier)
        found = (
            None
            if dossier is None
            else next((each for each in dossier.documents if each.id == command.document), None)
        )
        stored = None if found is None else await sealed(conn, command.dossier, found.id)
        if found is None or stored is None or self._vault is None:
            return Refusal(reason=Reason.DOSSIER_UNKNOWN)
        return found, self._vault.open(stored, found.id, command.dossier)

    async def foresee(self, conn: ReadConnection, command: c.Command, actor: Actor) -> Refusal | None:
        """Why the command would be refused if it were given now; None when it would take effect."""
        facts = await load(conn, command, actor, self._clock(), self.outside)
        if facts is None:
            return Refusal(reason=Reason.DOSSIER_UNKNOWN)
        outcome = decide(command, facts)
        return outcome if isinstance(outcome, Refusal) else None

    async def _record(
        self,
        conn: WriteConnection,
        command: c.Command,
        outcome: Outcome,
        actor: Actor,
        now: datetime,
        trace_id: str | None,
    ) -> Done:
        events = outcome.events
        dossier = events[0].dossier if isinstance(command, c.OpenDossier) else command.dossier
        if events:
            await record(conn, events, self._sealed(command, events[0]))
            raised = await conn.execute(
                update(_dossier)
                .where(_dossier.c.dossier_id == dossier)
                .values(revision=_dossier.c.revision + 1)
                .returning(_dossier.c.revision)
            )
            context = Context(
                actor=actor, capacity=outcome.capacity, basis=outcome.basis, at=now, trace_id=trace_id
            )
            head = Head(HeadKind.DOSSIER, dossier)
            await append(conn, head, raised.scalar_one(), events, context)
        return Done(dossier=dossier, at=now, events=events)

    def _sealed(self, command: c.Command, event: e.Event) -> Sealed | None:
        if not isinstance(command, c.AddDocument) or not isinstance(event, e.DocumentAdded):
            return None
        if self._vault is None:
            raise RuntimeError("documents are taken in with a vault only")
        return self._vault.seal(command.content, event.document, event.dossier)

    async def _lock(self, conn: WriteConnection, command: c.Command, actor: Actor) -> None:
        """The dossier is ours until the transaction ends; where there is none yet, its claimant is.

        What is over of his is recorded before he begins anew.
        """
        if not isinstance(command, c.OpenDossier):
            wanted = select(_dossier.c.dossier_id).where(_dossier.c.dossier_id == command.dossier)
            await conn.execute(wanted.with_for_update())
        elif isinstance(actor, PersonActor):
            await lock_persons(conn, [actor.person])
            for over in await lapsed(conn, self._clock(), person=actor.person):
                await self.execute(conn, c.Lapse(dossier=over), SystemActor(trigger="clock"))
