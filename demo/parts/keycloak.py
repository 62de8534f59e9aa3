"""A real Keycloak: fetched and verified, built once, started as a child on loopback, stopped.

The archive is the same file at Maven's coordinates and at the project's release page, so one checksum
serves both. It is unpacked and built (`kc.sh build`, the slow part) once in the cache; every server runs
from that tree with a home of its own. Java is run directly: a shell in between would take the signals.
"""

import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.parts.cache import cache_folder, locked
from demo.parts.errors import PartFailedError, PartUnavailableError, PortTakenError
from demo.parts.java import Java, find_java
from demo.parts.ports import LOOPBACK, is_free
from demo.parts.processes import end, plain_environment, spawn, tail

VERSION = "26.7.5"
SHA256 = "30ef87fb7101c43d29688d1ae80c0588ff4a151b3330e9f664bf9692d398658a"
COORDINATES = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
RELEASE_URL = f"https://github.com/keycloak/keycloak/releases/download/{VERSION}/keycloak-{VERSION}.zip"
ADMIN = "admin"

_START_SECONDS = 240.0
_BUILD_SECONDS = 600.0
_FETCH_SECONDS = 1800.0
_POLL_SECONDS = 0.1
_KEPT_PREPARED = 4
_DATABASE = "keycloakdb.mv.db"

# Changing one of these makes a new build in the cache.
_BUILD_OPTIONS = ("--db=dev-file", "--health-enabled=true")

# What kc.sh gives to the JVM. The heap is bounded: this runs beside everything else on one machine.
_JVM = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:MetaspaceSize=96M",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dstderr.encoding=UTF-8",
    "-Djava.security.egd=file:/dev/urandom",
    (
        "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
        "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory"
    ),
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true",
    "-Dquarkus-log-max-startup-records=10000",
    "-Duser.language=en",
    "-Duser.country=US",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
)
# Quick to start, slow at length: for tests, never for measuring.
_JVM_FAST_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_JVM_STEADY = ("-XX:+UseG1GC",)
_MAIN = "io.quarkus.bootstrap.runner.QuarkusEntryPoint"

Tell = Callable[[str], None]


def _say_nothing(_: str) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """An unpacked and built Keycloak in the cache, which no server writes to."""

    root: Path
    java: Java


def distribution(tell: Tell = _say_nothing) -> Distribution:
    """Returns the built Keycloak; the first call on a machine fetches, verifies, unpacks and builds it.

    `tell` hears one line per slow step. Raises PartUnavailableError when it cannot be fetched or does not
    have the pinned checksum, PartFailedError when it does not build.
    """
    java = find_java()
    mark = hashlib.sha256("\n".join((SHA256, *_BUILD_OPTIONS)).encode()).hexdigest()[:12]
    root = cache_folder() / "keycloak" / f"{VERSION}-{mark}"
    if _is_whole(root):
        return Distribution(root=root, java=java)
    with locked(root.with_name(f"{root.name}.lock")):
        # Whoever held the lock may have done it all.
        if not _is_whole(root):
            _install(java, root, tell)
    if not _is_whole(root):
        raise PartFailedError(f"the Keycloak in {root} is not what was just built there")
    return Distribution(root=root, java=java)


def _install(java: Java, root: Path, tell: Tell) -> None:
    shutil.rmtree(root, ignore_errors=True)
    scratch = root.with_name(f"{root.name}.{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        with _archive(scratch, tell) as archive:
            tell(f"unpacking Keycloak {VERSION}")
            _unpack(archive, scratch / "server")
        tell("building Keycloak (once on this machine, about 40 s)")
        _build(java, scratch / "server", scratch / "build.log")
        _record(scratch)
        scratch.rename(root)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _archive(scratch: Path, tell: Tell) -> Iterator[Path]:
    """The archive with the pinned checksum, from the nearest place that has it."""
    reasons: list[str] = []
    fetched = scratch / f"keycloak-{VERSION}.zip"
    for name, fetch in (
        ("HABILIS_KEYCLOAK_ZIP", _named_by_the_user),
        ("Maven's local repository", _in_the_local_repository),
        ("Maven", _with_maven),
        ("the release page", _from_the_release),
    ):
        try:
            found = fetch(fetched, tell)
        except (
            OSError,
            PartUnavailableError,
            subprocess.SubprocessError,
            http.client.HTTPException,
        ) as error:
            reasons.append(f"{name}: {error}")
            continue
        if found is None:
            continue
        if _sha256(found) == SHA256:
            try:
                yield found
            finally:
                fetched.unlink(missing_ok=True)
            return
        reasons.append(f"{name}: {found.name} does not have the pinned SHA-256")
        fetched.unlink(missing_ok=True)
    raise PartUnavailableError(
        f"Keycloak {VERSION} could not be had ({'; '.join(reasons)}); fetch {RELEASE_URL} "
        "and set HABILIS_KEYCLOAK_ZIP to its path"
    )


def _named_by_the_user(_: Path, __: Tell) -> Path | None:
    chosen = os.environ.get("HABILIS_KEYCLOAK_ZIP")
    return Path(chosen) if chosen else None


def _in_the_local_repository(_: Path, __: Tell) -> Path | None:
    folder = Path.home() / ".m2" / "repository" / "org" / "keycloak" / "keycloak-quarkus-dist" / VERSION
    found = folder / f"keycloak-quarkus-dist-{VERSION}.zip"
    return found if found.is_file() else None


def _with_maven(target: Path, tell: Tell) -> Path | None:
    maven = shutil.which("mvn")
    if maven is None:
        return None
    tell(f"fetching Keycloak {VERSION} with Maven (174 MB)")
    answer = subprocess.run(
        [
            maven,
            "--batch-mode",
            "--quiet",
            "dependency:copy",
            f"-Dartifact={COORDINATES}",
            f"-DoutputDirectory={target.parent}",
        ],
        cwd=target.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_FETCH_SECONDS,
    )
    if answer.returncode != 0:
        raise PartUnavailableError(
            f"mvn dependency:copy failed: {(answer.stdout + answer.stderr).strip()[:500]}"
        )
    (target.parent / f"keycloak-quarkus-dist-{VERSION}.zip").rename(target)
    return target


def _from_the_release(target: Path, tell: Tell) -> Path | None:
    tell(f"fetching Keycloak {VERSION} from its release page (174 MB)")
    deadline = time.monotonic() + _FETCH_SECONDS
    with urllib.request.urlopen(RELEASE_URL, timeout=60) as answer, target.open("wb") as file:
        while block := answer.read(1 << 20):
            file.write(block)
            if time.monotonic() > deadline:
                raise PartUnavailableError(f"not complete after {_FETCH_SECONDS:.0f} s")
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(target.parent)
        for entry in packed.infolist():
            # zipfile forgets the run bit of the scripts.
            if (entry.external_attr >> 16) & 0o100 and not entry.is_dir():
                (target.parent / entry.filename).chmod(0o755)
    (target.parent / f"keycloak-{VERSION}").rename(target)


def _build(java: Java, server: Path, log: Path) -> None:
    with log.open("wb") as sink:
        answer = subprocess.run(
            _command(java, server, server, ("build", *_BUILD_OPTIONS), fast_start=True),
            cwd=server,
            env=plain_environment(),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_BUILD_SECONDS,
        )
    if answer.returncode != 0:
        raise PartFailedError(f"Keycloak's build failed:\n{tail(log)}")


def _command(
    java: Java, server: Path, home: Path, arguments: Sequence[str], *, fast_start: bool
) -> list[str]:
    return [
        str(java.launcher),
        *_JVM,
        *(_JVM_FAST_START if fast_start else _JVM_STEADY),
        f"-Dkc.home.dir={home}",
        f"-Djboss.server.config.dir={home / 'conf'}",
        "-cp",
        str(server / "lib" / "quarkus-run.jar"),
        _MAIN,
        *arguments,
    ]


def _files(root: Path) -> dict[str, list[int]]:
    """Size and time of each file: cheap to compare at each start, and enough to see a damaged tree."""
    seen = {}
    for path in sorted((root / "server").rglob("*")):
        if path.is_file():
            stat = path.stat()
            seen[str(path.relative_to(root))] = [stat.st_size, stat.st_mtime_ns]
    return seen


def _record(root: Path) -> None:
    (root / "files.json").write_text(json.dumps(_files(root)), encoding="utf-8")


def _is_whole(root: Path) -> bool:
    try:
        recorded = json.loads((root / "files.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(recorded) and recorded == _files(root)


_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def _unset(files: Sequence[Path], environment: Mapping[str, str]) -> list[str]:
    """Keycloak takes a missing variable for literal text, so that `${SECRET}` would become the secret."""
    named = {name for file in files for name in _PLACEHOLDER.findall(file.read_text(encoding="utf-8"))}
    return sorted(name for name in named if not environment.get(name))


class KeycloakServer:
    """One Keycloak with its own home: `data` (H2, import), `conf`, and its log. It is a context manager.

    `realms` are realm files in Keycloak's import format; they are imported at the first start of a home,
    and skipped afterwards (an existing realm is left alone). `environment` fills their `${NAME}`s.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int,
        management_port: int,
        realms: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        admin_password: str,
        log: Path | None = None,
        fast_start: bool = False,
    ) -> None:
        self._home = home.absolute()
        self._port = port
        self._management_port = management_port
        self._realms = tuple(realms)
        self._environment = dict(environment or {})
        self._admin_password = admin_password
        self._log = log or self._home / "keycloak.log"
        self._fast_start = fast_start
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The address without a trailing slash; issuers are `{base_url}/realms/NAME`."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def health_url(self) -> str:
        return f"http://{LOOPBACK}:{self._management_port}/health/ready"

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The running server, for a supervisor that watches it."""
        return self._process

    @property
    def log(self) -> Path:
        return self._log

    def start(self, tell: Tell = _say_nothing, *, wait: bool = True) -> None:
        """The server is ready (or, with `wait=False`, on its way: call `wait_ready`).

        Call it from the main thread. Raises PartUnavailableError when there is no Keycloak or no Java,
        PortTakenError when one of its ports is used, PartFailedError when a variable of a realm file has no
        value or the server does not come up.
        """
        if self._process is not None:
            return
        if missing := _unset(self._realms, self._environment):
            raise PartFailedError(f"the realm files name variables without a value: {', '.join(missing)}")
        built = distribution(tell)
        self._consider_realms(tell)
        self._make_home(built)
        for port in (self._port, self._management_port):
            if not is_free(port):
                raise PortTakenError("Keycloak", port)
        self._process = spawn(
            _command(
                built.java,
                built.root / "server",
                self._home,
                (
                    "start",
                    "--optimized",
                    "--import-realm",
                    "--http-enabled=true",
                    f"--http-host={LOOPBACK}",
                    f"--http-port={self._port}",
                    # A fixed name: otherwise the Host header of a request chooses the issuer.
                    f"--hostname={self.base_url}",
                    f"--http-management-host={LOOPBACK}",
                    f"--http-management-port={self._management_port}",
                    "--cache=local",
                    # Each probe before readiness would be a line.
                    "--log-level=INFO,io.smallrye.health:WARN",
                ),
                fast_start=self._fast_start,
            ),
            log=self._log,
            environment=plain_environment(
                {
                    **self._environment,
                    "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
                    "KC_BOOTSTRAP_ADMIN_PASSWORD": self._admin_password,
                }
            ),
            folder=self._home,
        )
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.stop()
                raise

    def wait_ready(self) -> None:
        """The server answers requests; raises PartFailedError when it ended or took too long."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise PartFailedError(f"Keycloak ended while starting; see {self._log}:\n{tail(self._log)}")
            # The log's "started in" comes before it is ready.
            if self.is_ready():
                if not self._imported.exists():
                    self._imported.write_text(self._mark(), encoding="ascii")
                return
            time.sleep(_POLL_SECONDS)
        raise PartFailedError(f"Keycloak was not ready after {_START_SECONDS:.0f} s; see {self._log}")

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self._management_port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """The server has ended and its database file is closed."""
        if self._process is not None:
            end(self._process, steps=((signal.SIGTERM, 30.0),))
            self._process = None

    def prepare(self, tell: Tell = _say_nothing) -> None:
        """The home holds the imported realms, so that `start` needs no import (7 s instead of 25 s).

        The imported database is kept in the cache by the contents of the realm files, the variables and the
        administrator's password; it is copied when it is there. For tests: a fresh server per session.
        """
        kept = cache_folder() / "keycloak" / "prepared" / self._mark()
        database = kept / _DATABASE
        with locked(kept.with_name(f"{kept.name}.lock")):
            if not database.is_file():
                tell("preparing a Keycloak with these realms (once, about 30 s)")
                self._imported.unlink(missing_ok=True)
                self.start(tell)
                self.stop()
                kept.mkdir(mode=0o700, parents=True, exist_ok=True)
                _copy_at_once(self._home / "data" / "h2" / _DATABASE, database)
                _keep_newest(kept.parent)
                return
            os.utime(kept)
            shutil.rmtree(self._home / "data", ignore_errors=True)
            (self._home / "data" / "h2").mkdir(mode=0o700, parents=True)
            shutil.copyfile(database, self._home / "data" / "h2" / _DATABASE)
            self._imported.write_text(self._mark(), encoding="ascii")

    def _mark(self) -> str:
        mark = hashlib.sha256()
        variables = json.dumps(self._environment, sort_keys=True)
        for text in (VERSION, *_BUILD_OPTIONS, self._admin_password, variables):
            mark.update(text.encode() + b"\0")
        for file in self._realms:
            mark.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
        return mark.hexdigest()[:20]

    @property
    def _imported(self) -> Path:
        """Holds the mark of the realm files, from the first time the server was ready with them."""
        return self._home / "imported"

    def _consider_realms(self, tell: Tell) -> None:
        """A database that never became ready is gone; one of other realm files is kept, and that is said."""
        if not self._imported.exists():
            shutil.rmtree(self._home / "data", ignore_errors=True)
        elif self._imported.read_text(encoding="ascii") != self._mark():
            tell("the realm files changed since they were imported: the realm keeps the old ones")

    def _make_home(self, built: Distribution) -> None:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = built.root / "server"
        for name in ("lib", "providers", "themes"):
            link = self._home / name
            if link.is_symlink() and link.readlink() != server / name:
                link.unlink()
            if not link.is_symlink():
                link.symlink_to(server / name)
        shutil.copytree(server / "conf", self._home / "conf", dirs_exist_ok=True)
        imports = self._home / "data" / "import"
        shutil.rmtree(imports, ignore_errors=True)
        imports.mkdir(parents=True)
        for file in self._realms:
            shutil.copyfile(file, imports / file.name)


def _copy_at_once(source: Path, target: Path) -> None:
    scratch = target.with_name(f"{target.name}.{os.getpid()}.part")
    shutil.copyfile(source, scratch)
    scratch.replace(target)


def _keep_newest(folder: Path) -> None:
    folders = [each for each in folder.iterdir() if each.is_dir()]
    by_age = sorted(folders, key=lambda each: each.stat().st_mtime, reverse=True)
    for old in by_age[_KEPT_PREPARED:]:
        shutil.rmtree(old, ignore_errors=True)
