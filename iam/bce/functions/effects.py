"""What other rules would mean: which functions would gain by them, and which would lose.

Persons are ids of functions here, and nothing else. Reads the whole register in a stream.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import RowMapping, text

from iam.bce.facts import read_function
from iam.bce.model import (
    Consequence,
    Enterprise,
    EnterpriseKind,
    Function,
    FunctionId,
    RegisterState,
)
from iam.bce.reference import Reference
from iam.bce.rules import Rulebook, represent
from iam.kernel.ids import EntityId
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import ReadConnection


class Worth(IntEnum):
    """What a function is worth to its holder, from nothing upwards."""

    NOTHING = 0
    SUSPENDED = 1
    JOINTLY = 2
    ALONE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A function that is worth something else under other rules."""

    number: EnterpriseNumber
    function: FunctionId
    code: str
    before: Worth
    after: Worth
    watched: bool

    @property
    def gains(self) -> bool:
        """Whether it is worth more."""
        return self.after > self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All effects counted, and the first of them, those in watched enterprises before the others."""

    gaining: int
    losing: int
    watched_gaining: int
    watched_losing: int
    shown: tuple[Effect, ...] = field(default=())


_FUNCTIONS = text(
    """
    SELECT f.*, v.number, v.kind, v.form, v.situation, v.state, v.start_on,
           w.entity_id IS NOT NULL AS watched, h.state AS holder_state, h.situation AS holder_situation
      FROM bce_function f
      JOIN bce_enterprise_view v ON v.entity_id = f.entity_id
      LEFT JOIN bce_watch w ON w.entity_id = f.entity_id
      LEFT JOIN bce_enterprise_view h ON h.number = f.holder_number
     WHERE f.recorded_until IS NULL AND f.starts_at <= :at AND (f.ends_at IS NULL OR :at < f.ends_at)
       AND (CAST(:codes AS text[]) IS NULL OR f.code = ANY(CAST(:codes AS text[])))
     ORDER BY w.entity_id IS NULL, v.number, f.function_id
    """
)


def concerned(old: Reference, new: Reference) -> frozenset[str] | None:
    """The codes of functions about which the two say something else; None for all of them. Pure."""
    if dict(old.situations) != dict(new.situations):
        return None
    return frozenset(
        code
        for code in {each.code for each in (*old.functions, *new.functions)}
        if _about(old, code) != _about(new, code)
    )


def _about(reference: Reference, code: str) -> Any:
    rules = {
        (rule.form, rule.represents, rule.controlled, rule.valid_from, rule.valid_to)
        for rule in reference.rules
        if rule.function == code
    }
    return [each.type for each in reference.functions if each.code == code], rules


async def compare(
    conn: ReadConnection, old: Reference, new: Reference, at: datetime, *, show: int
) -> Comparison:
    """Who would gain and who would lose if the new rules took the old ones' place now."""
    counts: Counter[tuple[bool, bool]] = Counter()
    shown: list[Effect] = []
    async for effect in _effects(conn, old, new, at):
        counts[effect.gains, effect.watched] += 1
        if len(shown) < show:
            shown.append(effect)
    return Comparison(
        gaining=counts[True, True] + counts[True, False],
        losing=counts[False, True] + counts[False, False],
        watched_gaining=counts[True, True],
        watched_losing=counts[False, True],
        shown=tuple(shown),
    )


async def _effects(
    conn: ReadConnection, old: Reference, new: Reference, at: datetime
) -> AsyncIterator[Effect]:
    codes = concerned(old, new)
    if codes is not None and not codes:
        return
    old_book, new_book = old.rulebook, new.rulebook
    rows = await conn.stream(_FUNCTIONS, {"at": at, "codes": None if codes is None else sorted(codes)})
    async for row in rows.mappings():
        before, after = _worth(row, old, old_book, at), _worth(row, new, new_book, at)
        if before != after:
            yield Effect(
                number=EnterpriseNumber(row["number"]),
                function=FunctionId(row["function_id"]),
                code=row["code"],
                before=before,
                after=after,
                watched=row["watched"],
            )


def _worth(row: RowMapping, reference: Reference, book: Rulebook, at: datetime) -> Worth:
    enterprise, function = _enterprise(row, reference), _function(row, reference)
    found = represent(enterprise, [function], book, at)
    if not found:
        return Worth.NOTHING
    if found[0].suspended:
        return Worth.SUSPENDED
    return Worth.ALONE if found[0].alone else Worth.JOINTLY


def _enterprise(row: RowMapping, reference: Reference) -> Enterprise:
    return Enterprise(
        entity=EntityId(row["entity_id"]),
        number=EnterpriseNumber(row["number"]),
        kind=EnterpriseKind(row["kind"]),
        form=row["form"],
        situation=row["situation"],
        consequence=reference.consequence(row["situation"]),
        state=RegisterState(row["state"]),
        start_on=row["start_on"],
        names=(),
    )


def _function(row: RowMapping, reference: Reference) -> Function:
    ceased = row["holder_state"] is not None and (
        row["holder_state"] == RegisterState.VANISHED.value
        or reference.consequence(row["holder_situation"]) is Consequence.TERMINAL
    )
    return replace(read_function(row), holder_operating=not ceased)


def as_documents(comparison: Comparison) -> Mapping[str, Any]:
    """The comparison as JSON tells it."""
    return {
        "gaining": comparison.gaining,
        "losing": comparison.losing,
        "watched": {"gaining": comparison.watched_gaining, "losing": comparison.watched_losing},
        "effects": [
            {
                "enterpriseNumber": each.number.digits,
                "function": str(each.function),
                "code": each.code,
                "before": each.before.name.lower(),
                "after": each.after.name.lower(),
                "watched": each.watched,
            }
            for each in comparison.shown
        ],
    }
