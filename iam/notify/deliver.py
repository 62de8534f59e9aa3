"""Taking messages from the queue to the mail server: at least once, by any number of processes.

1. claim: the row says who tries and until when nobody else does; committed;
2. mint: the link's single-use secret exists; committed, so that no mail holds a link that does not;
3. send: the server answers for the mail;
4. record: the row says so.

A crash after 3 sends again, under the same Message-ID, once the claim has run out (RFC 5321 §4.5.4.1).
No transaction is open while the server is spoken to.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, func, select, update

from iam.kernel.clock import Clock
from iam.kernel.ids import MakeId, uuid4
from iam.notify.codec import message_of
from iam.notify.letterhead import Letterhead
from iam.notify.mailer import Mailer, MailRefused, MailServerUnavailable
from iam.notify.model import Message, State, wire_address
from iam.notify.render import message_id, render
from iam.notify.tables import NotifyMessage
from iam.storage import Database, WriteConnection
from iam.storage.tables import core

log = structlog.get_logger(__name__)

Mint = Callable[[WriteConnection, Mapping[str, str]], Awaitable[str]]
"""Makes the secret of a link from its intent, in a transaction that is committed before the mail leaves.

A mail may leave twice and its reader may see only the first: a later secret must not take away an
earlier one.
"""

Jitter = Callable[[], float]
"""A number from 0 to 1, so that many messages do not come back in the same second."""

MOST_ATTEMPTS = 36  # with these pauses some five days, as RFC 5321 §4.5.4.1 asks for
CLAIM = timedelta(minutes=5)
SERVER_PAUSE = timedelta(seconds=20)
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=4)
_SECONDS_TO_SEND = 60.0

_message = core(NotifyMessage)
_WAITING = (State.QUEUED.value, State.SENDING.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    """A row that this try holds. Its repr shows nothing of the reader."""

    id: UUID
    claim: UUID
    attempts: int
    row: Row[Any]

    def __repr__(self) -> str:
        return f"_Claimed({self.id}, {self.attempts})"


def pause(attempts: int, jitter: float) -> timedelta:
    """How long a message waits after so many tries: doubling, bounded, between half and the whole."""
    whole: timedelta = min(_FIRST_PAUSE * 2 ** min(attempts - 1, 16), _LONGEST_PAUSE)
    return whole * (0.5 + jitter / 2)


async def deliver(
    db: Database,
    mailer: Mailer,
    mint: Mint,
    clock: Clock,
    letterhead: Letterhead,
    *,
    most: int = 50,
    jitter: Jitter = random.random,
    make_id: MakeId = uuid4,
) -> int:
    """Up to `most` due messages have been tried; says how many the server took.

    Stops early when the server takes no mail at all: everything waits and no message pays for it.
    A message refused for good, or tried `MOST_ATTEMPTS` times, has failed, with an alarm in the log.
    """
    post = _Post(db=db, mailer=mailer, mint=mint, clock=clock, letterhead=letterhead, jitter=jitter)
    sent = 0
    for _ in range(most):
        claimed = await post.claim(make_id())
        if claimed is None:
            break
        try:
            sent += await post.send(claimed)
        except MailServerUnavailable as error:
            await post.hand_back(claimed, error)
            break
    return sent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    db: Database
    mailer: Mailer
    mint: Mint
    clock: Clock
    letterhead: Letterhead
    jitter: Jitter

    async def claim(self, claim: UUID) -> _Claimed | None:
        now = self.clock()
        async with self.db.write() as conn:
            due = (
                select(_message)
                .where(_message.c.state.in_(_WAITING), _message.c.retry_at <= now)
                .order_by(_message.c.retry_at, _message.c.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = (await conn.execute(due)).one_or_none()
            if row is None:
                return None
            await conn.execute(
                update(_message)
                .where(_message.c.id == row.id)
                .values(
                    state=State.SENDING.value,
                    claim=claim,
                    attempts=row.attempts + 1,
                    retry_at=now + CLAIM,
                    # kept from the first try on, whatever the settings say later
                    message_id=func.coalesce(
                        _message.c.message_id, message_id(row.key, self.letterhead.domain)
                    ),
                )
            )
        return _Claimed(id=row.id, claim=claim, attempts=row.attempts + 1, row=row)

    async def send(self, claimed: _Claimed) -> bool:
        """Whether the server took it. Raises `MailServerUnavailable`."""
        if claimed.attempts > MOST_ATTEMPTS:
            # every try before was counted and none came back: it takes its process with it
            await self._fail(claimed, "NeverReturned", None)
            return False
        try:
            async with asyncio.timeout(_SECONDS_TO_SEND):
                await self._send(claimed)
        except MailServerUnavailable:
            raise
        except MailRefused as error:
            await self._put_off(claimed, "MailRefused", error.code, permanent=error.permanent)
            return False
        except Exception as error:  # noqa: BLE001 - one message's fault must not hold up the others
            # the class only: its words may hold an address or a text of somebody
            await self._put_off(claimed, type(error).__name__, None, permanent=False)
            return False
        await self._record(claimed, state=State.SENT.value, sent=True)
        log.info("notify.mail.sent", message=str(claimed.id), attempts=claimed.attempts)
        return True

    async def _send(self, claimed: _Claimed) -> None:
        row = claimed.row
        message = message_of(row.key, row.address, row.language, row.body)
        secret = await self._secret(message)
        identifier = row.message_id or message_id(row.key, self.letterhead.domain)
        mail = render(message, secret, self.letterhead, identifier=identifier, now=self.clock())
        await self.mailer.send(self.letterhead.sender, wire_address(message.address), mail)

    async def _secret(self, message: Message) -> str | None:
        if message.link is None or message.link.intent is None:
            return None
        async with self.db.write() as conn:
            return await self.mint(conn, message.link.intent)

    async def _put_off(self, claimed: _Claimed, error: str, code: int | None, *, permanent: bool) -> None:
        if permanent or claimed.attempts >= MOST_ATTEMPTS:
            await self._fail(claimed, error, code)
            return
        later = self.clock() + pause(claimed.attempts, self.jitter())
        await self._record(claimed, state=State.QUEUED.value, retry_at=later)
        log.warning(
            "notify.mail.delayed", message=str(claimed.id), attempts=claimed.attempts, error=error, code=code
        )

    async def _fail(self, claimed: _Claimed, error: str, code: int | None) -> None:
        await self._record(claimed, state=State.FAILED.value)
        log.error(
            "notify.mail.failed",
            alarm=True,
            message=str(claimed.id),
            attempts=claimed.attempts,
            error=error,
            code=code,
        )

    async def hand_back(self, claimed: _Claimed, error: MailServerUnavailable) -> None:
        """The message has lost no try, and all that was due waits for the server."""
        later = self.clock() + SERVER_PAUSE * (0.5 + self.jitter() / 2)
        await self._record(claimed, state=State.QUEUED.value, retry_at=later, attempts=claimed.attempts - 1)
        due = (
            select(_message.c.id)
            .where(_message.c.state == State.QUEUED.value, _message.c.retry_at < later)
            .with_for_update(skip_locked=True)
        )
        async with self.db.write() as conn:
            await conn.execute(update(_message).where(_message.c.id.in_(due)).values(retry_at=later))
        log.error("notify.server.unavailable", alarm=True, code=error.code)

    async def _record(self, claimed: _Claimed, *, sent: bool = False, **values: Any) -> None:
        now = self.clock()
        ended = {} if "retry_at" in values else {"ended_at": now, "retry_at": None}
        async with self.db.write() as conn:
            recorded = await conn.execute(
                update(_message)
                .where(_message.c.id == claimed.id, _message.c.claim == claimed.claim)
                .values(claim=None, sent_at=now if sent else None, **values, **ended)
            )
        if recorded.rowcount != 1:
            # it took longer than its claim: the one who took over records
            log.warning("notify.claim.lost", message=str(claimed.id))
