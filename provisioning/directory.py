"""An LDAP directory, one operation at a time. The only file that knows ldap3 (STANDARDS 3.1).

Names and filters come ready from `provisioning.escape`: ldap3's own escaping is wrong for some text
(STANDARDS 3.2) and is switched off here, as is everything that would rewrite a name.
"""

import contextlib
import ssl
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

with warnings.catch_warnings():
    # ldap3 2.9.1 imports names that pyasn1 has renamed.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import (
        LDAPException,
        LDAPSocketOpenError,
        LDAPStartTLSError,
    )

from provisioning.errors import (
    BrokenError,
    ConflictError,
    ForbiddenError,
    GoneError,
    TargetError,
    UnauthenticatedError,
    UnreachableError,
    UnsettledError,
)

LONGEST_CALL: Final = 5.0
_PAGE = 500
_MOST_PAGES = 2000
_MOST_ENTRIES = 1000
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PAGED = "1.2.840.113556.1.4.319"

# Result codes of RFC 4511 §4.1.9 and appendix A.
_SUCCESS = 0
_NO_SUCH_ATTRIBUTE = 16
_VALUE_EXISTS = 20
_NO_SUCH_OBJECT = 32
_INVALID_CREDENTIALS = 49
_INSUFFICIENT_RIGHTS = 50
_ALREADY_EXISTS = 68
_CONFIDENTIALITY_REQUIRED = 13
_BUSY = frozenset({51, 52, 53, 3, 80})


class Change(Enum):
    """How a modification treats the values."""

    ADD = ldap3.MODIFY_ADD
    DELETE = ldap3.MODIFY_DELETE
    REPLACE = ldap3.MODIFY_REPLACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry: its name and its attributes as text, by lower-case name."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]]

    def first(self, name: str) -> str | None:
        """The first value of an attribute, or None."""
        values = self.attributes.get(name.lower(), ())
        return values[0] if values else None

    def all(self, name: str) -> tuple[str, ...]:
        """All values of an attribute."""
        return self.attributes.get(name.lower(), ())


class Directory:
    """One directory under one account. One connection, one operation at a time; every call blocks."""

    def __init__(self, *, url: str, bind_dn: str, password: str, seconds: float = LONGEST_CALL) -> None:
        """Remember where; nothing is sent yet."""
        parts = urlsplit(url)
        # In clear only to this very machine: else the password would travel readable.
        self._start_tls = parts.scheme == "ldap" and parts.hostname not in _LOOPBACK
        # ldap3 takes whole seconds alone.
        self._seconds = max(1, int(min(seconds, LONGEST_CALL)))
        self._url = url
        self._account = (bind_dn, password)
        self._connection: Any = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """No connection is open."""
        with self._lock:
            self._drop()

    def search(
        self, base: str, condition: str, attributes: Sequence[str], *, whole_entry: bool = False
    ) -> list[Entry]:
        """The entries below the base that meet the condition, one level deep; or the base entry itself.

        A base that is not there has none. Raises `BrokenError` when there are more than a thousand: the
        answer would not be whole.
        """
        scope = ldap3.BASE if whole_entry else ldap3.LEVEL
        result, found, _ = self._search(base, condition, scope, attributes, _MOST_ENTRIES)
        if result == _NO_SUCH_OBJECT:
            return []
        _check(result)
        return found

    def pages(self, base: str, condition: str, attributes: Sequence[str]) -> Iterator[Entry]:
        """All entries one level below the base that meet the condition, fetched by pages (RFC 2696)."""
        cookie: bytes | None = None
        for _ in range(_MOST_PAGES):
            result, found, cookie = self._search(
                base, condition, ldap3.LEVEL, attributes, 0, paged_size=_PAGE, paged_cookie=cookie
            )
            if result == _NO_SUCH_OBJECT:
                return
            _check(result)
            yield from found
            if not cookie:
                return
        raise BrokenError("pages")

    def add(self, dn: str, attributes: Mapping[str, Sequence[str]]) -> None:
        """The entry is there. Raises `ConflictError` when an entry of this name was there before."""
        _check(self._write("add", dn, None, dict(attributes)))

    def delete(self, dn: str) -> None:
        """The entry is not there."""
        result = self._write("delete", dn)
        if result != _NO_SUCH_OBJECT:
            _check(result)

    def change(self, dn: str, changes: Sequence[tuple[str, Change, Sequence[str]]]) -> None:
        """The values are there, or are not. A value that was so already is no error when it is the only one.

        Raises `GoneError` when the entry is not there.
        """
        wanted = {attribute: [(how.value, list(values))] for attribute, how, values in changes}
        result = self._write("modify", dn, wanted)
        single = len(changes) == 1 and len(changes[0][2]) == 1
        kind = changes[0][1]
        if single and (kind, result) in {
            (Change.ADD, _VALUE_EXISTS), (Change.DELETE, _NO_SUCH_ATTRIBUTE),
        }:  # fmt: skip
            return
        _check(result)

    def _search(
        self, base: str, condition: str, scope: Any, attributes: Sequence[str], limit: int, **paging: Any
    ) -> tuple[int, list[Entry], bytes | None]:
        with self._lock:
            connection = self._bound()
            try:
                _, result, response, _ = connection.search(
                    base, condition, scope, attributes=list(attributes), size_limit=limit,
                    time_limit=self._seconds, **paging,
                )  # fmt: skip
            except (LDAPException, OSError) as error:
                self._drop()
                raise UnreachableError(type(error).__name__) from None
        entries = [_entry(each) for each in response or () if each.get("type") == "searchResEntry"]
        cookie = (result.get("controls") or {}).get(_PAGED, {}).get("value", {}).get("cookie")
        return int(result["result"]), entries, cookie

    def _write(self, verb: str, *arguments: Any) -> int:
        with self._lock:
            connection = self._bound()
            try:
                _, result, _, _ = getattr(connection, verb)(*arguments)
            except (LDAPException, OSError) as error:
                self._drop()
                raise UnsettledError(type(error).__name__) from None
        return int(result["result"])

    def _bound(self) -> Any:
        if self._connection is not None:
            return self._connection
        user, password = self._account
        connection = ldap3.Connection(
            # A new one each time: it remembers for minutes that an address could not be reached.
            ldap3.Server(
                self._url,
                get_info=ldap3.NONE,
                connect_timeout=self._seconds,
                tls=ldap3.Tls(validate=ssl.CERT_REQUIRED, version=ssl.PROTOCOL_TLS_CLIENT),
            ),
            user=user,
            password=password,
            client_strategy=ldap3.SAFE_SYNC,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            auto_range=False,
            auto_escape=False,
            check_names=False,
            receive_timeout=self._seconds,
            raise_exceptions=False,
        )
        try:
            connection.open()
            if self._start_tls:
                connection.start_tls()
            _, result, _, _ = connection.bind()
        except (LDAPSocketOpenError, LDAPStartTLSError, LDAPException, OSError) as error:
            _silently_close(connection)
            raise UnreachableError(type(error).__name__) from None
        if result["result"] != _SUCCESS:
            _silently_close(connection)
            _check(int(result["result"]), while_binding=True)
        self._connection = connection
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            _silently_close(self._connection)
            self._connection = None


def _silently_close(connection: Any) -> None:
    plug = connection.socket
    # It may be broken, which is why it is closed; and ldap3 leaves the socket open when the server was
    # faster to end the session.
    with contextlib.suppress(LDAPException, OSError):
        connection.unbind()
    if plug is not None:
        plug.close()


def _check(result: int, *, while_binding: bool = False) -> None:
    if result == _SUCCESS:
        return
    raise _meaning(result, while_binding=while_binding)


def _meaning(result: int, *, while_binding: bool) -> TargetError:
    what = str(result)
    if result in {_INVALID_CREDENTIALS, _CONFIDENTIALITY_REQUIRED} or (
        while_binding and result == _NO_SUCH_OBJECT
    ):
        return UnauthenticatedError(what)
    if result == _INSUFFICIENT_RIGHTS:
        return ForbiddenError(what)
    if result == _NO_SUCH_OBJECT:
        return GoneError(what)
    if result == _ALREADY_EXISTS:
        return ConflictError(what)
    if result in _BUSY:
        return UnreachableError(what)
    return BrokenError(what)


def _entry(found: Mapping[str, Any]) -> Entry:
    raw: Mapping[str, Sequence[bytes]] = found["raw_attributes"]
    return Entry(
        dn=found["dn"],
        attributes={
            name.lower(): tuple(value.decode("utf-8", errors="replace") for value in values)
            for name, values in raw.items()
        },
    )
