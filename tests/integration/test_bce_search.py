"""Finding enterprises by name and place: what answers, in which order, and who never does."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from iam.bce import search_index
from iam.bce.importer import Limits, Status, apply_extract
from iam.bce.queries import find_by_number
from iam.bce.record import replace_number
from iam.bce.search import PAGE, Cursor, InvalidSearch, Match, asked, search
from iam.kernel.clock import start_of_day
from iam.kernel.numbers import EnterpriseNumber
from tests.support.extract import Extract, dotted, number, unit

pytestmark = pytest.mark.anyio
NAMUR = ("5000", "Namen", "Namur")
BRUSSELS = ("1000", "Brussel", "Bruxelles")
LIEGE = ("4000", "Luik", "Liège")


def seated(extract: Extract, place: int, at=NAMUR, *, kind="2", situation="000", names=()) -> None:
    """An enterprise of these names (language, kind, text), with its seat there and nothing else."""
    postcode, nl, fr = at
    own = dotted(place)
    form = "610" if kind == "2" else None
    extract.add("enterprise.csv", own, "AC", situation, kind, form, None, "01-02-2003")
    for language, sort, name in names:
        extract.add("denomination.csv", own, language, sort, name)
    extract.add(
        "address.csv", own, "REGO", None, None, postcode, nl, fr, "Rue X", "Rue X", "1", "", "", None
    )  # fmt: skip


DUPONT, DUPONT_EXACT, OTHER, BUREAU, PERSON, TERMINAL, GERMAN, UNITS = range(8)


def country() -> Extract:
    extract = Extract()
    seated(
        extract, DUPONT,
        names=[("1", "001", "Menuiserie Dupont & Fils"), ("2", "001", "Schrijnwerkerij Dupont"), ("1", "002", "M.D.F.")],
    )  # fmt: skip
    seated(extract, DUPONT_EXACT, LIEGE, names=[("1", "001", "DUPONT")])
    seated(extract, OTHER, BRUSSELS, names=[("1", "001", "Dupont Consulting"), ("4", "003", "Blue Whale")])
    seated(extract, BUREAU, BRUSSELS, names=[("2", "001", "Café Zürich"), ("1", "001", "L'Œuvre d'Été")])
    seated(extract, PERSON, kind="1", names=[("0", "001", "Dupont, Jean")])
    seated(extract, TERMINAL, situation="014", names=[("1", "001", "Dupont Clôturée")])
    seated(extract, GERMAN, ("4700", "Eupen", "Eupen"), names=[("3", "001", "Bäckerei Groß")])
    seated(extract, UNITS, names=[("1", "001", "Holding 12")])
    extract.add("establishment.csv", unit(UNITS), "04-08-2010", dotted(UNITS))
    extract.add("denomination.csv", unit(UNITS), "1", "003", "Friterie du Coin")
    extract.add("branch.csv", unit(UNITS, 95_000_000), "04-08-2010", dotted(UNITS))
    extract.add("denomination.csv", unit(UNITS, 95_000_000), "1", "004", "Succursale Lointaine")
    return extract


@pytest.fixture
async def register(db, clock, tmp_path):
    report = await apply_extract(db, country().zip(tmp_path), clock)
    assert report.status is Status.APPLIED


async def ask(db, **wanted):
    async with db.read() as conn:
        return await search(conn, asked(**wanted))


async def found(db, **wanted):
    """Which places of the made-up country answer, in their order, and how."""
    answer = await ask(db, **wanted)
    places = {number(place): place for place in range(200)}
    return [(places[hit.enterprise.number.digits], hit.match) for hit in answer.hits]


async def who(db, **wanted):
    return [place for place, _ in await found(db, **wanted)]


async def test_who_is_called_so_comes_first_then_who_begins_so_then_in_whose_name_it_stands(db, register):
    assert await found(db, name="dupont") == [
        (DUPONT_EXACT, Match.BEGINS),
        (OTHER, Match.BEGINS),
        (DUPONT, Match.WORDS),
    ]


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("cafe zurich", BUREAU), ("CAFÉ ZÜRICH", BUREAU), ("l'oeuvre d'ete", BUREAU), ("L’Œuvre", BUREAU),
        ("backerei gross", GERMAN), ("Bäckerei", GERMAN), ("schrijnwerk", DUPONT), ("blue wh", OTHER),
        ("mdf", DUPONT), ("M.D.F", DUPONT), ("fils menuiserie", DUPONT), ("friterie", UNITS), ("holding 12", UNITS),
    ],
)  # fmt: skip
async def test_a_name_is_found_in_any_language_of_any_kind_without_accents_case_or_signs(
    db, register, typed, place
):
    assert await who(db, name=typed) == [place]


@pytest.mark.parametrize(
    ("typed", "place"),
    [("menuisrie dupont fils", DUPONT), ("menuiserie dupont srl", DUPONT), ("bakerei gross", GERMAN), ("blu wale", OTHER)],
)  # fmt: skip
async def test_a_name_typed_wrongly_is_found_when_nothing_is_called_so(db, register, typed, place):
    answers = await found(db, name=typed)

    assert answers[0] == (place, Match.SIMILAR)


async def test_inv_03_a_natural_person_is_found_by_number_alone(db, register):
    """His name is personal data: it is not even in what is searched (quirk j)."""
    for typed in ("Dupont, Jean", "jean dupont", "Dupont Jea"):
        assert PERSON not in await who(db, name=typed)
    async with db.read() as conn:
        by_number = await find_by_number(conn, EnterpriseNumber(number(PERSON)))
        kept = await conn.execute(
            text("SELECT count(*) FROM bce_search WHERE entity_id = :entity"), {"entity": by_number.entity}
        )
        assert kept.scalar_one() == 0
        assert PERSON not in await who(db, postcode="5000")


async def test_who_no_longer_operates_and_the_name_of_a_branch_are_not_found(db, register):
    assert TERMINAL not in await who(db, name="dupont cloturee")
    assert TERMINAL not in await who(db, name="dupont")
    assert await who(db, name="succursale lointaine") == []


async def test_a_situation_that_comes_to_mean_an_end_takes_effect_at_once(db, register):
    async with db.write() as conn:
        await conn.execute(text("UPDATE bce_situation SET consequence = 'terminal' WHERE code = '000'"))

    assert await who(db, name="dupont") == []


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ({"postcode": "1000"}, [BUREAU, OTHER]),
        ({"municipality": "bruxelles"}, [BUREAU, OTHER]),
        ({"municipality": "BRUSSEL"}, [BUREAU, OTHER]),
        ({"municipality": "liege"}, [DUPONT_EXACT]),
        ({"municipality": "Luik", "postcode": "4000"}, [DUPONT_EXACT]),
        ({"municipality": "Luik", "postcode": "5000"}, []),
        ({"municipality": "Eupen"}, [GERMAN]),
        ({"municipality": "namur", "name": "dupont"}, [DUPONT]),
        ({"postcode": "1000", "name": "dupont"}, [OTHER]),
        ({"municipality": "Bruxelles", "name": "dupnt consulting"}, [OTHER]),
    ],
)
async def test_a_place_is_a_postcode_or_a_municipality_in_french_or_dutch_alone_or_with_a_name(
    db, register, wanted, places
):
    assert sorted(await who(db, **wanted)) == sorted(places)


@pytest.mark.parametrize("typed", ["%%", "__", "' OR 1=1 --", "dupont' & 'x", "(dupont", "dup*nt:*", "\\", "!dupont | x", "<->"])  # fmt: skip
async def test_signs_that_mean_something_to_a_database_mean_nothing_here(db, register, typed):
    """They part words, as every sign does: what is left is looked for, or there is nothing to look for."""
    try:
        answers = await who(db, name=typed)
    except InvalidSearch as error:
        assert (error.field, error.fault) == ("name", "short")
        return
    assert set(answers) <= {DUPONT, DUPONT_EXACT, OTHER}


@pytest.mark.parametrize(
    ("wanted", "field", "fault"),
    [
        ({}, "name", "nothing"),
        ({"name": "  "}, "name", "nothing"),
        ({"name": "d"}, "name", "short"),
        ({"name": "&&&"}, "name", "short"),
        ({"name": "d" * 201}, "name", "long"),
        ({"name": "du\x00pont"}, "name", "characters"),
        ({"name": "du\udc00pont"}, "name", "characters"),
        ({"postcode": "5000%"}, "postcode", "shape"),
        ({"postcode": "5" * 21}, "postcode", "shape"),
        ({"municipality": "x" * 101}, "municipality", "long"),
        ({"municipality": "?!"}, "municipality", "characters"),
        ({"name": "dupont", "after": "nonsense"}, "after", "shape"),
        ({"name": "dupont", "after": "é"}, "after", "shape"),
        ({"name": "dupont", "after": "W10"}, "after", "shape"),
        ({"name": "dupont", "after": "A" * 3001}, "after", "long"),
    ],
)
async def test_what_is_no_search_is_told_by_field(db, register, wanted, field, fault):
    with pytest.raises(InvalidSearch) as caught:
        await ask(db, **wanted)

    assert (caught.value.field, caught.value.fault) == (field, fault)


async def test_pages_show_each_enterprise_once_and_all_of_them(db, clock, tmp_path):
    """Across the border between those that begin so and those in whose name the word stands."""
    extract = Extract()
    for place in range(25):
        seated(
            extract, place, names=[("1", "001", f"Dupont {place % 7}"), ("2", "001", f"Huis Dupont {place}")]
        )
    for place in range(25, 55):
        seated(extract, place, LIEGE, names=[("1", "001", f"Maison Dupont {place % 9}")])
    await apply_extract(db, extract.zip(tmp_path), clock)
    pages, after = [], ""
    while True:
        answer = await ask(db, name="dupont", after=after)
        pages.append([(hit.enterprise.number.digits, hit.match) for hit in answer.hits])
        if answer.after is None:
            break
        after = answer.after.encode()

    assert [len(page) for page in pages] == [PAGE, PAGE, 15]
    shown = [digits for page in pages for digits, _ in page]
    assert sorted(shown) == sorted(number(place) for place in range(55))
    assert [match for page in pages for _, match in page] == [Match.BEGINS] * 25 + [Match.WORDS] * 30
    assert len(await who(db, municipality="Luik")) == PAGE


async def test_words_that_stand_in_too_many_names_are_said_to_be_common(db, register, monkeypatch):
    monkeypatch.setattr("iam.bce.search._MOST", 1)

    answer = await ask(db, name="fils dupont")
    assert not answer.common
    monkeypatch.setattr("iam.bce.search._MOST", 0)
    answer = await ask(db, name="fils dupont")

    assert (answer.common, answer.hits) == (True, ())


async def test_inv_17_an_answer_says_of_which_extract_it_is(db, register):
    assert (await ask(db, name="dupont")).extract == 1


async def test_before_the_first_extract_nothing_is_found(db):
    answer = await ask(db, name="dupont")

    assert (answer.hits, answer.extract) == ((), 0)


# -- what is searched follows the register


async def rows(db) -> list[tuple]:
    async with db.read() as conn:
        return [
            tuple(row) for row in await conn.execute(text("SELECT * FROM bce_search ORDER BY text, number"))
        ]


async def indexes(db) -> list[tuple]:
    async with db.read() as conn:
        found = await conn.execute(
            text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'bce_search%' ORDER BY 1")
        )
        return [tuple(row) for row in found]


async def later(db, clock, tmp_path):
    """The next month: one renamed, one moved, one gone, one new, one who is a natural person now."""
    extract = Extract(number=2, snapshot="06-11-2026")
    seated(extract, DUPONT, names=[("1", "001", "Menuiserie Durand")])
    seated(extract, DUPONT_EXACT, BRUSSELS, names=[("1", "001", "DUPONT")])
    seated(extract, BUREAU, BRUSSELS, kind="1", names=[("0", "001", "Zürich, Anna")])
    seated(extract, PERSON, kind="1", names=[("0", "001", "Dupont, Jean")])
    seated(extract, GERMAN, ("4700", "Eupen", "Eupen"), names=[("3", "001", "Bäckerei Groß")])
    seated(extract, UNITS, names=[("1", "001", "Holding 12")])
    seated(extract, 9, names=[("1", "001", "Dupont Nouvelle")])
    report = await apply_extract(db, extract.zip(tmp_path), clock, limits=Limits(vanish_floor=10))
    assert report.status is Status.APPLIED, report


async def test_an_extract_changes_what_is_found(db, register, clock, tmp_path):
    await later(db, clock, tmp_path)

    assert await who(db, name="dupont") == [DUPONT_EXACT, 9]
    assert await who(db, name="menuiserie") == [DUPONT]
    assert await who(db, name="dupont", municipality="Bruxelles") == [DUPONT_EXACT]
    assert await who(db, name="zurich") == []
    assert await who(db, name="friterie") == []


async def test_what_is_kept_by_difference_is_what_would_be_built(db, register, clock, tmp_path):
    """And building leaves the table as the migration made it."""
    made = await indexes(db)
    await later(db, clock, tmp_path)
    kept = await rows(db)
    async with db.write() as conn:
        await conn.execute(text("TRUNCATE bce_search"))
        await search_index.refresh(conn)

    assert kept
    assert await rows(db) == kept
    assert await indexes(db) == made
    assert [name for name, _ in made] == [
        "ix_bce_search_municipality_fr", "ix_bce_search_municipality_nl", "ix_bce_search_postcode",
        "ix_bce_search_text", "ix_bce_search_word_likeness", "ix_bce_search_words", "pk_bce_search",
        "pk_bce_search_word",
    ]  # fmt: skip


async def test_only_those_who_were_touched_are_looked_at(db, register):
    async with db.write() as conn:
        touched = await find_by_number(conn, EnterpriseNumber(number(DUPONT)))
        await conn.execute(text("UPDATE bce_name SET text = 'Umbenannt ' || text"))
        await search_index.refresh(conn, f"SELECT '{touched.entity}'::uuid AS entity_id")

    assert await who(db, name="umbenannt") == [DUPONT]
    assert await who(db, name="holding") == [UNITS]


async def test_what_has_not_changed_is_not_written(db, register):
    async with db.write() as conn:
        before = (await conn.execute(text("SELECT text, xmin::text FROM bce_search ORDER BY 1"))).all()
        await search_index.refresh(conn)
        after = (await conn.execute(text("SELECT text, xmin::text FROM bce_search ORDER BY 1"))).all()

    assert after == before


async def test_inv_05_who_goes_by_another_number_is_found_under_it(db, register, clock):
    async with db.write() as conn:
        enterprise = await find_by_number(conn, EnterpriseNumber(number(DUPONT)))
        await replace_number(
            conn, enterprise.entity, EnterpriseNumber(number(77)),
            since=start_of_day(clock().date()), now=clock(),
        )  # fmt: skip

    assert await who(db, name="menuiserie") == [77]


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = Cursor(match=Match.WORDS, text="menuiserie \u00e9t\u00e9", number="1950000012")
    assert asked(name="x", after=cursor.encode()).after == cursor
    with pytest.raises(InvalidSearch):
        asked(name="x", after=replace(cursor, match=Match.SIMILAR).encode())
