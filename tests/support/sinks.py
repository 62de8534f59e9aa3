"""Every place where the running demo writes something down or shows it, read whole: for tests that search them all.

A sink is a name and the bytes that stand there. What is compressed, encoded or spread over rows in its
place is unfolded here, so that a search of plain bytes finds what a reader of that place would find.
"""

import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import ldap3
import psycopg
from psycopg import sql

from demo import plan
from demo.parts.directory import BASE_DN
from demo.parts.keycloak import ADMIN, distribution
from demo.parts.ports import LOOPBACK
from demo.world import World as Demo
from tests.support.journey import Visitor

Sinks = dict[str, bytes]
# The servers that the starter runs beside the parts of its plan.
_SERVERS = ("keycloak", "postgres", "directory")
_PAGE = 200
_SECONDS = 60.0


# -- what processes write


def logs(demo: Demo) -> Sinks:
    """The log of each process, and what the starter itself said."""
    files = [*sorted(demo.logs.iterdir()), demo.folder.parent / "demo.log"]
    return {f"log {file.stem}": file.read_bytes() for file in files if file.exists()}


def processes(demo: Demo) -> set[str]:
    """The names of all that has a log: each step, each server, each part, and the starter."""
    steps = {step.name for step in plan.steps(demo, "")}
    parts = {part.name for part in (*plan.surroundings(demo), *plan.service_parts(demo, "", None))}
    # a database given from outside is no process of the demo
    given = {"postgres"} if os.environ.get("HABILIS_DATABASE_URL") else set()
    return (steps | parts | {*_SERVERS, "demo"}) - given


def files(demo: Demo) -> Sinks:
    """Every file that a process of the demo keeps, but its log and what a database server has in its own format."""
    elsewhere = {demo.logs, demo.folder / "postgres", demo.folder / "directory"}
    found: Sinks = {}
    for folder, folders, names in os.walk(demo.folder):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if here / name not in elsewhere)
        for file in (here / name for name in sorted(names)):
            # A scratch file may have become the real one meanwhile.
            with suppress(FileNotFoundError):
                found[f"file {file.relative_to(demo.folder)}"] = file.read_bytes()
    return found


# -- PostgreSQL


def database_url(demo: Demo) -> str:
    """How the service reaches the database: as the demo tells whoever runs `habilis` by hand."""
    lines = (demo.folder / "environment").read_text(encoding="utf-8").splitlines()
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    return told["HABILIS_DATABASE_URL"].strip("'")


def tables(demo: Demo) -> Sinks:
    """Every row of every table of every schema, and the statements that the server shows of its sessions."""
    found: Sinks = {}
    with psycopg.connect(database_url(demo)) as connection:
        named = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        ).fetchall()
        for schema, table in named:
            rows = connection.execute(
                sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, table))
            )
            name = table if schema == "public" else f"{schema}.{table}"
            found[f"table {name}"] = b"\n".join(row[0].encode() for row in rows)
        shown = connection.execute("SELECT query FROM pg_stat_activity WHERE query <> ''").fetchall()
        found["statements"] = b"\n".join(row[0].encode() for row in shown)
    return found


# -- mails


def mails(demo: Demo) -> Sinks:
    """Every mail in the box: as it came over SMTP, and in the characters that a reader sees."""
    kept = sorted((demo.folder / "mailbox" / "mails").glob("*.json"))
    octets = [base64.b64decode(json.loads(file.read_text(encoding="utf-8"))["octets"]) for file in kept]
    shown = httpx2.get(f"{demo.url('mailbox')}/api/messages", timeout=20.0).raise_for_status()
    return {"mails": b"\n\n".join(octets), "mails in characters": shown.content}


# -- Keycloak


@contextmanager
def administrator(demo: Demo) -> Iterator[httpx2.Client]:
    """A client with every right on the realm, which nothing of ours has; its token lives for a minute."""
    answer = httpx2.post(
        f"{demo.url('keycloak')}/realms/master/protocol/openid-connect/token",
        data={
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": ADMIN,
            "password": demo.secret("keycloak-admin"),
        },
        timeout=20.0,
    ).raise_for_status()
    authorization = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    base = f"{demo.url('keycloak')}/admin/realms/monespace"
    with httpx2.Client(base_url=base, headers=authorization, timeout=20.0) as http:
        yield http


def keycloak(demo: Demo) -> Sinks:
    """What an administrator reads: accounts with all that hangs on them, groups with attributes, events of both kinds."""
    with administrator(demo) as http:
        accounts = _all(http, "/users", briefRepresentation="false")
        users = [
            (each, *(_get(http, f"/users/{each['id']}/{what}") for what in _OF_A_USER)) for each in accounts
        ]
        top = _all(http, "/groups", briefRepresentation="false")
        return {
            "keycloak users": _bytes(users),
            "keycloak groups": _bytes(list(_below(http, top))),
            "keycloak events": _bytes(_all(http, "/events")),
            "keycloak admin events": _bytes(_all(http, "/admin-events")),
        }


_OF_A_USER = ("sessions", "groups", "federated-identity", "credentials", "role-mappings")


def _get(http: httpx2.Client, path: str, **parameters: str) -> Any:
    return http.get(path, params=parameters).raise_for_status().json()


def _all(http: httpx2.Client, path: str, **parameters: str) -> list[Any]:
    found: list[Any] = []
    while True:
        page = _get(http, path, first=str(len(found)), max=str(_PAGE), **parameters)
        found += page
        if len(page) < _PAGE:
            return found


def _below(http: httpx2.Client, groups: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for group in groups:
        yield group
        yield from _below(http, _all(http, f"/groups/{group['id']}/children", briefRepresentation="false"))


def _bytes(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def keycloak_tables(demo: Demo, until: Callable[[Sinks], bool]) -> Sinks:
    """Every table of Keycloak's own database, once it is as `until` wants it: the file follows a moment later.

    The file belongs to the running server. A copy is unfolded by H2's own tool, which needs no password.
    """
    deadline = time.monotonic() + _SECONDS
    while not until(found := _unfolded(demo.folder / "keycloak" / "data" / "h2" / "keycloakdb.mv.db")):
        assert time.monotonic() < deadline, "Keycloak's database did not come to what is looked for"
        time.sleep(0.5)
    return found


def _unfolded(database: Path) -> Sinks:
    built = distribution()
    [h2] = (built.root / "server" / "lib" / "lib" / "main").glob("com.h2database.h2-*.jar")
    with tempfile.TemporaryDirectory(prefix="habilis-h2-") as scratch:
        shutil.copyfile(database, Path(scratch, "copy.mv.db"))
        tool = [str(built.java.launcher), "-cp", str(h2), "org.h2.tools.Recover", "-dir", scratch]
        # A copy that was cut while the server wrote is no database; the caller makes another.
        subprocess.run([*tool, "-db", "copy"], capture_output=True, check=False, timeout=_SECONDS)
        script = Path(scratch, "copy.h2.sql")
        return _by_table(script.read_bytes()) if script.exists() else {}


def _by_table(script: bytes) -> Sinks:
    """The rows by table, large values beside the row that refers to them.

    The tool writes rows under numbers, and says at its end which number is which table; large values stand
    apart, in blocks. What no row refers to is what a row once did: H2 forgets it later.
    """
    rows: dict[bytes, list[bytes]] = {}
    names: dict[bytes, str] = {}
    large: dict[bytes, bytes] = {}
    for line in script.splitlines():
        _, into, rest = line.partition(b"INSERT INTO ")
        target, _, value = rest.partition(b" ")
        if block := _BLOCK.fullmatch(line):
            large[block[1]] = large.get(block[1], b"") + bytes.fromhex(block[2].decode())
        elif into and value.startswith(b"SELECT * FROM "):
            names[value.removeprefix(b"SELECT * FROM ").rstrip(b";")] = target.split(b'"')[-2].decode()
        elif into:
            rows.setdefault(target, []).append(value)
    found: Sinks = {}
    forgotten = set(large)
    for number, held in rows.items():
        text = b"\n".join(held)
        refers = _REFERENCE.findall(text)
        forgotten -= set(refers)
        whole = b"\n".join([text, *(large.get(each, b"") for each in refers)])
        found[f"keycloak table {names[number]}"] = whole
    return {**found, "keycloak, no longer in a table": b"\n".join(large[each] for each in sorted(forgotten))}


_BLOCK = re.compile(rb"INSERT INTO INFORMATION_SCHEMA\.LOB_BLOCKS VALUES\((\d+), \d+, X'([0-9a-f]*)'\);")
_REFERENCE = re.compile(rb"READ_[BC]LOB(?:_MAP)?\((\d+)")


# -- the directory


def directory(demo: Demo, account: str = "reader") -> Sinks:
    """Every entry with every attribute, the operational ones too."""
    with bound(demo, account) as connection:
        done, _, entries, _ = connection.search(
            BASE_DN, "(objectClass=*)", ldap3.SUBTREE, attributes=[ldap3.ALL_ATTRIBUTES, "+"]
        )
        assert done
    lines = [
        name.encode() + b": " + value
        for entry in entries
        for name, values in {"dn": [entry["raw_dn"]], **entry["raw_attributes"]}.items()
        for value in values
    ]
    return {"directory": b"\n".join(lines)}


@contextmanager
def bound(demo: Demo, account: str) -> Iterator[Any]:
    """A connection to the directory as one of its service accounts."""
    connection = ldap3.Connection(
        ldap3.Server(f"ldap://{LOOPBACK}:{demo.ports['directory']}", get_info=ldap3.NONE),
        f"cn={account},ou=services,{BASE_DN}",
        demo.secret(f"directory-{account}"),
        auto_bind=True,
        client_strategy=ldap3.SAFE_SYNC,
    )
    try:
        yield connection
    finally:
        connection.unbind()


# -- figures


def metrics(demo: Demo) -> Sinks:
    """What each part that speaks HTTP answers to a collector of figures, whether it has any or not."""
    speak = ("service", "portal", "fas", "mailbox", "keycloak", "keycloak_management")
    return {f"metrics {part}": told(httpx2.get(f"{demo.url(part)}/metrics", timeout=20.0)) for part in speak}


# -- what is shown


def kept_by(visitor: Visitor) -> Sinks:
    """What a person's browser keeps beyond its pages: cookies, and what scripts may have stored."""
    stored = visitor.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    return {f"kept by {visitor.key}'s browser": _bytes([visitor.context.storage_state(), json.loads(stored)])}


def told(answer: httpx2.Response) -> bytes:
    """An answer that a program was given: its address, its headers, its body."""
    head = f"{answer.request.method} {answer.request.url}\n{answer.status_code}\n".encode()
    return head + b"".join(b"%s: %s\n" % pair for pair in answer.headers.raw) + b"\n" + answer.content


def unfolded_tokens(tokens: Mapping[str, str]) -> Sinks:
    """Each token as it is handed on, and what its parts say."""
    return {
        f"token {name}": b"\n".join([token.encode(), *map(_part, token.split("."))])
        for name, token in tokens.items()
    }


def _part(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Seen:
    """What went to browsers and what they asked for: every address, every header, every body that came back.

    Browsers reach everything through a proxy of ours, which reads it as it passes: also what a browser has
    forgotten by the time one could ask it. What a form sent is not kept: a number that somebody types has to
    leave his browser once.
    """

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.bodies: dict[bytes, None] = {}

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator[tuple["Seen", str]]:
        """With the address of its proxy."""
        seen = cls()
        with ThreadingHTTPServer((LOOPBACK, 0), partial(_Passing, seen)) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield seen, f"http://{LOOPBACK}:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    def sinks(self) -> Sinks:
        """All of it until now."""
        return {
            "addresses and headers": b"\n\n".join(list(self.heads)),
            "pages": b"\n\n".join(list(self.bodies)),
        }


class _Passing(BaseHTTPRequestHandler):
    """Passes one browser's requests on, and their answers back."""

    protocol_version = "HTTP/1.1"

    def __init__(self, seen: Seen, *rest: Any) -> None:
        self._seen = seen
        super().__init__(*rest)

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        target = urlsplit(self.path)
        onwards = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_SECONDS)
        try:
            onwards.putrequest(
                self.command, self.path.partition(target.netloc)[2], skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in _OF_A_HOP:
                    onwards.putheader(name, value)
            onwards.endheaders(body or None)
            answer = onwards.getresponse()
            data = answer.read()
        finally:
            onwards.close()
        told = "".join(f"{name}: {value}\n" for name, value in answer.getheaders())
        head = f"{self.command} {self.path}\n{self.headers}{answer.status} {answer.reason}\n{told}"
        self._seen.heads.append(head.encode())
        self._seen.bodies[data] = None
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_A_HOP | {"content-length"}:
                self.send_header(name, value)
        if answer.status not in _WITHOUT_BODY:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        # The browser may have gone on to another page meanwhile.
        with suppress(ConnectionError):
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing: the answers are kept, not told."""


# What belongs to one connection and not to the message (RFC 9110 §7.6.1), and the coding, which would hide the body.
_OF_A_HOP = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "accept-encoding"}
_WITHOUT_BODY = {204, 304}
