"""Loading other rules of representation: the next version, and what it changes for watched enterprises."""

from datetime import datetime
from uuid import UUID

from iam.bce import record, reference
from iam.bce.events import RegisterEvent
from iam.bce.functions import calendar
from iam.bce.functions.changes import by_rules
from iam.bce.functions.effects import concerned
from iam.bce.reference import Reference
from iam.kernel.clock import Clock
from iam.storage import WriteConnection


async def load_rules(conn: WriteConnection, new: Reference, clock: Clock) -> bool:
    """The rules are the new ones, in the journal with their version and the SHA-256 of their files.

    Whom it makes or unmakes a representative of a watched enterprise stands there too. Returns whether
    anything is other than before. Raises `sqlalchemy.exc.IntegrityError`.
    """
    now: datetime = clock()
    old = await reference.loaded(conn)
    await calendar.tell(conn, now)
    changes = await by_rules(conn, old, new, concerned(old, new), now)
    if not await reference.replace(conn, new, clock):
        return False
    happened: dict[UUID, list[RegisterEvent]] = {
        change.enterprise.entity: change.events for change in changes
    }
    await record.tell(conn, happened, trigger=f"rules {await reference.version(conn)}", now=now)
    return True
