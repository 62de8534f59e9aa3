"""The official site as a source: a login form, a page of links, files behind it (DOMAIN 3.2).

Its session ends without a word: the login page comes with 200 where something else was asked for, or the list
of files is empty. So an empty list is never the absence of news: it is asked for once more after a new login,
and then not believed.
"""

import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit

import httpx2

from iam.bce.fetch.model import Listing, Offered
from iam.bce.fetch.names import is_plain
from iam.bce.fetch.source import FileChanged, Have, SourceDistrusted, SourceUnavailable, Stream, told_sha256
from iam.settings import PortalSource as PortalSettings

_LARGEST_PAGE = 4 << 20
_MOST_REDIRECTS = 5
_SERVER_ERROR = 500
_DIGEST = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/(?:[0-9]+|\*)")


@dataclass(slots=True)
class Page:
    """What a page of the site shows: links with the words after each, and whether it asks for a password."""

    links: list[tuple[str, list[str]]] = field(default_factory=list)
    asks_password: bool = False


class _Reader(HTMLParser):
    def __init__(self, password_field: str) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._password_field = password_field

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "a" and told.get("href"):
            self.page.links.append((str(told["href"]), []))
        if tag == "input" and told.get("name") == self._password_field:
            self.page.asks_password = True

    def handle_data(self, data: str) -> None:
        if self.page.links:
            self.page.links[-1][1].append(data)


def read_page(text: str, password_field: str) -> Page:
    """What the page shows. Pure."""
    reader = _Reader(password_field)
    reader.feed(text)
    reader.close()
    return reader.page


class PortalSource:
    """Lists and gives the zips behind the login. Use as a context manager."""

    def __init__(
        self, settings: PortalSettings, *, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        """Remember where; nothing is asked yet."""
        self._settings = settings
        self._base = settings.base_url.rstrip("/") + "/"
        self._files = urljoin(self._base, settings.files_path.rstrip("/") + "/")
        self._told: Mapping[str, str] = {}
        self._logged_in = False
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(settings.timeout_seconds),
            follow_redirects=False,
            trust_env=False,
            proxy=settings.proxy,
            verify=True if settings.ca_file is None else ssl.create_default_context(cafile=settings.ca_file),
            transport=transport,
            # What arrives is what is stored: lengths and ranges are those of the file itself.
            headers={"Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        """Ready to be asked."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Every connection is closed."""
        await self._http.aclose()

    @property
    def name(self) -> str:
        """Where that is, without the account."""
        return self._base

    async def offered(self) -> Listing:
        """The files it has now. Raises `SourceDistrusted` when there is none after a new login either."""
        fresh = not self._logged_in
        if fresh:
            await self._login()
        listing = await self._listing(fresh=fresh)
        if listing is None:
            await self._login()
            listing = await self._listing(fresh=True)
        if listing is None:
            raise SourceDistrusted("emptyListing")
        return listing

    async def sha256(self, offered: Offered) -> bytes | None:
        """The digest in the listing, or in the file that the listing shows beside it."""
        if offered.sha256 is not None or f"{offered.name}.sha256" not in self._told:
            return offered.sha256
        async with self._asked(self._told[f"{offered.name}.sha256"], {}) as answer:
            return told_sha256(await _body(answer))

    @asynccontextmanager
    async def read(self, offered: Offered, have: Have | None) -> AsyncIterator[Stream]:
        """The file, from after what is here of it if the site says that it is the same (RFC 9110 §13.1.5)."""
        url = self._told.get(offered.name)
        if url is None:
            raise FileChanged("gone", offered.name)
        wanted = have
        while True:
            headers = {}
            if wanted is not None and wanted.stamp is not None:
                headers = {"Range": f"bytes={wanted.size}-", "If-Range": wanted.stamp}
            async with self._asked(url, headers) as answer:
                if answer.status_code == httpx2.codes.NOT_FOUND:
                    raise FileChanged("gone", offered.name)
                if headers and not _goes_on(answer, wanted):
                    # A part of something else, or a place beyond its end: once more, from the start.
                    wanted = None
                    continue
                if answer.status_code not in {httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT}:
                    raise SourceDistrusted("status", f"{offered.name}: {answer.status_code}")
                whole = answer.status_code == httpx2.codes.OK
                offset = 0 if whole or wanted is None else wanted.size
                length = answer.headers.get("Content-Length", "")
                yield Stream(
                    offset=offset,
                    size=offset + int(length) if length.isdecimal() else None,
                    stamp=_stamp(answer),
                    blocks=_blocks(answer),
                )
                return

    async def _login(self) -> None:
        settings = self._settings
        self._http.cookies.clear()
        request = self._http.build_request(
            "POST",
            urljoin(self._base, settings.login_path),
            data={
                settings.username_field: settings.username,
                settings.password_field: settings.password.get_secret_value(),
            },
        )
        answer = await self._send(request)
        await answer.aclose()
        self._logged_in = True

    async def _listing(self, *, fresh: bool) -> Listing | None:
        """What the page lists; None when the session may have ended. Raises `SourceDistrusted`."""
        answer = await self._send(
            self._http.build_request("GET", urljoin(self._base, self._settings.listing_path))
        )
        try:
            if answer.status_code == httpx2.codes.NOT_FOUND:
                raise SourceDistrusted("folder")
            page = await self._page(answer)
        finally:
            await answer.aclose()
        if page.asks_password or _is_closed(answer):
            if fresh:
                raise SourceDistrusted("login")
            return None
        told, digests, passed_over = self._links(page, str(answer.url))
        self._told = told
        files = tuple(Offered(name=name, sha256=digests.get(name)) for name in sorted(told) if is_plain(name))
        return Listing(files=files, passed_over=tuple(sorted(passed_over))) if files else None

    async def _page(self, answer: httpx2.Response) -> Page:
        return read_page(
            (await _body(answer)).decode("utf-8", errors="replace"), self._settings.password_field
        )

    def _links(self, page: Page, here: str) -> tuple[dict[str, str], dict[str, bytes], set[str]]:
        """The address of each file by its name, the digests beside them, and the names we do not take."""
        told, digests, passed_over = {}, {}, set()
        home = urlsplit(self._files)
        for href, words in page.links:
            url = urljoin(here, href)
            parts = urlsplit(url)
            name = unquote(parts.path.removeprefix(home.path))
            if not name.lower().endswith((".zip", ".zip.sha256")):
                continue
            ours = parts[:2] == home[:2] and parts.path.startswith(home.path)
            if not ours or not is_plain(name.removesuffix(".sha256")):
                passed_over.add(name)
                continue
            told[name] = url
            found = _DIGEST.search(" ".join(words))
            if found is not None:
                digests[name] = bytes.fromhex(found[0])
        return told, digests, passed_over

    @asynccontextmanager
    async def _asked(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[httpx2.Response]:
        """The answer, not the login page: where the session has ended it is asked again after a new login."""
        for fresh in (not self._logged_in, True):
            if not self._logged_in:
                await self._login()
            answer = await self._send(self._http.build_request("GET", url, headers=dict(headers)))
            try:
                if not await self._is_login(answer):
                    yield answer
                    return
            finally:
                await answer.aclose()
            self._logged_in = False
            if fresh:
                break
        raise SourceDistrusted("login")

    async def _is_login(self, answer: httpx2.Response) -> bool:
        if _is_closed(answer):
            return True
        html = answer.headers.get("Content-Type", "").startswith("text/html")
        if answer.status_code != httpx2.codes.OK or not html:
            return False
        if (await self._page(answer)).asks_password:
            return True
        raise SourceDistrusted("notAFile")

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        """The answer after its redirections, all of them within the site. Its owner closes it."""
        try:
            for _ in range(_MOST_REDIRECTS):
                answer = await self._http.send(request, stream=True)
                if answer.next_request is None:
                    break
                await answer.aclose()
                request = answer.next_request
                # Neither the account nor the session goes anywhere else.
                if urlsplit(str(request.url))[:2] != urlsplit(self._base)[:2]:
                    raise SourceDistrusted("redirect")
            else:
                raise SourceDistrusted("redirect")
        except httpx2.ConnectError as error:
            if isinstance(_root(error), ssl.SSLCertVerificationError):
                raise SourceDistrusted("certificate") from error
            raise SourceUnavailable("unreachable") from error
        except httpx2.HTTPError as error:
            raise SourceUnavailable("unreachable") from error
        if answer.status_code >= _SERVER_ERROR:
            await answer.aclose()
            raise SourceUnavailable("serverError")
        return answer


def _root(error: BaseException) -> BaseException:
    while (deeper := error.__cause__ or error.__context__) is not None:
        error = deeper
    return error


def _is_closed(answer: httpx2.Response) -> bool:
    return answer.status_code in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}


def _goes_on(answer: httpx2.Response, have: Have | None) -> bool:
    """Whether the answer is the whole file, or what follows after what is here of the very same one."""
    if answer.status_code == httpx2.codes.OK:
        return True
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    return (
        answer.status_code == httpx2.codes.PARTIAL_CONTENT
        and have is not None
        and found is not None
        and int(found[1]) == have.size
        and _stamp(answer) == have.stamp
    )


def _stamp(answer: httpx2.Response) -> str | None:
    """What a range may be asked by: a strong validator, else the time of change (RFC 9110 §8.8)."""
    tag: str | None = answer.headers.get("ETag")
    if tag is not None and not tag.startswith("W/"):
        return tag
    modified: str | None = answer.headers.get("Last-Modified")
    return modified


async def _body(answer: httpx2.Response) -> bytes:
    body = b""
    async for block in _blocks(answer):
        body += block
        if len(body) > _LARGEST_PAGE:
            raise SourceDistrusted("listing")
    return body


async def _blocks(answer: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for block in answer.aiter_raw():
            yield block
    except httpx2.HTTPError as error:
        raise SourceUnavailable("cutOff") from error
