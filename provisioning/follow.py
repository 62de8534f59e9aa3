"""Which enterprises to look at, from the journal and from the clock."""

from collections.abc import Sequence
from datetime import datetime

from iam.journal.model import Entry, HeadKind
from iam.journal.relay import Consumer
from iam.kernel.clock import Clock
from iam.kernel.ids import EntityId, PersonId
from iam.realms import projection
from iam.realms.projection import Target
from iam.storage import Database, WriteConnection
from provisioning.desired import Truth

NAME = "provisioning"
# The account, the name, the block: nothing else of a person shows in a group.
_OF_PERSONS = ("people.identity.", "people.person.")
_ROLE_RETIRED = "delegation.role.retired"


def consumer(truth: Truth, targets: Sequence[Target], clock: Clock) -> Consumer:
    """A consumer that marks the enterprises an entry may concern. What has changed is read later."""

    async def handle(conn: WriteConnection, entry: Entry) -> None:
        now = clock()
        await projection.mark(conn, await concerned(conn, truth, entry, now), targets, now)

    return Consumer(name=NAME, handle=handle)


async def concerned(conn: WriteConnection, truth: Truth, entry: Entry, now: datetime) -> Sequence[EntityId]:
    """The enterprises whose groups an entry may change.

    A role that is retired leaves at once, wherever it is held. What else the catalogue says changes no group,
    but for a role that returns: that is left to the next sweep.
    """
    match entry.head.kind:
        case HeadKind.ENTERPRISE | HeadKind.REGISTER:
            return [EntityId(entry.head.id)]
        case HeadKind.PERSON if entry.kind.startswith(_OF_PERSONS):
            return await truth.entities_of(conn, PersonId(entry.head.id))
        case HeadKind.CATALOGUE if entry.kind == _ROLE_RETIRED:
            return await truth.entities_with(conn, entry.data["code"], now)
        case _:
            return []


async def time_passes(db: Database, truth: Truth, targets: Sequence[Target], clock: Clock) -> int:
    """The enterprises whose groups changed by time alone since the last call are marked; says how many."""
    async with db.write() as conn:
        until = clock()
        since = await projection.passed_until(conn, NAME, until)
        # A clock that went back: what was done too early in between is looked at again.
        due = await truth.due_changes(conn, *sorted((since, until)))
        await projection.mark(conn, due, targets, until)
        await projection.pass_until(conn, NAME, until)
    return len(due)
