"""What follows for delegation from what others record: consumers of the journal, and the clock.

Each consequence is a command through the one door, like everyone else's (DESIGN 4, 6).
"""

from sqlalchemy import select

from iam.delegation import commands as c
from iam.delegation.execute import Door
from iam.delegation.model import RequestState
from iam.delegation.queries import entities_with_lapses
from iam.delegation.tables import DelegationRequest, DelegationRequestText
from iam.journal.model import Entry, HeadKind
from iam.kernel.actor import SystemActor
from iam.kernel.clock import Clock
from iam.kernel.ids import EntityId, PersonId, RequestId
from iam.storage import Database, ReadConnection, WriteConnection
from iam.storage.tables import core

_request = core(DelegationRequest)
_text = core(DelegationRequestText)
ADDRESS_VERIFIED = "people.address.verified"


async def unconfirmed(conn: ReadConnection, person: PersonId) -> list[tuple[EntityId, RequestId]]:
    """The person's requests that wait for an address to be confirmed."""
    rows = await conn.execute(
        select(_request.c.entity_id, _request.c.request_id)
        .where(
            _request.c.person_id == person,
            _request.c.state == RequestState.UNCONFIRMED.value,
        )
        .order_by(_request.c.entity_id, _request.c.submitted_at)
    )
    return [(EntityId(row.entity_id), RequestId(row.request_id)) for row in rows]


class Confirms:
    """Consumer: a confirmed address sends the requests on their way that waited for it (nr 51)."""

    def __init__(self, door: Door) -> None:
        """Go through the door like everyone."""
        self._door = door

    async def handle(self, conn: WriteConnection, entry: Entry) -> None:
        """Requests of the person whose address is not the confirmed one stay where they are."""
        if entry.kind != ADDRESS_VERIFIED:
            return
        actor = SystemActor(trigger=f"entry {entry.id}")
        for entity, request in await unconfirmed(conn, PersonId(entry.head.id)):
            await self._door.execute(conn, c.ConfirmRequest(entity=entity, request=request), actor)


class Reassesses:
    """Consumer: what the register says of an enterprise has its consequences here."""

    def __init__(self, door: Door) -> None:
        """Go through the door like everyone."""
        self._door = door

    async def handle(self, conn: WriteConnection, entry: Entry) -> None:
        """An event of the register about an enterprise makes us look at it again."""
        if entry.head.kind is not HeadKind.REGISTER:
            return
        actor = SystemActor(trigger=entry.actor_name or f"entry {entry.id}")
        await self._door.execute(conn, c.Reassess(entity=EntityId(entry.head.id)), actor)


async def let_time_pass(db: Database, door: Door, clock: Clock, most: int = 100) -> int:
    """What is over is recorded, an enterprise a transaction; says in how many something was.

    Nothing depends on it being prompt: time decides on read.
    """
    async with db.read() as conn:
        entities = await entities_with_lapses(conn, clock(), most)
    for entity in entities:
        async with db.write() as conn:
            await door.execute(conn, c.Lapse(entity=entity), SystemActor(trigger="clock"))
    return len(entities)
