"""The process `habilis provision`: follows the journal and keeps Keycloak and the directory in step."""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from iam.journal.relay import deliver, next_retry
from iam.kernel.clock import system_clock
from iam.realms import projection
from iam.realms.projection import Target
from iam.settings import Environment, Settings, UnsafeSettings
from iam.storage import Database
from iam.storage.wake import Channel, Wake
from provisioning.desired import Truth
from provisioning.directory import Directory
from provisioning.directory_target import DirectoryTarget
from provisioning.errors import TargetError
from provisioning.follow import consumer, time_passes
from provisioning.keycloak import KeycloakGroups
from provisioning.keycloak_target import KeycloakTarget
from provisioning.pace import TokenBucket
from provisioning.sweep import sweep
from provisioning.target import GroupDirectory
from provisioning.worker import Chances, Worker

log = structlog.get_logger(__name__)

_LISTENING = 60.0
_TIME_PASSES = 5.0
# Who makes work wakes us; this often we look all the same.
_SAFETY_NET = 30.0
_SHORTEST_REST = 0.5
_FOLLOWED = 60.0
_AFTER_FAILURE = 2.0
_STOP_SECONDS = 20.0


def targets(settings: Settings, db: Database) -> list[GroupDirectory]:
    """The directories that receive the groups: Keycloak, and LDAP when it has an address.

    Raises `UnsafeSettings` when an account has no secret.
    """
    secret = settings.provisioner.client_secret
    if secret is None:
        message = "HABILIS_PROVISIONER__CLIENT_SECRET is missing"
        raise UnsafeSettings(message)
    found: list[GroupDirectory] = [
        KeycloakTarget(
            KeycloakGroups(
                base_url=settings.keycloak.base_url,
                realm=settings.keycloak.realm,
                client_id=settings.provisioner.client_id,
                client_secret=secret.get_secret_value(),
                bucket=TokenBucket(
                    settings.provisioner.requests_per_second, monotonic=time.monotonic, sleep=time.sleep
                ),
                seconds=settings.keycloak.timeout_seconds,
            ),
            db,
            parent=settings.provisioner.group_parent,
        )
    ]
    ldap = settings.directory
    if ldap.url is None:
        return found
    if ldap.password is None:
        message = "HABILIS_DIRECTORY__PASSWORD is missing"
        raise UnsafeSettings(message)
    directory = Directory(url=ldap.url, bind_dn=ldap.bind_dn, password=ldap.password.get_secret_value())
    return [*found, DirectoryTarget(directory, base_dn=ldap.base_dn, names=ldap.names)]


class Process:
    """Everything that runs in the process, until it is told to stop."""

    def __init__(self, settings: Settings, db: Database, truth: Truth | None = None) -> None:
        """Nothing runs yet. Raises as `targets` does."""
        self._settings = settings
        self._db = db
        self._truth = truth or Truth()
        self._directories = targets(settings, db)
        self._by = Chances(clock=system_clock)
        self._time_at = 0.0
        self._stopping = asyncio.Event()
        self._sealed = asyncio.Event()
        self._followed = asyncio.Event()
        self._marked = {directory.target: asyncio.Event() for directory in self._directories}

    def stop(self) -> None:
        """What is under way comes to its end, nothing new begins."""
        self._stopping.set()

    async def run(self) -> None:
        """Runs until `stop`; then waits a bounded time for the work under way."""
        listening = asyncio.create_task(self._listen())
        tasks = [asyncio.create_task(self._repeat("follow", self._follow, self._sealed))]
        for directory in self._directories:
            worker = self._worker(directory)
            catch_up = partial(self._catch_up, worker)
            tasks.append(asyncio.create_task(self._repeat("work", catch_up, self._marked[directory.target])))
            tasks.append(asyncio.create_task(self._sweeps(directory, worker)))
        await self._stopping.wait()
        listening.cancel()
        _, late = await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(listening, *tasks, return_exceptions=True)
        for directory in self._directories:
            directory.close()
        log.info("provisioning.stopped")

    def _worker(self, directory: GroupDirectory) -> Worker:
        return Worker(
            db=self._db,
            directory=directory,
            truth=self._truth,
            deletion_guard=self._settings.provisioner.deletion_guard,
            by=self._by,
        )

    async def _repeat(
        self, what: str, once: Callable[[], Awaitable[float]], woken: asyncio.Event | None = None
    ) -> None:
        """Does it again and again, after the rest it asks for or when woken.

        A database that is away, or a fault of ours, only makes it wait.
        """
        woken = woken or asyncio.Event()
        while not self._stopping.is_set():
            # Before the work: what is said during it is not missed.
            woken.clear()
            try:
                pause = await once()
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                log.error("provisioning.database.down", what=what, error=type(error).__name__)  # noqa: TRY400 - no text of an error reaches the log
                await self._rest(_AFTER_FAILURE)
            except Exception as error:  # noqa: BLE001 - the process must not stop over one enterprise
                log.critical("provisioning.fault", what=what, error=type(error).__name__)
                await self._rest(_AFTER_FAILURE)
            else:
                await self._rest(pause, woken)

    async def _rest(self, seconds: float, *others: asyncio.Event) -> None:
        """That long, or until the stop or one of the other events."""
        waits = [asyncio.create_task(event.wait()) for event in (self._stopping, *others)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _follow(self) -> float:
        to = [directory.target for directory in self._directories]
        following = consumer(self._truth, to, self._by.clock)
        handled = await deliver(self._db, following, self._by.clock)
        if time.monotonic() >= self._time_at:
            self._time_at = time.monotonic() + _TIME_PASSES
            await time_passes(self._db, self._truth, to, self._by.clock)
        if handled:
            return 0.0
        self._followed.set()
        async with self._db.read() as conn:
            retry_at = await next_retry(conn, [following])
        return min(self._until(retry_at), self._time_at - time.monotonic())

    async def _listen(self) -> None:
        """Wakes who has work to do. Unheard, they look by themselves all the same."""
        async with Wake(self._db.url, (Channel.SEALED, Channel.MARKED)) as wake:
            while True:
                said = await wake.wait(_LISTENING)
                if Channel.SEALED in said:
                    self._sealed.set()
                if Channel.MARKED in said:
                    for marked in self._marked.values():
                        marked.set()

    async def _catch_up(self, worker: Worker) -> float:
        if await worker.catch_up():
            return 0.0
        resting = worker.health.until - self._by.monotonic()
        if resting > 0:
            return resting
        async with self._db.read() as conn:
            return self._until(await projection.next_due(conn, worker.directory.target))

    def _until(self, at: datetime | None) -> float:
        """The seconds to rest when time alone brings work then."""
        if at is None:
            return _SAFETY_NET
        return min(max((at - self._by.clock()).total_seconds(), _SHORTEST_REST), _SAFETY_NET)

    async def _sweeps(self, directory: GroupDirectory, worker: Worker) -> None:
        period = timedelta(seconds=self._settings.provisioner.sweep_seconds)

        async def once() -> float:
            try:
                await sweep(self._db, directory, self._truth, self._by.clock, period)
            except TargetError as error:
                worker.rest(error)
                return _AFTER_FAILURE * 2
            return period.total_seconds()

        # What acts ended while nobody was here is marked as theirs; the deletion guard would count it.
        await self._rest(_FOLLOWED, self._followed)
        await self._repeat("sweep", once)


def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises `UnsafeSettings` when an account has no secret."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    db = Database(settings.database_url.get_secret_value())
    try:
        process = Process(settings, db)
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, process.stop)
        log.info("provisioning.started", demo=settings.environment is Environment.DEMO)
        await process.run()
    finally:
        await db.close()


def confirm(settings: Settings) -> dict[str, int]:
    """The sweeps that the deletion guard stopped go on: a person has looked.

    Says how many enterprises waited, by target.
    """

    async def each() -> dict[str, int]:
        db = Database(settings.database_url.get_secret_value())
        try:
            async with db.write() as conn:
                return {
                    target.value: await projection.confirm_removals(conn, target, system_clock())
                    for target in Target
                }
        finally:
            await db.close()

    return asyncio.run(each())


def backlog(settings: Settings) -> dict[str, projection.Backlog]:
    """How far each target is behind."""

    async def each() -> dict[str, projection.Backlog]:
        db = Database(settings.database_url.get_secret_value())
        try:
            async with db.read() as conn:
                return {target.value: await projection.backlog(conn, target) for target in Target}
        finally:
            await db.close()

    return asyncio.run(each())
