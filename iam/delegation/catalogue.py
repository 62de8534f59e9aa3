"""The catalogue of roles: read from a file, checked whole, applied as the difference.

A catalogue is data of the operator (`habilis catalogue apply FILE`): TOML, one table a role. A role
that a new file leaves out is retired, never deleted: grants of the past still name it.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert

from iam.delegation.model import OfficeKind, Role, RoleContext
from iam.delegation.tables import DelegationCatalogue, DelegationRole
from iam.journal.append import append
from iam.journal.codec import EventTypes
from iam.journal.model import Context, Head, HeadKind
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.assurance import Level
from iam.kernel.clock import Clock
from iam.kernel.language import Language
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_counter = core(DelegationCatalogue)
_role = core(DelegationRole)
CATALOGUE = Head(HeadKind.CATALOGUE, UUID(int=1))

Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(\.[a-z0-9-]+)+$", max_length=100)]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class InvalidCatalogue(ValueError):
    """The file is no catalogue; the message says where it goes wrong."""


class _Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    context: RoleContext = RoleContext.ENTERPRISE
    labels: dict[Language, Words]
    allows: dict[Language, Words]
    grantable_by: list[OfficeKind]
    longest_days: Annotated[int, msgspec.Meta(ge=1, le=9131)]
    minimum_level: Level = Level.TOTP
    four_eyes: bool = False


class _File(msgspec.Struct, forbid_unknown_fields=True):
    role: dict[Code, _Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleDefined:
    """A role entered the catalogue or changed in it: this is what it says now."""

    KIND: ClassVar[str] = "delegation.role.defined"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    code: str
    context: RoleContext
    labels: Mapping[Language, str]
    allows: Mapping[Language, str]
    grantable_by: tuple[OfficeKind, ...]
    longest_days: int
    minimum_level: Level
    four_eyes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRetired:
    """A role no longer exists from now on: its grants give nothing more (DOMAIN 7.3 nr 62)."""

    KIND: ClassVar[str] = "delegation.role.retired"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    code: str
    at: datetime


TYPES = EventTypes([RoleDefined, RoleRetired])


def read(path: Path) -> dict[str, Role]:
    """The roles of a catalogue file. Raises `InvalidCatalogue`; every language must be there (nr 69)."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = msgspec.convert(document, _File, strict=False).role
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise InvalidCatalogue(f"{path.name}: {error}") from error
    for code, entry in entries.items():
        for name, words in (("labels", entry.labels), ("allows", entry.allows)):
            if missing := sorted(set(Language) - set(words)):
                raise InvalidCatalogue(f"{path.name}: role {code}: {name} lacks {', '.join(missing)}")
    return {
        code: Role(
            code=code,
            context=entry.context,
            labels=entry.labels,
            allows=entry.allows,
            grantable_by=frozenset(entry.grantable_by),
            longest_days=entry.longest_days,
            minimum_level=entry.minimum_level,
            four_eyes=entry.four_eyes,
        )
        for code, entry in entries.items()
    }


def difference(
    old: Mapping[str, Role], new: Mapping[str, Role], now: datetime
) -> list[RoleDefined | RoleRetired]:
    """The events that lead from one catalogue to the other. Pure."""
    defined: list[RoleDefined | RoleRetired] = [
        _defined(role) for code, role in sorted(new.items()) if old.get(code) != role
    ]
    retired = [
        RoleRetired(code=code, at=now)
        for code, role in sorted(old.items())
        if code not in new and not role.is_retired(now)
    ]
    return [*defined, *retired]


def _defined(role: Role) -> RoleDefined:
    return RoleDefined(
        code=role.code,
        context=role.context,
        labels=dict(role.labels),
        allows=dict(role.allows),
        grantable_by=tuple(sorted(role.grantable_by)),
        longest_days=role.longest_days,
        minimum_level=role.minimum_level,
        four_eyes=role.four_eyes,
    )


async def load(conn: ReadConnection) -> Mapping[str, Role]:
    """Every role of the catalogue, retired ones too, by code."""
    rows = (await conn.execute(select(_role))).mappings()
    return {row["code"]: _read_role(row) for row in rows}


def _read_role(row: RowMapping) -> Role:
    return Role(
        code=row["code"],
        context=RoleContext(row["context"]),
        labels={Language(key): text for key, text in row["labels"].items()},
        allows={Language(key): text for key, text in row["allows"].items()},
        grantable_by=frozenset(OfficeKind(kind) for kind in row["grantable_by"]),
        longest_days=row["longest_days"],
        minimum_level=Level(row["minimum_level"]),
        four_eyes=row["four_eyes"],
        retired_at=row["retired_at"],
    )


async def plan(
    conn: ReadConnection, new: Mapping[str, Role], clock: Clock
) -> list[RoleDefined | RoleRetired]:
    """What applying the catalogue would do."""
    return difference(await load(conn), new, clock())


async def apply(
    conn: WriteConnection, new: Mapping[str, Role], clock: Clock
) -> list[RoleDefined | RoleRetired]:
    """The catalogue is the new one; an unchanged one changes nothing, not even its revision."""
    counter = (
        await conn.execute(select(_counter.c.revision).where(_counter.c.id == 1).with_for_update())
    ).scalar_one()
    events = await plan(conn, new, clock)
    if not events:
        return events
    for event in events:
        await _record(conn, event)
    now = clock()
    context = Context(actor=SystemActor(trigger="catalogue"), capacity=Capacity.OPERATOR, at=now)
    await append(conn, CATALOGUE, counter + 1, events, context)
    await conn.execute(update(_counter).values(revision=counter + 1))
    return events


async def _record(conn: WriteConnection, event: RoleDefined | RoleRetired) -> None:
    if isinstance(event, RoleRetired):
        await conn.execute(update(_role).where(_role.c.code == event.code).values(retired_at=event.at))
        return
    values = {
        "context": event.context.value,
        "labels": {language.value: words for language, words in event.labels.items()},
        "allows": {language.value: words for language, words in event.allows.items()},
        "grantable_by": [kind.value for kind in event.grantable_by],
        "longest_days": event.longest_days,
        "minimum_level": int(event.minimum_level),
        "four_eyes": event.four_eyes,
        "retired_at": None,
    }
    await conn.execute(
        insert(_role)
        .values(code=event.code, **values)
        .on_conflict_do_update(index_elements=[_role.c.code], set_=values)
    )
