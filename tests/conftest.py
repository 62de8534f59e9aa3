"""What every tier shares: a real PostgreSQL, cloned from a template that the migrations made."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from hypothesis import HealthCheck, settings

from demo.parts.postgres import PostgresServer
from iam.kernel.ids import uuid4
from iam.migrations import config
from iam.storage import Database
from tests.support.identity import addresses, browser, fas, fas_process, keycloak, other_browser
from tests.support.register import Settled, Town, settle
from tests.support.settings import some_settings

# One Keycloak for the whole run, whichever folder asks first.
__all__ = ["addresses", "browser", "fas", "fas_process", "keycloak", "other_browser"]

settings.register_profile(
    "habilis", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("habilis")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


class TestClock:
    """A clock that stands still until a test moves it."""

    __test__ = False

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def clock() -> TestClock:
    return TestClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test run."""
    with PostgresServer.throwaway() as server:
        yield server


@pytest.fixture(scope="session")
def template(cluster: PostgresServer) -> str:
    """A database at the newest revision, to be cloned."""
    name = f"template_{os.getpid()}"
    cluster.create_database(name)
    command.upgrade(config(cluster.url(name)), "head")
    return name


@pytest.fixture
def database_url(cluster: PostgresServer, template: str) -> Iterator[str]:
    """A fresh database of its own for one test (a clone: some 30 ms)."""
    name = f"t_{uuid4().hex}"
    cluster.create_database(name, template=template)
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=5)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def wallonia(cluster: PostgresServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """A database with the small Wallonia and its people in it, made once by the real importers, to be cloned."""
    name = f"wallonia_{os.getpid()}"
    cluster.create_database(name, template=template)

    async def fill() -> Settled:
        database = Database(cluster.url(name), pool_size=2)
        now = TestClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
        settled = await settle(database, now, tmp_path_factory.mktemp("wallonia"), some_settings(), name)
        await database.close()
        return settled

    return asyncio.run(fill())


@pytest.fixture
def town_url(cluster: PostgresServer, wallonia: Settled) -> Iterator[str]:
    """A small Wallonia of its own for one test."""
    name = f"w_{uuid4().hex}"
    cluster.create_database(name, template=wallonia.database)
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
async def town(town_url: str, wallonia: Settled, clock: TestClock) -> AsyncIterator[Town]:
    """The people and enterprises of the small Wallonia, everybody with a confirmed address."""
    database = Database(town_url, pool_size=5)
    yield Town.of(wallonia, database, clock)
    await database.close()
