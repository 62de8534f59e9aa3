"""From an act at the one door to the directories: the real tables, journal, relay and a real OpenLDAP."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from iam.delegation import catalogue
from iam.delegation import commands as c
from iam.journal.relay import deliver
from iam.journal.seal import seal
from iam.kernel.assurance import Assurance, Level
from iam.kernel.clock import belgian_day
from iam.kernel.identity import Identity
from iam.kernel.language import Language
from iam.people.recognise import recognise
from iam.realms.projection import Target
from provisioning.desired import Truth
from provisioning.follow import consumer, time_passes
from provisioning.keycloak_target import KeycloakTarget
from provisioning.sweep import sweep
from provisioning.worker import Chances, Worker
from tests.support.acts import DUPONT, SERVAIS, did, gap, given
from tests.support.provisioning import Ldap, converge, running_ldap
from tests.support.realm import ROOT

pytestmark = pytest.mark.anyio

GUARD = 100


@pytest.fixture(scope="module")
def ldap() -> Iterator[Ldap]:
    with running_ldap() as started:
        yield started


class Provisioning:
    """The follower and a worker on the directory, with the test's clock."""

    def __init__(self, town: Any, target: Any) -> None:
        self.town = town
        self.truth = Truth()
        self.target = target
        self.following = consumer(self.truth, [Target.DIRECTORY], town.clock)
        self.worker = Worker(
            db=town.db, directory=target, truth=self.truth, deletion_guard=GUARD,
            by=Chances(clock=town.clock, monotonic=lambda: town.clock().timestamp(), chance=lambda: 0.0),
        )  # fmt: skip

    async def follow(self) -> None:
        async with self.town.db.write() as conn:
            await seal(conn, self.town.clock)
        await deliver(self.town.db, self.following, self.town.clock, most=1000)
        await time_passes(self.town.db, self.truth, [Target.DIRECTORY], self.town.clock)
        await converge(self.town.db, self.worker, self.town.clock)


@pytest.fixture
async def provisioning(town, ldap):
    target = ldap.target()
    one = Provisioning(town, target)
    await one.follow()
    yield one
    one.worker.deletion_guard = GUARD
    async with town.db.write() as conn:
        await conn.exec_driver_sql("DELETE FROM delegation_grant")
    await sweep(town.db, target, one.truth, town.clock, timedelta(0))
    await converge(town.db, one.worker, town.clock)
    target.close()


async def retire(town: Any, code: str) -> None:
    """The operator applies a catalogue that leaves the role out."""
    roles = catalogue.read(ROOT / "demo" / "catalogue.toml")
    del roles[code]
    async with town.db.write() as conn:
        await catalogue.apply(conn, roles, town.clock)


def role(code: str) -> str:
    return f"{DUPONT}:{code}"


async def test_inv_63_what_the_managers_decide_is_what_the_directory_shows(town, ldap, provisioning):
    karim, sophie = str(town.person("karim")), str(town.person("sophie"))
    await gap(town, "luc", "jeanne")
    first = await given(town, "jeanne", "karim", "primes.deposer")
    await given(town, "jeanne", "sophie", "primes.deposer")
    await provisioning.follow()
    both = ldap.groups()

    await did(town, c.EndGrant(entity=town.entity(DUPONT), grant=first, reason="Il est parti."), "jeanne")
    await provisioning.follow()

    assert both == {DUPONT: {karim, sophie}, role("primes.deposer"): {karim, sophie}}
    assert ldap.groups() == {DUPONT: {sophie}, role("primes.deposer"): {sophie}}
    assert set(ldap.people()) == {sophie}


async def test_inv_64_a_right_that_ends_by_itself_leaves_the_directory_by_itself(town, ldap, provisioning):
    karim = str(town.person("karim"))
    today = belgian_day(town.clock())
    await gap(town, "luc", "jeanne")
    await given(
        town,
        "jeanne",
        "karim",
        "primes.deposer",
        first=today + timedelta(days=2),
        last=today + timedelta(days=4),
    )
    shown = []
    for _ in range(4):
        await provisioning.follow()
        shown.append(ldap.groups().get(role("primes.deposer")))
        town.clock.advance(days=2)

    assert shown == [None, {karim}, {karim}, None]


async def test_inv_62_a_role_that_the_catalogue_retires_leaves_the_directory_at_once(
    town, ldap, provisioning
):
    """Everybody in it, past a deletion guard that lets no sweep take anything away."""
    provisioning.worker.deletion_guard = 0
    karim, sophie = str(town.person("karim")), str(town.person("sophie"))
    await gap(town, "luc", "jeanne")
    await gap(town, "anne", "paul", SERVAIS)
    await given(town, "jeanne", "karim", "primes.deposer")
    await given(town, "jeanne", "sophie", "permis.deposer")
    await given(town, "paul", "sophie", "primes.deposer", SERVAIS)
    await provisioning.follow()
    before = ldap.groups()

    await retire(town, "primes.deposer")
    await provisioning.follow()

    assert set(before) == {
        DUPONT,
        role("primes.deposer"),
        role("permis.deposer"),
        SERVAIS,
        f"{SERVAIS}:primes.deposer",
    }
    assert before[DUPONT] == {karim, sophie}
    assert ldap.groups() == {DUPONT: {sophie}, role("permis.deposer"): {sophie}}


async def test_inv_62_a_role_that_retires_later_leaves_the_directory_when_the_moment_has_passed(
    town, ldap, provisioning
):
    provisioning.worker.deletion_guard = 0
    karim = str(town.person("karim"))
    await gap(town, "luc", "jeanne")
    await given(town, "jeanne", "karim", "primes.deposer")
    async with town.db.write() as conn:
        await conn.execute(
            text("UPDATE delegation_role SET retired_at = :at WHERE code = 'primes.deposer'"),
            {"at": town.clock() + timedelta(days=2)},
        )
    shown = []
    for _ in range(3):
        await provisioning.follow()
        shown.append(ldap.groups().get(role("primes.deposer")))
        town.clock.advance(days=1)

    assert shown == [{karim}, {karim}, None]


async def test_a_login_brings_the_name_of_somebody_who_was_only_expected(town, ldap, provisioning):
    karim = str(town.person("karim"))
    await gap(town, "luc", "jeanne")
    await given(town, "jeanne", "karim", "primes.deposer")
    await provisioning.follow()
    before = ldap.people()[karim]["cn"]
    identity = Identity(
        issuer="https://kc.test/realms/monespace", subject="account-of-karim", session_id="sid",
        fingerprints=town.fingerprints("karim"), given_name="Karim", family_name="Benali",
        language=Language.FR, assurance=Assurance(Level.ITSME, town.clock()),
    )  # fmt: skip

    async with town.db.write() as conn:
        await recognise(conn, identity, town.clock)
    await provisioning.follow()
    async with town.db.read() as conn:
        members = await provisioning.truth.members(conn, [town.person("karim")])
        desired = await provisioning.truth.desired(conn, town.entity(DUPONT), town.clock())
    keycloak = KeycloakTarget.state(None, town.entity(DUPONT), desired, members)  # type: ignore[arg-type]

    assert before == karim
    assert ldap.people()[karim]["cn"] == "Karim Benali"
    assert keycloak.groups == {None: {"account-of-karim"}, "primes.deposer": {"account-of-karim"}}
