"""A real OpenLDAP: found or fetched, configured in a folder of its own, run unprivileged on loopback.

A copy of `slapd` is run: Ubuntu's AppArmor profile binds the path `/usr/sbin/slapd` to the folders of the
system's own directory. The configuration is `cn=config`, written once when the folder is new.
"""

import base64
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.parts import apt
from demo.parts.accounts import Account, erase_place, place, unprivileged
from demo.parts.cache import cache_folder, locked
from demo.parts.errors import PartFailedError, PartUnavailableError, PortTakenError
from demo.parts.ports import LOOPBACK, free_port, is_free
from demo.parts.processes import end, plain_environment, spawn, tail

SCHEMA = Path(__file__).parents[2] / "provisioning" / "schema" / "habilis.ldif"
BASE_DN = "dc=habilis,dc=test"
HOW_TO_GET_IT = "run `make deps` as root (it installs the package slapd and does not start it)"

_START_SECONDS = 30.0
_POLL_SECONDS = 0.02
# Debian's folders for libraries, one level below for the architecture.
_LIBRARIES = ("usr/lib/*/lib*.so*", "lib/*/lib*.so*")
# An anonymous BindRequest (RFC 4511, 4.2): message 1, version 3, empty name, empty simple password.
_ANONYMOUS_BIND = bytes.fromhex("300c020101600702010304008000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slapd:
    """An OpenLDAP installation; `root` is where its package was unpacked, `/` when it is installed."""

    binary: Path
    root: Path

    @property
    def modules(self) -> Path:
        return self.root / "usr/lib/ldap"

    @property
    def schema(self) -> Path:
        return self.root / "etc/ldap/schema"

    @property
    def libraries(self) -> str:
        """What the loader needs to be told, or nothing when the package is installed."""
        if self.root == Path("/"):
            return ""
        found = (file.parent for pattern in _LIBRARIES for file in self.root.glob(pattern))
        return ":".join(sorted(set(map(str, found))))


def find_slapd() -> Slapd:
    """Returns an OpenLDAP server: installed, else installed now (root), else unpacked in the cache.

    Raises PartUnavailableError with the remedy when none of these works.
    """
    if found := _installed():
        return found
    unpacked = cache_folder() / "slapd"
    if not (unpacked / "usr/sbin/slapd").is_file():
        try:
            if os.geteuid() == 0:
                apt.install(["slapd"])
            else:
                with locked(unpacked.with_name("slapd.lock")):
                    apt.unpack("slapd", unpacked)
        except PartUnavailableError as error:
            raise PartUnavailableError(f"there is no OpenLDAP: {error}; {HOW_TO_GET_IT}") from error
        if found := _installed():
            return found
    binary = unpacked / "usr/sbin/slapd"
    if not binary.is_file():
        raise PartUnavailableError(f"there is no OpenLDAP on this machine; {HOW_TO_GET_IT}")
    return Slapd(binary=binary, root=unpacked)


def _installed() -> Slapd | None:
    # /usr/sbin is not on an ordinary user's PATH.
    on_path = shutil.which("slapd", path=f"/usr/sbin:{os.environ.get('PATH', '')}")
    found = Slapd(binary=Path(on_path), root=Path("/")) if on_path else None
    return found if found and found.modules.is_dir() and found.schema.is_dir() else None


class DirectoryServer:
    """One directory in one folder: people and groups under a base DN, two service accounts.

    `cn=provisioner,ou=services` may write below `ou=people` and `ou=groups` and nowhere else;
    `cn=reader,ou=services` may read. It is a context manager.
    """

    def __init__(
        self,
        home: Path,
        *,
        provisioner_password: str,
        reader_password: str,
        port: int | None = None,
        base_dn: str = BASE_DN,
        durable: bool = True,
        log: Path | None = None,
    ) -> None:
        self._home = home.absolute()
        self._fixed_port = port
        self._port: int | None = port
        self._passwords = {"provisioner": provisioner_password, "reader": reader_password}
        self.base_dn = base_dn
        self._durable = durable
        self._log = log or self._home / "slapd.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._throwaway = False

    @classmethod
    def throwaway(cls, *, provisioner_password: str, reader_password: str) -> Self:
        """Returns a server, not yet started, in a new temporary folder, which `stop` removes."""
        folder = Path(tempfile.mkdtemp(prefix="habilis-ldap-"))
        folder.chmod(0o755)
        server = cls(
            folder,
            provisioner_password=provisioner_password,
            reader_password=reader_password,
            durable=False,
        )
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
            raise PartFailedError("the directory is not started: it has no port yet")
        return self._port

    @property
    def url(self) -> str:
        return f"ldap://{LOOPBACK}:{self.port}"

    @property
    def people_dn(self) -> str:
        return f"ou=people,{self.base_dn}"

    @property
    def groups_dn(self) -> str:
        return f"ou=groups,{self.base_dn}"

    @property
    def provisioner_dn(self) -> str:
        return f"cn=provisioner,ou=services,{self.base_dn}"

    @property
    def reader_dn(self) -> str:
        return f"cn=reader,ou=services,{self.base_dn}"

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The running server, for a supervisor that watches it."""
        return self._process

    @property
    def log(self) -> Path:
        return self._log

    def start(self) -> None:
        """The directory answers; a new folder was configured and filled with its base entries first.

        Call it from the main thread. Raises PartUnavailableError, PortTakenError, PartFailedError as the
        other parts do.
        """
        if self._process is not None:
            return
        found = find_slapd()
        self._home.mkdir(mode=0o755, parents=True, exist_ok=True)
        account = unprivileged("openldap", "nobody")
        folder, account = place(self._home, "tree", account)
        environment = plain_environment(
            {"LD_LIBRARY_PATH": found.libraries} if found.libraries else {"HOME": str(folder)}
        )
        if not self._is_configured(found, folder):
            self._configure(found, folder, account, environment)
        binary = _copy_binary(found, folder, account)
        if self._fixed_port is not None and not is_free(self._fixed_port):
            raise PortTakenError("the directory", self._fixed_port)
        for attempt in range(3):
            try:
                self._run(binary, folder, account, environment)
            except PartFailedError:
                # Between finding a free port and listening on it another program may be faster.
                if attempt == 2 or self._fixed_port is not None or "in use" not in tail(self._log):
                    raise
            else:
                return

    def stop(self) -> None:
        """The server has ended; its data are on disk, or removed when it was a throwaway."""
        if self._process is not None:
            end(self._process, steps=((signal.SIGTERM, 15.0),))
            self._process = None
        if self._throwaway:
            self.erase()

    def erase(self) -> None:
        """The folder and the data are gone, wherever they live."""
        erase_place(self._home, "tree")
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, binary: Path, folder: Path, account: Account | None, environment: dict[str, str]) -> None:
        self._port = self._fixed_port or free_port()
        self._process = spawn(
            [binary, "-F", folder / "config", "-h", self.url, "-d", "none"],
            log=self._log,
            environment=environment,
            account=account,
        )
        try:
            self._wait_ready()
        except BaseException:
            end(self._process, steps=((signal.SIGTERM, 5.0),))
            self._process = None
            raise

    def _wait_ready(self) -> None:
        process = self._process
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process is None or process.poll() is not None:
                raise PartFailedError(f"slapd ended while starting; see {self._log}:\n{tail(self._log)}")
            if answers(self.port):
                return
            time.sleep(_POLL_SECONDS)
        raise PartFailedError(f"slapd was not ready after {_START_SECONDS:.0f} s; see {self._log}")

    def _configure(
        self, found: Slapd, folder: Path, account: Account | None, environment: dict[str, str]
    ) -> None:
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for name in ("config", "data"):
            (folder / name).mkdir(mode=0o700)
            if account:
                account.owns(folder / name)
        binary = _copy_binary(found, folder, account)
        for number, text in ((0, self._configuration(found, folder)), (1, self._base_entries())):
            file = folder / f"{number}.ldif"
            file.write_text(text, encoding="utf-8")
            if account:
                account.owns(file)
            answer = subprocess.run(
                [str(binary), "-Tadd", "-F", str(folder / "config"), "-n", str(number), "-l", str(file)],
                cwd="/",
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
            file.unlink()
            if answer.returncode != 0:
                raise PartFailedError(f"slapd refused its configuration: {answer.stderr.strip()[-1000:]}")
        (folder / "configured").write_text(self._mark(found, folder), encoding="ascii")

    def _is_configured(self, found: Slapd, folder: Path) -> bool:
        """False also for a folder of an older schema: what is in a directory can be projected again."""
        mark = folder / "configured"
        return mark.exists() and mark.read_text(encoding="ascii") == self._mark(found, folder)

    def _mark(self, found: Slapd, folder: Path) -> str:
        return hashlib.sha256(self._configuration(found, folder).encode()).hexdigest()

    def _configuration(self, found: Slapd, folder: Path) -> str:
        people, groups, writer = self.people_dn, self.groups_dn, self.provisioner_dn
        access = [
            # People have no password here; the service accounts' is for binding alone.
            "to attrs=userPassword by anonymous auth by * none",
            *(
                f'to {scope} by dn.exact="{writer}" write by users read by * none'
                for branch in (people, groups)
                for scope in (f'dn.base="{branch}" attrs=children', f'dn.children="{branch}"')
            ),
            "to * by users read by * none",
        ]
        indexed = (
            "objectClass",
            "uid",
            "cn",
            "member",
            "memberOf",
            "habilisEnterpriseNumber",
            "habilisEntity",
            "entryUUID",
        )
        schemas = "\n\n".join(
            f"include: file://{found.schema / name}.ldif" for name in ("core", "cosine", "inetorgperson")
        )
        return "\n".join(
            [
                "dn: cn=config",
                "objectClass: olcGlobal",
                "cn: config",
                f"olcPidFile: {folder}/slapd.pid",
                "",
                "dn: cn=module{0},cn=config",
                "objectClass: olcModuleList",
                "cn: module{0}",
                f"olcModulePath: {found.modules}",
                *(f"olcModuleLoad: {name}" for name in ("back_mdb", "memberof", "refint")),
                "",
                "dn: cn=schema,cn=config",
                "objectClass: olcSchemaConfig",
                "cn: schema",
                "",
                schemas,
                "",
                SCHEMA.read_text(encoding="utf-8").strip(),
                "",
                "dn: olcDatabase={-1}frontend,cn=config",
                "objectClass: olcDatabaseConfig",
                "objectClass: olcFrontendConfig",
                "olcDatabase: {-1}frontend",
                'olcAccess: to dn.base="" by * read',
                'olcAccess: to dn.base="cn=Subschema" by * read',
                "",
                "dn: olcDatabase={0}config,cn=config",
                "objectClass: olcDatabaseConfig",
                "olcDatabase: {0}config",
                "olcAccess: to * by * none",
                "",
                "dn: olcDatabase={1}mdb,cn=config",
                "objectClass: olcDatabaseConfig",
                "objectClass: olcMdbConfig",
                "olcDatabase: {1}mdb",
                f"olcSuffix: {self.base_dn}",
                # The overlays act in this name; it has no entry and no password, so nobody binds as it.
                f"olcRootDN: cn=overlays,ou=services,{self.base_dn}",
                f"olcDbDirectory: {folder}/data",
                f"olcDbMaxSize: {1 << 30}",
                *(() if self._durable else ("olcDbNoSync: TRUE",)),
                *(f"olcDbIndex: {name} eq" for name in indexed),
                *(f"olcAccess: {{{number}}}{rule}" for number, rule in enumerate(access)),
                "",
                "dn: olcOverlay={0}memberof,olcDatabase={1}mdb,cn=config",
                "objectClass: olcOverlayConfig",
                "objectClass: olcMemberOf",
                "olcOverlay: {0}memberof",
                "olcMemberOfDangling: ignore",
                "olcMemberOfRefInt: TRUE",
                "",
                "dn: olcOverlay={1}refint,olcDatabase={1}mdb,cn=config",
                "objectClass: olcOverlayConfig",
                "objectClass: olcRefintConfig",
                "olcOverlay: {1}refint",
                "olcRefintAttribute: member",
                "",
            ]
        )

    def _base_entries(self) -> str:
        name = self.base_dn.partition(",")[0].partition("=")[2]
        entries = [
            f"dn: {self.base_dn}\nobjectClass: dcObject\nobjectClass: organization\ndc: {name}\no: Habilis",
            *(
                f"dn: ou={unit},{self.base_dn}\nobjectClass: organizationalUnit\nou: {unit}"
                for unit in ("people", "groups", "services")
            ),
            *(
                f"dn: cn={account},ou=services,{self.base_dn}\nobjectClass: organizationalRole\n"
                f"objectClass: simpleSecurityObject\ncn: {account}\nuserPassword: {_salted(password)}"
                for account, password in self._passwords.items()
            ),
        ]
        return "\n\n".join(entries) + "\n"


def _salted(password: str) -> str:
    """OpenLDAP's {SSHA}: the strongest scheme that every build has; the passwords are long and random."""
    salt = secrets.token_bytes(16)
    digest = hashlib.sha1(password.encode() + salt).digest()  # noqa: S324 - see above
    return "{SSHA}" + base64.b64encode(digest + salt).decode("ascii")


def _copy_binary(found: Slapd, folder: Path, account: Account | None) -> Path:
    copy = folder / "slapd"
    copy.unlink(missing_ok=True)
    shutil.copyfile(found.binary, copy)
    if account:
        account.owns(copy)
    copy.chmod(0o700)
    return copy


def answers(port: int) -> bool:
    """True when an LDAP server on this port answers a bind."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(_ANONYMOUS_BIND)
            return connection.recv(1) == b"\x30"
    except OSError:
        return False
