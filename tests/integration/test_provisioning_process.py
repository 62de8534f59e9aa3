"""The process of provisioning as a whole: woken by the journal, stopped by a signal."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import pytest

from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.journal.seal import seal
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import system_clock
from iam.kernel.ids import EntityId, uuid4
from iam.realms import projection
from iam.settings import Settings, UnsafeSettings
from iam.storage import Database
from provisioning import main
from provisioning.main import Process, backlog, confirm, targets
from tests.support.provisioning import WRITER, KeycloakEyes, Ldap, SmallTruth, numbers, running_ldap
from tests.support.realm import ROOT, Keycloak
from tests.support.settings import some_settings

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

FRESH = numbers()
PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Something:
    KIND: ClassVar[str] = "test.grant.changed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    entity: UUID


@pytest.fixture(scope="module")
def server() -> Iterator[Ldap]:
    with running_ldap() as started:
        yield started


@pytest.fixture
def ldap(server: Ldap) -> Iterator[Ldap]:
    """The directory, empty again after the test: a sweep sees what others have left."""
    yield server
    server.empty()


@pytest.fixture
def eyes(keycloak: Keycloak) -> Iterator[KeycloakEyes]:
    one = KeycloakEyes(keycloak=keycloak)
    yield one
    one.close()


@pytest.fixture
def parent() -> str:
    return f"enterprises-{uuid4().hex[:8]}"


@pytest.fixture
def settings(keycloak: Keycloak, ldap: Ldap, database_url: str, parent: str) -> Settings:
    base = some_settings()
    return some_settings(
        database_url=database_url,
        keycloak=base.keycloak.model_copy(update={"base_url": keycloak.base_url}).model_dump(),
        provisioner={
            "client_secret": keycloak.client_secret("habilis-provisioner"),
            "group_parent": parent,
        },
        directory=directory_settings(ldap),
    )


def directory_settings(ldap: Ldap) -> dict[str, str]:
    return {
        "url": ldap.server.url,
        "base_dn": ldap.server.base_dn,
        "bind_dn": ldap.server.provisioner_dn,
        "password": WRITER,
    }


async def happened(db: Database, entity: EntityId, revision: int) -> None:
    """Something of the enterprise stands in the journal, sealed."""
    context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=system_clock())
    async with db.write() as conn:
        head = Head(HeadKind.ENTERPRISE, entity)
        await append(conn, head, revision, [Something(entity=entity)], context)
    async with db.write() as conn:
        await seal(conn, system_clock)


async def until(what: Callable[[], Any], wanted: Any) -> Any:
    deadline = time.monotonic() + PATIENCE
    shown = None
    while time.monotonic() < deadline:
        try:
            shown = await asyncio.to_thread(what)
        except AssertionError as error:
            # It went while we looked.
            shown = error
        if shown == wanted:
            return shown
        await asyncio.sleep(0.1)
    raise AssertionError(f"still {shown}, wanted {wanted}")


@pytest.mark.keycloak
async def test_inv_64_an_entry_of_the_journal_moves_both_directories_within_seconds(
    db, settings, ldap, eyes, parent
):
    small, number = SmallTruth(), next(FRESH)
    entity = small.enterprise(number)
    karim = small.person(account=eyes.account())
    account = small.people[karim].keycloak_user
    process = Process(settings, db, small.truth)
    running = asyncio.create_task(process.run())
    try:
        small.grant(entity, "permis.suivre", karim)
        await happened(db, entity, 1)
        await until(lambda: eyes.groups(number, parent), {None: {account}, "permis.suivre": {account}})
        await until(lambda: ldap.groups().get(f"{number}:permis.suivre"), {str(karim)})

        small.revoke(entity, "permis.suivre", karim)
        await happened(db, entity, 2)
        await until(lambda: eyes.groups(number, parent), {})
        await until(lambda: ldap.groups().get(number), None)
    finally:
        process.stop()
        await asyncio.wait_for(running, 40)


@pytest.mark.keycloak
async def test_inv_63_a_start_finds_what_changed_while_nobody_was_there(db, settings, ldap, eyes, parent):
    small, number = SmallTruth(), next(FRESH)
    entity = small.enterprise(number)
    karim = small.person(account=eyes.account())
    small.grant(entity, "permis.suivre", karim)
    process = Process(settings, db, small.truth)
    running = asyncio.create_task(process.run())
    try:
        # No entry told of it: the first sweep does.
        await until(lambda: ldap.groups().get(number), {str(karim)})
        await until(lambda: set(eyes.groups(number, parent)), {None, "permis.suivre"})
    finally:
        process.stop()
        await asyncio.wait_for(running, 40)


def environment(settings: Settings, **changes: str) -> dict[str, str]:
    told = {
        "HABILIS_ENVIRONMENT": "demo",
        "HABILIS_PUBLIC_URL": settings.public_url,
        "HABILIS_DATABASE_URL": settings.database_url.get_secret_value(),
        "HABILIS_FAS_ISSUER": settings.fas_issuer,
        "HABILIS_SECRETS__FINGERPRINT_KEY": settings.secrets.fingerprint_key.get_secret_value(),
        "HABILIS_SECRETS__WRAPPING_KEY": settings.secrets.wrapping_key.get_secret_value(),
        "HABILIS_SECRETS__PAIRWISE_KEY": settings.secrets.pairwise_key.get_secret_value(),
        "HABILIS_KEYCLOAK__BASE_URL": settings.keycloak.base_url,
        "HABILIS_KEYCLOAK__CONSOLE_CLIENT_SECRET": settings.keycloak.console_client_secret.get_secret_value(),
        "HABILIS_KEYCLOAK__EXCHANGE_CLIENT_SECRET": settings.keycloak.exchange_client_secret.get_secret_value(),
        "HABILIS_PROVISIONER__CLIENT_SECRET": uuid4().hex,
        "HABILIS_HELPDESK__TELEPHONE": "081 00 00 00",
        "HABILIS_HELPDESK__MAIL": "aide@habilis.test",
    }
    return {**told, **changes}


@pytest.mark.parametrize("database", ["there", "away"])
def test_a_signal_ends_the_process_also_while_everything_else_is_away(database_url, database):
    url = database_url if database == "there" else "postgresql://nobody@127.0.0.1:9/none"
    settings = some_settings(database_url=url)
    process = subprocess.Popen(
        [sys.executable, "-c", "from iam.cli import main; main()", "provision"],
        env={"PATH": "/usr/bin:/bin", **environment(settings)}, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if "provisioning.started" in line:
            break
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=40)

    assert process.returncode == 0, rest
    assert "provisioning.stopped" in rest
    assert "Traceback" not in rest


async def test_without_a_secret_it_refuses_to_start(db):
    with pytest.raises(UnsafeSettings, match="PROVISIONER__CLIENT_SECRET"):
        targets(some_settings(), db)
    with pytest.raises(UnsafeSettings, match="DIRECTORY__PASSWORD"):
        targets(
            some_settings(
                provisioner={"client_secret": uuid4().hex}, directory={"url": "ldap://127.0.0.1:9"}
            ),
            db,
        )


def test_an_operator_sees_the_backlog_and_confirms(database_url):
    settings = some_settings(database_url=database_url)

    assert {target: row.behind for target, row in backlog(settings).items()} == {
        "keycloak": 0,
        "directory": 0,
    }
    assert confirm(settings) == {"keycloak": 0, "directory": 0}


async def test_an_entry_moves_the_directory_by_wake_ups_alone(db, database_url, ldap, monkeypatch):
    """Every poll is minutes away, and Keycloak too."""
    monkeypatch.setattr(main, "_SAFETY_NET", 600.0)
    monkeypatch.setattr(main, "_TIME_PASSES", 600.0)
    settings = some_settings(
        database_url=database_url,
        provisioner={"client_secret": uuid4().hex},
        directory=directory_settings(ldap),
    )
    small, number = SmallTruth(), next(FRESH)
    entity = small.enterprise(number)
    karim = small.person()
    process = Process(settings, db, small.truth)
    running = asyncio.create_task(process.run())
    try:
        # The start and the beginning of the listening look by themselves: that explains two of these at most.
        for revision in (1, 3, 5):
            small.grant(entity, "permis.suivre", karim)
            await happened(db, entity, revision)
            await until(lambda: ldap.groups().get(f"{number}:permis.suivre"), {str(karim)})

            small.revoke(entity, "permis.suivre", karim)
            await happened(db, entity, revision + 1)
            await until(lambda: ldap.groups().get(number), None)
    finally:
        process.stop()
        await asyncio.wait_for(running, 40)


async def test_inv_64_the_guard_does_not_count_what_an_act_ended_while_nobody_was_there(
    db, database_url, ldap
):
    """A guard that lets no sweep take anything away, and a journal that is longer than one turn of reading."""
    settings = some_settings(
        database_url=database_url,
        provisioner={"client_secret": uuid4().hex, "deletion_guard": 0},
        directory=directory_settings(ldap),
    )
    small, number = SmallTruth(), next(FRESH)
    entity, other = small.enterprise(number), small.enterprise(next(FRESH))
    karim = small.person()

    async def works_until(wanted: set[str] | None) -> None:
        process = Process(settings, db, small.truth)
        running = asyncio.create_task(process.run())
        try:
            await until(lambda: ldap.groups().get(number), wanted)
        finally:
            process.stop()
            await asyncio.wait_for(running, 40)

    small.grant(entity, "permis.suivre", karim)
    await works_until({str(karim)})
    small.revoke(entity, "permis.suivre", karim)
    for revision in range(1, 150):
        await happened(db, other, revision)
    await happened(db, entity, 1)
    await works_until(None)

    async with db.read() as conn:
        left = await projection.backlog(conn, projection.Target.DIRECTORY)
    assert (left.behind, left.held, left.stopped) == (0, 0, False)
