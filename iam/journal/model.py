"""What an entry of the journal is. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol
from uuid import UUID

from iam.kernel.actor import Actor, Capacity
from iam.kernel.ids import EntryId


class HeadKind(StrEnum):
    """What has a counter of its own: commands on the same head happen one after the other."""

    ENTERPRISE = "enterprise"
    PERSON = "person"
    CATALOGUE = "catalogue"
    REGISTER = "register"
    PORTAL = "portal"
    RULES = "rules"
    SIGNING = "signing"
    KEYS = "keys"
    DOSSIER = "dossier"


@dataclass(frozen=True, slots=True)
class Head:
    """The thing an entry is about and whose revision it raises."""

    kind: HeadKind
    id: UUID


class Event(Protocol):
    """Something that happened: a frozen dataclass, past tense, versioned.

    `KIND` is `<slice>.<subject>.<past verb>` and permanent. Fields named in `DETAILS` hold free
    text or addresses: they stand in an erasable row beside the entry and may be None when read
    back after an erasure.
    """

    KIND: ClassVar[str]
    VERSION: ClassVar[int]
    DETAILS: ClassVar[frozenset[str]]
    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Who did it, in which capacity, on which basis, why: the same for all events of a command.

    `basis` names the office, grant or function that allowed it: ids and codes only.
    """

    actor: Actor
    capacity: Capacity
    at: datetime
    basis: Mapping[str, str] = field(default_factory=dict)
    trace_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry as it is read back. `seq` is its dense number once it is sealed."""

    id: EntryId
    seq: int | None
    head: Head
    revision: int
    ordinal: int
    kind: str
    version: int
    at: datetime
    actor_kind: str
    actor_person: UUID | None
    actor_name: str | None
    capacity: Capacity
    basis: Mapping[str, str]
    level: int | None
    authenticated_at: datetime | None
    trace_id: str | None
    data: Mapping[str, Any]
    details: Mapping[str, Any] | None
