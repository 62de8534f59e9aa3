"""The projection into a real OpenLDAP (DOMAIN 7.3 nr 63, 64)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from iam.kernel.ids import uuid4
from iam.realms import projection
from iam.realms.projection import Target
from iam.storage import Database
from provisioning.directory import Directory
from provisioning.directory_target import DirectoryTarget
from provisioning.errors import BrokenError, UnauthenticatedError, UnreachableError
from provisioning.sweep import sweep
from provisioning.worker import Outcome
from tests.support.provisioning import (
    NUMBER,
    WRITER,
    Ldap,
    SmallTruth,
    converge,
    ldap3,
    mark,
    running_ldap,
    worker,
)

pytestmark = pytest.mark.anyio

OTHER = "1900000168"
SWEEP = timedelta(hours=1)


@pytest.fixture(scope="module")
def server() -> Iterator[Ldap]:
    with running_ldap() as started:
        yield started


@pytest.fixture
def ldap(server: Ldap) -> Iterator[Ldap]:
    """The directory, empty again after the test."""
    yield server
    server.empty()


@pytest.fixture
def target(ldap: Ldap) -> Iterator[DirectoryTarget]:
    opened = ldap.target()
    yield opened
    opened.close()


@pytest.fixture
def small() -> SmallTruth:
    return SmallTruth()


@pytest.fixture
def one(db, target, small, clock):
    return worker(db, target, small, clock)


async def swept(db: Database, target: Any, small: SmallTruth, clock: Any, one: Any) -> None:
    clock.advance(hours=2)
    await sweep(db, target, small.truth, clock, SWEEP)
    await converge(db, one, clock)


async def test_a_grant_shows_as_a_group_of_the_role_and_one_of_the_enterprise(db, ldap, small, clock, one):
    entity, karim = small.enterprise(), small.person()
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity)

    await converge(db, one, clock)

    assert ldap.groups() == {NUMBER: {str(karim)}, f"{NUMBER}:permits-file": {str(karim)}}
    assert ldap.people()[str(karim)] == {
        "uid": str(karim),
        "cn": "Karim Benali",
        "sn": "Benali",
        "givenName": "Karim",
    }


async def test_the_group_bears_the_number_the_role_and_an_opaque_mark(db, ldap, small, clock, one):
    entity, karim = small.enterprise(), small.person()
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)

    with ldap.hands() as hands:
        hands.search(ldap.server.groups_dn, "(habilisRole=permits-file)", attributes=["*"])
        [group] = hands.response

    shown = group["attributes"]
    assert shown["habilisEnterpriseNumber"] == [NUMBER]
    assert shown["habilisEntity"] == [str(entity)]
    assert set(shown["objectClass"]) == {"groupOfNames", "habilisEnterpriseGroup"}


async def test_inv_64_a_revoked_person_leaves_and_a_group_goes_with_its_last_member(
    db, ldap, small, clock, one
):
    entity, karim, lea = small.enterprise(), small.person(), small.person("Léa", "Dubois")
    small.grant(entity, "permits-file", karim, lea)
    await mark(db, clock, entity)
    await converge(db, one, clock)

    small.revoke(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    after_one = ldap.groups()
    small.revoke(entity, "permits-file", lea)
    await mark(db, clock, entity)
    await converge(db, one, clock)

    assert after_one == {NUMBER: {str(lea)}, f"{NUMBER}:permits-file": {str(lea)}}
    assert ldap.groups() == {}
    assert ldap.people() == {}


async def test_a_group_whose_members_all_change_never_holds_both(db, ldap, small, clock, one):
    entity, karim, lea = small.enterprise(), small.person(), small.person("Léa", "Dubois")
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)

    small.grant(entity, "permits-file", lea)
    small.revoke(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)

    assert ldap.groups() == {NUMBER: {str(lea)}, f"{NUMBER}:permits-file": {str(lea)}}
    assert set(ldap.people()) == {str(lea)}


async def test_a_person_stays_while_another_enterprise_needs_him(db, ldap, small, clock, one):
    first, second, karim = small.enterprise(), small.enterprise(OTHER), small.person()
    small.grant(first, "permits-file", karim)
    small.grant(second, "permits-file", karim)
    await mark(db, clock, first, second)
    await converge(db, one, clock)

    small.revoke(first, "permits-file", karim)
    await mark(db, clock, first)
    await converge(db, one, clock)

    assert set(ldap.groups()) == {OTHER, f"{OTHER}:permits-file"}
    assert set(ldap.people()) == {str(karim)}


async def test_inv_63_drift_made_by_hand_is_repaired_and_never_imported(db, ldap, target, small, clock, one):
    entity, karim, lea = small.enterprise(), small.person(), small.person("Léa", "Dubois")
    small.grant(entity, "permits-file", karim, lea)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    role = f"cn={NUMBER}:permits-file,{ldap.server.groups_dn}"
    intruder = f"cn=intruder,{ldap.server.people_dn}"
    with ldap.hands() as hands:
        assert hands.modify(role, {"member": [(ldap3.MODIFY_ADD, [intruder])]})
        assert hands.modify(role, {"member": [(ldap3.MODIFY_DELETE, [f"uid={lea},{ldap.server.people_dn}"])]})
        assert hands.modify(role, {"habilisRole": [(ldap3.MODIFY_REPLACE, ["aids-file"])]})
        assert hands.delete(f"cn={NUMBER},{ldap.server.groups_dn}")
        assert hands.modify(
            f"uid={karim},{ldap.server.people_dn}", {"sn": [(ldap3.MODIFY_REPLACE, ["Forged"])]}
        )

    await swept(db, target, small, clock, one)

    both = {str(karim), str(lea)}
    assert ldap.groups() == {NUMBER: both, f"{NUMBER}:permits-file": both}
    assert ldap.people()[str(karim)]["sn"] == "Benali"
    with ldap.hands() as hands:
        hands.search(role, "(objectClass=*)", ldap3.BASE, attributes=["habilisRole"])
        assert hands.response[0]["attributes"]["habilisRole"] == ["permits-file"]
    assert small.roles[entity] == {"permits-file": {karim, lea}}, "the truth did not learn from the directory"


async def test_inv_63_a_group_that_only_the_directory_knows_is_found_by_the_sweep(
    db, ldap, target, small, clock, one
):
    entity, karim = small.enterprise(), small.person()
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    small.revoke(entity, "permits-file", karim)
    async with db.write() as conn:
        await conn.exec_driver_sql("DELETE FROM realms_sync")

    await swept(db, target, small, clock, one)

    assert ldap.groups() == {}
    assert ldap.people() == {}


async def test_a_person_left_behind_by_an_interrupted_run_goes_with_the_sweep(
    db, ldap, target, small, clock, one
):
    entity, karim = small.enterprise(), small.person()
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    with ldap.hands() as hands:
        for group in (NUMBER, f"{NUMBER}:permits-file"):
            assert hands.delete(f"cn={group},{ldap.server.groups_dn}")
    small.revoke(entity, "permits-file", karim)

    await swept(db, target, small, clock, one)

    assert ldap.people() == {}


async def test_inv_63_a_full_projection_from_empty_equals_the_incremental_one(
    db, ldap, target, small, clock, one
):
    entities = [small.enterprise(number) for number in (NUMBER, OTHER)]
    people = [small.person("P", f"N{n}") for n in range(3)]
    for entity in entities:
        for role, who in (("permits-file", people), ("aids-file", people[:1])):
            small.grant(entity, role, *who)
            await mark(db, clock, entity)
            await converge(db, one, clock)
    small.revoke(entities[0], "permits-file", people[1])
    small.revoke(entities[1], "aids-file", people[0])
    await mark(db, clock, *entities)
    await converge(db, one, clock)
    incremental = ldap.groups(), ldap.people()

    with ldap.hands() as hands:
        for base in (ldap.server.groups_dn, ldap.server.people_dn):
            hands.search(base, "(objectClass=*)", ldap3.LEVEL)
            for entry in list(hands.response):
                assert hands.delete(entry["dn"])
    async with db.write() as conn:
        await conn.exec_driver_sql("DELETE FROM realms_sync")
    await swept(db, target, small, clock, one)

    assert incremental == (ldap.groups(), ldap.people())


async def test_what_is_not_ours_is_never_changed(db, ldap, small, clock, one):
    entity, karim = small.enterprise(), small.person()
    with ldap.hands() as hands:
        foreign_group = f"cn={NUMBER},{ldap.server.groups_dn}"
        assert hands.add(
            foreign_group, ["groupOfNames"], {"cn": NUMBER, "member": f"cn=boss,{ldap.server.people_dn}"}
        )
        assert hands.add(
            f"uid={karim},{ldap.server.people_dn}",
            ["inetOrgPerson"],
            {"uid": str(karim), "cn": "His own entry", "sn": "Own"},
        )
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity)

    outcomes = await one.pass_once()

    assert outcomes == [Outcome.FAILED]
    assert ldap.groups()[NUMBER] == {"boss"}
    assert ldap.people()[str(karim)]["cn"] == "His own entry"
    async with db.read() as conn:
        error = (
            await conn.exec_driver_sql("SELECT error FROM realms_sync WHERE target = 'directory'")
        ).scalar_one()
    assert error == "foreign:name"


async def test_a_foreign_person_is_put_in_a_group_and_outlives_it(db, ldap, small, clock, one):
    entity, karim = small.enterprise(), small.person()
    with ldap.hands() as hands:
        assert hands.add(
            f"uid={karim},{ldap.server.people_dn}",
            ["inetOrgPerson"],
            {"uid": str(karim), "cn": "His own entry", "sn": "Own"},
        )
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    during = ldap.groups()
    small.revoke(entity, "permits-file", karim)
    await mark(db, clock, entity)
    await converge(db, one, clock)

    assert during[NUMBER] == {str(karim)}
    assert ldap.people()[str(karim)]["cn"] == "His own entry"


async def test_without_names_only_opaque_ids_are_shown(db, ldap, small, clock):
    entity, karim = small.enterprise(), small.person()
    small.grant(entity, "permits-file", karim)
    await mark(db, clock, entity)
    target = ldap.target(names=False)

    await converge(db, worker(db, target, small, clock), clock)
    target.close()

    assert ldap.people()[str(karim)] == {"uid": str(karim), "cn": str(karim), "sn": str(karim)}


async def test_who_has_no_name_yet_shows_his_opaque_id_until_he_has_one(db, ldap, small, clock, one):
    entity, person = small.enterprise(), small.person(None, None)
    small.grant(entity, "permits-file", person)
    await mark(db, clock, entity)
    await converge(db, one, clock)
    before = ldap.people()[str(person)]
    small.people[person] = type(small.people[person])(
        uid=str(person), keycloak_user=None, given_name="Éloïse", family_name="d'Août, O=x"
    )
    await mark(db, clock, entity)
    await converge(db, one, clock)

    assert before["cn"] == before["sn"] == str(person)
    assert ldap.people()[str(person)]["sn"] == "d'Août, O=x"


async def test_the_deletion_guard_stops_a_sweep_until_a_person_confirms(db, ldap, target, small, clock):
    entities = [small.enterprise(number) for number in (NUMBER, OTHER, "1900000267")]
    karim = small.person()
    for entity in entities:
        small.grant(entity, "permits-file", karim)
    await mark(db, clock, *entities)
    cautious = worker(db, target, small, clock, guard=3)
    await converge(db, cautious, clock)
    whole = ldap.groups()
    for entity in entities:
        small.revoke(entity, "permits-file", karim)

    clock.advance(hours=2)
    await sweep(db, target, small.truth, clock, SWEEP)
    await cautious.catch_up()
    stopped = ldap.groups()
    async with db.read() as conn:
        waiting = await projection.backlog(conn, Target.DIRECTORY)
    again = await sweep(db, target, small.truth, clock, SWEEP)
    async with db.write() as conn:
        freed = await projection.confirm_removals(conn, Target.DIRECTORY, clock())
    await converge(db, cautious, clock)

    assert len(whole) == 6
    assert len(stopped) == 4, "one enterprise within the limit, then it stopped"
    assert (waiting.held, waiting.stopped, again, freed) == (2, True, 0, 2)
    assert ldap.groups() == {}


async def test_inv_64_the_guard_never_holds_up_a_revocation_that_an_act_asked_for(
    db, ldap, target, small, clock
):
    entities = [small.enterprise(number) for number in (NUMBER, OTHER)]
    karim = small.person()
    for entity in entities:
        small.grant(entity, "permits-file", karim)
    await mark(db, clock, *entities)
    cautious = worker(db, target, small, clock, guard=0)
    await converge(db, cautious, clock)
    small.revoke(entities[0], "permits-file", karim)
    await sweep(db, target, small.truth, clock, SWEEP)
    await cautious.catch_up()
    held = ldap.groups()

    await mark(db, clock, entities[0])
    await converge(db, cautious, clock)

    assert NUMBER in held
    assert set(ldap.groups()) == {OTHER, f"{OTHER}:permits-file"}


async def test_a_wrong_password_and_a_directory_that_is_away_are_told_apart(ldap):
    wrong = Directory(url=ldap.server.url, bind_dn=ldap.server.provisioner_dn, password="wrong")
    away = Directory(url="ldap://127.0.0.1:9", bind_dn=ldap.server.provisioner_dn, password=WRITER)

    with pytest.raises(UnauthenticatedError):
        wrong.search(ldap.server.groups_dn, "(objectClass=*)", ["cn"])
    with pytest.raises(UnreachableError):
        away.search(ldap.server.groups_dn, "(objectClass=*)", ["cn"])


async def test_an_answer_that_would_not_be_whole_is_refused(ldap, monkeypatch):
    directory = ldap.directory()
    monkeypatch.setattr("provisioning.directory._MOST_ENTRIES", 2)
    for _ in range(3):
        uid = str(uuid4())
        directory.add(
            f"uid={uid},{ldap.server.people_dn}",
            {"objectClass": ["inetOrgPerson"], "uid": [uid], "cn": ["x"], "sn": ["x"]},
        )

    with pytest.raises(BrokenError):
        directory.search(ldap.server.people_dn, "(objectClass=person)", ["uid"])
    assert len(list(directory.pages(ldap.server.people_dn, "(objectClass=person)", ["uid"]))) == 3
    directory.close()
