"""What a person may do for an enterprise at a portal, now. Decision, search and token all read this.

Time decides on read: a grant is in force if its period holds now, its enterprise operates, its role
still exists (DESIGN 4). Nothing here writes, and nothing is cached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from iam.bce import queries as register
from iam.kernel.actor import Capacity
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, GrantId, PersonId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from iam.kernel.revision import Revision
from iam.storage import Read, ReadConnection, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRight:
    """A role in force: by which grant, until when, and how strong a login it wants."""

    code: str
    grant: GrantId
    until: datetime | None
    minimum_level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What holds now. `roles` is within what the portal may see and what the login is strong enough for.

    `too_weak` names roles in force that a stronger login would add, with the level they want (nr 60).
    """

    person: PersonId
    capacity: Capacity
    revision: Revision
    entity: EntityId | None = None
    number: EnterpriseNumber | None = None
    name: str | None = None
    roles: tuple[RoleRight, ...] = ()
    too_weak: tuple[RoleRight, ...] = ()

    @property
    def until(self) -> datetime | None:
        """When the first of the roles ends."""
        ends = [role.until for role in self.roles if role.until is not None]
        return min(ends) if ends else None


def holding(*, person: str, enterprise: str, at: str, named: bool) -> str:
    """SQL for the one row that `rights_of` reads, none if the person is unknown; the arguments are SQL too.

    `enterprise`: what is true of its row `e`: that it has this number, or is this entity. `named`: with the
    enterprise's names, for those who show or record one. Who, for whom, what, and the counters that make the
    revision. A grant that was ended is over, whatever this machine's clock says: the enterprise's own time
    may be ahead of it.
    """
    names = "e.names::text" if named else "CAST(NULL AS text)"
    return f"""
    SELECT p.person_id AS holder, p.blocked AS holder_blocked, p.revision AS holder_revision,
           c.revision AS catalogue_revision, x.number AS extract_number,
           e.entity_id, e.operating, {names} AS enterprise_names,
           coalesce(h.revision, 0) AS head_revision,
           (SELECT json_agg(json_build_object('code', g.role, 'grant', g.grant_id, 'until', g.ends_at,
                                              'minimum_level', r.minimum_level) ORDER BY g.role)::text
              FROM delegation_grant g
              JOIN delegation_role r ON r.code = g.role
             WHERE g.entity_id = e.entity_id AND g.person_id = p.person_id
               AND g.recorded_until IS NULL AND g.ended IS NULL
               AND g.starts_at <= {at} AND (g.ends_at IS NULL OR {at} < g.ends_at)
               AND (r.retired_at IS NULL OR {at} < r.retired_at)) AS held
      FROM people_person_view p
     CROSS JOIN delegation_catalogue c
     CROSS JOIN bce_extract_view x
      LEFT JOIN bce_enterprise_view e ON {enterprise}
      LEFT JOIN delegation_head h ON h.entity_id = e.entity_id
     WHERE p.person_id = {person}
    """  # noqa: S608 - the arguments are words of this house, never values


_RIGHTS = Read(holding(person=":person", enterprise="e.number = :number", at=":at", named=True))


async def effective(
    conn: ReadConnection,
    *,
    person: PersonId,
    number: EnterpriseNumber | None,
    roles: frozenset[str],
    at: datetime,
    level: Level,
) -> Rights | Refusal:
    """The rights of a person for one enterprise (or as a citizen, without a number) among some roles."""
    asked = {"person": person, "number": None if number is None else number.digits, "at": at}
    row = (await conn.execute(_RIGHTS.clause, asked)).one_or_none()
    return rights_of(row, person=person, number=number, roles=roles, level=level)


def rights_of(
    row: Row | None,
    *,
    person: PersonId,
    number: EnterpriseNumber | None,
    roles: frozenset[str],
    level: Level,
) -> Rights | Refusal:
    """What a row of `holding`, asked for this person and number, says about some roles.

    Refused when the person is unknown or blocked, the enterprise unknown or no longer operating, or none
    of the roles is in force. Deny by default (DOMAIN 7.3 nr 58, 60, 62).
    """
    if row is None or row.holder != person:
        return Refusal(reason=Reason.PERSON_UNKNOWN)
    if row.holder_blocked:
        return Refusal(reason=Reason.PERSON_BLOCKED)
    revision = Revision(row.head_revision, row.holder_revision, row.catalogue_revision, row.extract_number)
    if number is None:
        return Rights(person=person, capacity=Capacity.CITIZEN, revision=revision)
    if row.entity_id is None:
        return Refusal(reason=Reason.ROLE_MISSING)
    if not row.operating:
        return Refusal(reason=Reason.ENTERPRISE_CEASED)
    held = [role for role in _held(row.held) if role.code in roles]
    if not held:
        return Refusal(reason=Reason.ROLE_MISSING)
    strong = tuple(role for role in held if level >= role.minimum_level)
    too_weak = tuple(role for role in held if level < role.minimum_level)
    if not strong:
        return Refusal(reason=Reason.LEVEL_TOO_LOW, level=min(role.minimum_level for role in too_weak))
    return Rights(
        person=person,
        capacity=Capacity.ROLE_HOLDER,
        revision=revision,
        entity=EntityId(row.entity_id),
        number=number,
        name=_name(row.enterprise_names, number),
        roles=strong,
        too_weak=too_weak,
    )


def _name(names: str | None, number: EnterpriseNumber) -> str | None:
    """The name for a portal to show: in French, else as the register has it (nr 7)."""
    return None if names is None else register.name_to_show(register.names_of(names), number, Language.FR)


_HELD = msgspec.json.Decoder(tuple[RoleRight, ...])


def _held(document: str | None) -> tuple[RoleRight, ...]:
    return () if document is None else _HELD.decode(document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An enterprise for which a person has a right at a portal."""

    entity: EntityId
    number: EnterpriseNumber
    roles: tuple[str, ...]


_CHOICES = text(
    """
    SELECT e.entity_id, e.number, array_agg(DISTINCT g.role ORDER BY g.role) AS roles
      FROM delegation_grant g
      JOIN delegation_role r ON r.code = g.role
      JOIN bce_enterprise_view e ON e.entity_id = g.entity_id AND e.operating
      JOIN people_person_view p ON p.person_id = g.person_id AND NOT p.blocked
     WHERE g.person_id = :person AND g.recorded_until IS NULL AND g.ended IS NULL
       AND g.starts_at <= :at AND (g.ends_at IS NULL OR :at < g.ends_at)
       AND (r.retired_at IS NULL OR :at < r.retired_at)
       AND g.role = ANY(:ceiling)
     GROUP BY e.entity_id, e.number ORDER BY e.number
    """
)


async def choices(
    conn: ReadConnection, person: PersonId, *, ceiling: Sequence[str], at: datetime
) -> list[Choice]:
    """The enterprises for which the person may act within a ceiling, by number."""
    rows = await conn.execute(_CHOICES, {"person": person, "ceiling": list(ceiling), "at": at})
    return [
        Choice(
            entity=EntityId(UUID(str(row.entity_id))),
            number=EnterpriseNumber(row.number),
            roles=tuple(row.roles),
        )
        for row in rows
    ]
