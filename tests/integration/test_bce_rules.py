"""Rules of representation as versioned data: loaded, compared, journaled, and what they change for whom."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from iam.bce import queries, reference
from iam.bce.functions import apply_feed
from iam.bce.functions.effects import Worth, compare, concerned
from iam.bce.functions.rules import load_rules
from iam.bce.importer import apply_extract
from iam.bce.record import watch
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import FingerprintKeys
from tests.support.extract import Extract, feed, held, number

pytestmark = pytest.mark.anyio
KEYS = FingerprintKeys("1", b"a" * 32)
LUC, ANNE, MARC = "58000000549", "61000001208", "66000001117"
BANKRUPT, HOLDING = 5, 7
HEADER = "function,form,represents,controlled,valid_from,valid_to,source\n"
SHIPPED = reference.read()


def table(folder, *rows, name="rules.csv"):
    path = folder / name
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return reference.read(path)


@pytest.fixture
async def register(db, clock, tmp_path):
    """Four companies and a holding with a director each, a bankrupt one with a curator."""
    extract = Extract.of(0, 1, 2, HOLDING)
    extract.enterprise(BANKRUPT, situation="050")
    await apply_extract(db, extract.zip(tmp_path), clock)
    clock.advance(minutes=5)
    functions = [
        held(0, ssin=LUC), held(0, "XADMD", ssin=ANNE), held(1, ssin=LUC), held(2, by=HOLDING, permanent=MARC),
        held(BANKRUPT, ssin=MARC), held(BANKRUPT, "XCURA", ssin=ANNE), held(1, "XADMI", ssin=ANNE, last="2020-01-01"),
    ]  # fmt: skip
    made = feed(tmp_path, *functions, produced_at=clock.now.isoformat())
    await apply_feed(db, made, KEYS, clock)
    clock.advance(minutes=5)


async def entity(conn, place):
    return (await queries.find_by_number(conn, EnterpriseNumber(number(place)))).entity


async def watched(db, *places):
    async with db.write() as conn:
        for place in places:
            await watch(conn, await entity(conn, place))


async def load(db, book, clock):
    async with db.write() as conn:
        return await load_rules(conn, book, clock)


async def versions(db):
    async with db.read() as conn:
        return list(await conn.execute(text("SELECT * FROM bce_rulebook ORDER BY version")))


async def entries(db):
    async with db.read() as conn:
        return list(
            await conn.execute(
                text("SELECT * FROM journal_entry ORDER BY head_kind, head_id, revision, ordinal")
            )
        )


async def compared(db, old, new, clock, show=100):
    async with db.read() as conn:
        return await compare(conn, old, new, clock.now, show=show)


async def test_rules_loaded_are_rules_applied(db, register, clock, tmp_path):
    jointly = table(tmp_path, "XADMI,*,jointly,no,2020-01-01,,test")

    assert await load(db, jointly, clock)
    assert not await load(db, jointly, clock)

    async with db.read() as conn:
        found = await queries.representatives(conn, await entity(conn, 1), clock.now)
        before = await queries.representatives(conn, await entity(conn, 1), datetime(2019, 1, 1, tzinfo=UTC))
    assert [each.alone for each in found] == [False]
    assert before == []


async def test_the_database_holds_no_two_answers_for_a_day(db, register, clock):
    rule = SHIPPED.rules[0]
    twice = replace(SHIPPED, rules=(rule, replace(rule, valid_from=date(2021, 1, 1))))

    with pytest.raises(IntegrityError):
        await load(db, twice, clock)
    assert len(await versions(db)) == 1


async def test_inv_65_each_change_is_a_version_in_the_journal_with_the_digest_of_its_files(
    db, register, clock, tmp_path
):
    jointly = table(tmp_path, "XADMI,*,jointly,no,2020-01-01,,test")
    await load(db, jointly, clock)

    first, second = [entry for entry in await entries(db) if entry.kind == "bce.rules.replaced"]

    assert (first.revision, second.revision) == (1, 2)
    assert first.data["files"] == dict(SHIPPED.files)
    assert second.data == {
        "version": 2, "files": dict(jointly.files), "functions": len(jointly.functions), "rules": 1,
        "situations": len(jointly.situations),
    }  # fmt: skip
    assert second.capacity == "operator"
    assert [(row.version, row.files) for row in await versions(db)] == [
        (1, dict(SHIPPED.files)), (2, dict(jointly.files)),
    ]  # fmt: skip


async def test_an_import_does_not_take_back_what_an_operator_has_loaded(db, register, clock, tmp_path):
    await load(db, table(tmp_path, "XADMI,*,jointly,no,2020-01-01,,test"), clock)

    made = feed(tmp_path, held(0, ssin=LUC), number=2, produced_at=clock.now.isoformat())
    await apply_feed(db, made, KEYS, clock)
    named = tmp_path / "named.csv"
    named.write_text(f"{HEADER}XADMI,*,no,no,2020-01-01,,test\n")

    assert len(await versions(db)) == 2
    clock.advance(minutes=5)
    again = feed(tmp_path, held(0, ssin=LUC), number=3, produced_at=clock.now.isoformat())
    await apply_feed(db, again, KEYS, clock, rules=named)
    assert len(await versions(db)) == 3, "what is named is loaded"


async def test_who_gains_and_who_loses_is_told_by_function_watched_enterprises_first(
    db, register, clock, tmp_path
):
    await watched(db, 1)
    new = table(
        tmp_path,
        "XADMI,*,no,no,2000-01-01,,t",
        "XADMD,*,alone,no,2000-01-01,,t",
        "XCURA,*,alone,only,2000-01-01,,t",
    )

    found = await compared(db, SHIPPED, new, clock)
    back = await compared(db, new, SHIPPED, clock)

    assert (found.gaining, found.losing, found.watched_gaining, found.watched_losing) == (0, 4, 0, 1)
    assert (back.gaining, back.losing, back.watched_gaining) == (4, 0, 1)
    assert [each.number.digits for each in found.shown] == [number(place) for place in (1, 0, 2, BANKRUPT)]
    assert [(each.before, each.after) for each in found.shown] == [
        (Worth.ALONE, Worth.NOTHING), (Worth.ALONE, Worth.NOTHING), (Worth.ALONE, Worth.NOTHING),
        (Worth.SUSPENDED, Worth.NOTHING),
    ]  # fmt: skip
    async with db.read() as conn:
        ids = {row.function_id for row in await conn.execute(text("SELECT function_id FROM bce_function"))}
    assert {each.function for each in found.shown} <= ids
    few = await compared(db, SHIPPED, new, clock, show=1)
    assert (few.losing, len(few.shown)) == (4, 1), "all are counted"


async def test_a_function_that_is_over_or_rules_that_say_the_same_change_nothing(
    db, register, clock, tmp_path
):
    same = replace(SHIPPED, rules=tuple(reversed(SHIPPED.rules)), named=True)
    assert concerned(SHIPPED, same) == frozenset()
    assert (await compared(db, SHIPPED, same, clock)).shown == ()
    other_source = replace(SHIPPED, rules=tuple(replace(rule, source="FPS") for rule in SHIPPED.rules))
    assert concerned(SHIPPED, other_source) == frozenset()


async def test_a_situation_that_means_something_else_is_an_effect_too(db, register, clock):
    calm = replace(SHIPPED, situations={**SHIPPED.situations, "050": SHIPPED.situations["000"]})

    found = await compared(db, SHIPPED, calm, clock)

    assert concerned(SHIPPED, calm) is None
    effects = {each.code: (each.before, each.after) for each in found.shown}
    assert effects == {"XADMI": (Worth.SUSPENDED, Worth.ALONE), "XCURA": (Worth.ALONE, Worth.NOTHING)}


async def test_a_holder_that_ceases_by_the_new_meaning_of_its_situation_represents_no_longer(
    db, register, clock
):
    ended = replace(SHIPPED, situations={**SHIPPED.situations, "000": SHIPPED.situations["014"]})

    found = await compared(db, SHIPPED, ended, clock)

    by_number = {each.number.digits: each for each in found.shown if each.code == "XADMI"}
    assert by_number[number(2)].after is Worth.SUSPENDED


async def test_inv_65_watched_enterprises_learn_who_represents_them_by_the_new_rules(
    db, register, clock, tmp_path
):
    await watched(db, 0, 1)
    before = len(await entries(db))
    await load(
        db, table(tmp_path, "XADMD,*,alone,no,2000-01-01,,t", "XCURA,*,alone,only,2000-01-01,,t"), clock
    )

    told = [entry for entry in (await entries(db)) if entry.kind.startswith("bce.representation.")]

    assert len(await entries(db)) == before + 3
    async with db.read() as conn:
        zero, one = await entity(conn, 0), await entity(conn, 1)
    assert {(entry.head_id, entry.kind, entry.data["last"]) for entry in told} == {
        (zero, "bce.representation.ended", False), (one, "bce.representation.ended", True),
    }  # fmt: skip
    assert {entry.actor_name for entry in told} == {"rules 2"}
