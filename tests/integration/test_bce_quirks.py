"""The habits of the official files (DOMAIN 3.5, a to m), by a full extract and by an update, through the real
importer to what is answered."""

import dataclasses
from datetime import date

import pytest
from sqlalchemy import text

from iam.bce import queries
from iam.bce.importer import Limits, Status, apply_extract
from iam.bce.model import EnterpriseKind
from iam.bce.profile import profile
from iam.bce.search import asked, search
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from tests.support.extract import HEADERS, Extract, Update, dotted, number, quoted, unit

pytestmark = pytest.mark.anyio
NEIGHBOUR = 900
ANY = Limits(vanish_floor=9)


@pytest.fixture(params=["full", "update"])
def learn(request, db, clock, tmp_path):
    """The register says what the extract says, by itself or by an update onto the one before."""
    before = [Extract.of(NEIGHBOUR).with_activities()]

    async def run(extract, **options):
        if request.param == "update" and not before[1:]:
            await apply_extract(db, before[0].zip(tmp_path), clock, activities=True)
        extract.number = len(before) + 1
        extract.snapshot = f"{len(before) + 2:02d}-10-2026"
        extract.with_activities().enterprise(NEIGHBOUR)
        files = Update.between(before[-1], extract) if request.param == "update" else extract
        before.append(extract)
        clock.advance(hours=20)
        return await apply_extract(
            db, files.zip(tmp_path), clock, limits=ANY, **{"activities": True, **options}
        )

    return run


async def told(db, place=0):
    async with db.read() as conn:
        return await profile(conn, EnterpriseNumber(number(place)))


async def rows(db, statement, **values):
    async with db.read() as conn:
        return [tuple(row) for row in await conn.execute(text(statement), values)]


def well(report):
    assert (report.status, report.bad, report.orphans) == (Status.APPLIED, (), 0), report


def seated(extract, *address, place=0, struck_off=None):
    """The enterprise has this seat and no other: country, postcode, municipality, street, each NL and FR."""
    extract.enterprise(place)
    extract.lines["address.csv"] = [
        each for each in extract.lines["address.csv"] if dotted(place) not in each
    ]
    extract.add("address.csv", dotted(place), "REGO", *address, struck_off)
    return extract


async def test_quirk_a_names_are_read_by_the_official_codes_of_languages(db, learn):
    """1 is French, 2 Dutch, 3 German, 4 English, 0 unknown; not 0 French, 1 German, 2 Dutch, 3 English."""
    extract = Extract()
    extract.enterprise(0, name="Pont de l'Europe")
    for code, name in (("2", "Europabrug"), ("3", "Europabrücke"), ("4", "Bridge of Europe"), ("0", "Most")):
        extract.add("denomination.csv", dotted(0), code, "001", name)
    extract.enterprise(1, kind="1", form=None)
    extract.lines["denomination.csv"] = [
        line.replace(f'"{dotted(1)}","1"', f'"{dotted(1)}","0"') for line in extract.lines["denomination.csv"]
    ]

    well(await learn(extract))

    found, person = (await told(db)).enterprise, (await told(db, 1)).enterprise
    assert {language: queries.display_name(found, language) for language in Language} == {
        Language.FR: "Pont de l'Europe",
        Language.NL: "Europabrug",
        Language.DE: "Europabrücke",
        Language.EN: "Bridge of Europe",
    }
    assert {queries.display_name(person, language) for language in Language} == {"Entreprise 1"}


async def test_quirk_b_without_seat_or_activity_and_with_ten_names_it_is_an_enterprise(db, learn):
    extract = Extract().with_activities(dotted(1))
    for place in (0, 1):
        extract.enterprise(place, kind="1", form=None)
    extract.lines["address.csv"] = [line for line in extract.lines["address.csv"] if dotted(0) not in line]
    for place in range(9):
        extract.add("denomination.csv", dotted(0), "0", "003", f"Enseigne {place}")

    well(await learn(extract))

    found = await told(db)
    assert (found.enterprise.kind, found.enterprise.operating) == (EnterpriseKind.NATURAL, True)
    assert (found.seat, found.enterprise.municipality_fr, found.enterprise.doubtful_seat) == (
        None,
        None,
        False,
    )
    assert len(found.enterprise.names) == 10
    assert [unit.address.municipality_fr for unit in found.establishments] == ["Namur"]


async def test_quirk_c_a_row_that_is_there_twice_is_one(db, learn):
    extract = Extract.of(0).with_activities(dotted(0), dotted(0), unit(0), unit(0))
    for _ in range(2):
        extract.add("contact.csv", dotted(0), "ENT", "WEB", "www.exemple.be")
        extract.add("denomination.csv", dotted(0), "2", "001", "Onderneming 0")

    well(await learn(extract))

    counts = {
        table: (await rows(db, f"SELECT count(*) FROM {table} t JOIN bce_number n USING (entity_id)"
                               " WHERE n.number = :n", n=number(0)))[0][0]
        for table in ("bce_contact", "bce_name", "bce_activity")
    }  # fmt: skip
    assert counts == {"bce_contact": 2, "bce_name": 3, "bce_activity": 2}
    assert len((await told(db)).enterprise.names) == 2


@pytest.mark.parametrize(
    ("municipality", "street", "lines"),
    [
        (("Elsene", "Ixelles"), ("Troonstraat", "Rue du Trône"),
         {"fr": "Rue du Trône 7 / 2", "nl": "Troonstraat 7 / 2", "de": "Rue du Trône 7 / 2"}),
        (("Gent", "Gent"), ("Veldstraat", "Veldstraat"), dict.fromkeys(("fr", "nl", "de"), "Veldstraat 7 / 2")),
        (("Burg-Reuland", "Burg-Reuland"), ("Von-Orley-Straße", "Von-Orley-Straße"),
         dict.fromkeys(("fr", "nl", "de"), "Von-Orley-Straße 7 / 2")),
    ],
)  # fmt: skip
async def test_quirk_d_an_address_is_read_from_either_column_whatever_language_it_is_in(
    db, learn, municipality, street, lines
):
    well(await learn(seated(Extract(), None, None, "1050", *municipality, *street, "7", "2", "")))

    seat = (await told(db)).seat
    assert {language: seat.lines(Language(language))[0] for language in lines} == lines
    assert seat.lines(Language.NL)[1] == f"1050 {municipality[0]}"
    assert seat.lines(Language.FR)[1] == f"1050 {municipality[1]}"


async def test_quirk_e_an_address_abroad_may_lack_postcode_and_number_and_names_its_country(db, learn):
    street = "Stolberg 519 (Rheinland)"
    abroad = ("Duitsland", "Allemagne", None, "Stolberg", "Stolberg", street, street, None, "", "")

    well(await learn(seated(Extract(), *abroad)))

    assert (await told(db)).seat.lines(Language.FR) == (street, "Stolberg", "Allemagne")


async def test_quirk_f_an_address_that_was_struck_off_is_kept_and_is_doubtful(db, learn):
    at_home = (None, None, "5000", "Namen", "Namur", "Rue X", "Rue X", "1", "", "")
    extract = seated(seated(Extract(), *at_home, struck_off="14-05-2025"), *at_home, place=1)

    well(await learn(extract))

    struck, other = await told(db), await told(db, 1)
    assert (struck.seat.struck_off_on, struck.seat.street_fr) == (date(2025, 5, 14), "Rue X")
    assert (struck.enterprise.doubtful_seat, other.enterprise.doubtful_seat) == (True, False)


async def test_quirk_g_the_form_to_be_read_is_the_form_and_mostly_there_is_none(db, learn):
    extract = Extract.of(1)
    extract.enterprise(0, form="015", form_cac="610")

    well(await learn(extract))

    read, plain = await told(db), await told(db, 1)
    assert (read.enterprise.form, read.registered_form) == ("610", "015")
    assert (plain.enterprise.form, plain.registered_form) == ("610", "610")


async def test_quirk_h_a_file_may_be_absent_or_hold_its_header_only(db, learn):
    extract = Extract()
    extract.add("enterprise.csv", dotted(0), "AC", "000", "2", "610", None, "01-02-2003")
    extract.add("denomination.csv", dotted(0), "1", "001", "Entreprise 0")
    extract.without.add("branch.csv")

    extract.without.add("branch.csv")

    well(await learn(extract))

    found = await told(db)
    assert (found.enterprise.operating, found.seat, found.establishments) == (True, None, ())


async def test_quirk_i_ways_to_reach_somebody_are_kept_as_they_are_written(db, learn):
    """No scheme before the web, telephones in any form, and a kind that the table of codes lacks."""
    written = {
        ("WEB", "www.exemple.be"), ("WEB", "exemple.be/contact"), ("WEB", "http://exemple.be"),
        ("TEL", "083611205"), ("TEL", "02 315 13 51"), ("TEL", "089/32.39.50"), ("FAX", "+32 83 61 12 06"),
        ("EMAIL", "Info@Exemple.BE"),
    }  # fmt: skip
    extract = Extract.of(0)
    extract.lines["contact.csv"] = []
    for kind, value in written:
        extract.add("contact.csv", dotted(0), "ENT", kind, value)

    well(await learn(extract))

    found = await rows(
        db, "SELECT kind, value FROM bce_contact t JOIN bce_number n USING (entity_id) WHERE n.number = :n",
        n=number(0),
    )  # fmt: skip
    assert set(found) == written


async def test_quirk_j_a_natural_person_is_found_by_number_and_by_no_name(db, learn):
    extract = Extract()
    extract.enterprise(0, kind="1", form=None, name="Haddad, Nadia")
    extract.enterprise(1, name="Haddad Nadia SRL")

    well(await learn(extract))

    async with db.read() as conn:
        found = [
            hit.enterprise.number.digits
            for name in ("haddad", "nadia", "haddad nadia", "hadad")
            for hit in (await search(conn, asked(name=name))).hits
        ]
    assert set(found) == {number(1)}
    assert (await told(db)).enterprise.names[0].text == "Haddad, Nadia"


async def test_quirk_k_whoever_begins_after_the_snapshot_is_accepted(db, learn):
    extract = Extract()
    extract.enterprise(0, start="01-12-2026")

    well(await learn(extract))

    found = (await told(db)).enterprise
    assert (found.start_on, found.operating) == (date(2026, 12, 1), True)


async def test_quirk_l_a_natural_person_who_begins_again_under_his_number_is_the_same_enterprise(db, learn):
    extract = Extract()
    extract.enterprise(0, kind="1", form=None, name="Haddad, Nadia", start="01-03-2015")
    well(await learn(extract))
    first = (await told(db)).enterprise
    await learn(Extract())
    gone = (await told(db)).enterprise
    again = Extract()
    again.enterprise(0, kind="1", form=None, name="Haddad, Nadia", start="05-10-2026")

    well(await learn(again))

    back = (await told(db)).enterprise
    assert not gone.operating
    assert back == dataclasses.replace(first, start_on=date(2026, 10, 5))
    history = await rows(
        db, "SELECT start_on, ends_at IS NULL FROM bce_snapshot WHERE entity_id = :e AND recorded_until IS NULL"
            " ORDER BY starts_at", e=first.entity,
    )  # fmt: skip
    assert history == [(date(2015, 3, 1), False), (date(2026, 10, 5), True)]


async def test_quirk_m_the_header_as_the_cookbook_misprints_it_is_refused_and_named(db, learn):
    """It prints MunicipalityNL twice, the second time where MunicipalityFR stands in the files."""
    printed = [
        "MunicipalityNL" if column == "MunicipalityFR" else column for column in HEADERS["address.csv"]
    ]
    extract = Extract.of(0)
    extract.headers["address.csv"] = quoted(*printed)

    report = await learn(extract)

    assert (report.status, report.reason) == (Status.REJECTED, "header")
    assert report.detail.startswith("address")
    assert report.detail.endswith(".csv: MunicipalityNL")


@pytest.mark.parametrize("written", ["2003-02-01", "01/02/2003", "1-2-2003", "01-02-03", "01-mm-2003"])
async def test_quirk_m_a_date_is_day_month_year_and_nothing_else(db, learn, written):
    extract = Extract.of(*range(400))
    extract.lines["enterprise.csv"][0] = extract.lines["enterprise.csv"][0].replace("01-02-2003", written)

    report = await learn(extract)

    assert (report.status, [reason for _, _, reason in report.bad]) == (Status.APPLIED, ["date StartDate"])
    assert await told(db) is None
    assert (await told(db, 1)).enterprise.start_on == date(2003, 2, 1)
