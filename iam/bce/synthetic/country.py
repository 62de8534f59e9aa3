"""The made-up country: what there is at the end of a day, without keeping it.

Every enterprise is drawn from the seed and its place. Only those that something has happened to are kept:
what happened is a day for each of their parts, and the part is drawn again for that day.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from iam.bce.synthetic import calendar, numbers
from iam.bce.synthetic.draw import PAGE, SIZE, Draws, Row, weighted
from iam.bce.synthetic.vocabulary.natures import FOREIGN, LEGAL, Nature, natures
from iam.bce.synthetic.vocabulary.places import Region, regions

# How many establishment units: 0.86 an enterprise (DOMAIN 3.4).
_UNITS = weighted(
    (
        (0, 0.330), (1, 0.578), (2, 0.060), (3, 0.018), (4, 0.006), (5, 0.003), (8, 0.003), (13, 0.001),
        (20, 0.001),
    )
)  # fmt: skip
# Of an entity from abroad; 0.4 % of all have one.
_BRANCHES = weighted(((0, 0.83), (1, 0.145), (2, 0.025)))
WHO, NAMES, SEAT, CONTACTS, ACTIVITIES, FUNCTIONS, UNIT, BRANCH = (
    "who", "names", "seat", "contacts", "activities", "functions", "unit", "branch",
)  # fmt: skip
LATE = SIZE // 5


class Unit(NamedTuple):
    """An establishment unit: who opened it and which of his it is, wherever it belongs now.

    `who` is the opener's row; `since` is the day on which it was opened, if that was seen, `named` and
    `moved` those on which its name or address last changed.
    """

    origin: int
    which: int
    who: Row
    since: int = 0
    named: int = 0
    moved: int = 0

    @property
    def number(self) -> str:
        """Its number as the official files write it."""
        return numbers.unit(self.origin, self.which)


class Being(NamedTuple):
    """An enterprise. What is None is as it was drawn; a day says when that part last changed.

    `like` is the place from which its parts are drawn: another's, when it is another number of the same.
    `directed` holds the days on which a function changed hands, `since` the one since which its situation is
    what it is.
    """

    place: int
    who: Row
    like: int
    alive: bool = True
    nature: Nature | None = None
    start: str | None = None
    struck: str | None = None
    names: int = 0
    seat: int = 0
    contacts: int = 0
    activities: int = 0
    directed: tuple[int, ...] = ()
    since: int = 0
    units: tuple[Unit, ...] | None = None
    opened: int | None = None
    branches: int | None = None

    @property
    def number(self) -> str:
        """Its number as the official files write it."""
        return numbers.enterprise(self.place)


class Country:
    """What there is on a day, and how it is drawn."""

    def __init__(self, *, seed: int, enterprises: int, snapshot_on: date, migrates_on: int) -> None:
        """As on the day of the first snapshot; activities are told anew on the day `migrates_on`."""
        self.draws = Draws(seed)
        self.first = enterprises
        self.snapshot_on = snapshot_on
        self.migrates_on = migrates_on
        self.day = 0
        self.touched: dict[int, Being] = {}
        self.size = enterprises
        self.living = enterprises
        # Natural persons who stopped, with the day; enterprises that another absorbs tomorrow.
        self.departed: list[tuple[int, int]] = []
        self.merging: list[int] = []
        self._natures = natures()
        self._regions = regions()
        self._starts = calendar.starts(snapshot_on)

    def on(self, day: int) -> date:
        """The day of which the extract of a day speaks."""
        return self.snapshot_on + timedelta(days=day + 1 if day else 0)

    def being(self, place: int) -> Being:
        """The enterprise of a place, alive or not."""
        return self.touched.get(place) or Being(place, self.who(place), place)

    def who(self, place: int) -> Row:
        """The row that says who an enterprise is, whatever happens to it."""
        return self.draws.row(WHO, place)

    def drawn(self, what: str) -> Iterator[tuple[Being, Row]]:
        """Every living enterprise in the order of its number, with its row for a part."""
        touched = self.touched
        for page in range(-(-self.first // PAGE)):
            places = range(page * PAGE, min((page + 1) * PAGE, self.first))
            for place, who, own in zip(
                places, self.draws.page(WHO, page), self.draws.page(what, page), strict=False
            ):
                if place not in touched:
                    yield Being(place, who, place), own
                elif touched[place].alive:
                    yield touched[place], self.row(what, touched[place])
        for place in range(self.first, self.size):
            if touched[place].alive:
                yield touched[place], self.row(what, touched[place])

    def row(self, what: str, being: Being) -> Row:
        """The row for a part of an enterprise, as of the day on which it last changed."""
        day = {
            NAMES: being.names,
            SEAT: being.seat,
            CONTACTS: being.contacts,
            ACTIVITIES: being.activities,
        }.get(what, 0)
        return self.draws.one(what, day, being.like) if day else self.draws.row(what, being.like)

    def nature(self, being: Being) -> Nature:
        """What it is now."""
        return being.nature or self._natures[being.who[0]]

    def is_legal(self, place: int) -> bool:
        """Whether the enterprise that was first at a place is a legal person."""
        return self._natures[self.who(place)[0]].kind == LEGAL

    def start(self, being: Being) -> str:
        """The day it began."""
        return being.start or self._starts[being.who[1]]

    def region(self, who: Row) -> Region:
        """Where it is at home."""
        return self._regions[who[2]]

    def language(self, who: Row) -> str:
        """The register's code of the language of its names, if it is not a natural person."""
        return self._regions[who[2]].languages[who[4]]

    def units(self, being: Being) -> tuple[Unit, ...]:
        """Its establishment units."""
        if being.units is not None:
            return being.units
        count = _UNITS[being.who[3]]
        return tuple([Unit(being.place, which, being.who) for which in range(count)]) if count else ()

    def opened(self, being: Being) -> int:
        """How many establishment units it has ever opened."""
        return _UNITS[being.who[3]] if being.opened is None else being.opened

    def unit_row(self, unit: Unit, day: int = 0) -> Row:
        """The row for an establishment unit, as of a day on which something of it changed."""
        if day or unit.which:
            return self.draws.one(UNIT, day, unit.origin, unit.which)
        return self.draws.row(UNIT, unit.origin)

    def unit_start(self, unit: Unit) -> str:
        """The day an establishment unit began."""
        if unit.since:
            return calendar.dated(self.on(unit.since))
        return self._starts[self.unit_row(unit)[7]]

    def branches(self, being: Being) -> int:
        """How many branches it has."""
        if being.branches is not None:
            return being.branches
        nature = self.nature(being)
        return _BRANCHES[being.who[5]] if nature.form in FOREIGN else 0

    def branch_row(self, being: Being, which: int) -> Row:
        """The row for a branch."""
        return self.draws.one(BRANCH, being.place, which)

    def branch_start(self, row: Row) -> str:
        """The day a branch began."""
        return self._starts[row[7]]

    def late(self, who: Row) -> bool:
        """Whether its activities are not told in the newest version yet."""
        return who[7] < LATE and self.day < self.migrates_on
