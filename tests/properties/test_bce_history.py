"""What was so on a day, as known at an instant, is what a register answers that never learned more.

A history is made of a few extracts, feeds and replaced numbers, from a seed. For a day and an instant an empty
register is given what was known then, of the extracts and numbers that which speaks of no later day, and is
asked as it is asked every day (ADR 13).
"""

import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from iam.bce import history, queries
from iam.bce.functions import Limits as FeedLimits
from iam.bce.functions import apply_feed
from iam.bce.importer import Limits, Status, apply_extract
from iam.bce.model import AsOf
from iam.bce.profile import profile
from iam.bce.record import replace_number
from iam.kernel.clock import belgian_day, start_of_day
from iam.kernel.ids import uuid4
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import FingerprintKeys
from iam.storage import Database
from tests.support.extract import Extract, Update, feed, held, number

pytestmark = pytest.mark.anyio
KEYS = FingerprintKeys("1", b"k" * 32)
PERSONS = ("58000000549", "61000001208", "66000001117")
PLACES = range(4)
FRESH = 20


@dataclass(frozen=True)
class Step:
    """Something that was learned, and when."""

    at: datetime


@dataclass(frozen=True)
class Told(Step):
    """An extract, of a day; an update when it names what it deletes."""

    day: date
    files: Extract | Update


@dataclass(frozen=True)
class Renumbered(Step):
    """The enterprise of a place goes by the number of another, from a day on."""

    day: date
    before: int
    after: int


@dataclass(frozen=True)
class Fed(Step):
    """A full feed: functions by place, code, first and last day, and holder."""

    number: int
    functions: tuple


@dataclass
class World:
    """Makes a history up: what each enterprise is, by the place of its number."""

    draw: random.Random
    now: datetime = datetime(2026, 3, 2, 8, tzinfo=UTC)
    day: date = date(2026, 2, 27)
    number: int = 0
    feeds: int = 0
    fresh: int = FRESH
    told: Extract | None = None
    held: dict = field(default_factory=dict)
    used: set = field(default_factory=lambda: set(PLACES))

    def history(self, steps: int) -> list[Step]:
        first = [self.extract(), self.feed()]
        kinds = [self.extract, self.extract, self.extract, self.feed, self.renumber]
        return [*first, *(step for _ in range(steps) if (step := self.draw.choice(kinds)()))]

    def pass_by(self) -> datetime:
        self.now += timedelta(hours=self.draw.choice((1, 14, 30)))
        return self.now

    def extract(self) -> Told:
        at = self.pass_by()
        self.day = max(self.day, belgian_day(at) - timedelta(days=self.draw.randint(0, 2)))
        self.number += 1
        for place in self.used:
            self.happen(place)
        made = Extract(number=self.number, snapshot=f"{self.day:%d-%m-%Y}")
        for place, what in self.held.items():
            made.enterprise(place, **what)
            if self.draw.random() < 0.3:
                made.lines["establishment.csv"].pop()
                made.lines["denomination.csv"].pop()
                made.lines["address.csv"].pop()
        before, self.told = self.told, made
        full = before is None or self.draw.random() < 0.4
        return Told(at=at, day=self.day, files=made if full else Update.between(before, made))

    def happen(self, place: int) -> None:
        """Half of the time nothing."""
        chance = self.draw.random()
        if place not in self.held:
            if self.number == 1 or chance < 0.3:
                natural = {"kind": "1", "form": None} if place == 3 else {}
                self.held[place] = {"name": f"Entreprise {place}", **natural}
        elif chance < 0.15:
            del self.held[place]
        elif chance < 0.5:
            more = self.draw.choice(
                (
                    {"name": f"Nom {self.draw.randint(1, 3)}"},
                    {"situation": self.draw.choice(("000", "050", "091", "014"))},
                    {"form": self.draw.choice(("610", "014"))} if place != 3 else {"start": "01-03-2026"},
                    {"form_cac": self.draw.choice(("610", None))} if place != 3 else {},
                )
            )
            self.held[place] = {**self.held[place], **more}

    def feed(self) -> Fed:
        at = self.pass_by()
        self.feeds += 1
        told = []
        for place in self.used:
            for _ in range(self.draw.randint(0, 2)):
                first = self.day + timedelta(days=self.draw.randint(-4, 2))
                last = self.draw.choice((None, first + timedelta(days=self.draw.randint(0, 4))))
                person, by = self.draw.choice(PERSONS), self.draw.choice(sorted(self.used))
                holder = {"ssin": person} if self.draw.random() < 0.6 else {"by": by, "permanent": person}
                code = self.draw.choice(("XADMI", "XADMI", "XCURA", "XDELG"))
                told.append((place, code, first.isoformat(), last and last.isoformat(), holder))
        return Fed(at=at, number=self.feeds, functions=tuple(told))

    def renumber(self) -> Renumbered | None:
        if not self.held:
            return None
        before, after = self.draw.choice(sorted(self.held)), self.fresh
        self.fresh += 1
        self.held[after] = self.held.pop(before)
        self.used.add(after)
        day = self.day - timedelta(days=self.draw.randint(0, 2))
        return Renumbered(at=self.pass_by(), day=day, before=before, after=after)


async def learn(db, folder, step, then=None):
    """The register learns it; with `then`, as who has not been told of the numbers that were replaced later."""
    clock, as_before = (lambda: step.at), then or {}
    if isinstance(step, Told):
        report = await apply_extract(db, step.files.zip(folder), clock, limits=Limits(vanish_floor=99))
        assert (report.status, report.bad) == (Status.APPLIED, ()), report
    elif isinstance(step, Fed):
        lines = [
            held(as_before.get(place, place), code, first=first, last=last, **holder)
            for place, code, first, last, holder in step.functions
        ]
        made = feed(folder, *lines, number=step.number, produced_at=step.at.isoformat())
        report = await apply_feed(db, made, KEYS, clock, limits=FeedLimits(loss_floor=99))
        assert report.status is Status.APPLIED, report
    else:
        async with db.write() as conn:
            found = await queries.find_by_number(conn, EnterpriseNumber(number(step.before)))
            if found is not None:
                new, since = EnterpriseNumber(number(step.after)), start_of_day(step.day)
                await replace_number(conn, found.entity, new, since=since, now=step.at)


def known(steps, then):
    """Those that were learned by the instant, and that speak of no day after it."""
    learned = [step for step in steps if step.at <= then.known_on]
    return [step for step in learned if isinstance(step, Fed) or step.day <= then.day]


def numbers_before(steps, then):
    """Under which number each was, that changed it after the day."""
    later = [step for step in steps if isinstance(step, Renumbered) and step.day > then.day]
    before = {}
    for step in later:
        before[step.after] = before.get(step.before, step.before)
    return before


def of_now(told):
    """Without the key of its own that every register gives it, and without addresses, which have no past."""
    enterprise = replace(
        told.enterprise, entity=None, municipality_fr=None, municipality_nl=None, doubtful_seat=False
    )
    units = [replace(each, address=None) for each in told.establishments]
    return enterprise, told.registered_form, units, told.establishment_count


def powers(found):
    return sorted(repr(replace(each, entity=None, basis="")) for each in found)


async def answer_then(db, digits, then):
    async with db.read() as conn:
        told = await history.profile_then(conn, EnterpriseNumber(digits), then)
        if told is None:
            return None
        return *of_now(told), powers(await history.representatives_then(conn, told.enterprise, then))


async def answer_now(db, digits, at):
    async with db.read() as conn:
        told = await profile(conn, EnterpriseNumber(digits))
        if told is None:
            return None
        return *of_now(told), powers(await queries.representatives(conn, told.enterprise.entity, at))


@pytest.fixture
def registers(cluster, template):
    @asynccontextmanager
    async def empty():
        name = f"h_{uuid4().hex}"
        cluster.create_database(name, template=template)
        db = Database(cluster.url(name), pool_size=2)
        try:
            yield db
        finally:
            await db.close()
            cluster.drop_database(name)

    return empty


@pytest.mark.parametrize("seed", range(6))
async def test_an_answer_as_of_a_day_as_known_then_is_that_of_a_register_that_knows_no_more(
    registers, tmp_path, seed
):
    world = World(random.Random(seed))
    steps = world.history(7)
    first, asked = steps[0], [number(place) for place in sorted(world.used)]
    async with registers() as whole:
        for step in steps:
            await learn(whole, tmp_path, step)
        for _ in range(4):
            day = first.day + timedelta(days=world.draw.randint(0, (world.day - first.day).days + 2))
            then = AsOf(day=day, known_on=world.draw.choice(steps).at)
            async with registers() as replayed:
                for step in known(steps, then):
                    await learn(replayed, tmp_path, step, numbers_before(steps, then))
                for digits in asked:
                    found = await answer_then(whole, digits, then)
                    wanted = await answer_now(replayed, digits, then.instant)
                    if wanted is None and found is not None:
                        # Found by the number it got later, and told under the one it had.
                        assert found[0].number.digits != digits
                        wanted = await answer_now(replayed, found[0].number.digits, then.instant)
                    assert found == wanted, (then, digits)
