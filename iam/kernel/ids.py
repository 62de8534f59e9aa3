"""Identifiers. Every primary key is a UUID that says nothing about its bearer (DOMAIN 7.3 nr 6)."""

import secrets
import time
from typing import NewType, Protocol
from uuid import UUID

PersonId = NewType("PersonId", UUID)
EntityId = NewType("EntityId", UUID)
OfficeId = NewType("OfficeId", UUID)
GrantId = NewType("GrantId", UUID)
RequestId = NewType("RequestId", UUID)
EntryId = NewType("EntryId", UUID)
DossierId = NewType("DossierId", UUID)
DocumentId = NewType("DocumentId", UUID)


class MakeId(Protocol):
    """Makes a fresh identifier; injected, so that a test can foresee it."""

    def __call__(self) -> UUID:
        """A fresh identifier."""
        ...


def uuid7() -> UUID:
    """A time-ordered identifier (RFC 9562 §5.7): 48 bits of milliseconds, 74 bits of randomness.

    For rows whose order of creation may be known. PostgreSQL 15 has no function for it.
    """
    milliseconds = time.time_ns() // 1_000_000
    random_bits = secrets.randbits(74)
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= (random_bits >> 62) << 64
    value |= 0b10 << 62
    value |= random_bits & ((1 << 62) - 1)
    return UUID(int=value)


def uuid4() -> UUID:
    """A random identifier (RFC 9562 §5.4), for persons and entities: it must not even tell their age."""
    return UUID(bytes=secrets.token_bytes(16), version=4)
