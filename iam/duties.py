"""What the worker does: the composition of its chores. Knows every room it serves."""

from datetime import datetime, timedelta

from iam.console.drafts import forget_before as forget_drafts
from iam.delegation.consequences import Confirms, Reassesses, let_time_pass
from iam.delegation.execute import Door
from iam.delegation.mails import Mails
from iam.journal.relay import Consumer, next_retry
from iam.kernel.clock import Clock, system_clock
from iam.notify.deliver import deliver as deliver_mails
from iam.notify.letterhead import letterhead
from iam.notify.queue import erase_old, next_due
from iam.notify.smtp import SmtpMailer
from iam.people.links import Minter
from iam.people.sessions import forget_before as forget_sessions
from iam.realms.sessions import forget_expired
from iam.settings import Settings
from iam.storage import Database
from iam.storage.wake import Channel
from iam.tokens.partitions import ensure_partitions
from iam.tokens.record import day_of, forget_revoked
from iam.web.idempotency import forget_before as forget_acts
from iam.worker import Chore, Worker, relay_all, seal_all

# What others make work for is woken by them; this often it looks all the same.
_SAFETY_NET = 30.0
_KEEP_MAILS = timedelta(days=14)
_KEEP_ACTS = timedelta(days=2)
_KEEP_DRAFTS = timedelta(days=1)
_KEEP_SESSIONS = timedelta(days=1)


def consumers(settings: Settings, door: Door) -> list[Consumer]:
    """Who reads the journal in the worker. Names are permanent: each is a cursor."""
    mails = Mails(settings.issuer, settings.default_language)
    return [
        Consumer(name="confirms", handle=Confirms(door).handle),
        Consumer(name="reassesses", handle=Reassesses(door).handle),
        Consumer(name="mails", handle=mails.handle),
    ]


def chores(settings: Settings, db: Database, clock: Clock) -> list[Chore]:
    """Everything the worker does, and how often."""
    door = Door(settings, clock)
    readers = consumers(settings, door)
    mailer = SmtpMailer(settings.mail)
    mint = Minter.of(settings.policy, clock)
    head = letterhead(settings)

    async def seal() -> int:
        return await seal_all(db, clock)

    async def relay() -> int:
        return await relay_all(db, readers, clock)

    async def retry() -> datetime | None:
        async with db.read() as conn:
            return await next_retry(conn, readers)

    async def mail() -> int:
        return await deliver_mails(db, mailer, mint, clock, head)

    async def next_mail() -> datetime | None:
        async with db.read() as conn:
            return await next_due(conn)

    async def time_passes() -> int:
        return await let_time_pass(db, door, clock)

    async def partitions() -> int:
        async with db.write() as conn:
            await ensure_partitions(conn, day_of(clock()))
        return 0

    async def tidy() -> int:
        now = clock()
        async with db.write() as conn:
            await erase_old(conn, now, _KEEP_MAILS)
            await forget_revoked(conn, now)
            await forget_acts(conn, now - _KEEP_ACTS)
            await forget_drafts(conn, now - _KEEP_DRAFTS)
            await forget_sessions(conn, now - _KEEP_SESSIONS)
            await forget_expired(conn, now)
        return 0

    return [
        Chore(name="seal", duty=seal, seconds=_SAFETY_NET, on=frozenset({Channel.APPENDED})),
        Chore(name="relay", duty=relay, seconds=_SAFETY_NET, on=frozenset({Channel.SEALED}), due=retry),
        Chore(name="mail", duty=mail, seconds=_SAFETY_NET, on=frozenset({Channel.MAIL}), due=next_mail),
        Chore(name="time", duty=time_passes, seconds=30),
        Chore(name="partitions", duty=partitions, seconds=3600),
        Chore(name="tidy", duty=tidy, seconds=3600),
    ]


async def run(settings: Settings) -> None:
    """Works until it is told to stop."""
    url = settings.database_url.get_secret_value()
    db = Database(url)
    try:
        await Worker(url, chores(settings, db, system_clock), system_clock).run()
    finally:
        await db.close()
