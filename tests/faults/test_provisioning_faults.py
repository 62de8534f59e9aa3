"""What the network and the servers do to provisioning (STANDARDS 4.4, R2, R3; DOMAIN 7.3 nr 64)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from iam.kernel.ids import uuid4
from iam.realms import projection
from iam.realms.projection import Target
from provisioning.errors import UnsettledError
from provisioning.keycloak import KeycloakGroups
from provisioning.keycloak_target import KeycloakTarget
from provisioning.pace import TokenBucket
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.provisioning import (
    KeycloakEyes,
    Ldap,
    SmallTruth,
    converge,
    mark,
    numbers,
    running_ldap,
    worker,
)
from tests.support.realm import Keycloak

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

FRESH = numbers()


def http(status: str, body: bytes = b"", content: str = "application/json", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Type: {content}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "Connection: close", "", ""]).encode() + body


PAGE = b"<html><body>Service unavailable</body></html>"
# Name -> the fault, and what comes back where something else comes back.
FAULTS: dict[str, tuple[Fault, bytes]] = {
    "reset before it is sent on": (Fault.RESET, b""),
    "carried out and the answer lost": (Fault.ANSWER_LOST, b""),
    "carried out and the answer cut": (Fault.ANSWER_CUT, b""),
    "answered twice": (Fault.ANSWER_TWICE, b""),
    "answered after the time-out": (Fault.ANSWER_LATE, b""),
    "carried out and 500": (
        Fault.ANSWER_REPLACED,
        http("500 Internal Server Error", b'{"error":"unknown_error"}'),
    ),
    "500": (Fault.NOT_SENT_REPLACED, http("500 Internal Server Error", b'{"error":"unknown_error"}')),
    "502 with a page": (Fault.NOT_SENT_REPLACED, http("502 Bad Gateway", PAGE, "text/html")),
    "503 with Retry-After": (
        Fault.NOT_SENT_REPLACED,
        http("503 Service Unavailable", b"", "text/plain", "Retry-After: 2"),
    ),
    "429": (Fault.NOT_SENT_REPLACED, http("429 Too Many Requests", b"", "text/plain", "Retry-After: 1")),
    "401": (Fault.NOT_SENT_REPLACED, http("401 Unauthorized", b'{"error":"HTTP 401 Unauthorized"}')),
    "403": (Fault.NOT_SENT_REPLACED, http("403 Forbidden", b'{"error":"HTTP 403 Forbidden"}')),
    "404 with a page of something in between": (
        Fault.NOT_SENT_REPLACED,
        http("404 Not Found", PAGE, "text/html"),
    ),
    "404 of what exists": (
        Fault.NOT_SENT_REPLACED,
        http("404 Not Found", b'{"error":"Could not find group by id"}'),
    ),
    "409": (Fault.NOT_SENT_REPLACED, http("409 Conflict", b'{"errorMessage":"exists"}')),
    "carried out and 409": (Fault.ANSWER_REPLACED, http("409 Conflict", b'{"errorMessage":"exists"}')),
    "200 with a page": (Fault.NOT_SENT_REPLACED, http("200 OK", PAGE, "text/html")),
    "200 with half a document": (Fault.NOT_SENT_REPLACED, http("200 OK", b'[{"id": "abc"')),
    "200 with the wrong document": (Fault.NOT_SENT_REPLACED, http("200 OK", b'"nothing"')),
    "a redirect elsewhere": (
        Fault.NOT_SENT_REPLACED,
        http("302 Found", b"", "text/plain", "Location: http://127.0.0.1:9/"),
    ),
}


@dataclass(slots=True)
class Keycloaked:
    """A worker whose Keycloak is behind the proxy, and an enterprise in which two people come and go."""

    db: Any
    proxy: FaultProxy
    target: KeycloakTarget
    groups: KeycloakGroups
    small: SmallTruth
    one: Any
    clock: Any
    eyes: KeycloakEyes
    parent: str

    def enterprise(self) -> tuple[Any, str]:
        number = next(FRESH)
        return self.small.enterprise(number), number

    async def settle(self, entity: Any) -> None:
        await mark(self.db, self.clock, entity, targets=[Target.KEYCLOAK])
        await converge(self.db, self.one, self.clock)

    def shown(self, number: str) -> dict[str | None, set[str]]:
        return self.eyes.groups(number, self.parent)


@pytest.fixture
def eyes(keycloak: Keycloak) -> Iterator[KeycloakEyes]:
    one = KeycloakEyes(keycloak=keycloak)
    yield one
    one.close()


@pytest.fixture
def world(keycloak: Keycloak, eyes: KeycloakEyes, db: Any, clock: Any) -> Iterator[Keycloaked]:
    with FaultProxy(target=int(keycloak.base_url.rpartition(":")[2])) as proxy:
        groups = KeycloakGroups(
            base_url=f"http://127.0.0.1:{proxy.port}",
            realm="monespace",
            client_id="habilis-provisioner",
            client_secret=keycloak.client_secret("habilis-provisioner"),
            bucket=TokenBucket(500, monotonic=time.monotonic, sleep=time.sleep),
            seconds=1.5,
        )
        parent = f"enterprises-{uuid4().hex[:8]}"
        target = KeycloakTarget(groups, db, parent=parent)
        small = SmallTruth()
        yield Keycloaked(
            db=db, proxy=proxy, target=target, groups=groups, small=small,
            one=worker(db, target, small, clock), clock=clock, eyes=eyes, parent=parent,
        )  # fmt: skip
        target.close()


@pytest.mark.keycloak
@pytest.mark.parametrize("name", FAULTS)
async def test_inv_64_keycloak_converges_after_each_fault_and_nothing_is_doubled(world, name):
    fault, instead = FAULTS[name]
    entity, number = world.enterprise()
    karim, lea = (world.small.person(account=world.eyes.account()) for _ in range(2))
    accounts = [world.small.people[one].keycloak_user for one in (karim, lea)]
    struck = [
        world.proxy.strike(
            fault,
            when=lambda chunk, verb=verb: chunk.startswith(verb) and b"/admin/" in chunk,
            instead=instead,
            seconds=3,
        )
        for verb in (b"POST ", b"PUT ", b"GET ", b"DELETE ")
    ]

    world.small.grant(entity, "permits-file", karim, lea)
    await world.settle(entity)
    granted = world.shown(number)
    world.small.revoke(entity, "permits-file", karim)
    await world.settle(entity)
    revoked = world.shown(number)
    world.small.revoke(entity, "permits-file", lea)
    world.proxy.strike(fault, when=lambda chunk: chunk.startswith(b"DELETE "), instead=instead, seconds=3)
    await world.settle(entity)

    assert [order.struck for order in struck] == [1, 1, 1, 1], "every verb met it"
    assert granted == {None: set(accounts), "permits-file": set(accounts)}
    assert revoked == {None: {accounts[1]}, "permits-file": {accounts[1]}}
    assert world.shown(number) == {}


@pytest.mark.keycloak
async def test_inv_64_no_group_is_doubled_when_the_answer_to_every_creation_is_lost(world):
    world.proxy.strike(Fault.ANSWER_LOST, times=10_000, when=lambda chunk: chunk.startswith(b"POST /admin/"))
    numbers_of = {}
    for _ in range(5):
        entity, number = world.enterprise()
        person = world.small.person(account=world.eyes.account())
        for role in ("permits-file", "aids-file"):
            world.small.grant(entity, role, person)
        numbers_of[number] = world.small.people[person].keycloak_user
        await mark(world.db, world.clock, entity, targets=[Target.KEYCLOAK])
    await converge(world.db, world.one, world.clock)

    for number, account in numbers_of.items():
        assert world.shown(number) == {None: {account}, "permits-file": {account}, "aids-file": {account}}
    # A slow server may not show yet what it is about to make: then it is asked again. Never without a look.
    sent = [
        chunk.partition(b"\r\n")[0]
        for chunk in world.proxy.seen
        if chunk.startswith((b"POST /admin/", b"GET /admin/"))
    ]
    blindly = [line for line, after in pairwise(sent) if line == after and line.startswith(b"POST ")]
    shards = len({number[-2:] for number in numbers_of})
    assert blindly == []
    assert world.proxy.requests(b"POST /admin/") >= 1 + shards + 3 * len(numbers_of)


@pytest.mark.keycloak
async def test_inv_64_a_keycloak_that_is_away_loses_nothing_and_brings_no_right_back(world):
    granted, new = world.enterprise()
    revoked, old = world.enterprise()
    karim = world.small.person(account=world.eyes.account())
    account = world.small.people[karim].keycloak_user
    world.small.grant(revoked, "permits-file", karim)
    await world.settle(revoked)

    world.proxy.down()
    world.small.revoke(revoked, "permits-file", karim)
    world.small.grant(granted, "permits-file", karim)
    await mark(world.db, world.clock, granted, revoked, targets=[Target.KEYCLOAK])
    for _ in range(4):
        await world.one.catch_up()
        world.clock.advance(minutes=3)
    during = world.shown(old)
    world.proxy.up()
    await converge(world.db, world.one, world.clock, most=4)

    assert during == {None: {account}, "permits-file": {account}}
    assert world.shown(old) == {}
    assert world.shown(new) == {None: {account}, "permits-file": {account}}


@pytest.mark.keycloak
async def test_a_server_that_drips_is_given_up_in_time(world):
    world.groups.group(str(uuid4()))
    began = time.monotonic()
    world.proxy.strike(Fault.ANSWER_LATE, when=lambda chunk: chunk.startswith(b"PUT "), seconds=30)

    with pytest.raises(UnsettledError):
        world.groups.write(str(uuid4()), "name", "mark")
    assert time.monotonic() - began < 5


@pytest.fixture(scope="module")
def ldap() -> Iterator[Ldap]:
    with running_ldap() as started:
        yield started


LDAP_FAULTS = [Fault.RESET, Fault.ANSWER_LOST, Fault.ANSWER_CUT, Fault.ANSWER_TWICE, Fault.ANSWER_LATE]


@pytest.mark.parametrize("fault", LDAP_FAULTS)
@pytest.mark.parametrize("at", range(0, 14, 3))
async def test_inv_64_the_directory_converges_after_each_fault(db, clock, ldap, fault, at):
    small, number = SmallTruth(), next(FRESH)
    entity = small.enterprise(number)
    karim, lea = small.person(), small.person("Léa", "Dubois")
    with FaultProxy(target=ldap.server.port) as proxy:
        target = ldap.target(port=proxy.port, seconds=1)
        one = worker(db, target, small, clock)
        count = iter(range(10_000))
        order = proxy.strike(fault, when=lambda _: next(count) == at, seconds=2)
        small.grant(entity, "permits-file", karim)
        small.grant(entity, "aids-file", karim)
        await mark(db, clock, entity, targets=[Target.DIRECTORY])
        await converge(db, one, clock)
        small.revoke(entity, "aids-file", karim)
        small.grant(entity, "permits-file", lea)
        await mark(db, clock, entity, targets=[Target.DIRECTORY])
        await converge(db, one, clock)
        target.close()

    both = {str(karim), str(lea)}
    mine = {cn: who for cn, who in ldap.groups().items() if cn.startswith(number)}
    assert order.struck == 1
    assert mine == {number: both, f"{number}:permits-file": both}
    assert both <= set(ldap.people())


async def test_inv_64_a_directory_that_is_away_loses_nothing(db, clock, ldap):
    small, number = SmallTruth(), next(FRESH)
    entity, karim, lea = small.enterprise(number), small.person(), small.person("Léa", "Dubois")
    with FaultProxy(target=ldap.server.port) as proxy:
        target = ldap.target(port=proxy.port)
        one = worker(db, target, small, clock)
        small.grant(entity, "permits-file", karim)
        await mark(db, clock, entity, targets=[Target.DIRECTORY])
        await converge(db, one, clock)
        proxy.down()
        small.revoke(entity, "permits-file", karim)
        small.grant(entity, "permits-file", lea)
        await mark(db, clock, entity, targets=[Target.DIRECTORY])
        for _ in range(5):
            await one.catch_up()
            clock.advance(minutes=1)
        async with db.read() as conn:
            behind = await projection.backlog(conn, Target.DIRECTORY)
        during = ldap.groups()[number]
        proxy.up()
        await converge(db, one, clock, most=4)
        target.close()

    assert behind.behind == 1
    assert during == {str(karim)}
    assert ldap.groups()[number] == {str(lea)}


async def test_the_database_that_goes_away_leaves_the_work_to_be_done(db, clock, ldap):
    small, number = SmallTruth(), next(FRESH)
    entity, karim = small.enterprise(number), small.person()
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity, targets=[Target.DIRECTORY])
    target = ldap.target()
    one = worker(db, target, small, clock)
    real = target.read

    async def read(desired):
        # Every connection of ours ends, also the one that holds the turn.
        async with db.write() as conn:
            await conn.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return await real(desired)

    target.read = read
    with pytest.raises(Exception, match=r"terminat|closed|connection"):
        await one.catch_up()
    target.read = real
    clock.advance(seconds=61)
    await converge(db, one, clock)
    target.close()

    assert ldap.groups()[number] == {str(karim)}
