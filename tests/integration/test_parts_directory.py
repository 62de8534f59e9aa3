"""The directory of the demo and the tests: a real OpenLDAP with our schema and narrow rights."""

import contextlib
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3

from demo.parts.directory import SCHEMA, DirectoryServer, answers
from demo.parts.errors import PortTakenError
from demo.parts.ports import free_port

WRITER = "writer-of-this-test"
READER = "reader-of-this-test"


@pytest.fixture(scope="module")
def server() -> Iterator[DirectoryServer]:
    with DirectoryServer.throwaway(provisioner_password=WRITER, reader_password=READER) as started:
        yield started


@contextlib.contextmanager
def _connect(server: DirectoryServer, user: str | None, password: str | None) -> Iterator[Any]:
    connection = ldap3.Connection(ldap3.Server(server.url), user=user, password=password)
    try:
        if not connection.bind():
            raise PermissionError(connection.result["description"])
        yield connection
    finally:
        plug = connection.socket
        connection.unbind()
        if plug is not None:
            plug.close()  # ldap3 leaves it open when the server was faster to end the session


@pytest.fixture
def writer(server: DirectoryServer) -> Iterator[Any]:
    with _connect(server, server.provisioner_dn, WRITER) as connection:
        yield connection


def _add_person(writer: Any, server: DirectoryServer, uid: str) -> str:
    dn = f"uid={uid},{server.people_dn}"
    assert writer.add(dn, "inetOrgPerson", {"uid": uid, "cn": "Karim Benali", "sn": "Benali"}), writer.result
    return dn


def _add_group(writer: Any, server: DirectoryServer, number: str, member: str) -> str:
    dn = f"cn={number},{server.groups_dn}"
    classes = ["groupOfNames", "habilisEnterpriseGroup"]
    values = {
        "cn": number,
        "member": member,
        "habilisEnterpriseNumber": number,
        "habilisRole": "permits-file",
    }
    assert writer.add(dn, classes, values), writer.result
    return dn


def test_a_group_of_an_enterprise_shows_in_its_member(writer: Any, server: DirectoryServer) -> None:
    person = _add_person(writer, server, "p1")
    group = _add_group(writer, server, "1900000069", person)
    with _connect(server, server.reader_dn, READER) as reader:
        assert reader.search(
            server.groups_dn, "(habilisEnterpriseNumber=1900000069)", attributes=["member", "habilisRole"]
        )
        assert reader.entries[0].member.value == person
        assert reader.entries[0].habilisRole.value == "permits-file"
        assert reader.search(person, "(objectClass=*)", search_scope=ldap3.BASE, attributes=["memberOf"])
        assert reader.entries[0].memberOf.value == group


def test_an_enterprise_number_is_single_and_numeric(writer: Any, server: DirectoryServer) -> None:
    group = _add_group(writer, server, "1900000168", _add_person(writer, server, "p2"))
    second = {"habilisEnterpriseNumber": [(ldap3.MODIFY_ADD, ["1900000267"])]}
    assert not writer.modify(group, second)
    assert writer.result["description"] == "constraintViolation"
    words = {"habilisEnterpriseNumber": [(ldap3.MODIFY_REPLACE, ["not a number"])]}
    assert not writer.modify(group, words)
    assert writer.result["description"] == "invalidAttributeSyntax"


def test_a_deleted_person_leaves_its_groups(writer: Any, server: DirectoryServer) -> None:
    leaving, staying = _add_person(writer, server, "p3"), _add_person(writer, server, "p4")
    group = _add_group(writer, server, "1900000366", leaving)
    assert writer.modify(group, {"member": [(ldap3.MODIFY_ADD, [staying])]})
    assert writer.delete(leaving)
    members = None
    deadline = time.monotonic() + 10
    # The overlay cleans up behind the answer.
    while members != [staying] and time.monotonic() < deadline:
        assert writer.search(group, "(objectClass=*)", search_scope=ldap3.BASE, attributes=["member"])
        members = writer.entries[0].member.values
    assert members == [staying]


def test_the_provisioner_writes_below_its_two_branches_and_nowhere_else(
    writer: Any, server: DirectoryServer
) -> None:
    for dn, classes, values in (
        (f"ou=other,{server.base_dn}", "organizationalUnit", {"ou": "other"}),
        (f"cn=intruder,ou=services,{server.base_dn}", "organizationalRole", {"cn": "intruder"}),
    ):
        assert not writer.add(dn, classes, values)
        assert writer.result["description"] == "insufficientAccessRights"
    assert not writer.delete(server.people_dn)
    assert not writer.modify(server.groups_dn, {"description": [(ldap3.MODIFY_ADD, ["mine"])]})
    assert writer.result["description"] == "insufficientAccessRights"
    person = _add_person(writer, server, "p5")
    assert not writer.modify(person, {"userPassword": [(ldap3.MODIFY_ADD, ["x"])]})
    assert writer.result["description"] == "insufficientAccessRights"


def test_the_reader_reads_and_nobody_sees_a_password(writer: Any, server: DirectoryServer) -> None:
    person = _add_person(writer, server, "p6")
    with _connect(server, server.reader_dn, READER) as reader:
        assert not reader.delete(person)
        assert reader.result["description"] == "insufficientAccessRights"
        reader.search(server.base_dn, "(userPassword=*)", attributes=["*"])
        assert reader.entries == []
    with _connect(server, None, None) as anonymous:
        anonymous.search(server.base_dn, "(objectClass=*)")
        assert anonymous.entries == []


def test_a_wrong_password_is_refused(server: DirectoryServer) -> None:
    with (
        pytest.raises(PermissionError, match="invalidCredentials"),
        _connect(server, server.provisioner_dn, "wrong"),
    ):
        pass


def test_it_listens_on_loopback_alone_and_is_not_root(server: DirectoryServer) -> None:
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    listening = [c.laddr for c in process.net_connections() if c.status == "LISTEN"]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", server.port)]
    assert process.uids().effective != 0


def test_entries_survive_a_restart_in_a_folder_closed_to_others() -> None:
    with tempfile.TemporaryDirectory(prefix="habilis-closed-") as closed:
        port = free_port()
        server = DirectoryServer(
            Path(closed) / "ldap", port=port, provisioner_password=WRITER, reader_password=READER
        )
        try:
            with server, _connect(server, server.provisioner_dn, WRITER) as connection:
                person = _add_person(connection, server, "kept")
            assert not answers(port)
            with server, _connect(server, server.reader_dn, READER) as connection:
                assert connection.search(person, "(objectClass=*)", search_scope=ldap3.BASE)
        finally:
            server.stop()
            server.erase()


def test_a_newer_schema_makes_the_directory_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="habilis-closed-") as closed:
        server = DirectoryServer(Path(closed) / "ldap", provisioner_password=WRITER, reader_password=READER)
        try:
            with server, _connect(server, server.provisioner_dn, WRITER) as connection:
                person = _add_person(connection, server, "old")
            newer = tmp_path / "newer.ldif"
            newer.write_text(SCHEMA.read_text().replace("DESC 'A group of", "DESC 'Any group of"))
            monkeypatch.setattr("demo.parts.directory.SCHEMA", newer)
            with server, _connect(server, server.reader_dn, READER) as connection:
                assert not connection.search(person, "(objectClass=*)", search_scope=ldap3.BASE)
                assert connection.search(server.people_dn, "(objectClass=*)", search_scope=ldap3.BASE)
        finally:
            server.stop()
            server.erase()


def test_a_taken_port_is_named_and_not_replaced(server: DirectoryServer) -> None:
    with tempfile.TemporaryDirectory(prefix="habilis-closed-") as closed:
        second = DirectoryServer(
            Path(closed) / "ldap", port=server.port, provisioner_password=WRITER, reader_password=READER
        )
        with pytest.raises(PortTakenError, match=str(server.port)):
            second.start()
        second.erase()
