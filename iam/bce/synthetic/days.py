"""What happens on a day, and the state of the country after it.

How often things happen is that of the country as it is (some eleven thousand changed rows a day among 1.94
million enterprises); in a small country each happens once a day. An enterprise takes part in one thing a day.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from iam.bce.synthetic import numbers
from iam.bce.synthetic.calendar import dated
from iam.bce.synthetic.country import CONTACTS, Being, Country, Unit
from iam.bce.synthetic.vocabulary.contacts import of_enterprises
from iam.bce.synthetic.vocabulary.natures import FOREIGN, LEGAL, NATURAL

_REAL = 1_940_000
_ATTEMPTS = 200
_AWAY = 2  # a natural person who has stopped is back after as many days at the earliest


class Change(NamedTuple):
    """An enterprise before and after a day; of one `told_again` all is told though nothing changed."""

    before: Being
    after: Being
    told_again: bool = False


@dataclass(slots=True)
class Day:
    """A day in the making: who has taken part in something, and what he is afterwards."""

    country: Country
    number: int
    changes: dict[int, Change] = field(default_factory=dict)

    def draw(self, bound: int, what: str) -> int:
        """A number below a bound, for what happens next."""
        return self.country.draws.below(bound, what, self.number, len(self.changes))

    def pick(self, what: str, wanted: Callable[[Being], bool]) -> Being | None:
        """Somebody so described to whom nothing has happened today; None where nobody is soon found."""
        for attempt in range(_ATTEMPTS):
            place = self.country.draws.below(
                self.country.size, f"pick {what}", self.number, len(self.changes), attempt
            )
            if place in self.changes:
                continue
            being = self.country.being(place)
            if being.alive and wanted(being):
                return being
        return None

    def change(self, being: Being, *, told_again: bool = False, **parts: Any) -> None:
        """The enterprise is otherwise from today on."""
        self.changes[being.place] = Change(being, being._replace(**parts), told_again)

    def appear(self, after: Being) -> None:
        """There is one more enterprise, at the next place."""
        self.changes[after.place] = Change(after._replace(alive=False), after)
        self.country.size += 1

    @property
    def many(self) -> bool:
        """Whether there are enough left for some to go."""
        return self.country.living > self.country.first // 2


def live(country: Country, number: int) -> dict[int, Change]:
    """The country is what it is at the end of the next day; returns who changed, by place."""
    day = Day(country, number)
    for place in country.merging:
        _absorbed(day, country.being(place))
    country.merging.clear()
    for happens, rate in _HAPPENINGS.items():
        for _ in range(_times(rate, country.first)):
            happens(day)
    country.day = number
    for place, change in day.changes.items():
        country.touched[place] = change.after
        country.living += change.after.alive - change.before.alive
    return day.changes


def newcomers(enterprises: int) -> int:
    """How many new numbers a day takes in a country that began with so many enterprises."""
    return sum(_times(_HAPPENINGS[happens], enterprises) for happens in (_founded, _renumbered))


def _times(rate: float, enterprises: int) -> int:
    return max(1, round(rate * enterprises / _REAL))


def _founded(day: Day) -> None:
    place = day.country.size
    ago = day.draw(12, "founded") - 1  # at times tomorrow (DOMAIN 3.5 k)
    start = dated(day.country.on(day.number) - timedelta(days=ago))
    day.appear(Being(place, day.country.who(place), place, start=start))


def _vanished(day: Day) -> None:
    being = day.pick("vanished", lambda _: True) if day.many else None
    if being is not None:
        day.change(being, alive=False)
        if day.country.nature(being).kind == NATURAL:
            day.country.departed.append((day.number, being.place))


def _returned(day: Day) -> None:
    """A natural person takes up again, under the same number, from another day on (DOMAIN 3.5 l)."""
    waiting = day.country.departed
    ready = [entry for entry in waiting if entry[0] <= day.number - _AWAY]
    if not ready:
        return
    entry = ready[day.draw(len(ready), "returned")]
    waiting.remove(entry)
    being = day.country.being(entry[1])
    start = dated(day.country.on(day.number) + timedelta(days=day.draw(2, "again")))
    day.change(being, alive=True, start=start, contacts=day.number)


def _renamed(day: Day) -> None:
    being = day.pick("renamed", lambda being: day.country.nature(being).kind == LEGAL)
    if being is not None:
        day.change(being, names=day.number)


def _moved(day: Day) -> None:
    being = day.pick("moved", lambda being: day.country.nature(being).kind == LEGAL)
    if being is not None:
        day.change(being, seat=day.number, struck=None)


def _struck_off(day: Day) -> None:
    being = day.pick(
        "struck off", lambda being: day.country.nature(being).kind == LEGAL and being.struck is None
    )
    if being is not None:
        day.change(being, struck=dated(day.country.on(day.number)))


def _contacted(day: Day) -> None:
    """Contacts come, go, or are others."""

    def wanted(being: Being) -> bool:
        kinds = of_enterprises()
        before = day.country.row(CONTACTS, being)
        after = day.country.row(CONTACTS, being._replace(contacts=day.number))
        return bool(kinds[before[0]] or kinds[after[0]])

    being = day.pick("contacted", wanted)
    if being is not None:
        day.change(being, contacts=day.number)


_TURNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        NATURAL: ("050", "050", "091", "048"),
        LEGAL: ("012", "012", "050", "050", "013", "010", "091", "020", "090", "049"),
    }
)


def _turned(day: Day) -> None:
    """The juridical situation changes; one that was not normal mostly becomes normal again."""
    being = day.pick("turned", lambda being: day.country.nature(being).kind in _TURNS)
    if being is None:
        return
    nature = day.country.nature(being)
    others = _TURNS[nature.kind]
    turned = others[day.draw(len(others), "turned")] if nature.situation == "000" else "000"
    day.change(being, nature=nature._replace(situation=turned), since=day.number)


_BECOMES = {
    "015": "610", "008": "706", "012": "612", "702": "610", "011": "610", "612": "610", "610": "014",
    "014": "610", "017": "125", "706": "610",
}  # fmt: skip


def _reformed(day: Day) -> None:
    """Another form, or one to be read from now on (DOMAIN 3.5 g)."""
    being = day.pick("reformed", lambda being: day.country.nature(being).form in _BECOMES)
    if being is None:
        return
    nature = day.country.nature(being)
    becomes = _BECOMES[nature.form]
    if nature.cac or day.draw(2, "reformed"):
        day.change(being, nature=nature._replace(form=becomes, cac=""))
    else:
        day.change(being, nature=nature._replace(cac=becomes))


def _busied(day: Day) -> None:
    being = day.pick("busied", lambda _: True)
    if being is not None:
        day.change(being, activities=day.number)


def _directed(day: Day) -> None:
    being = day.pick("directed", lambda being: day.country.nature(being).kind == LEGAL)
    if being is not None:
        day.change(being, directed=(*being.directed, day.number))


def _opened(day: Day) -> None:
    being = day.pick("opened", lambda being: day.country.opened(being) < numbers.UNITS)
    if being is not None:
        which = day.country.opened(being)
        unit = Unit(being.place, which, being.who, since=day.number)
        day.change(being, units=(*day.country.units(being), unit), opened=which + 1)


def _with_units(day: Day, what: str) -> tuple[Being, list[Unit], int] | None:
    """Somebody with establishment units, these, and one of them."""
    being = day.pick(what, lambda being: bool(day.country.units(being)))
    if being is None:
        return None
    units = list(day.country.units(being))
    return being, units, day.draw(len(units), what)


def _closed(day: Day) -> None:
    found = _with_units(day, "closed")
    if found is not None:
        being, units, which = found
        day.change(being, units=(*units[:which], *units[which + 1 :]))


def _unit_renamed(day: Day) -> None:
    found = _with_units(day, "unit renamed")
    if found is not None:
        being, units, which = found
        units[which] = units[which]._replace(named=day.number)
        day.change(being, units=tuple(units))


def _unit_moved(day: Day) -> None:
    found = _with_units(day, "unit moved")
    if found is not None:
        being, units, which = found
        units[which] = units[which]._replace(moved=day.number)
        day.change(being, units=tuple(units))


def _handed_over(day: Day) -> None:
    """An establishment unit belongs to another enterprise, and takes its name, address and contacts along."""
    found = _with_units(day, "handed over")
    if found is None:
        return
    being, units, which = found
    taker = day.pick("taker", lambda taker: taker.place != being.place)
    if taker is not None:
        unit = units.pop(which)
        day.change(being, units=tuple(units))
        day.change(taker, units=(*day.country.units(taker), unit))


def _renumbered(day: Day) -> None:
    """The same enterprise under another number: the old one goes as the new one comes (006, 003)."""
    being = day.pick("renumbered", lambda being: _at_home(day, being)) if day.many else None
    if being is None:
        return
    country, place = day.country, day.country.size
    new = being._replace(
        place=place,
        nature=country.nature(being)._replace(situation="003"),
        since=day.number,
        units=country.units(being),
        opened=0,
    )
    day.change(being, alive=False, units=())
    day.appear(new)


def _at_home(day: Day, being: Being) -> bool:
    nature = day.country.nature(being)
    return nature.kind == LEGAL and nature.form not in FOREIGN and nature.situation == "000"


def _to_be_absorbed(day: Day) -> None:
    """A merger (021) is announced; the absorbed enterprise is gone the day after."""
    being = day.pick("absorbed", lambda being: _at_home(day, being)) if day.many else None
    if being is not None:
        day.change(being, nature=day.country.nature(being)._replace(situation="021"), since=day.number)
        day.country.merging.append(being.place)


def _absorbed(day: Day, being: Being) -> None:
    """It goes, and its establishment units belong to the enterprise that absorbs it."""
    absorbing = day.pick("absorbing", lambda other: other.place != being.place and _at_home(day, other))
    if absorbing is not None:
        country = day.country
        day.change(absorbing, units=(*country.units(absorbing), *country.units(being)))
        day.change(being, alive=False, units=())


def _told_again(day: Day) -> None:
    being = day.pick("told again", lambda _: True)
    if being is not None:
        day.change(being, told_again=True)


def _branched(day: Day) -> None:
    """An entity from abroad opens a branch, or closes the last it opened."""
    being = day.pick("branched", lambda being: day.country.nature(being).form in FOREIGN)
    if being is None:
        return
    branches = day.country.branches(being)
    opens = branches == 0 or (branches < numbers.BRANCHES and day.draw(2, "branched"))
    day.change(being, branches=branches + 1 if opens else branches - 1)


# How often on an ordinary day of the real country.
_HAPPENINGS: Mapping[Callable[[Day], None], float] = MappingProxyType(
    {
        _founded: 200, _vanished: 300, _returned: 15, _renamed: 150, _moved: 350, _struck_off: 40,
        _contacted: 400, _turned: 120, _reformed: 60, _busied: 120, _directed: 900, _opened: 120, _closed: 60,
        _unit_renamed: 60, _unit_moved: 120, _handed_over: 30, _renumbered: 6, _to_be_absorbed: 10,
        _told_again: 40, _branched: 3,
    }
)  # fmt: skip
