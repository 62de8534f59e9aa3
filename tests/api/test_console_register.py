"""What the register says of an enterprise, on a page; and finding an enterprise by name or place."""

import re
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from tests.support.acts import DUPONT, gap
from tests.support.console import words_in
from tests.support.register import personas

pytestmark = pytest.mark.anyio

CEASED, CURATOR = "1900000960", "1900000861"
PAGE = f"/enterprises/{DUPONT}/register"
SEARCH = "/enterprises/add/search"
SSIN = personas()["karim"]["ssin"]


async def one(site, statement: str, **values) -> object:
    async with site.town.db.read() as conn:
        return (await conn.execute(text(statement), values)).scalar_one()


# -- what the register says


async def test_the_page_says_names_seat_form_situation_source_and_day(site):
    karim = await site.visitor("karim")

    said = words_in(await karim.get(PAGE))

    for expected in (
        "Ce que dit la BCE de Menuiserie Dupont SRL", "1900.000.069", "Namur", "Situation normale",
        "ses représentants habituels agissent pour elle", "guichet d'entreprises agréé", "Source : données ouvertes de la BCE",
        "extrait nº", "Unités d'établissement",
    ):  # fmt: skip
        assert expected in said.replace("\u00a0", " "), expected


async def test_inv_17_the_page_names_the_extract_it_stands_on(site):
    newest = await one(site, "SELECT max(number) FROM bce_extract WHERE status = 'applied'")
    karim = await site.visitor("karim")

    assert f"extrait nº {newest}." in words_in(await karim.get(PAGE)).replace("\u00a0", " ")


async def test_inv_17_data_that_are_too_old_are_said_to_be(site, town):
    karim, said = await site.visitor("karim"), {}
    for day in (date(2026, 11, 21), date(2026, 11, 20)):
        async with town.db.write() as conn:
            await conn.execute(text("UPDATE bce_extract SET snapshot_on = :day"), {"day": day})
        said[day.day] = words_in(await karim.get(PAGE)).replace("\u00a0", " ")

    assert "ne sont plus à jour" not in said[21]
    assert "La BCE ne nous en a plus donné depuis le 20 novembre 2026" in said[20]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("nl", ["Wat de KBO over", "Zetel", "erkend ondernemingsloket"]),
        ("de", ["Was die ZDU über", "Sitz", "Unternehmensschalter"]),
        ("en", ["What the CBE says of", "Registered office", "accredited business counter"]),
    ],
)
async def test_inv_69_the_page_speaks_the_language_of_its_reader(site, language, expected):
    karim = await site.visitor("karim")

    said = words_in(await karim.get(f"{PAGE}?lang={language}"))

    assert [each for each in expected if each not in said] == []


async def test_inv_07_each_name_says_in_which_language_it_is(site):
    async with site.town.db.write() as conn:
        await conn.execute(
            text(
                "INSERT INTO bce_name (entity_id, digest, unit, language, kind, text, starts_at, recorded_from)"
                " SELECT entity_id, code::bigint, NULL, code, '001', name, now(), now()"
                "   FROM bce_number, (VALUES ('2', 'Naam'), ('3', 'Name'), ('4', 'The name'), ('0', 'Nom')) x (code, name)"
                "  WHERE number = :number"
            ),
            {"number": DUPONT},
        )
    karim = await site.visitor("karim")

    page = (await karim.get(PAGE)).text

    for kind, language, name in (
        ("Nom (en néerlandais)", "nl", "Naam"), ("Nom (en allemand)", "de", "Name"), ("Nom (en anglais)", "en", "The name"),
    ):  # fmt: skip
        assert f'<dt>{kind}</dt><dd lang="{language}">{name}</dd>' in page
    assert "<dt>Nom</dt><dd>Nom</dd>" in page


async def test_a_seat_that_is_struck_off_and_a_form_to_be_read_otherwise_are_told(site):
    async with site.town.db.write() as conn:
        entity = site.town.entity(DUPONT)
        await conn.execute(
            text(
                "UPDATE bce_address SET struck_off_on = '2019-05-03' WHERE entity_id = :entity AND unit IS NULL"
            ),
            {"entity": entity},
        )
        await conn.execute(
            text("UPDATE bce_snapshot SET form = '015', form_cac = '610' WHERE entity_id = :entity"),
            {"entity": entity},
        )
    karim = await site.visitor("karim")

    said = words_in(await karim.get(PAGE)).replace("\u00a0", " ")

    assert "radiée d'office depuis le 3 mai 2019" in said
    assert (
        "Forme Société à responsabilité limitée Forme inscrite, à lire comme la précédente Société privée"
        in said
    )


async def test_establishment_units_are_shown_in_pages(site):
    async with site.town.db.write() as conn:
        await conn.execute(
            text(
                "INSERT INTO bce_establishment (entity_id, number, start_on, starts_at, recorded_from)"
                " SELECT :entity, (8000000000 + n * 100)::text, '2010-08-04', now(), now()"
                "   FROM generate_series(1, 25) n"
            ),
            {"entity": site.town.entity(DUPONT)},
        )
    karim = await site.visitor("karim")
    first = await karim.get(PAGE)
    onwards = re.search(rf'href="({PAGE}\?after=\d+)#units"', first.text)
    second = await karim.get(onwards.group(1))
    numbers = re.compile(r"8\.000\.\d{3}\.\d{3}")

    assert len(numbers.findall(first.text)) + len(numbers.findall(second.text)) == 25
    assert set(numbers.findall(first.text)).isdisjoint(numbers.findall(second.text))
    assert "after=" not in second.text.split("units")[-1]
    assert "Revenir au début" in words_in(second)


async def test_one_that_has_ceased_and_one_under_a_curator_say_what_it_means(site):
    karim = await site.visitor("karim")

    assert "Plus aucun rôle ne fonctionne pour elle" in words_in(
        await karim.get(f"/enterprises/{CEASED}/register")
    )
    said = words_in(await karim.get(f"/enterprises/{CURATOR}/register"))
    assert "Un curateur, un liquidateur" in said
    assert "Les rôles donnés continuent" in said


async def test_inv_49_nothing_on_the_page_depends_on_whether_there_is_a_manager_or_a_user(site):
    """For a stranger the page is the same before and after somebody is appointed."""
    stranger = await site.visitor("hugo")
    reference = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9A-Z]{4}-[0-9A-Z]{4}")
    before = reference.sub("", (await stranger.get(PAGE)).text)
    await gap(site.town, "luc", "sophie")
    after = reference.sub("", (await stranger.get(PAGE)).text)

    assert after == before
    assert "GAP" not in after


async def test_who_is_not_logged_in_is_asked_to_and_what_is_not_there_is_not_there(site):
    nobody, karim = site.browser(), await site.visitor("karim")

    assert (await nobody.get(PAGE)).status_code == 303
    assert (await nobody.get(SEARCH)).status_code == 303
    for path in (
        "/enterprises/1900099049/register", "/enterprises/1900000068/register", "/enterprises/x/register",
        f"{PAGE}?after=nonsense", f"{PAGE}?after=1900000069",
    ):  # fmt: skip
        assert (await karim.get(path)).status_code == 404, path


async def test_the_pages_of_an_enterprise_lead_to_what_the_register_says(site):
    karim, luc = await site.visitor("karim"), await site.visitor("luc")

    assert f'href="{PAGE}"' in (await karim.get(f"/enterprises/add/{DUPONT}")).text
    assert f'href="{PAGE}"' in (await luc.get(f"/enterprises/{DUPONT}")).text


# -- finding by name or place


async def search(browser, **typed):
    """What the form leads to, followed."""
    answer = await browser.post(SEARCH, data=typed)
    return await browser.get(answer.headers["location"]) if answer.status_code == 303 else answer


async def test_a_name_and_a_place_lead_to_cards_and_a_card_to_the_name_said_back(site):
    karim = await site.visitor("karim")
    assert f'href="{SEARCH}?demarche=x"' in (await karim.get("/enterprises/add?demarche=x")).text

    page = await search(karim, name="menuisérie", place="5000", demarche="x")

    assert page.status_code == 200
    assert "Menuiserie Dupont SRL" in words_in(page)
    assert f'href="/enterprises/add/{DUPONT}?demarche=x"' in page.text
    said_back = await karim.get(f"/enterprises/add/{DUPONT}?demarche=x")
    assert "Est-ce bien cette entreprise" in words_in(said_back)


@pytest.mark.parametrize("typed", ["1900.000.069", "BE 1900 000 069", "1900000069"])
async def test_inv_03_a_number_typed_as_a_name_leads_to_the_enterprise(site, typed):
    karim = await site.visitor("karim")

    answer = await karim.post(SEARCH, data={"name": typed})

    assert (answer.status_code, answer.headers["location"]) == (303, f"/enterprises/add/{DUPONT}")


async def test_inv_06_a_national_number_comes_into_no_address_and_no_page(site):
    karim = await site.visitor("karim")

    for typed in ({"name": SSIN}, {"name": "x", "place": SSIN}):
        answer = await karim.post(SEARCH, data=typed)
        assert answer.status_code == 400
        assert SSIN not in answer.text
        assert "Un numéro national ne se cherche pas ici" in words_in(answer)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Écrivez un nom, un code postal ou une commune"),
        ({"name": "d"}, "au moins deux lettres"),
        ({"name": "&%"}, "au moins deux lettres"),
        ({"name": "d" * 201}, "trop long"),
        ({"place": "d" * 101}, "trop long"),
        ({"place": "\x7f"}, "des lettres et des chiffres"),
    ],
)
async def test_each_search_that_is_none_says_how_to_mend_it(site, typed, said):
    karim = await site.visitor("karim")

    answer = await search(karim, **typed)

    assert answer.status_code == 400
    assert said in words_in(answer)


async def test_an_address_made_by_hand_is_judged_like_the_form(site):
    karim = await site.visitor("karim")

    for query in ("name=d", "name=dupont&after=nonsense", "place=" + "x" * 101, "name=a%00b"):
        assert (await karim.get(f"{SEARCH}?{query}")).status_code == 400, query


async def test_who_is_not_found_is_told_what_else_to_try(site):
    karim = await site.visitor("karim")

    said = words_in(await search(karim, name="xyzzyx qwrtpl"))

    assert "Aucune entreprise en activité" in said
    assert "numéro d'entreprise" in said


async def test_no_natural_person_and_nobody_who_ceased_is_among_the_answers(site):
    """All names that the register has, asked one by one."""
    karim = await site.visitor("karim")
    async with site.town.db.read() as conn:
        rows = await conn.execute(
            text("SELECT number, kind, operating, names FROM bce_enterprise_view ORDER BY number")
        )
        known = {row.number: row for row in rows}
    hidden = [row for row in known.values() if row.kind == 1 or not row.operating]
    assert {row.kind for row in hidden} == {1, 2}
    for row in hidden:
        for name in {each["text"] for each in row.names}:
            page = await search(karim, name=name)
            assert f"/enterprises/add/{row.number}" not in page.text


async def test_more_answers_than_a_page_are_reached_by_a_link(site):
    karim = await site.visitor("karim")
    async with site.town.db.write() as conn:
        await conn.execute(
            text(
                "INSERT INTO bce_search (entity_id, number, text)"
                " SELECT entity_id, number, 'partout ' || number FROM bce_enterprise_view WHERE operating"
            )
        )
        count = (
            await conn.execute(text("SELECT count(*) FROM bce_search WHERE text LIKE 'partout%'"))
        ).scalar_one()
    assert count > 20
    first = await search(karim, name="partout", demarche="x")
    onwards = re.search(rf'href="({re.escape(SEARCH)}\?[^"]*after=[^"]*)"', first.text)
    address = onwards.group(1).replace("&amp;", "&")
    second = await karim.get(address)

    assert parse_qs(urlsplit(address).query)["demarche"] == ["x"]
    shown = [re.findall(r"/enterprises/add/(\d{10})", page.text) for page in (first, second)]
    assert len(shown[0]) == 20
    assert shown[1]
    assert set(shown[0]).isdisjoint(shown[1])
