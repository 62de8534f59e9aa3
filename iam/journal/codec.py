"""Events to JSON documents and back. Pure."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from iam.journal.model import Entry, Event

EventT = TypeVar("EventT", bound=Event)


def split(event: Event) -> tuple[dict[str, Any], dict[str, Any]]:
    """The event's data and, apart, its erasable details, as JSON documents."""
    document: dict[str, Any] = msgspec.to_builtins(event, str_keys=True)
    details = {name: document.pop(name) for name in sorted(event.DETAILS)}
    return document, {name: value for name, value in details.items() if value is not None}


def detail_digest(salt: bytes, details: Mapping[str, Any]) -> bytes:
    """The digest that binds erasable details to their entry; says nothing without the salt."""
    canonical = msgspec.json.encode(dict(details), order="sorted")
    return hmac.digest(salt, canonical, hashlib.sha256)


class EventTypes:
    """The events of a slice by kind and version. Raises `KeyError` for one it does not know."""

    def __init__(self, types: Sequence[type[Event]]) -> None:
        """Index the types; two of the same kind and version are refused."""
        self._types = {(kind.KIND, kind.VERSION): kind for kind in types}
        if len(self._types) != len(types):
            message = "two event types share a kind and version"
            raise ValueError(message)

    def knows(self, entry: Entry) -> bool:
        """Whether the entry is one of these events."""
        return (entry.kind, entry.version) in self._types

    def decode(self, entry: Entry) -> Event:
        """The event of an entry; erased details are None."""
        kind = self._types[entry.kind, entry.version]
        absent = dict.fromkeys(kind.DETAILS)
        document = {**absent, **entry.data, **(entry.details or {})}
        event: Event = msgspec.convert(document, kind, strict=False)
        return event
