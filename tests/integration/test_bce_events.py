"""What happens to a watched enterprise in the register is in the journal: by a full extract and by an update
alike, each once, and of no other enterprise (ADR 13)."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import text

from iam.bce import queries
from iam.bce.importer import Limits, Status, apply_extract
from iam.bce.record import replace_number
from iam.kernel.clock import start_of_day
from iam.kernel.ids import EntityId
from iam.kernel.numbers import EnterpriseNumber
from tests.support.extract import Extract, Update, number

pytestmark = pytest.mark.anyio
WATCHED, OTHER, THIRD = 0, 1, 2
ANY = Limits(vanish_floor=99, vanish_watched_share=1)


def country(place_number, **what):
    """The watched one and another are so, a third one is as ever; None: they are not there."""
    made = Extract.of(THIRD, number=place_number, snapshot=f"{place_number + 1:02d}-10-2026")
    if what != {"gone": True}:
        for place in (WATCHED, OTHER):
            made.enterprise(place, **what)
    return made


@dataclass
class Register:
    """One that is told of countries, by full extracts or by updates."""

    db: object
    clock: object
    folder: object
    update: bool
    told: Extract | None = None

    async def learn(self, extract, **options):
        before, self.told = self.told, extract
        files = Update.between(before, extract) if self.update and before else extract
        return await self.apply(files, **options)

    async def apply(self, files, **options):
        self.clock.advance(hours=1)
        return await apply_extract(self.db, files.zip(self.folder), self.clock, limits=ANY, **options)

    async def entity(self, place):
        async with self.db.read() as conn:
            return (await queries.find_by_number(conn, EnterpriseNumber(number(place)))).entity

    async def watch(self, place):
        entity = await self.entity(place)
        async with self.db.write() as conn:
            await queries.watch(conn, entity)
        return str(entity)

    async def journal(self):
        statement = text(
            "SELECT kind, data, actor_name FROM journal_entry WHERE head_kind = 'register'"
            " ORDER BY at, head_id, revision, ordinal"
        )
        async with self.db.read() as conn:
            return [
                (row.kind.removeprefix("bce.enterprise."), row.data) for row in await conn.execute(statement)
            ]


@pytest.fixture(params=["full", "update"])
def register(request, db, clock, tmp_path):
    return Register(db, clock, tmp_path, update=request.param == "update")


GONE = {"gone": True}
CONTROLLED = {"situation": "050"}


def situation(before, after, was, is_now):
    return (
        "situationChanged",
        {"before": before, "after": after, "consequence_before": was, "consequence_after": is_now},
    )


# What it was, what it becomes, and what is told of it.
CHANGES = {
    "vanished": ({}, GONE, ("vanished", {"extract": 3})),
    "reactivated": (GONE, {}, ("reactivated", {"extract": 3})),
    "reactivated another": (GONE, {"start": "01-10-2026", "name": "Autre"}, ("reactivated", {"extract": 3})),
    "watch": ({}, {"situation": "091"}, situation("000", "091", "normal", "watch")),
    "controlled": ({}, CONTROLLED, situation("000", "050", "normal", "controlled")),
    "terminal": (CONTROLLED, {"situation": "051"}, situation("050", "051", "controlled", "terminal")),
    "normal": ({"situation": "091"}, {}, situation("091", "000", "watch", "normal")),
    "same group": (CONTROLLED, {"situation": "012"}, situation("050", "012", "controlled", "controlled")),
    "unheard of": ({}, {"situation": "777"}, situation("000", "777", "normal", "controlled")),
    "form": ({}, {"form": "014"}, ("formChanged", {"before": "610", "after": "014"})),
    "form to be read": ({}, {"form_cac": "706"}, ("formChanged", {"before": "610", "after": "706"})),
    "name": ({}, {"name": "Autre nom"}, ("nameChanged", {})),
    "seat": ({}, {"struck_off": "01-10-2026"}, ("seatStruckOff", {"on": "2026-10-01"})),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
async def test_inv_13_each_change_is_told_once_of_the_watched_one_alone(register, change):
    before, after, (kind, data) = CHANGES[change]
    await register.learn(country(1))
    entity = await register.watch(WATCHED)
    await register.learn(country(2, **before))
    told = len(await register.journal())
    rehearsed = await register.learn(country(3, **after), dry_run=True)
    assert len(await register.journal()) == told, "a dry run tells nothing to the journal"
    register.told = country(2, **before)

    done = await register.learn(country(3, **after))
    again = await register.apply(country(3, **after))
    await register.learn(country(4, **after))

    assert (await register.journal())[told:] == [(kind, {"entity": entity, **data})]
    assert rehearsed.events == done.events == {f"bce.enterprise.{kind}": 1}
    assert (again.status, again.events) == (Status.ALREADY_APPLIED, {})


@pytest.mark.parametrize(
    "after",
    [
        {"form": "610", "form_cac": "610"},
        {"start": "01-02-2004"},
        {"kind": "1"},
    ],
)
async def test_what_means_nothing_to_whoever_acts_is_not_told(register, after):
    """A form to be read as what it is, another day of its beginning: the rows' history has it."""
    await register.learn(country(1))
    await register.watch(WATCHED)

    report = await register.learn(country(2, **after))

    assert report.written["bce_snapshot"] == {"began": 2, "ended": 2}
    assert await register.journal() == []


async def test_several_changes_of_one_day_are_one_revision_each_told_once(register):
    await register.learn(country(1))
    await register.watch(WATCHED)

    report = await register.learn(
        country(2, name="Autre", situation="050", form="014", struck_off="01-10-2026")
    )

    assert [kind for kind, _ in await register.journal()] == [
        "situationChanged", "formChanged", "nameChanged", "seatStruckOff",
    ]  # fmt: skip
    assert set(report.events.values()) == {1}
    async with register.db.read() as conn:
        entries = await conn.execute(
            text(
                "SELECT DISTINCT revision, actor_name, capacity FROM journal_entry WHERE head_kind = 'register'"
            )
        )
        assert [tuple(row) for row in entries] == [(1, "extract 0002", "system")]


async def test_what_comes_and_goes_again_is_told_each_time(register):
    await register.learn(country(1))
    await register.watch(WATCHED)
    seen = ({"struck_off": "01-10-2026"}, {}, {"struck_off": "02-10-2026"}, GONE, {}, GONE)

    for place, what in enumerate(seen, start=2):
        await register.learn(country(place, **what))

    assert [kind for kind, _ in await register.journal()] == [
        "seatStruckOff", "seatStruckOff", "vanished", "reactivated", "vanished",
    ]  # fmt: skip


async def test_a_seat_that_is_struck_off_already_is_not_told_again_when_it_is_written_otherwise(register):
    await register.learn(country(1))
    await register.watch(WATCHED)
    await register.learn(country(2, struck_off="01-10-2026"))

    report = await register.learn(country(3, struck_off="02-10-2026"))

    assert report.written["bce_address"] == {"began": 2, "ended": 2}
    assert [kind for kind, _ in await register.journal()] == ["seatStruckOff"]


async def test_inv_05_a_replaced_number_is_told_once_and_the_extract_that_shows_it_adds_its_situation(
    register,
):
    """Neither does the old number vanish nor the new one appear (situations 003 and 006)."""
    await register.learn(country(1))
    entity = await register.watch(WATCHED)
    new = EnterpriseNumber(number(9))
    for _ in range(2):
        register.clock.advance(hours=1)
        async with register.db.write() as conn:
            since = start_of_day(register.clock.now.date())
            await replace_number(conn, EntityId(UUID(entity)), new, since=since, now=register.clock.now)
    shown = Extract.of(THIRD, OTHER, number=2, snapshot="03-10-2026")
    shown.enterprise(9, name="Entreprise 0", situation="003")

    report = await register.learn(shown)
    again = await register.learn(Extract(number=3, snapshot="04-10-2026", lines=shown.lines))

    assert (report.vanishing_count, report.written["bce_entity"]["began"], again.events) == (0, 0, {})
    assert await register.journal() == [
        ("numberReplaced", {"entity": entity, "before": number(0), "after": number(9)}),
        (
            "situationChanged",
            {
                "entity": entity, "before": "000", "after": "003", "consequence_before": "normal",
                "consequence_after": "normal",
            },
        ),
    ]  # fmt: skip
    assert str(await register.entity(9)) == entity


async def test_whoever_appears_is_watched_by_nobody_yet_and_the_rows_tell_since_when(register):
    """What is watched was known before: an appearance is in the history of the rows, for everybody."""
    await register.learn(country(1))
    await register.watch(WATCHED)
    extract = country(2)
    extract.enterprise(7)

    report = await register.learn(extract)

    assert (report.written["bce_entity"]["began"], report.events) == (1, {})
    assert await register.journal() == []
    async with register.db.read() as conn:
        found = await conn.execute(
            text("SELECT first_extract FROM bce_entity WHERE entity_id = :e"), {"e": await register.entity(7)}
        )
        assert found.scalar_one() == 2
