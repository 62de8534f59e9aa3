"""Starts everything in order, says so, watches it, and stops it: the demo in the foreground."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO

from demo import plan
from demo.parts.accounts import erase_place
from demo.parts.directory import DirectoryServer
from demo.parts.errors import PartFailedError, PartUnavailableError, PortTakenError
from demo.parts.keycloak import KeycloakServer
from demo.parts.ports import is_free
from demo.parts.postgres import PostgresServer
from demo.parts.private import write_private
from demo.parts.processes import Part, Supervisor
from demo.world import PORT_NAMES, REPOSITORY, World

DATABASE = "habilis"
_WATCH_SECONDS = 0.5
_FORMER_SECONDS = 25.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Raised in the main thread when a signal asks the demo to end."""


class Progress:
    """One line per step, with the seconds it took; lines that a step says stand below it."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._open_line = False

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        begun = time.monotonic()
        self._write(f"{title} ... ", ends=False)
        yield
        took = f"{time.monotonic() - begun:.1f} s"
        self._write(took if self._open_line else f"{title} ... {took}", ends=True)

    def tell(self, line: str) -> None:
        if self._open_line:
            self._write("", ends=True)
        self._write(f"  {line}", ends=True)

    def say(self, text: str = "") -> None:
        if self._open_line:
            self._write("", ends=True)
        self._write(text, ends=True)

    def _write(self, text: str, *, ends: bool) -> None:
        # The terminal may be gone (SIGHUP); the work goes on.
        with contextlib.suppress(OSError, ValueError):
            print(text, end="\n" if ends else "", file=self._out, flush=True)
        self._open_line = not ends


class Starter:
    """One run of the demo in its folder."""

    def __init__(self, folder: Path, out: IO[str] = sys.stdout) -> None:
        self._folder = folder
        self._progress = Progress(out)

    def run(self, *, reset: bool = False) -> int:
        """The demo ran until somebody or something ended it, and nothing of it is left running.

        Returns 0 when it was asked to end, 1 when it could not start or a part of it ended by itself.
        """
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            lock = stack.enter_context(_alone(self._folder))
            if lock is None:
                self._progress.say(f"a demo already runs from {self._folder}; stop it first")
                return 1
            stack.enter_context(_signals_raise())
            was_killed = bool(lock.read())
            if was_killed and (self._folder / "ports.json").exists():
                self._await_free_ports(World.open(self._folder))
            if reset:
                erase(self._folder)
            lock.write("running\n")
            lock.flush()
            status = self._supervised(World.open(self._folder))
            lock.truncate(0)
            return status

    def _await_free_ports(self, world: World) -> None:
        """What a killed demo left has ended, or has had its time to."""
        deadline = time.monotonic() + _FORMER_SECONDS
        if all(map(is_free, world.ports.values())):
            return
        with self._progress.step("waiting for the former demo to end"):
            while time.monotonic() < deadline and not all(map(is_free, world.ports.values())):
                time.sleep(_WATCH_SECONDS)

    def _supervised(self, world: World) -> int:
        supervisor = Supervisor(world.logs, REPOSITORY)
        try:
            begun = time.monotonic()
            self._start(world, supervisor)
            self._progress.say(f"\nReady after {time.monotonic() - begun:.0f} s.\n")
            self._show(world)
            while True:
                supervisor.check()
                time.sleep(_WATCH_SECONDS)
        except Stopped:
            return 0
        except (PartFailedError, PartUnavailableError) as error:
            self._progress.say(f"\nThe demo stops: {error}")
            return 1
        finally:
            for each in _SIGNALS:
                signal.signal(each, signal.SIG_IGN)
            self._progress.say("\nStopping ...")
            supervisor.stop()
            (world.folder / "urls.json").unlink(missing_ok=True)
            self._progress.say("Stopped; nothing is left running.")

    def _start(self, world: World, supervisor: Supervisor) -> None:
        for name in PORT_NAMES:
            if not is_free(world.ports[name]):
                raise PortTakenError(name, world.ports[name])
        keycloak = self._launch_keycloak(world, supervisor)
        database_url = self._database(world, supervisor)
        directory = self._directory(world, supervisor)
        for step in plan.steps(world, database_url):
            done = world.folder / "done" / step.name
            if step.once and done.exists():
                continue
            with self._progress.step(step.says):
                supervisor.run(step.name, step.command, step.environment, patience=step.patience)
            done.parent.mkdir(exist_ok=True)
            done.touch()
        self._parts(plan.surroundings(world), supervisor)
        with self._progress.step("Keycloak"):
            keycloak.wait_ready()
        self._parts(plan.service_parts(world, database_url, directory), supervisor)
        told = plan.service_environment(world, database_url)
        write_private(world.folder / "environment", _shell(told))

    def _launch_keycloak(self, world: World, supervisor: Supervisor) -> KeycloakServer:
        """Keycloak takes the longest: it comes up while the rest is made ready."""
        keycloak = KeycloakServer(
            world.folder / "keycloak",
            port=world.ports["keycloak"],
            management_port=world.ports["keycloak_management"],
            realms=plan.REALM_FILES,
            environment=plan.realm_environment(world),
            admin_password=world.secret("keycloak-admin"),
            log=supervisor.log("keycloak"),
            fast_start=bool(os.environ.get("HABILIS_DEMO_FAST_START")),
        )
        with self._progress.step("Keycloak, on its way"):
            keycloak.start(self._progress.tell, wait=False)
        supervisor.adopt("keycloak", process=lambda: keycloak.process, stop=keycloak.stop, log=keycloak.log)
        return keycloak

    def _database(self, world: World, supervisor: Supervisor) -> str:
        given = os.environ.get("HABILIS_DATABASE_URL")
        if given:
            self._progress.say("PostgreSQL: the one of HABILIS_DATABASE_URL")
            return given
        postgres = PostgresServer(
            world.folder / "postgres", port=world.ports["postgres"], log=supervisor.log("postgres")
        )
        with self._progress.step("PostgreSQL"):
            postgres.start()
            supervisor.adopt(
                "postgres", process=lambda: postgres.process, stop=postgres.stop, log=postgres.log
            )
            if not postgres.has_database(DATABASE):
                postgres.create_database(DATABASE)
        return postgres.url(DATABASE)

    def _directory(self, world: World, supervisor: Supervisor) -> plan.Directory | None:
        directory = DirectoryServer(
            world.folder / "directory",
            port=world.ports["directory"],
            provisioner_password=world.secret("directory-provisioner"),
            reader_password=world.secret("directory-reader"),
            log=supervisor.log("directory"),
        )
        try:
            with self._progress.step("directory"):
                directory.start()
        except PartUnavailableError as error:
            # The one part the demo can do without: an ordinary user cannot install it.
            self._progress.say(f"  the directory is off: {error}")
            return None
        supervisor.adopt(
            "directory", process=lambda: directory.process, stop=directory.stop, log=directory.log
        )
        return plan.Directory(url=directory.url, base_dn=directory.base_dn, bind_dn=directory.provisioner_dn)

    def _parts(self, parts: tuple[Part, ...], supervisor: Supervisor) -> None:
        for part in parts:
            with self._progress.step(part.name):
                supervisor.start(part)

    def _show(self, world: World) -> None:
        addresses = urls(world)
        # For its owner alone: the first operator's one-time link is in it.
        write_private(world.folder / "urls.json", json.dumps(addresses, indent=2, ensure_ascii=False) + "\n")
        for persona in world.personas:
            self._progress.say(f"{persona.name:<20} {persona.says}\n{'':<20} {world.persona_url(persona)}")
        for name, address in (
            ("Mailbox", world.url("mailbox")),
            ("Portail de la Wallonie", world.url("portal")),
            ("Mon Espace", world.url("service")),
        ):
            self._progress.say(f"{name:<24} {address}/")
        self._progress.say(f"\nLogs are in {world.logs}. Ctrl-C stops all of it.")


def urls(world: World) -> dict[str, object]:
    """Returns for programs what the table says for people. Private: one of them is a one-time link."""
    return {
        "monEspace": world.url("service"),
        "portal": world.url("portal"),
        "mailbox": world.url("mailbox"),
        "fas": world.fas_issuer,
        "keycloak": world.url("keycloak"),
        "keycloakIssuer": world.keycloak_issuer,
        "issuer": world.url("service"),
        "ports": dict(world.ports),
        "portals": [{"clientId": plan.PORTAL_CLIENT, "url": world.url("portal")}],
        "personas": [
            {
                "key": persona.key,
                "name": persona.name,
                "language": persona.language,
                "email": persona.email,
                "kind": persona.kind,
                "url": world.persona_url(persona),
                "mailbox": world.mailbox_url(persona),
            }
            for persona in world.personas
        ],
    }


def erase(folder: Path) -> None:
    """Nothing is left of the demo's data, ports and secrets. The caller holds the folder's lock."""
    for home, name in ((folder / "postgres", "cluster"), (folder / "directory", "tree")):
        erase_place(home, name)
    for entry in folder.iterdir():
        if entry.name == "lock":
            continue
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[IO[str] | None]:
    """Yields the folder's lock, or None while another demo holds it; the kernel frees a killed one's."""
    with (folder / "lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
            return
        file.seek(0)
        yield file


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    def stop(_: int, __: FrameType | None) -> None:
        # Once is enough: a second Ctrl-C must not cut the orderly end short.
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    # Under nohup a hang-up is not for us.
    heard = [each for each in _SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, stop) for each in heard}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _shell(environment: dict[str, str]) -> str:
    """Lines that a shell can read: `set -a; . .demo/environment; .venv/bin/habilis ...`."""
    lines = ["# What the service is told. It holds secrets."]
    lines += [f"{name}='{value}'" for name, value in sorted(environment.items()) if name != "PATH"]
    return "\n".join(lines) + "\n"
