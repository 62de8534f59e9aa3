"""Who began and who ceased to represent a watched enterprise, and the events that say so.

By function and code: nobody's fingerprint is in an event. Nothing is revoked by it: what an enterprise has
done stays, and whoever represents it no longer can do nothing more, because each act looks anew
(DOMAIN 1.5, 7.3 nr 19).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from iam.bce.events import RegisterEvent, RepresentationBegan, RepresentationEnded
from iam.bce.facts import functions_of
from iam.bce.model import Enterprise, Function, Representation
from iam.bce.queries import load
from iam.bce.reference import Reference, rulebook
from iam.bce.rules import Rulebook, represent
from iam.kernel.ids import EntityId
from iam.storage import ReadConnection

# So many enterprises are in memory at once.
_CHUNK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed in who represents an enterprise, and whether nobody does any more."""

    enterprise: Enterprise
    began: tuple[Representation, ...]
    ended: tuple[Representation, ...]
    nobody_left: bool

    @property
    def events(self) -> list[RegisterEvent]:
        """The change as the journal tells it, ends first."""
        ended: list[RegisterEvent] = [
            RepresentationEnded(
                entity=self.enterprise.entity,
                function=UUID(each.basis),
                code=each.code,
                how=each.how.value,
                last=self.nobody_left,
            )
            for each in self.ended
        ]
        return ended + [
            RepresentationBegan(
                entity=self.enterprise.entity, function=UUID(each.basis), code=each.code, how=each.how.value
            )
            for each in self.began
        ]


def difference(
    enterprise: Enterprise, before: Iterable[Representation], after: Iterable[Representation]
) -> Change | None:
    """What changed between two answers to who represents it; None for nothing. Suspended, one does not."""
    was = {each.basis: each for each in before if not each.suspended}
    is_now = {each.basis: each for each in after if not each.suspended}
    if was.keys() == is_now.keys():
        return None
    return Change(
        enterprise=enterprise,
        began=tuple(each for basis, each in is_now.items() if basis not in was),
        ended=tuple(each for basis, each in was.items() if basis not in is_now),
        nobody_left=bool(was) and not is_now,
    )


# What a source was asked about and what it changed, among those that are watched.
_TOUCHED = text(
    """
    SELECT q.entity_id FROM staging_question q JOIN bce_watch w ON w.entity_id = q.entity_id
     WHERE EXISTS (SELECT FROM bce_function f WHERE f.entity_id = q.entity_id
                      AND (f.recorded_from = :now OR f.recorded_until = :now))
     ORDER BY q.entity_id
    """
)


async def by_functions(conn: ReadConnection, now: datetime) -> list[Change]:
    """What a source that was believed at `now`, in this transaction, changed for watched enterprises."""
    touched = [EntityId(row.entity_id) for row in await conn.execute(_TOUCHED, {"now": now})]
    book = await rulebook(conn)
    found: list[Change] = []
    for first in range(0, len(touched), _CHUNK):
        entities = touched[first : first + _CHUNK]
        enterprises = await load(conn, entities)
        before = _by_entity(await functions_of(conn, entities, before=now))
        after = _by_entity(await functions_of(conn, entities))
        found += _differences(enterprises, before, after, book, now)
    return found


# Watched enterprises in which somebody has a function of one of these codes, or of any.
_CONCERNED = text(
    """
    SELECT DISTINCT f.entity_id FROM bce_function f JOIN bce_watch w ON w.entity_id = f.entity_id
     WHERE f.recorded_until IS NULL
       AND (CAST(:codes AS text[]) IS NULL OR f.code = ANY(CAST(:codes AS text[]))) ORDER BY f.entity_id
    """
)


async def by_rules(
    conn: ReadConnection, old: Reference, new: Reference, codes: frozenset[str] | None, at: datetime
) -> list[Change]:
    """What other rules, about these codes of functions, change for watched enterprises."""
    asked = {"codes": None if codes is None else sorted(codes)}
    entities = [EntityId(row.entity_id) for row in await conn.execute(_CONCERNED, asked)]
    found: list[Change | None] = []
    for first in range(0, len(entities), _CHUNK):
        enterprises = await load(conn, entities[first : first + _CHUNK])
        functions = _by_entity(await functions_of(conn, list(enterprises)))
        for entity, each in enterprises.items():
            before = represent(_under(old, each), functions[entity], old.rulebook, at)
            after = represent(_under(new, each), functions[entity], new.rulebook, at)
            found.append(difference(each, before, after))
    return [change for change in found if change is not None]


def _under(reference: Reference, enterprise: Enterprise) -> Enterprise:
    return replace(enterprise, consequence=reference.consequence(enterprise.situation))


def _by_entity(functions: Iterable[Function]) -> Mapping[EntityId, Sequence[Function]]:
    found: dict[EntityId, list[Function]] = {}
    for each in functions:
        found.setdefault(each.entity, []).append(each)
    return found


def _differences(
    enterprises: Mapping[EntityId, Enterprise],
    before: Mapping[EntityId, Sequence[Function]],
    after: Mapping[EntityId, Sequence[Function]],
    book: Rulebook,
    at: datetime,
) -> list[Change]:
    changes = (
        difference(
            each,
            represent(each, before.get(entity, ()), book, at),
            represent(each, after.get(entity, ()), book, at),
        )
        for entity, each in enterprises.items()
    )
    return [change for change in changes if change is not None]
