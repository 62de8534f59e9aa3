"""An update: what of each file is taken away and what is put in its place (DOMAIN 3.5).

An entity whose rows of a file are others than the day before stands in `_delete` with its number, if it
had any, and in `_insert` with all it has now. Of an entity that is gone the other files mostly say
nothing: whoever reads them takes away what belonged to it, once what moved elsewhere has moved. All is told
of a few in which nothing has changed.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass

from iam.bce.synthetic.country import LATE, Being, Country
from iam.bce.synthetic.days import Change
from iam.bce.synthetic.draw import SIZE
from iam.bce.synthetic.files import ACTIVITY, BRANCH, DENOMINATION, ENTERPRISE, ESTABLISHMENT, File, Text

Texts = Mapping[str, str]

# How often a file says that it has lost what an entity that is gone had in it (DOMAIN 3.5, extract 147).
_SAID = {
    "establishment": 0.1, "branch": 0.3, "denomination": 0.5, "address": 0.02, "contact": 0.11,
    "activity": 0.02,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a file says: the lines of its `_delete`, those of its `_insert`."""

    deleted: Iterator[str]
    inserted: Iterator[str]


class Update:
    """What the update of a day says. The country is as it is at the end of that day."""

    def __init__(self, country: Country, changes: Mapping[int, Change]) -> None:
        """From what happened on the day."""
        self._now = country
        self._then = copy(country)
        self._then.day = country.day - 1
        self._changes = changes
        self._kept: dict[str, tuple[Texts, Texts]] = {}
        self._again = {each.after.number for each in changes.values() if each.told_again}
        ended = [each.before for each in changes.values() if each.before.alive and not each.after.alive]
        gone = {each.number for each in ended}
        # Establishment units and branches that nobody has now: closed ones, and those of whoever is gone.
        closed: set[str] = set()
        along: set[str] = set()
        for file in (ESTABLISHMENT, BRANCH):
            before, after = self._texts(file)
            left = before.keys() - after.keys()
            along |= left & {number for being in ended for number, _ in _texts(self._then, file, being)}
            closed |= left - along
        self._left = gone | closed | along
        # Of these a file always says that they are gone.
        self._always: Mapping[str, set[str]] = {
            ENTERPRISE.name: gone,
            DENOMINATION.name: gone,
            ESTABLISHMENT.name: closed,
            BRANCH.name: closed,
        }

    def told(self, file: File) -> Told:
        """What the update says of a file."""
        before, after = self._texts(file)
        changed = {
            number
            for number in before.keys() | after.keys()
            if before.get(number) != after.get(number) or number in self._again
        }
        deleted = sorted(
            number
            for number in changed
            if number in before and (number in after or self._is_said(file, number))
        )
        inserted = sorted(changed & after.keys())
        return Told(
            deleted=self._deleted(file, deleted),
            inserted=self._inserted(file, [after[number] for number in inserted]),
        )

    def _deleted(self, file: File, numbers: list[str]) -> Iterator[str]:
        for number in numbers:
            yield f'"{number}"\n'
        for then, _ in self._migrated(file):
            for number in then:
                yield f'"{number}"\n'

    def _inserted(self, file: File, texts: list[str]) -> Iterator[str]:
        yield from texts
        for _, now in self._migrated(file):
            yield from now.values()

    def _is_said(self, file: File, number: str) -> bool:
        """Whether a file says that an entity has nothing in it any more."""
        if number not in self._left or number in self._always.get(file.name, ()):
            return True
        drawn, *_ = self._now.draws.one(f"said {file.name}", self._now.day, int(number.replace(".", "")))
        return drawn < _SAID[file.name] * SIZE

    def _migrated(self, file: File) -> Iterator[tuple[Texts, Texts]]:
        """On the day activities are told anew: what each of the others had, and has. Too much to be kept."""
        if file is not ACTIVITY or self._now.day != self._now.migrates_on:
            return
        for being, row in self._now.drawn(file.what):
            if being.place in self._changes or not _is_late(being):
                continue
            then = dict(file.texts(self._then, being, row))
            now = dict(file.texts(self._now, being, row))
            changed = [number for number in now if then.get(number) != now[number]]
            yield (
                {number: then[number] for number in changed if number in then},
                {number: now[number] for number in changed},
            )

    def _texts(self, file: File) -> tuple[Texts, Texts]:
        """What those to whom something happened had in a file, and what they have."""
        if file.name not in self._kept:
            before: dict[str, str] = {}
            after: dict[str, str] = {}
            # The one beside the other: they are drawn from the same page.
            for change in self._changes.values():
                before.update(_texts(self._then, file, change.before))
                after.update(_texts(self._now, file, change.after))
            self._kept[file.name] = (before, after)
        return self._kept[file.name]


def _is_late(being: Being) -> bool:
    return being.who[7] < LATE or any(unit.who[7] < LATE for unit in being.units or ())


def _texts(country: Country, file: File, being: Being) -> list[Text]:
    return file.texts(country, being, country.row(file.what, being)) if being.alive else []
