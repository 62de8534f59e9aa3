"""What the group directories should show: the truth, seen from provisioning (DESIGN 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from iam.kernel.ids import EntityId, PersonId
from iam.storage import ReadConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredEnterprise:
    """The groups of one enterprise: its number and, by role, who is in."""

    entity_id: EntityId
    number: str
    roles: Mapping[str, frozenset[PersonId]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person as the directories know him: an opaque id, his account there if he ever logged in, names."""

    uid: str
    keycloak_user: str | None
    given_name: str | None
    family_name: str | None


# The same conditions as a right's (rights.py): whoever has a right is in the group, and nobody else.
_LIVE = """
      FROM delegation_grant g
      JOIN delegation_role r ON r.code = g.role
      JOIN bce_enterprise_view e ON e.entity_id = g.entity_id AND e.operating
      JOIN people_person_view p ON p.person_id = g.person_id AND NOT p.blocked
     WHERE g.recorded_until IS NULL AND g.ended IS NULL
       AND g.starts_at <= :at AND (g.ends_at IS NULL OR :at < g.ends_at)
       AND (r.retired_at IS NULL OR :at < r.retired_at)
"""
_DESIRED = text(f"SELECT e.number, g.role, g.person_id {_LIVE} AND g.entity_id = :entity")
_ENTITIES = text(
    f"SELECT DISTINCT g.entity_id {_LIVE}"
    " AND (CAST(:after AS uuid) IS NULL OR g.entity_id > :after) ORDER BY g.entity_id LIMIT :limit"
)
_DUE = text(
    """
    SELECT DISTINCT entity_id FROM delegation_grant
     WHERE recorded_until IS NULL
       AND ((starts_at > :since AND starts_at <= :until) OR (ends_at > :since AND ends_at <= :until))
    """
)
_RETIRING = text("SELECT code FROM delegation_role WHERE retired_at > :since AND retired_at <= :until")
_OF_ROLE = text(
    """
    SELECT DISTINCT entity_id FROM delegation_grant
     WHERE role = :role AND recorded_until IS NULL AND ended IS NULL AND (ends_at IS NULL OR :at < ends_at)
    """
)
_MEMBERS = text(
    """
    SELECT p.person_id, p.given_name, p.family_name, p.keycloak_user
      FROM people_person_view p WHERE p.person_id = ANY(:persons)
    """
)
_OF_PERSON = text(
    "SELECT DISTINCT entity_id FROM delegation_grant WHERE person_id = :person AND recorded_until IS NULL"
)


async def desired(conn: ReadConnection, entity_id: EntityId, at: datetime) -> DesiredEnterprise | None:
    """The groups that should exist for the enterprise at `at`; None when there should be none."""
    rows = (await conn.execute(_DESIRED, {"entity": entity_id, "at": at})).all()
    if not rows:
        return None
    roles: dict[str, set[PersonId]] = {}
    for row in rows:
        roles.setdefault(row.role, set()).add(PersonId(row.person_id))
    return DesiredEnterprise(
        entity_id=entity_id,
        number=rows[0].number,
        roles={role: frozenset(persons) for role, persons in roles.items()},
    )


async def live_entities(
    conn: ReadConnection, after: EntityId | None, limit: int, at: datetime
) -> Sequence[EntityId]:
    """The enterprises that should have groups at `at`, a page at a time, by id."""
    rows = await conn.execute(_ENTITIES, {"after": after, "limit": limit, "at": at})
    return [EntityId(row.entity_id) for row in rows]


async def due_changes(conn: ReadConnection, since: datetime, until: datetime) -> Sequence[EntityId]:
    """The enterprises whose groups change by time alone in (since, until]: a grant's, or that of a role."""
    passing = {"since": since, "until": until}
    found = {EntityId(row.entity_id) for row in await conn.execute(_DUE, passing)}
    # A look at each grant of a role, which has no index of its own: only when one retires.
    for retiring in (await conn.execute(_RETIRING, passing)).all():
        found.update(await entities_with(conn, retiring.code, since))
    return sorted(found)


async def entities_with(conn: ReadConnection, role: str, at: datetime) -> Sequence[EntityId]:
    """The enterprises in which somebody has or will have the role by a grant that is not over at `at`."""
    rows = await conn.execute(_OF_ROLE, {"role": role, "at": at})
    return [EntityId(row.entity_id) for row in rows]


async def members(conn: ReadConnection, persons: Sequence[PersonId]) -> Mapping[PersonId, Member]:
    """How the directories know the persons."""
    rows = await conn.execute(_MEMBERS, {"persons": list(persons)})
    return {
        PersonId(row.person_id): Member(
            uid=str(row.person_id),
            keycloak_user=row.keycloak_user,
            given_name=row.given_name,
            family_name=row.family_name,
        )
        for row in rows
    }


async def entities_of(conn: ReadConnection, person: PersonId) -> Sequence[EntityId]:
    """The enterprises in which a person has, had or will have a role: his log-in may complete them."""
    rows = await conn.execute(_OF_PERSON, {"person": person})
    return [EntityId(row.entity_id) for row in rows]
