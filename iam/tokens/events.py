"""What happens to the signing keys. Their names and algorithms, never a key. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from iam.journal.codec import EventTypes
from iam.portals.model import SigningAlg


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMade:
    """There is a new key, and portals are told of it."""

    KIND: ClassVar[str] = "tokens.key.made"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    kid: str
    alg: SigningAlg


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyActivated:
    """The key signs from now on."""

    KIND: ClassVar[str] = "tokens.key.activated"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    kid: str
    alg: SigningAlg


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRetired:
    """The key signs no more; what it signed is believed until it ends."""

    KIND: ClassVar[str] = "tokens.key.retired"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    kid: str
    alg: SigningAlg


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRemoved:
    """Nothing that the key signed is believed any more, and its private half is gone."""

    KIND: ClassVar[str] = "tokens.key.removed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    kid: str
    alg: SigningAlg


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """No token and no login that began before this instant is believed."""

    KIND: ClassVar[str] = "tokens.cutoff.moved"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    not_before: datetime


Event = KeyMade | KeyActivated | KeyRetired | KeyRemoved | CutOff
TYPES = EventTypes([KeyMade, KeyActivated, KeyRetired, KeyRemoved, CutOff])
