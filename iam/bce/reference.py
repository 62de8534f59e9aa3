"""Reference data: functions, the rule table, consequences of situations. Files that a person can read.

Codes of functions and the list of those that represent are not public in a form we could verify
(DOMAIN 3.6): the shipped files hold codes of our own, which begin with X, and an operator replaces
them by a folder of his own.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select

from iam.bce.model import (
    Consequence,
    Controlled,
    RepresentationRule,
    Represents,
)
from iam.bce.rules import Rulebook
from iam.bce.tables import BceFunctionCode, BceRepresentationRule, BceSituation
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

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
    """All of it, as read from files."""

    functions: tuple[FunctionCode, ...]
    rules: tuple[RepresentationRule, ...]
    situations: Mapping[str, Consequence]


def read(folder: Path | None = None) -> Reference:
    """The reference data of a folder; of the shipped one by default. Raises `InvalidReference`.

    A file that the folder lacks is taken from the shipped ones.
    """

    def place(name: str) -> Traversable:
        own = None if folder is None else folder / name
        return own if own is not None and own.is_file() else _SHIPPED / name

    return Reference(
        functions=tuple(_read(place("functions.csv"), _function)),
        rules=tuple(_read(place("representation.csv"), _representation)),
        situations=dict(_read(place("situations.csv"), _consequence)),
    )


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


async def store(conn: WriteConnection, reference: Reference) -> bool:
    """The tables say what the files say; returns whether that changed anything.

    Raises `sqlalchemy.exc.IntegrityError` when two rules answer for the same function, form and day.
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
    return changed


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
    rules = (await conn.execute(select(_rule).order_by(_rule.c.rule_id))).all()
    types = await conn.execute(select(_code.c.code, _code.c.type))
    return Rulebook(
        rules=tuple(
            RepresentationRule(
                function=row.function,
                form=row.form,
                represents=Represents(row.represents),
                controlled=Controlled(row.controlled),
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                source=row.source,
            )
            for row in rules
        ),
        types={row.code: row.type for row in types},
    )
