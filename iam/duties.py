"""What the worker does: the composition of its chores. Knows every room it serves."""

import sys
from datetime import datetime, timedelta

import structlog

from iam.bce import freshness
from iam.bce.fetch.child import FetchChild
from iam.bce.fetch.model import PASSING, Run
from iam.bce.fetch.record import last_run, newest_extract
from iam.bce.fetch.schedule import Schedule, due_at
from iam.bce.functions import calendar
from iam.bce.model import FeedState
from iam.bce.queries import feed_state
from iam.console.drafts import forget_before as forget_drafts
from iam.delegation.consequences import Confirms, Reassesses, let_time_pass
from iam.delegation.execute import Door
from iam.delegation.mails import Mails
from iam.dossiers.duties import let_time_pass as let_dossiers_pass
from iam.dossiers.execute import DossierDoor
from iam.dossiers.mails import DossierMails
from iam.journal.relay import Consumer, next_retry
from iam.kernel.clock import Clock, belgian_day, system_clock
from iam.notify.deliver import deliver as deliver_mails
from iam.notify.letterhead import letterhead
from iam.notify.operator import LateExtract, LateFeed, RegisterAlarm, Stopped, register_alarm
from iam.notify.queue import erase_old, next_due
from iam.notify.queue import queue as queue_mail
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

log = structlog.get_logger(__name__)

# What others make work for is woken by them; this often it looks all the same.
_SAFETY_NET = 30.0
_KEEP_MAILS = timedelta(days=14)
_KEEP_ACTS = timedelta(days=2)
_KEEP_DRAFTS = timedelta(days=1)
_KEEP_SESSIONS = timedelta(days=1)
_FETCH_COMMAND = (sys.executable, "-m", "iam", "bce", "fetch", "--json", "--quiet")


def consumers(settings: Settings, door: Door) -> list[Consumer]:
    """Who reads the journal in the worker. Names are permanent: each is a cursor."""
    mails = Mails(settings.issuer, settings.default_language)
    dossier_mails = DossierMails(settings.default_language)
    return [
        Consumer(name="confirms", handle=Confirms(door).handle),
        Consumer(name="reassesses", handle=Reassesses(door).handle),
        Consumer(name="mails", handle=mails.handle),
        Consumer(name="dossierMails", handle=dossier_mails.handle),
    ]


def fetcher(settings: Settings, db: Database, clock: Clock) -> FetchChild | None:
    """What runs `habilis bce fetch` when it is due; None when no source is set."""
    if settings.of_register.source is None:
        return None
    schedule = Schedule.of(settings.of_register.schedule)

    async def due() -> datetime:
        async with db.read() as conn:
            return due_at(schedule, await last_run(conn), clock())

    return FetchChild(_FETCH_COMMAND, due, clock, schedule.retry)


async def watch_register(settings: Settings, db: Database, clock: Clock) -> int:
    """The operator knows when the register is too old, or waits for him: by the log and one mail a day."""
    now = clock()
    async with db.read() as conn:
        extract, feed, last = await newest_extract(conn), await feed_state(conn), await last_run(conn)
    alarm = _alarm(settings, extract, feed, last, now)
    if alarm == RegisterAlarm():
        return 0
    stopped = alarm.stopped
    log.warning(
        "register.late",
        alarm=True,
        extract=alarm.extract is not None,
        feed=alarm.feed is not None,
        stopped=None if stopped is None else stopped.outcome,
        reason=None if stopped is None else stopped.reason,
    )
    if settings.operator.mail is not None:
        language = settings.operator.language or settings.default_language
        async with db.write() as conn:
            message = register_alarm(alarm, settings.operator.mail, language, belgian_day(now))
            await queue_mail(conn, message, now)
    return 0


def _alarm(
    settings: Settings,
    extract: freshness.ExtractState | None,
    feed: FeedState | None,
    last: Run | None,
    now: datetime,
) -> RegisterAlarm:
    hours = settings.policy.register_stale_hours, settings.policy.representation_stale_hours
    of_extract, of_feed = freshness.ages(extract, feed, freshness.Limits.of_hours(*hours), now)
    snapshot_on = None if extract is None else extract.snapshot_on
    produced_at = None if feed is None else feed.produced_at
    return RegisterAlarm(
        extract=LateExtract(snapshot_on=snapshot_on, hours=hours[0]) if of_extract.late else None,
        feed=LateFeed(produced_at=produced_at, hours=hours[1]) if of_feed.late else None,
        stopped=None if settings.of_register.source is None else _stopped(last),
    )


def _stopped(last: Run | None) -> Stopped | None:
    if last is None or last.outcome is None or last.ended_at is None or last.outcome in PASSING:
        return None
    return Stopped(at=last.ended_at, outcome=last.outcome.value, reason=last.reason)


def chores(settings: Settings, db: Database, clock: Clock, fetching: FetchChild | None = None) -> list[Chore]:
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

    async def dossiers_pass() -> int:
        return await let_dossiers_pass(db, DossierDoor(settings, clock), clock)

    async def days_come() -> int:
        async with db.write() as conn:
            return await calendar.tell(conn, clock(), wait=False)

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

    async def watch() -> int:
        return await watch_register(settings, db, clock)

    fetches = [] if fetching is None else [
        Chore(name="fetch", duty=fetching.duty, seconds=60, due=fetching.next_start)
    ]  # fmt: skip
    return [
        *fetches,
        Chore(name="seal", duty=seal, seconds=_SAFETY_NET, on=frozenset({Channel.APPENDED})),
        Chore(name="relay", duty=relay, seconds=_SAFETY_NET, on=frozenset({Channel.SEALED}), due=retry),
        Chore(name="mail", duty=mail, seconds=_SAFETY_NET, on=frozenset({Channel.MAIL}), due=next_mail),
        Chore(name="time", duty=time_passes, seconds=30),
        Chore(name="dossiers", duty=dossiers_pass, seconds=300),
        Chore(name="calendar", duty=days_come, seconds=300),
        Chore(name="partitions", duty=partitions, seconds=3600),
        Chore(name="tidy", duty=tidy, seconds=3600),
        Chore(name="register", duty=watch, seconds=3600),
    ]


async def run(settings: Settings) -> None:
    """Works until it is told to stop."""
    url = settings.database_url.get_secret_value()
    db = Database(url)
    fetching = fetcher(settings, db, system_clock)
    try:
        await Worker(url, chores(settings, db, system_clock, fetching), system_clock).run()
    finally:
        if fetching is not None:
            await fetching.stop()
        await db.close()
