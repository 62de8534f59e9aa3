"""What enterprises do: whole blocks of activity lines, waiting for the number they are about.

Codes are those of the official table in its three versions. A block is the pieces between one number and
the next: `number.join(block)` is the lines.
"""

import csv
import gzip
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from iam.bce.synthetic.draw import Draws, weighted

Block = tuple[str, ...]
_BLOCKS = 2048
_VERSIONS = ("2003", "2008", "2025")
_GIVEN_LENGTHS = (5, 7)
_NONE, _WITHOUT_MAIN = 0.20, 0.15


class Blocks(NamedTuple):
    """The same activities before and after they were told in the newest version as well."""

    before: tuple[Block, ...]
    after: tuple[Block, ...]


@cache
def code_table() -> bytes:
    """The official code table, as shipped."""
    return gzip.decompress((files("iam.bce") / "reference" / "code.csv.gz").read_bytes())


@cache
def codes(version: str) -> tuple[str, ...]:
    """The codes of a version of NACE that the register gives: of five digits or seven."""
    rows = csv.reader(code_table().decode().splitlines())
    found = {row[1] for row in rows if row[0] == f"Nace{version}" and len(row[1]) in _GIVEN_LENGTHS}
    return tuple(sorted(found))


@cache
def of_enterprises() -> Blocks:
    """Blocks of enterprises: a third has no main one (DOMAIN 3.5 b), most of them none at all."""
    none = round(_BLOCKS * _NONE)
    secondary = round(_BLOCKS * _WITHOUT_MAIN)
    return _blocks("enterprise", none, secondary, _HOW_MANY, ("001", "001", "003", "006"))


@cache
def of_units() -> Blocks:
    """Blocks of establishment units."""
    return _blocks("unit", round(_BLOCKS * 0.08), 0, _HOW_MANY_IN_UNITS, ("001", "003", "006", "007"))


# Activities of one group, all versions aside: a few mostly, some forty at the most.
_HOW_MANY = weighted(
    ((1, 0.28), (2, 0.2), (3, 0.18), (4, 0.12), (6, 0.11), (9, 0.07), (14, 0.03), (40, 0.01))
)
_HOW_MANY_IN_UNITS = weighted(((1, 0.38), (2, 0.24), (3, 0.17), (4, 0.1), (6, 0.07), (9, 0.03), (15, 0.01)))
_AGAIN = 64  # one block in so many says something twice (quirk c)


def _blocks(
    whose: str, none: int, without_main: int, how_many: Sequence[int], groups: Sequence[str]
) -> Blocks:
    draws = Draws(0)
    after: list[tuple[tuple[str, str], ...]] = []
    for place in range(_BLOCKS):
        if place < none:
            after.append(())
            continue
        row = draws.one(whose, place)
        lines = list(_lines(draws, whose, place, how_many[row[0]], groups, main=place >= none + without_main))
        if place % _AGAIN == 1:
            lines.append(lines[0])
        after.append(tuple(lines))
    return Blocks(
        before=tuple(_block(text for version, text in lines if version != _VERSIONS[-1]) for lines in after),
        after=tuple(_block(text for _, text in lines) for lines in after),
    )


def _lines(
    draws: Draws, whose: str, place: int, count: int, groups: Sequence[str], *, main: bool
) -> Iterator[tuple[str, str]]:
    """The version of each line, and the line from behind its number."""
    row = draws.one(whose, place, 0)
    told = {groups[row[0] % len(groups)], *((groups[row[1] % len(groups)],) if row[2] % 3 == 0 else ())}
    for group in sorted(told):
        for which in range(count):
            pick = draws.one(whose, place, int(group), which)
            for place_of_version, version in enumerate(_VERSIONS):
                table = codes(version)
                code = table[pick[place_of_version] % len(table)]
                kind = "MAIN" if main and which == 0 else "ANCI" if pick[3] % 40 == 0 else "SECO"
                yield version, f',"{group}","{version}","{code}","{kind}"\n'


def _block(lines: Iterator[str]) -> Block:
    """The pieces to join a number with: as many numbers as lines."""
    told = tuple(lines)
    return ("", *told) if told else ()
