"""Groups in Keycloak, one call at a time. The only file that knows python-keycloak (STANDARDS 2.8).

python-keycloak sends a POST again when a connection drops, fetches a token per concurrent call and
calls every failure "can't connect". Here: no repetition, one token for all, a bounded wait, and an
error that says what is known of the outcome.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import requests
from keycloak import KeycloakOpenIDConnection
from keycloak.connection import ConnectionManager
from keycloak.exceptions import KeycloakConnectionError, KeycloakError
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError, ProtocolError
from urllib3.util.retry import Retry

from provisioning.errors import (
    BrokenError,
    ConflictError,
    ForbiddenError,
    ForeignError,
    GoneError,
    TargetError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
    UnsettledError,
)
from provisioning.pace import TokenBucket

# The ownership marker: whose group it is. What has no such mark is not ours.
MARK: Final = "habilis"
LONGEST_CALL: Final = 5.0

_PAGE = 100
_MOST_PAGES = 1000
_MOST_BYTES = 8 << 20
_CHUNK = 64 << 10
# What Keycloak itself answers; a success of another kind comes from something in between.
_OK: Final = 200
_DONE: Final = {"post": 201, "put": 204, "delete": 204}
_BRIEF = {"briefRepresentation": "true", "subGroupsCount": "false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as Keycloak shows it; `mark` is None when it is not one of ours."""

    id: str
    name: str
    parent: str | None
    mark: str | None


class _BoundedAdapter(HTTPAdapter):
    """Sends each request once, and reads an answer of bounded size in a bounded time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(max_retries=Retry(0, read=False, redirect=False))
        self._seconds = seconds

    def send(  # type: ignore[override]  # requests calls it with keywords
        self, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        deadline = time.monotonic() + self._seconds
        options["stream"] = True
        answer = super().send(request, **options)
        body = bytearray()
        try:
            for chunk in answer.iter_content(_CHUNK):
                body += chunk
                # A server that drips keeps every single read below its time-out.
                if time.monotonic() > deadline or len(body) > _MOST_BYTES:
                    raise requests.ReadTimeout(request=request)
        finally:
            answer.close()
        answer._content = bytes(body)  # noqa: SLF001 - the attribute that `content` caches in
        return answer


class KeycloakGroups:
    """The groups of one realm, with the rights of the provisioner. Safe among threads; every call blocks."""

    def __init__(
        self,
        *,
        base_url: str,
        realm: str,
        client_id: str,
        client_secret: str,
        bucket: TokenBucket,
        seconds: float = LONGEST_CALL,
    ) -> None:
        """Remember where; nothing is sent yet."""
        self._connection = KeycloakOpenIDConnection(
            server_url=base_url.rstrip("/") + "/",
            realm_name=realm,
            client_id=client_id,
            client_secret_key=client_secret,
            grant_type="client_credentials",
            timeout=min(seconds, LONGEST_CALL),  # type: ignore[arg-type]  # requests takes fractions
            max_retries=0,
        )
        for manager in (self._connection, self._connection.keycloak_openid.connection):
            session: requests.Session = manager._s  # noqa: SLF001 - there is no other way to its adapters
            session.max_redirects = 0
            for scheme in ("https://", "http://"):
                session.mount(scheme, _BoundedAdapter(min(seconds, LONGEST_CALL)))
        self._groups = f"admin/realms/{quote(realm, safe='')}/groups"
        self._users = f"admin/realms/{quote(realm, safe='')}/users"
        self._bucket = bucket
        self._token_lock = threading.Lock()

    def close(self) -> None:
        """No connection is open."""
        for manager in (self._connection, self._connection.keycloak_openid.connection):
            manager._s.close()  # noqa: SLF001 - as above

    def group(self, group_id: str) -> Group | None:
        """The group with this id, or None."""
        try:
            return _group(self._get(f"{self._groups}/{_id(group_id)}"))
        except GoneError:
            return None

    def children(self, parent: str) -> list[Group]:
        """The groups directly inside, with their names; their marks are not read here."""
        return [_group(each) for each in self._pages(f"{self._groups}/{_id(parent)}/children", _BRIEF)]

    def find(self, parent: str | None, name: str) -> Group | None:
        """The group of this name directly inside the parent (None: at the top), with its mark.

        Raises `GoneError` when the parent is not there.
        """
        where = self._groups if parent is None else f"{self._groups}/{_id(parent)}/children"
        found = self._get(
            where, **_BRIEF, search=name, exact="true", populateHierarchy="false", first="0", max="10"
        )
        for each in _list(found):
            match = _group(each)
            # Keycloak searches whole subtrees and ignores case in some databases.
            if match.name == name:
                whole = self.group(match.id)
                if whole is not None and whole.parent == parent:
                    return whole
        return None

    def create(self, parent: str | None, name: str, mark: str) -> str:
        """The group is there, under the id that is returned, whether this call made it or one before.

        Raises `ForeignError` when the name is taken by a group without our mark, `UnsettledError` when the
        outcome is unknown and reading back did not show it, `GoneError` when the parent is not there.
        """
        where = self._groups if parent is None else f"{self._groups}/{_id(parent)}/children"
        body = json.dumps({"name": name, "attributes": {MARK: [mark]}})
        try:
            return _made(self._send("post", where, body))
        except (ConflictError, UnsettledError, BrokenError) as error:
            there = self.find(parent, name)
            if there is None:
                raise
            if there.mark != mark:
                raise ForeignError("name") from error
            return there.id

    def write(self, group_id: str, name: str, mark: str) -> None:
        """The group has this name and this mark."""
        body = json.dumps({"name": name, "attributes": {MARK: [mark]}})
        self._send("put", f"{self._groups}/{_id(group_id)}", body)

    def delete(self, group_id: str) -> None:
        """The group and all inside it are not there.

        "Not found" is not taken on trust, nor is it in `remove`: a node that lags behind says so of what is
        there, and a right would outlive its end.
        """
        try:
            self._send("delete", f"{self._groups}/{_id(group_id)}")
        except GoneError:
            if self.group(group_id) is not None:
                raise UnsettledError("lag") from None

    def members(self, group_id: str) -> frozenset[str]:
        """The ids of the accounts that are directly in the group. Raises `GoneError`."""
        path = f"{self._groups}/{_id(group_id)}/members"
        return frozenset(_text(each, "id") for each in self._pages(path, {"briefRepresentation": "true"}))

    def add(self, user: str, group_id: str) -> None:
        """The account is in the group. Raises `GoneError` when one of the two is not there."""
        self._send("put", f"{self._users}/{_id(user)}/groups/{_id(group_id)}", "{}")

    def remove(self, user: str, group_id: str) -> None:
        """The account is not in the group; nor is it when one of the two is not there."""
        try:
            self._send("delete", f"{self._users}/{_id(user)}/groups/{_id(group_id)}")
        except GoneError:
            if self.group(group_id) is not None and user in self.members(group_id):
                raise UnsettledError("lag") from None

    def _pages(self, path: str, parameters: Mapping[str, str]) -> list[Any]:
        found: list[Any] = []
        for page in range(_MOST_PAGES):
            some = _list(self._get(path, **parameters, first=str(page * _PAGE), max=str(_PAGE)))
            found.extend(some)
            if len(some) < _PAGE:
                return found
        raise BrokenError("pages")

    def _get(self, path: str, **parameters: str) -> Any:
        answer = self._call(lambda: ConnectionManager.raw_get(self._connection, path, **parameters))
        try:
            _check(answer, _OK)
        except UnsettledError as error:
            # Nothing was asked to change: there is no outcome to wonder about.
            raise UnreachableError(str(error)) from None
        return _document(answer)

    def _send(self, verb: str, path: str, body: str | None = None) -> requests.Response:
        raw: Callable[..., requests.Response] = getattr(ConnectionManager, f"raw_{verb}")
        answer = self._call(lambda: raw(self._connection, path, data=body), writes=True)
        _check(answer, _DONE[verb])
        return answer

    def _call(self, send: Callable[[], requests.Response], *, writes: bool = False) -> requests.Response:
        """The answer; a token that was refused is replaced once, which repeats nothing: a 401 did nothing."""
        used = self._token(None)
        answer = self._once(send, writes=writes)
        if answer.status_code == requests.codes.unauthorized:
            self._token(used)
            answer = self._once(send, writes=writes)
        return answer

    def _once(self, send: Callable[[], requests.Response], *, writes: bool) -> requests.Response:
        self._bucket.take()
        try:
            return send()
        except KeycloakConnectionError as error:
            cause = error.__cause__
            what = type(cause).__name__
            if writes and not _never_sent(cause):
                raise UnsettledError(what) from None
            raise UnreachableError(what) from None

    def _token(self, refused: str | None) -> str:
        """A token other than the refused one is in use; one thread fetches it, the others wait for it."""
        with self._token_lock:
            present = self._connection.token
            if present is not None and not self._worn(present, refused):
                return str(present["access_token"])
            self._bucket.take()
            try:
                self._connection.get_token()
            except KeycloakConnectionError as error:
                raise UnreachableError(type(error.__cause__).__name__) from None
            except KeycloakError as error:
                raise _token_error(error) from None
            except (TypeError, ValueError, KeyError, AttributeError):
                raise UnreachableError("token") from None
            token = self._connection.token
            if token is None:
                raise BrokenError("token")
            return str(token["access_token"])

    def _worn(self, token: Mapping[str, Any], refused: str | None) -> bool:
        if token["access_token"] == refused:
            return True
        ends = self._connection.expires_at
        return ends is None or ends.timestamp() <= time.time()


def _never_sent(cause: BaseException | None) -> bool:
    """Whether no byte of the request can have reached the server."""
    if isinstance(cause, requests.ConnectTimeout):
        return True
    if not isinstance(cause, requests.ConnectionError) or not cause.args:
        return False
    inner = cause.args[0]
    reason = getattr(inner, "reason", inner)
    return isinstance(reason, NewConnectionError) and not isinstance(reason, ProtocolError)


def _token_error(error: KeycloakError) -> TargetError:
    code = error.response_code
    what = f"token-{code}"
    if code == requests.codes.too_many_requests:
        return ThrottledError(what)
    if code in {requests.codes.bad_request, requests.codes.unauthorized, requests.codes.forbidden}:
        return UnauthenticatedError(what)
    return UnreachableError(what)


def _check(answer: requests.Response, expected: int) -> None:
    """Nothing when the answer is the expected one; else raises what it means."""
    status = answer.status_code
    what = str(status)
    if status == expected:
        return
    match status:
        case 401:
            raise UnauthenticatedError(what)
        case 403:
            raise ForbiddenError(what)
        case 404 if not _is_keycloaks_own(answer):
            # A page of something in between must not pass for "there is no such group".
            raise UnreachableError(what)
        case 404:
            raise GoneError(what)
        case 409:
            raise ConflictError(what)
        case 429 | 503:
            raise ThrottledError(what, _retry_after(answer))
        case 500 | 502 | 504 | 200 | 201 | 202 | 204:
            raise UnsettledError(what)
        case _:
            raise BrokenError(what)


def _is_keycloaks_own(answer: requests.Response) -> bool:
    try:
        document = answer.json()
    except ValueError:
        return False
    return isinstance(document, dict) and "error" in document


def _retry_after(answer: requests.Response) -> float | None:
    """The pause that was asked for in seconds (RFC 9110 §10.2.3); a date is not obeyed."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _document(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise BrokenError("body") from None


def _made(answer: requests.Response) -> str:
    """The id of what a POST made: at the end of its address, else in the body."""
    made = answer.headers.get("Location", "").rpartition("/")[2]
    return made or _text(_document(answer), "id")


def _list(document: Any) -> list[Any]:
    if not isinstance(document, list):
        raise BrokenError("list")
    return document


def _text(document: Any, field: str) -> str:
    found = document.get(field) if isinstance(document, dict) else None
    if not isinstance(found, str) or not found:
        raise BrokenError(field)
    return found


def _group(document: Any) -> Group:
    marks = document.get("attributes") if isinstance(document, dict) else None
    mine = marks.get(MARK) if isinstance(marks, dict) else None
    return Group(
        id=_text(document, "id"),
        name=_text(document, "name"),
        parent=document.get("parentId"),
        mark=mine[0] if isinstance(mine, list) and len(mine) == 1 and isinstance(mine[0], str) else None,
    )


def _id(text: str) -> str:
    """An id as one segment of a path: nothing in it can lead elsewhere."""
    if not text or text in {".", ".."}:
        raise BrokenError("id")
    return quote(text, safe="")
