"""The projection into a real Keycloak, with the rights of the provisioner alone (DOMAIN 7.3 nr 63, 64)."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from iam.kernel.ids import uuid4
from iam.realms import projection
from iam.realms.projection import Target
from provisioning.errors import (
    ForbiddenError,
    ForeignError,
    GoneError,
    UnauthenticatedError,
    UnreachableError,
)
from provisioning.keycloak import MARK, KeycloakGroups
from provisioning.keycloak_target import KeycloakTarget
from provisioning.pace import TokenBucket
from provisioning.sweep import sweep
from provisioning.worker import Outcome
from tests.support.fault_proxy import FaultProxy
from tests.support.provisioning import KeycloakEyes, SmallTruth, converge, mark, numbers, worker
from tests.support.realm import Keycloak

pytestmark = [pytest.mark.anyio, pytest.mark.keycloak, pytest.mark.timeout(300)]

SWEEP = timedelta(hours=1)
FRESH = numbers()


@pytest.fixture
def eyes(keycloak: Keycloak) -> Iterator[KeycloakEyes]:
    one = KeycloakEyes(keycloak=keycloak)
    yield one
    one.close()


def groups_of(keycloak: Keycloak, *, port: int | None = None, secret: str | None = None) -> KeycloakGroups:
    return KeycloakGroups(
        base_url=keycloak.base_url if port is None else f"http://127.0.0.1:{port}",
        realm="monespace",
        client_id="habilis-provisioner",
        client_secret=secret or keycloak.client_secret("habilis-provisioner"),
        bucket=TokenBucket(500, monotonic=time.monotonic, sleep=time.sleep),
    )


@pytest.fixture
def groups(keycloak: Keycloak) -> Iterator[KeycloakGroups]:
    one = groups_of(keycloak)
    yield one
    one.close()


@pytest.fixture
def parent() -> str:
    """A parent of this test's own, as the database is."""
    return f"enterprises-{uuid4().hex[:8]}"


@pytest.fixture
def target(groups, db, parent) -> Iterator[KeycloakTarget]:
    one = KeycloakTarget(groups, db, parent=parent)
    yield one
    one.close()


@pytest.fixture
def small() -> SmallTruth:
    return SmallTruth()


@pytest.fixture
def number() -> str:
    return next(FRESH)


@pytest.fixture
def one(db, target, small, clock):
    return worker(db, target, small, clock)


@pytest.fixture
async def granted(db, eyes, small, clock, one, number):
    """An enterprise with one person in one role, in step."""
    entity = small.enterprise(number)
    karim = small.person(account=eyes.account())
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity, targets=[Target.KEYCLOAK])
    await converge(db, one, clock)
    return entity, karim, small.people[karim].keycloak_user


async def swept(db, target, small, clock, one):
    clock.advance(hours=2)
    await sweep(db, target, small.truth, clock, SWEEP)
    await converge(db, one, clock)


async def stored(db, entity):
    async with db.read() as conn:
        return {group.role: group.group_id for group in await projection.groups_of(conn, entity)}


async def test_a_grant_makes_the_enterprises_group_with_the_person_in_it(eyes, granted, number, parent):
    _, _, account = granted

    assert eyes.groups(number, parent) == {None: {account}, "permits-file": {account}}
    [group] = eyes.find(number, parent)
    assert group["shard"] == number[-2:]


async def test_the_group_bears_an_opaque_mark_and_nothing_else(eyes, granted, number, parent):
    entity, _, _ = granted
    [group] = eyes.find(number, parent)

    whole = eyes.http.get(f"/groups/{group['id']}").json()

    assert whole["attributes"] == {MARK: [str(entity)]}


async def test_inv_64_the_group_goes_with_the_last_grant(
    db, eyes, small, clock, one, granted, number, parent
):
    entity, karim, account = granted
    lea = small.person("Léa", "Dubois", account=eyes.account())
    small.grant(entity, "aids-file", lea)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    both = eyes.groups(number, parent)

    small.revoke(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    rest = eyes.groups(number, parent)
    small.revoke(entity, "aids-file", lea)
    await mark(db, clock, entity)
    await converge(db, one, clock)

    other = small.people[lea].keycloak_user
    assert both == {None: {account, other}, "permits-file": {account}, "aids-file": {other}}
    assert rest == {None: {other}, "aids-file": {other}}
    assert eyes.groups(number, parent) == {}
    assert await stored(db, entity) == {}


async def test_who_never_logged_in_joins_the_group_at_his_first_login(
    db, eyes, small, clock, one, number, parent
):
    entity, karim = small.enterprise(number), small.person()
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    before = eyes.groups(number, parent)

    account = eyes.account()
    small.logs_in(karim, account)
    await mark(db, clock, entity)
    await converge(db, one, clock)

    assert before == {None: set(), "permits-file": set()}
    assert eyes.groups(number, parent) == {None: {account}, "permits-file": {account}}


async def test_inv_63_drift_made_by_hand_is_repaired_and_never_imported(
    db, eyes, target, small, clock, one, granted, number, parent
):
    entity, karim, account = granted
    ids = await stored(db, entity)
    intruder = eyes.account()
    assert eyes.http.put(f"/users/{intruder}/groups/{ids['permits-file']}").status_code == 204
    assert eyes.http.delete(f"/users/{account}/groups/{ids[None]}").status_code == 204
    assert eyes.http.put(f"/groups/{ids['permits-file']}", json={"name": "renamed"}).status_code == 204
    assert eyes.http.put(f"/groups/{ids[None]}", json={"name": "0000", "attributes": {}}).status_code == 204

    await swept(db, target, small, clock, one)

    assert eyes.groups(number, parent) == {None: {account}, "permits-file": {account}}
    assert ids == await stored(db, entity), "the same groups, mended"
    assert small.roles[entity] == {"permits-file": {karim}}


@pytest.mark.parametrize("what", ["role", "enterprise", "shard", "parent"])
async def test_inv_63_what_was_deleted_by_hand_is_made_again(
    db, eyes, target, small, clock, one, granted, number, parent, what
):
    entity, _, account = granted
    ids = await stored(db, entity)
    async with db.read() as conn:
        victim = {
            "role": ids["permits-file"],
            "enterprise": ids[None],
            "shard": await projection.folder(conn, f"{parent}/{number[-2:]}"),
            "parent": await projection.folder(conn, parent),
        }[what]
    assert eyes.http.delete(f"/groups/{victim}").status_code == 204

    await swept(db, target, small, clock, one)

    assert eyes.groups(number, parent) == {None: {account}, "permits-file": {account}}


async def test_a_group_that_was_moved_elsewhere_is_taken_away_there(
    db, eyes, target, small, clock, one, granted, number, parent
):
    entity, _, account = granted
    moved = (await stored(db, entity))["permits-file"]
    assert eyes.http.post("/groups", json={"id": moved, "name": "permits-file"}).status_code in {201, 204}

    await swept(db, target, small, clock, one)

    assert eyes.groups(number, parent) == {None: {account}, "permits-file": {account}}
    assert eyes.http.get(f"/groups/{moved}").status_code == 404


async def test_inv_63_a_full_projection_from_empty_equals_the_incremental_one(
    db, eyes, target, small, clock, one, granted, number, parent
):
    entity, karim, _ = granted
    lea = small.person(account=eyes.account())
    for role, who in (("permits-file", lea), ("aids-file", karim), ("aids-file", lea)):
        small.grant(entity, role, who)
        await mark(db, clock, entity)
        await converge(db, one, clock)
    small.revoke(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    incremental = eyes.groups(number, parent)

    top = await _folder(db, parent)
    assert eyes.http.delete(f"/groups/{top}").status_code == 204
    async with db.write() as conn:
        for table in ("realms_sync", "realms_group", "realms_folder"):
            await conn.exec_driver_sql(f"DELETE FROM {table}")
    await swept(db, target, small, clock, one)

    assert incremental == eyes.groups(number, parent)


async def test_inv_63_when_only_our_memory_is_lost_the_groups_are_found_again(
    db, eyes, target, small, clock, one, granted, number, parent
):
    entity, _, account = granted
    before = await stored(db, entity)
    intruder = eyes.account()
    assert eyes.http.put(f"/users/{intruder}/groups/{before['permits-file']}").status_code == 204
    async with db.write() as conn:
        for table in ("realms_sync", "realms_group", "realms_folder"):
            await conn.exec_driver_sql(f"DELETE FROM {table}")

    await swept(db, target, small, clock, one)
    await swept(db, target, small, clock, one)

    assert before == await stored(db, entity), "no second group was made"
    assert eyes.groups(number, parent) == {None: {account}, "permits-file": {account}}


async def _folder(db, name):
    async with db.read() as conn:
        return await projection.folder(conn, name)


async def test_what_is_not_ours_is_never_changed(db, eyes, small, clock, one, granted, number, parent):
    entity, karim, _ = granted
    ids = await stored(db, entity)
    made = eyes.http.post(f"/groups/{ids[None]}/children", json={"name": "aids-file"})
    foreign = made.json()["id"]
    boss = eyes.account()
    assert eyes.http.put(f"/users/{boss}/groups/{foreign}").status_code == 204
    small.grant(entity, "aids-file", karim)
    await mark(db, clock, entity)

    refused = await one.pass_once()
    small.revoke(entity, "aids-file", karim)
    small.revoke(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)

    assert refused == [Outcome.FAILED]
    assert eyes.members(foreign) == {boss}
    assert eyes.groups(number, parent) == {None: set(), "aids-file": {boss}}


async def test_a_name_that_somebody_else_took_is_left_to_him(groups):
    top = f"taken-{uuid4().hex[:8]}"
    mine = groups.create(None, top, "one")

    with pytest.raises(ForeignError):
        groups.create(None, top, "another")
    assert groups.create(None, top, "one") == mine
    groups.delete(mine)


async def test_an_account_that_is_gone_does_not_hold_up_the_others(
    db, eyes, small, clock, one, granted, number, parent
):
    entity, _, account = granted
    ghost, lea = small.person(account=str(uuid4())), small.person(account=eyes.account())
    small.grant(entity, "permits-file", ghost, lea)
    await mark(db, clock, entity)

    outcomes = await one.pass_once()
    there = eyes.groups(number, parent)["permits-file"]
    small.logs_in(ghost, eyes.account())
    await mark(db, clock, entity)
    await converge(db, one, clock)

    two = {account, small.people[lea].keycloak_user}
    assert outcomes == [Outcome.FAILED], "it says that somebody is missing"
    assert there == two
    assert eyes.groups(number, parent)["permits-file"] == {*two, small.people[ghost].keycloak_user}


async def test_more_groups_than_a_page_are_all_seen(groups):
    top = groups.create(None, f"many-{uuid4().hex[:8]}", "m")
    for at in range(120):
        groups.create(top, f"child-{at:03}", "m")

    assert len(groups.children(top)) == 120
    assert groups.find(top, "child-117") is not None
    assert groups.find(top, "child-11") is None


async def test_the_provisioner_uses_no_list_of_all_groups_and_no_path(
    keycloak, db, eyes, small, clock, number, parent
):
    with FaultProxy(target=int(keycloak.base_url.rpartition(":")[2])) as proxy:
        groups = groups_of(keycloak, port=proxy.port)
        target = KeycloakTarget(groups, db, parent=parent)
        one = worker(db, target, small, clock)
        entity, karim = small.enterprise(number), small.person(account=eyes.account())
        small.grant(entity, "permits-file", karim)
        await mark(db, clock, entity)
        await converge(db, one, clock)
        await sweep(db, target, small.truth, clock, SWEEP)
        await converge(db, one, clock)
        first = len(proxy.seen)
        await mark(db, clock, entity)
        await converge(db, one, clock)
        quiet = [chunk.split(b" HTTP")[0].decode() for chunk in proxy.seen[first:] if b" HTTP" in chunk]
        target.close()
        lines = [chunk.split(b" HTTP")[0].decode() for chunk in proxy.seen if chunk.startswith(b"GET ")]

    assert lines
    assert not [line for line in lines if "group-by-path" in line]
    for line in lines:
        if line.partition("?")[0].endswith(("/groups", "/children")):
            assert "max=" in line
            assert "briefRepresentation=true&subGroupsCount=false" in line
            assert not line.partition("?")[0].endswith("/groups") or "exact=true" in line
    assert len(quiet) == 4, f"the group, its children, and who is in each of the two: {quiet}"


async def test_an_enterprise_that_was_never_projected_costs_no_call(keycloak, db, small, clock, number):
    with FaultProxy(target=int(keycloak.base_url.rpartition(":")[2])) as proxy:
        target = KeycloakTarget(groups_of(keycloak, port=proxy.port), db, parent="enterprises")
        one = worker(db, target, small, clock)
        await mark(db, clock, small.enterprise(number), targets=[Target.KEYCLOAK])

        await converge(db, one, clock)
        target.close()

    assert proxy.seen == []
    async with db.read() as conn:
        assert (await conn.exec_driver_sql("SELECT count(*) FROM realms_sync")).scalar_one() == 0


async def test_errors_say_what_is_known(keycloak, groups, eyes):
    wrong = groups_of(keycloak, secret="wrong-secret-of-this-test")
    away = groups_of(keycloak, port=9)

    with pytest.raises(UnauthenticatedError):
        wrong.group(str(uuid4()))
    with pytest.raises(UnreachableError):
        away.group(str(uuid4()))
    with pytest.raises(GoneError):
        groups.members(str(uuid4()))
    with pytest.raises(ForbiddenError):
        # Users are not the provisioner's to touch: only their place in groups.
        groups._send("put", f"{groups._users}/{eyes.account()}", "{}")
    assert groups.group(str(uuid4())) is None
    wrong.close()
    away.close()


async def test_one_token_serves_many_threads(keycloak):
    from concurrent.futures import ThreadPoolExecutor

    with FaultProxy(target=int(keycloak.base_url.rpartition(":")[2])) as proxy:
        groups = groups_of(keycloak, port=proxy.port)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(groups.group, [str(uuid4()) for _ in range(24)])) == {None}
        groups.close()

    assert proxy.requests(b"POST ") == 1


async def test_a_token_that_was_refused_is_replaced_once(keycloak, groups):
    groups._connection.token = {"access_token": "stale", "expires_in": 300}

    assert groups.group(str(uuid4())) is None
