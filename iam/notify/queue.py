"""Putting a message into the queue, inside the caller's transaction; erasing what was sent."""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from iam.kernel.clock import belgian_day
from iam.kernel.ids import MakeId, uuid7
from iam.notify.codec import body_of
from iam.notify.model import Message, NationalNumberInMail, State
from iam.notify.tables import NotifyMessage
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core
from iam.storage.wake import Channel, tell

_message = core(NotifyMessage)


async def queue(conn: WriteConnection, message: Message, now: datetime, *, make_id: MakeId = uuid7) -> bool:
    """The message waits once the caller commits; False when its key was queued before, whatever it said.

    Wakes the deliverer at commit. Raises `NationalNumberInMail`. Source: DOMAIN 7.3 nr 70.
    """
    if message.holds_national_number(belgian_day(now)):
        raise NationalNumberInMail
    queued = await conn.execute(
        insert(_message)
        .values(
            id=make_id(),
            key=message.key,
            address=message.address,
            language=message.language.value,
            body=body_of(message),
            state=State.QUEUED.value,
            attempts=0,
            retry_at=now,
            queued_at=now,
        )
        .on_conflict_do_nothing(index_elements=[_message.c.key])
        .returning(_message.c.id)
    )
    if queued.one_or_none() is None:
        return False
    await tell(conn, Channel.MAIL)
    return True


async def next_due(conn: ReadConnection) -> datetime | None:
    """When a deliverer may next take a message that waits; None when none does."""
    answer = await conn.execute(
        select(func.min(_message.c.retry_at)).where(
            _message.c.state.in_((State.QUEUED.value, State.SENDING.value))
        )
    )
    found: datetime | None = answer.scalar_one()
    return found


async def erase_old(conn: WriteConnection, now: datetime, keep: timedelta) -> int:
    """Addresses and words of messages that ended longer than `keep` ago are gone; says how many.

    The key stays, so that the same event sends no second mail.
    """
    erased = await conn.execute(
        update(_message)
        .where(
            _message.c.ended_at < now - keep,
            or_(_message.c.body.is_not(None), _message.c.address.is_not(None)),
        )
        .values(address=None, body=None)
    )
    return erased.rowcount


async def counts(conn: ReadConnection) -> dict[State, int]:
    """How many messages are in each state: what a health check or a metric shows."""
    rows = await conn.execute(
        select(_message.c.state, func.count().label("messages")).group_by(_message.c.state)
    )
    return dict.fromkeys(State, 0) | {State(row.state): row.messages for row in rows}
