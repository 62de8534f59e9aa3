"""The official site as far as we know it, on loopback: a login form, sessions, a page of links, files; and its bad days.

A session that has ended gets an empty list, or the login page, with 200. A file can be cut off in the middle,
lie about its length, be replaced, ignore ranges.
"""

import asyncio
import contextlib
import hashlib
import secrets
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iam.kernel.clock import system_clock

BASE = "/kbo-open-data/"
LOGIN_PAGE = (
    '<html><body><form action="/kbo-open-data/static/j_spring_security_check" method="post">'
    '<input name="j_username"><input type="password" name="j_password"></form></body></html>'
)


@dataclass
class Site:
    """What the site holds, how it behaves today, and what it was asked."""

    account: tuple[str, str] = ("habilis", "let-me-in-please")
    files: dict[str, bytes] = field(default_factory=dict)
    # Links and words of the page besides those of the files.
    more_links: str = ""
    digests_in_listing: dict[str, str] = field(default_factory=dict)
    etags: bool = True
    # How an ended session shows: "empty" or "login".
    ended_shows: str = "empty"
    ignores_ranges: bool = False
    ignores_conditions: bool = False
    lists_nothing: bool = False
    # After so many bytes of a file's body the connection is cut; one entry for each time.
    cuts: list[int] = field(default_factory=list)
    extra_bytes: bytes = b""
    status: int | None = None
    moved_to: str | None = None
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    logins: int = 0
    port: int = 0

    tls: ssl.SSLContext | None = None

    @property
    def base_url(self) -> str:
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}{BASE}"

    def end_sessions(self) -> None:
        self.sessions.clear()

    def downloads(self, name: str) -> list[dict[str, str]]:
        """The headers of each request for a file."""
        return [headers for _, path, headers in self.asked if path.endswith(f"/files/{name}")]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            method, target, _ = first.split(" ", 2)
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
                if name
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.asked.append((method, unquote(urlsplit(target).path), headers))
            await self.answer(writer, method, target, headers, body)
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    async def answer(self, writer, method, target, headers, body) -> None:
        path = unquote(urlsplit(target).path)
        if self.status is not None:
            return await reply(writer, self.status, b"<html>tired</html>", "text/html")
        if self.moved_to is not None:
            return await reply(writer, 302, b"", "text/html", Location=self.moved_to)
        if method == "POST" and path == f"{BASE}static/j_spring_security_check":
            return await self._login(writer, parse_qs(body.decode()))
        if not self._has_session(headers):
            if path == f"{BASE}affiliation/xml/" and self.ended_shows == "empty":
                return await reply(writer, 200, self._page([]), "text/html;charset=UTF-8")
            return await reply(writer, 200, LOGIN_PAGE.encode(), "text/html;charset=UTF-8")
        if path == f"{BASE}affiliation/xml/":
            names = [] if self.lists_nothing else sorted(self.files)
            return await reply(writer, 200, self._page(names), "text/html;charset=UTF-8")
        name = path.removeprefix(f"{BASE}affiliation/xml/files/")
        if name not in self.files:
            return await reply(writer, 404, b"<html>not found</html>", "text/html")
        return await self._file(writer, name, headers)

    async def _login(self, writer, form) -> None:
        self.logins += 1
        if (form.get("j_username"), form.get("j_password")) != tuple([each] for each in self.account):
            return await reply(writer, 302, b"", "text/html", Location=f"{BASE}login?error=true")
        session = secrets.token_hex(8)
        self.sessions.add(session)
        return await reply(
            writer, 302, b"", "text/html", Location=f"{BASE}affiliation/xml/",
            cookies=(f"JSESSIONID={session}; Path=/kbo-open-data; HttpOnly", "KSESSIONID-KBOPUB=node1; Path=/"),
        )  # fmt: skip

    def _has_session(self, headers) -> bool:
        cookies = dict(
            part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";") if "=" in part
        )
        return cookies.get("JSESSIONID") in self.sessions and "KSESSIONID-KBOPUB" in cookies

    def _page(self, names) -> bytes:
        rows = "".join(
            f'<tr><td><a href="files/{name}">{name}</a></td><td>{self.digests_in_listing.get(name, "")}</td></tr>'
            for name in names
        )
        return (
            f'<html><body><a href="/kbo-open-data/logout">Logout</a><table>{rows}</table>{self.more_links}</body></html>'
        ).encode()

    async def _file(self, writer, name, headers) -> None:
        data = self.files[name]
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        told = {"ETag": etag} if self.etags else {}
        kind = "application/zip"
        wanted, held = headers.get("range"), headers.get("if-range")
        if (
            wanted is None
            or self.ignores_ranges
            or (held is not None and held != etag and not self.ignores_conditions)
        ):
            return await self._body(writer, 200, data, kind, told)
        start = int(wanted.removeprefix("bytes=").partition("-")[0])
        if start >= len(data):
            return await reply(writer, 416, b"", "text/plain", **{"Content-Range": f"bytes */{len(data)}"})
        told["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return await self._body(writer, 206, data[start:], kind, told)

    async def _body(self, writer, status, data, kind, told) -> None:
        if not self.cuts:
            return await reply(writer, status, data + self.extra_bytes, kind, length=len(data), **told)
        await reply(writer, status, data[: self.cuts.pop(0)], kind, length=len(data), **told)
        return None


async def reply(writer, status, body, kind, *, length=None, cookies=(), **headers) -> None:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", "Connection: close",
             f"Content-Length: {len(body) if length is None else length}"]  # fmt: skip
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Set-Cookie: {each}" for each in cookies]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()


def own_authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for 127.0.0.1, and the file with the one authority that vouches for it: itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portal")])
    now = system_clock()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "authority.pem", folder / "server.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


@contextlib.asynccontextmanager
async def portal_site(**manners) -> AsyncIterator[Site]:
    """The site, up until the end."""
    site = Site(**manners)
    server = await asyncio.start_server(site.handle, "127.0.0.1", 0, ssl=site.tls)
    site.port = server.sockets[0].getsockname()[1]
    async with server:
        yield site
