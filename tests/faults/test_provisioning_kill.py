"""kill -9 of provisioning between any two touches of the outside or of its books (DOMAIN 7.3 nr 64, STANDARDS R1)."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iam.kernel.ids import uuid4
from iam.storage import Database
from provisioning.keycloak import KeycloakGroups
from provisioning.keycloak_target import KeycloakTarget
from provisioning.pace import TokenBucket
from provisioning.sweep import sweep
from tests.conftest import TestClock
from tests.support.provisioning import (
    WRITER,
    KeycloakEyes,
    Ldap,
    SmallTruth,
    converge,
    mark,
    numbers,
    running_ldap,
    worker,
)
from tests.support.realm import ROOT, Keycloak

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

FRESH = numbers()
KILLED = -9


@dataclass(slots=True)
class Scene:
    """Karim holds two roles and is about to lose both; Léa gets one of them, and a new one."""

    small: SmallTruth
    entity: Any
    number: str
    before: dict[str, set[Any]]
    after: dict[str, set[Any]]

    @classmethod
    def set_up(cls, account: Any) -> "Scene":
        small = SmallTruth()
        number = next(FRESH)
        entity = small.enterprise(number)
        karim, lea = small.person(account=account()), small.person("Léa", "Dubois", account=account())
        return cls(
            small,
            entity,
            number,
            before={"permits-file": {karim}, "permits-sign": {karim}},
            after={"permits-file": {lea}, "aids-file": {lea}},
        )

    def told(self, roles: dict[str, set[Any]], die_at: int, **where: str) -> dict[str, Any]:
        return {
            "entity": str(self.entity),
            "number": self.number,
            "roles": {role: sorted(map(str, who)) for role, who in roles.items()},
            "people": {str(one): member.keycloak_user for one, member in self.small.people.items()},
            "die_at": die_at,
            **where,
        }


def run(told: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / f"{uuid4()}.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "tests.support.dying", str(file)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def now() -> TestClock:
    return TestClock(datetime.fromtimestamp(time.time(), UTC))


async def died_and_converged(
    db: Database, target: Any, scene: Scene, told: dict[str, Any], folder: Path
) -> subprocess.CompletedProcess[str]:
    """The process began, died or not, and another came after it."""
    clock = now()
    scene.small.roles[scene.entity] = {role: set(who) for role, who in scene.before.items()}
    await mark(db, clock, scene.entity, targets=[target.target])
    await converge(db, worker(db, target, scene.small, clock), clock)
    await mark(db, now(), scene.entity, targets=[target.target])
    ended = run(told, folder)
    scene.small.roles[scene.entity] = {role: set(who) for role, who in scene.after.items()}
    later = now()
    later.now += timedelta(seconds=61)
    await converge(db, worker(db, target, scene.small, later), later)
    return ended


@pytest.fixture(scope="module")
def ldap() -> Iterator[Ldap]:
    with running_ldap() as started:
        yield started


async def test_inv_64_the_directory_converges_wherever_the_process_was_killed(
    db, database_url, ldap, tmp_path
):
    target = ldap.target()
    killed = 0
    for die_at in range(1, 200):
        scene = Scene.set_up(lambda: None)
        told = scene.told(
            scene.after, die_at, target="directory", database=database_url, url=ldap.server.url,
            bind_dn=ldap.server.provisioner_dn, base_dn=ldap.server.base_dn, password=WRITER,
        )  # fmt: skip
        ended = await died_and_converged(db, target, scene, told, tmp_path)

        lea = {str(one) for who in scene.after.values() for one in who}
        mine = {cn: who for cn, who in ldap.groups().items() if cn.startswith(scene.number)}
        assert mine == {
            scene.number: lea, f"{scene.number}:permits-file": lea, f"{scene.number}:aids-file": lea
        }, (die_at, ended.stderr)  # fmt: skip
        if ended.returncode != KILLED:
            break
        killed += 1
    # The sweep that every start begins with takes away who was left in no group.
    clock = now()
    clock.now += timedelta(hours=2)
    await sweep(db, target, SmallTruth().truth, clock, timedelta(hours=1))
    inside = {uid for who in ldap.groups().values() for uid in who}
    target.close()

    assert set(ldap.people()) == inside
    assert ended.returncode == 0, ended.stderr
    assert killed == int(ended.stdout.splitlines()[-1])
    assert killed >= 10, "every moment was tried, and there are many"


@pytest.fixture
def eyes(keycloak: Keycloak) -> Iterator[KeycloakEyes]:
    one = KeycloakEyes(keycloak=keycloak)
    yield one
    one.close()


@pytest.mark.keycloak
async def test_inv_64_keycloak_converges_wherever_the_process_was_killed(
    db, database_url, keycloak, eyes, tmp_path
):
    parent = f"enterprises-{uuid4().hex[:8]}"
    password = keycloak.client_secret("habilis-provisioner")
    groups = KeycloakGroups(
        base_url=keycloak.base_url, realm="monespace", client_id="habilis-provisioner",
        client_secret=password, bucket=TokenBucket(500, monotonic=time.monotonic, sleep=time.sleep),
    )  # fmt: skip
    target = KeycloakTarget(groups, db, parent=parent)
    killed = 0
    # Every third moment: one costs a process and some thirty requests.
    for die_at in range(1, 300, 3):
        scene = Scene.set_up(eyes.account)
        told = scene.told(
            scene.after, die_at, target="keycloak", database=database_url, url=keycloak.base_url,
            parent=parent, password=password,
        )  # fmt: skip
        ended = await died_and_converged(db, target, scene, told, tmp_path)

        lea = {scene.small.people[one].keycloak_user for who in scene.after.values() for one in who}
        assert eyes.groups(scene.number, parent) == {
            None: lea, "permits-file": lea, "aids-file": lea
        }, (die_at, ended.stderr)  # fmt: skip
        if ended.returncode != KILLED:
            break
        killed += 1
    target.close()

    assert ended.returncode == 0, ended.stderr
    assert killed >= 5
