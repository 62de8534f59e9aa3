"""Reference data: functions, the rule table, consequences of situations. Files that a person can read.

Codes of functions and the list of those that represent are not public in a form we could verify
(DOMAIN 3.6): the shipped files hold codes of our own, which begin with X, and an operator replaces
them by a folder of his own. Each change is a version, and stands in the journal with the files' SHA-256.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from iam.bce.events import RulesReplaced
from iam.bce.model import (
    Consequence,
    Controlled,
    RepresentationRule,
    Represents,
)
from iam.bce.rules import Rulebook
from iam.bce.tables import BceFunctionCode, BceRepresentationRule, BceRulebook, BceSituation
from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import Clock, system_clock
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

RULES = Head(HeadKind.RULES, UUID(int=1))
_TABLE = "representation.csv"
_version = core(BceRulebook)
_code = core(BceFunctionCode)
_rule = core(BceRepresentationRule)
_situation = core(BceSituation)
_LANGUAGES = ("fr", "de", "nl", "en")
_SHIPPED = files("iam.bce") / "reference"


class InvalidReference(ValueError):
    """A reference file is wrong; says which file, which line and what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCode:
    """A code of a function, its type (1 is a legal function) and its labels."""

    code: str
    type: int
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """All of it. `files` are the SHA-256 of the files it was read from; `named` if an operator named them."""

    functions: tuple[FunctionCode, ...]
    rules: tuple[RepresentationRule, ...]
    situations: Mapping[str, Consequence]
    files: Mapping[str, str] = field(default_factory=dict)
    named: bool = False

    @property
    def rulebook(self) -> Rulebook:
        """The rules as the rules of representation want them."""
        return Rulebook(rules=self.rules, types={each.code: each.type for each in self.functions})

    def consequence(self, situation: str) -> Consequence:
        """What a juridical situation means; one that nobody has heard of suspends directors."""
        return self.situations.get(situation, self.situations.get("*", Consequence.CONTROLLED))


def read(place: Path | None = None) -> Reference:
    """The reference data of a folder, or of one file as its rule table; of the shipped one by default.

    A file that is not there is taken from the shipped ones. Raises `InvalidReference`.
    """

    def find(name: str) -> Traversable:
        own = None if place is None else place if place.is_file() and name == _TABLE else place / name
        return own if own is not None and own.is_file() else _SHIPPED / name

    found = {name: find(name) for name in ("functions.csv", _TABLE, "situations.csv")}
    made = Reference(
        functions=tuple(_read(found["functions.csv"], _function)),
        rules=tuple(_read(found[_TABLE], _representation)),
        situations=dict(_read(found["situations.csv"], _consequence)),
        files={name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in found.items()},
        named=place is not None,
    )
    _refuse_what_answers_twice(made.rules)
    _refuse_unknown_functions(made)
    return made


def _refuse_what_answers_twice(rules: tuple[RepresentationRule, ...]) -> None:
    ordered = sorted(rules, key=lambda rule: (rule.function, rule.form, rule.valid_from))
    for one, other in pairwise(ordered):
        same = (one.function, one.form) == (other.function, other.form)
        if same and (one.valid_to is None or other.valid_from <= one.valid_to):
            day = other.valid_from.isoformat()
            raise InvalidReference(f"{_TABLE}: two rows for {one.function}, {one.form} on {day}")


def _refuse_unknown_functions(made: Reference) -> None:
    unknown = {rule.function for rule in made.rules} - {each.code for each in made.functions}
    if unknown:
        raise InvalidReference(f"{_TABLE}: {min(unknown)} is not in functions.csv")


def _read(file: Traversable, convert: Any) -> Iterator[Any]:
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines(), strict=True)
    for line, row in enumerate(rows, start=2):
        try:
            yield convert(row)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InvalidReference(f"{file.name}, line {line}: {error}") from error


def _function(row: dict[str, str]) -> FunctionCode:
    return FunctionCode(
        code=row["code"].strip(),
        type=int(row["type"]),
        labels={language: row[language].strip() for language in _LANGUAGES},
    )


def _representation(row: dict[str, str]) -> RepresentationRule:
    return RepresentationRule(
        function=row["function"].strip(),
        form=row["form"].strip(),
        represents=Represents(row["represents"]),
        controlled=Controlled(row["controlled"]),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        source=row["source"].strip(),
    )


def _consequence(row: dict[str, str]) -> tuple[str, Consequence]:
    return row["code"].strip(), Consequence(row["consequence"])


async def store(conn: WriteConnection, reference: Reference, clock: Clock = system_clock) -> bool:
    """There are rules: those of the reference, if an operator named it or there were none.

    For whoever needs some: an import does not take back what an operator has loaded. See `replace`.
    Returns whether they are others than before.
    """
    if not reference.named and await version(conn):
        return False
    return await replace(conn, reference, clock)


async def replace(conn: WriteConnection, reference: Reference, clock: Clock = system_clock) -> bool:
    """The tables say what the reference says; a change is the next version, and in the journal.

    Returns whether there was one. Raises `sqlalchemy.exc.IntegrityError` when two rules answer for the
    same function, form and day.
    """
    changed = False
    for table, rows in (
        (_code, [_code_row(each) for each in reference.functions]),
        (_rule, [_rule_row(each) for each in reference.rules]),
        (
            _situation,
            [{"code": code, "consequence": each.value} for code, each in reference.situations.items()],
        ),
    ):
        columns = [column for column in table.c if column.name != "rule_id"]
        present = [dict(row) for row in (await conn.execute(select(*columns))).mappings()]
        if sorted(map(repr, present)) == sorted(map(repr, rows)):
            continue
        changed = True
        await conn.execute(delete(table))
        if rows:
            await conn.execute(insert(table), rows)
    if changed:
        await _next_version(conn, reference, clock)
    return changed


async def version(conn: ReadConnection) -> int:
    """The number of the rules as they are; 0 before the first."""
    newest = await conn.execute(select(func.coalesce(func.max(_version.c.version), 0)))
    return int(newest.scalar_one())


async def _next_version(conn: WriteConnection, reference: Reference, clock: Clock) -> None:
    before, now = await version(conn), clock()
    # Two at once: the second meets the first one's number, and nothing of it stays.
    await conn.execute(
        insert(_version).values(version=before + 1, files=dict(reference.files), loaded_at=now)
    )
    event = RulesReplaced(
        version=before + 1,
        files=dict(reference.files),
        functions=len(reference.functions),
        rules=len(reference.rules),
        situations=len(reference.situations),
    )
    context = Context(actor=SystemActor(trigger="rules"), capacity=Capacity.OPERATOR, at=now)
    await append(conn, RULES, before + 1, [event], context)


async def loaded(conn: ReadConnection) -> Reference:
    """The reference data as the database holds it."""
    codes = (await conn.execute(select(_code).order_by(_code.c.code))).all()
    situations = await conn.execute(select(_situation))
    return Reference(
        functions=tuple(FunctionCode(code=row.code, type=row.type, labels=row.labels) for row in codes),
        rules=await _rules(conn),
        situations={row.code: Consequence(row.consequence) for row in situations},
        named=True,
    )


def _code_row(each: FunctionCode) -> dict[str, Any]:
    return {"code": each.code, "type": each.type, "labels": dict(sorted(each.labels.items()))}


def _rule_row(each: RepresentationRule) -> dict[str, Any]:
    return {
        "function": each.function,
        "form": each.form,
        "represents": each.represents.value,
        "controlled": each.controlled.value,
        "valid_from": each.valid_from,
        "valid_to": each.valid_to,
        "source": each.source,
    }


async def rulebook(conn: ReadConnection) -> Rulebook:
    """The rules as the database holds them."""
    types = await conn.execute(select(_code.c.code, _code.c.type))
    return Rulebook(rules=await _rules(conn), types={row.code: row.type for row in types})


async def _rules(conn: ReadConnection) -> tuple[RepresentationRule, ...]:
    rows = await conn.execute(select(_rule).order_by(_rule.c.rule_id))
    return tuple(
        RepresentationRule(
            function=row.function,
            form=row.form,
            represents=Represents(row.represents),
            controlled=Controlled(row.controlled),
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            source=row.source,
        )
        for row in rows
    )
