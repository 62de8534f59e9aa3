"""Hostile text in names and filters, against a real OpenLDAP (STANDARDS 3.2, security case 28)."""

from collections.abc import Iterator

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from iam.kernel.ids import uuid4
from provisioning.directory import Change, Directory
from provisioning.escape import filter_value, name
from tests.support.provisioning import Ldap, running_ldap

SPECIAL = '"+,;<>\\=#* ()\x00\n\r\t\x7f/:é€\u202e\U0001f600'
hostile = st.text(
    st.one_of(st.sampled_from(SPECIAL), st.characters(exclude_categories=["Cs"])), min_size=1, max_size=24
)


@pytest.fixture(scope="module")
def ldap() -> Iterator[Ldap]:
    with running_ldap() as started:
        yield started


@pytest.fixture(scope="module")
def directory(ldap: Ldap) -> Iterator[Directory]:
    opened = ldap.directory()
    yield opened
    opened.close()


def person(uid: str, surname: str) -> dict[str, list[str]]:
    return {"objectClass": ["inetOrgPerson"], "uid": [uid], "cn": [surname], "sn": [surname]}


def comparable(text: str) -> bool:
    """Whether the server can tell it from another text at all.

    Its matching rule folds case and width and drops what is invisible (RFC 4518): what folds to nothing but
    spaces is, to the directory, an empty name.
    """
    return any(char.isalnum() or char in SPECIAL.strip() for char in text if ord(char) < 0x250)


@given(hostile)
@example(" ")
@example("#")
@example("\\")
@example("\\2a")
@example("a\x00b")
@example("x,ou=people")
@example("*)(uid=*")
@example(' leading and trailing "quotes" ')
@settings(max_examples=300)
def test_what_is_built_added_and_read_back_is_equal(ldap, directory, text):
    value = f"{uuid4().hex}{text}{uuid4().hex}"
    dn = name(("uid", value), base=ldap.server.people_dn)
    directory.add(dn, person(value, value))

    [by_name] = directory.search(dn, "(objectClass=*)", ["uid", "sn"], whole_entry=True)
    by_filter = directory.search(ldap.server.people_dn, f"(uid={filter_value(value)})", ["uid"])
    directory.delete(dn)

    assert value in by_name.all("uid")
    assert by_name.all("sn") == (value,)
    assert [entry.dn for entry in by_filter] == [by_name.dn]
    assert directory.search(dn, "(objectClass=*)", ["uid"], whole_entry=True) == []


@given(hostile, hostile)
@settings(max_examples=200)
def test_a_name_at_the_edge_of_its_value_reads_back(ldap, directory, before, after):
    # Leading and trailing characters are where the rules of RFC 4514 differ from those of the middle.
    assume(comparable(before) and comparable(after))
    value = f"{before}{uuid4().hex}{after}"
    dn = name(("uid", value), base=ldap.server.people_dn)
    directory.add(dn, person(value, "x"))

    [found] = directory.search(dn, "(objectClass=*)", ["uid"], whole_entry=True)
    directory.delete(dn)

    assert value in found.all("uid")


@given(hostile)
@example("*")
@example("*)(objectClass=*")
@example(")(|(uid=*")
@example("\\2a")
@settings(max_examples=200)
def test_a_filter_never_returns_a_second_entry(ldap, directory, text):
    mine, other = f"mine{uuid4().hex}", f"other{uuid4().hex}"
    for uid in (mine, other):
        directory.add(name(("uid", uid), base=ldap.server.people_dn), person(uid, "x"))

    none = directory.search(ldap.server.people_dn, f"(uid={filter_value(mine + text + 'x')})", ["uid"])
    guess = directory.search(ldap.server.people_dn, f"(uid={filter_value(text)})", ["uid"])
    both = directory.search(
        ldap.server.people_dn, f"(&(uid={filter_value(mine)})(!(sn={filter_value(text + 'y')})))", ["uid"]
    )
    for uid in (mine, other):
        directory.delete(name(("uid", uid), base=ldap.server.people_dn))

    assert none == []
    assert guess == []
    assert [entry.first("uid") for entry in both] == [mine]


@given(hostile)
@settings(max_examples=100)
def test_a_member_of_any_name_is_put_in_and_taken_out_alone(ldap, directory, text):
    first, value = uuid4().hex, f"{uuid4().hex}{text}"
    assume(comparable(text) or text.strip())
    group = name(("cn", uuid4().hex), base=ldap.server.groups_dn)
    kept = name(("uid", first), base=ldap.server.people_dn)
    hostile_dn = name(("uid", f"{value}z"), base=ldap.server.people_dn)
    directory.add(
        group, {"objectClass": ["groupOfNames"], "cn": [group.partition(",")[0][3:]], "member": [kept]}
    )

    for _ in range(2):
        directory.change(group, [("member", Change.ADD, [hostile_dn])])
    found = directory.search(ldap.server.groups_dn, f"(member={filter_value(hostile_dn)})", ["cn"])
    for _ in range(2):
        directory.change(group, [("member", Change.DELETE, [hostile_dn])])
    [left] = directory.search(group, "(objectClass=*)", ["member"], whole_entry=True)
    directory.delete(group)

    assert [entry.dn for entry in found] == [group]
    assert left.all("member") == (kept,)
