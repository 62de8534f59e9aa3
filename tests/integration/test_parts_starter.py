"""The starter: everything comes up in order, and nothing is left, however it ends."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from demo.parts.ports import free_port
from demo.starter import erase

REPOSITORY = Path(__file__).parents[2]
# Where nothing is in the cache yet, Keycloak is fetched and built first.
pytestmark = pytest.mark.timeout(900)

# The real servers, stand-in and mailbox; the service's own processes are somebody else's tests.
STARTER = """
import sys
from types import SimpleNamespace
from demo import plan
from demo.parts.processes import Part, plain_environment
from demo.starter import Starter
from demo.world import demo_folder

plan.steps = lambda world, url: ()
plan.service_parts = lambda world, url, directory: (Part(
    name="service",
    command=(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(world.ports["service"])),
    environment=plain_environment(),
    ready=plan.answers(world.url("service") + "/"),
),)
if "--without-keycloak" in sys.argv:
    Starter._launch_keycloak = lambda *_: SimpleNamespace(wait_ready=lambda: None)
sys.exit(Starter(demo_folder()).run(reset="--reset" in sys.argv))
"""


class Demo:
    """A starter in a process of its own, and what it printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str, database_url: str | None = None) -> subprocess.Popen[str]:
        environment = {**os.environ, "HABILIS_DEMO_DIR": str(self.folder), "HABILIS_DEMO_FAST_START": "1"}
        environment.pop("HABILIS_DATABASE_URL", None)
        if database_url is not None:
            environment["HABILIS_DATABASE_URL"] = database_url
        with (self.folder / "out").open("w") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-c", STARTER, *arguments],
                cwd=REPOSITORY,
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )
        return self._process

    def await_ready(self) -> dict[str, object]:
        process = self._process
        assert process is not None
        deadline = time.monotonic() + 800
        while not (self.folder / "urls.json").exists():
            assert process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            os.sched_yield()
        found: dict[str, object] = json.loads((self.folder / "urls.json").read_text())
        return found

    def family(self) -> list[psutil.Process]:
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=True)

    def output(self) -> str:
        return (self.folder / "out").read_text()

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=60)


@pytest.fixture
def demo() -> Iterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="habilis-demo-") as made:
        made_demo = Demo(Path(made))
        yield made_demo
        made_demo.end()
        erase(made_demo.folder)


def _gone(processes: list[psutil.Process]) -> bool:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        left = []
        for each in processes:
            try:
                if each.is_running() and each.status() != psutil.STATUS_ZOMBIE:
                    left.append(each)
            except psutil.NoSuchProcess:
                pass
        if not left:
            return True
        os.sched_yield()
    return False


def test_it_starts_stops_starts_warm_and_survives_a_kill(demo: Demo) -> None:
    first_process = demo.start()
    first = demo.await_ready()
    family = demo.family()
    names = " ".join(each.name() for each in family)
    assert all(part in names for part in ("java", "postgres", "slapd"))
    listening = {c.laddr.ip for each in family for c in each.net_connections() if c.status == "LISTEN"}
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}
    with urllib.request.urlopen(f"{first['keycloakIssuer']}/.well-known/openid-configuration") as answer:
        assert json.load(answer)["issuer"] == first["keycloakIssuer"]

    secrets = {file.name: file.read_text() for file in (demo.folder / "secrets").iterdir()}
    assert {file.stat().st_mode & 0o777 for file in (demo.folder / "secrets").iterdir()} == {0o600}
    told = (demo.folder / "environment").read_text() + demo.output() + (demo.folder / "urls.json").read_text()
    assert secrets["provisioner-client"] not in told
    assert secrets["keycloak-admin"] not in told
    assert all(secret not in demo.output() for secret in secrets.values())

    second_starter = Demo(demo.folder)
    assert second_starter.start().wait(timeout=60) == 1
    assert "already runs" in second_starter.output()

    first_process.send_signal(signal.SIGINT)
    assert first_process.wait(timeout=60) == 0
    assert _gone(family)
    assert not (demo.folder / "urls.json").exists()

    again = demo.start()
    assert demo.await_ready() == first
    assert {file.name: file.read_text() for file in (demo.folder / "secrets").iterdir()} == secrets
    family = demo.family()
    again.kill()
    again.wait(timeout=10)
    assert _gone(family)


def test_a_part_that_ends_stops_the_demo_and_is_named(demo: Demo) -> None:
    process = demo.start("--without-keycloak")
    demo.await_ready()
    family = demo.family()
    (service,) = (each for each in family if "http.server" in each.cmdline())
    service.kill()
    assert process.wait(timeout=60) == 1
    assert "service ended by itself (signal SIGKILL); see" in demo.output()
    assert _gone(family)


def test_a_port_taken_later_is_named_and_reset_chooses_another(demo: Demo) -> None:
    taken = free_port()
    (demo.folder / "ports.json").write_text(json.dumps({"fas": taken}))
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", str(taken)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=demo.folder,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert demo.start("--without-keycloak").wait(timeout=60) == 1
        assert f"port {taken}, chosen for fas" in demo.output()
        assert "make demo-reset" in demo.output()

        demo.start("--without-keycloak", "--reset")
        ports = demo.await_ready()["ports"]
        assert isinstance(ports, dict)
        assert ports["fas"] != taken
        other.kill()


def test_a_given_database_is_used_and_no_other_is_started(demo: Demo, database_url: str) -> None:
    demo.start("--without-keycloak", database_url=database_url)
    demo.await_ready()
    assert not (demo.folder / "postgres").exists()
    assert database_url in (demo.folder / "environment").read_text()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
