"""A person's head: lock, raise the revision, write the journal; all in the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import select, update

from iam.journal.append import append
from iam.journal.model import Context, Event, Head, HeadKind
from iam.kernel.ids import PersonId
from iam.people.tables import PeoplePerson
from iam.storage import WriteConnection
from iam.storage.tables import core

_person = core(PeoplePerson)


async def lock(conn: WriteConnection, persons: Sequence[PersonId]) -> None:
    """These persons' heads are ours until the transaction ends; taken in the order of their ids."""
    ordered = sorted(set(persons))
    await conn.execute(
        select(_person.c.id).where(_person.c.id.in_(ordered)).order_by(_person.c.id).with_for_update()
    )


async def happened(
    conn: WriteConnection, person: PersonId, events: Sequence[Event], context: Context
) -> None:
    """The events stand in the journal under the person's next revision (DOMAIN 7.3 nr 65, 66)."""
    if not events:
        return
    raised = await conn.execute(
        update(_person)
        .where(_person.c.id == person)
        .values(revision=_person.c.revision + 1)
        .returning(_person.c.revision)
    )
    await append(conn, Head(HeadKind.PERSON, person), raised.scalar_one(), events, context)
