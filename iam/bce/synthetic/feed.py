"""Who holds which function: lines of the full feed, and whole enterprises in updates of it.

Legal persons have two or three functions, some held by another enterprise with or without a permanent
representative, some ended, some still to begin; natural persons represent themselves. Codes are those of
the shipped reference data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from iam.bce.synthetic import numbers
from iam.bce.synthetic.calendar import Edition
from iam.bce.synthetic.country import FUNCTIONS, Being, Country
from iam.bce.synthetic.days import Change
from iam.bce.synthetic.draw import PAGE, SIZE, Row, weighted
from iam.bce.synthetic.vocabulary.natures import BANKRUPT, FOREIGN, LEGAL, LIQUIDATED, NATURAL

Codes = tuple[str, ...]
_DAY = timedelta(days=1)
_NEIGHBOURS = 128
_CONTROLLED = BANKRUPT | LIQUIDATED
# Of a hundred functions so many are held by an enterprise, most of which name who acts for it.
_BY_ENTERPRISES, _BY_NAMED = 10, 8


class Held(NamedTuple):
    """A function, its holder as JSON, its first day and its last one or nothing."""

    code: str
    holder: str
    first: str
    last: str | None

    @property
    def members(self) -> str:
        """Its members as JSON, without those who hold it together."""
        last = "null" if self.last is None else f'"{self.last}"'
        return f'"function": "{self.code}", "holder": {self.holder}, "from": "{self.first}", "to": {last}'


def lines(country: Country) -> Iterator[str]:
    """The lines of a full feed after the first."""
    for being, row in country.drawn(FUNCTIONS):
        opening = f'{{"enterpriseNumber": "{_plain(being.number)}", '
        for held in _held(country, being, row):
            yield f"{opening}{held.members}}}\n"


def changed_lines(country: Country, changes: Iterable[Change]) -> list[str]:
    """The lines of an update after the first: whoever's functions are others, with all he has now."""
    found = []
    for before, after, _ in sorted(changes, key=lambda change: change.after.place):
        now = _of(country, after)
        if now != _of(country, before):
            functions = ", ".join(f"{{{held.members}}}" for held in now)
            found.append(f'{{"enterpriseNumber": "{_plain(after.number)}", "functions": [{functions}]}}\n')
    return found


def head(edition: Edition, kind: str, count: int) -> str:
    """The first line; as long whatever the count, so that it can be written last."""
    told = {
        "feed": "functions",
        "version": 1,
        "number": edition.number,
        "kind": kind,
        "producedAt": edition.made_at.isoformat(),
    }
    return f'{json.dumps(told)[:-1]}, "functions": {count:>9}}}\n'


def _plain(number: str) -> str:
    return number.replace(".", "")


def _of(country: Country, being: Being) -> list[Held]:
    return _held(country, being, country.row(FUNCTIONS, being)) if being.alive else []


def _held(country: Country, being: Being, row: Row) -> list[Held]:
    nature = country.nature(being)
    if nature.kind == NATURAL:
        day, month, year = country.start(being).split("-")
        found = [Held("XTITU", _person(being.like), f"{year}-{month}-{day}", None)]
    elif nature.kind == LEGAL:
        codes = _shapes()[_group(nature.form)][being.who[6]]
        found = _directed(country, being, codes, row)
    else:
        return []
    if nature.situation in _CONTROLLED:
        since = country.on(being.since) if being.since else country.snapshot_on - _DAY * (row[11] % 900)
        code = "XCURA" if nature.situation in BANKRUPT else "XLIQU"
        found.append(Held(code, _person(_neighbour(being, row[10])), since.isoformat(), None))
    return found


def _directed(country: Country, being: Being, codes: Codes, row: Row) -> list[Held]:
    """Functions as drawn, and those that changed hands since: the one before ends, another begins."""
    periods = _periods(country.snapshot_on)
    now = [
        Held(code, _holder(country, being, row[place], row[place + 6]), *periods[row[place + 6]])
        for place, code in enumerate(codes)
    ]
    ended = []
    for turn, day in enumerate(being.directed if codes else ()):
        place = turn % len(codes)
        on, before = country.on(day), now[place]
        last = (on - _DAY).isoformat()
        if before.first <= last:
            ended.append(before._replace(last=min(last, before.last or last)))
        first, second, *_ = country.draws.one(FUNCTIONS, day, being.like)
        now[place] = Held(before.code, _holder(country, being, first, second), on.isoformat(), None)
    return [*ended, *now]


def _holder(country: Country, being: Being, first: int, second: int) -> str:
    """A person of the neighbourhood, who may run an enterprise of his own, or a legal person of it."""
    person = _neighbour(being, second)
    if first % 100 < _BY_ENTERPRISES:
        place = being.like // PAGE * PAGE + (first + second) % PAGE
        if place != being.place and place < country.first and country.is_legal(place):
            number = _plain(numbers.enterprise(place))
            if first % 100 >= _BY_NAMED:
                return f'{{"enterpriseNumber": "{number}"}}'
            return f'{{"enterpriseNumber": "{number}", "permanentRepresentative": {_person(person)}}}'
    return _person(person)


def _neighbour(being: Being, drawn: int) -> int:
    return being.like // _NEIGHBOURS * _NEIGHBOURS + drawn % _NEIGHBOURS


def _person(person: int) -> str:
    return f'{{"ssin": "{numbers.national(person)}"}}'


@cache
def _periods(snapshot_on: date) -> tuple[tuple[str, str | None], ...]:
    """A table of first and last days: most without end, some ended, some to end, a few to begin."""
    found: list[tuple[str, str | None]] = []
    for place in range(SIZE):
        first = snapshot_on - _DAY * (1 + place * 7919 % 9000)
        match _KINDS[place]:
            case "ended":
                last = first + (snapshot_on - _DAY - first) * (place % 97 + 1) // 100
                found.append((first.isoformat(), last.isoformat()))
            case "ends":
                found.append((first.isoformat(), (snapshot_on + _DAY * (place % 1900)).isoformat()))
            case "begins":
                found.append(((snapshot_on + _DAY * (1 + place % 120)).isoformat(), None))
            case _:
                found.append((first.isoformat(), None))
    return tuple(found)


_KINDS = weighted((("open", 0.865), ("ended", 0.07), ("ends", 0.05), ("begins", 0.015)))


def _group(form: str) -> str:
    return _GROUPS.get(form, "REPB" if form in FOREIGN else "company")


_GROUPS = {
    "015": "manager", "008": "manager", "011": "manager", "012": "manager", "612": "partner", "070": "syndic",
    "014": "SA", "114": "SA", "027": "SA", "017": "association", "125": "association", "026": "association",
    "029": "association", "019": "association", "020": "association", "128": "association", "411": "commune",
    "412": "public", "126": "public", "413": "public", "155": "public", "414": "public", "418": "public",
    "420": "public", "422": "public", "400": "public", "124": "office", "301": "office", "310": "office",
    "320": "office", "340": "office", "350": "office", "388": "office",
}  # fmt: skip


@cache
def _shapes() -> Mapping[str, tuple[Codes, ...]]:
    """Tables of the functions in an enterprise, by what sort of legal person it is."""
    director, managing, manager, daily = "XADMI", "XADMD", "XGERA", "XDELG"
    return {
        "company": weighted(
            (
                ((director,), 0.38), ((director,) * 2, 0.34), ((director, director, managing), 0.1),
                ((director,) * 3, 0.1), ((director, daily), 0.05), ((director, "XCOMP"), 0.02), ((), 0.01),
            )
        ),
        "manager": weighted((((manager,), 0.5), ((manager,) * 2, 0.4), ((manager, manager, "XCOMP"), 0.1))),
        "SA": weighted(
            (
                ((director,) * 2, 0.3), ((director, director, managing), 0.3), ((director,) * 3, 0.15),
                ((director, director, director, managing, daily), 0.15),
                ((director, director, director, director, managing, "XCOMM"), 0.1),
            )
        ),
        "association": weighted(
            (
                ((director, director, "XPRES"), 0.5), ((director,) * 3, 0.2),
                ((director, director, director, "XPRES", daily), 0.25), ((), 0.05),
            )
        ),
        "partner": weighted(((("XASSO",), 0.6), (("XASSO", "XASSO"), 0.4))),
        "syndic": weighted(((("XSYND",), 0.97), (("XADMP",), 0.03))),
        "REPB": weighted(((("XREPB",), 0.7), ((), 0.3))),
        "commune": weighted(((("XBOUR", "XDIRG"), 1.0),)),
        "public": weighted(((("XPRES", "XDIRG"), 1.0),)),
        "office": weighted(((("XFONC",), 1.0),)),
    }  # fmt: skip
