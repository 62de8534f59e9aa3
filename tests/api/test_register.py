"""GET /register/v1/enterprises: who may ask, what is answered, and what is wrong with a question."""

import base64
import hashlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx2
import jsonschema
import pytest

from iam.app import create
from iam.bce.importer import Limits, apply_extract
from iam.bce.queries import find_by_number
from iam.bce.record import replace_number
from iam.kernel.numbers import EnterpriseNumber
from iam.portals.commands import apply_to
from iam.portals.definition import read
from tests.support.acts import DUPONT
from tests.support.extract import Extract, dotted, number, unit
from tests.support.outage import outage
from tests.support.register import REPOSITORY
from tests.support.settings import some_settings

pytestmark = pytest.mark.anyio

CLIENT, SECRET = "portail-wallonie", "a-secret-of-this-test"
BASE = "/register/v1/enterprises"
PORTALS = (REPOSITORY / "demo" / "portals.toml").read_text(encoding="utf-8")
MANY, PERSON, CAC, STRUCK, GONE, FOREIGN = range(20, 26)


def basic(client=CLIENT, secret=SECRET):
    return {"authorization": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


async def known(db, clock):
    """The portal is registered with its secret."""
    variables = {
        "PORTAIL_WALLONIE_URL": "https://portail.test",
        "PORTAIL_WALLONIE_SECRET_SHA256": hashlib.sha256(SECRET.encode()).hexdigest(),
    }
    await apply_to(db, read(PORTALS, variables), clock, dry_run=False)


@asynccontextmanager
async def service(db, clock):
    """The portal in front of the service over this database."""
    await known(db, clock)
    app = create(some_settings(database_url=db.url), clock=clock)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    try:
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8600", headers=basic()
        ) as http:
            yield http
    finally:
        await app.state.edge.database.close()


@pytest.fixture
async def portal(site):
    """A portal that proves itself, in front of the service over the small Wallonia."""
    await known(site.town.db, site.town.clock)
    return site.browser(accept="application/json", **basic())


@pytest.fixture
async def country(db, clock, tmp_path):
    """A service over a register with what the small Wallonia lacks."""
    first = Extract.of(GONE)
    first.enterprise(MANY)
    await apply_extract(db, first.zip(tmp_path), clock)
    extract = Extract(number=2, snapshot="06-11-2026")
    extract.enterprise(MANY)
    for place in range(200, 225):
        extract.add("establishment.csv", unit(place), "04-08-2010", dotted(MANY))
    extract.enterprise(PERSON, name="Peeters, Anna", kind="1", form=None)
    extract.enterprise(CAC, form="015", form_cac="610", situation="050")
    extract.enterprise(STRUCK, struck_off="03-05-2019")
    for language, name in (("2", "Naam"), ("3", "Name"), ("4", "The Name"), ("0", "Nom inconnu")):
        extract.add("denomination.csv", dotted(STRUCK), language, "001", name)
    extract.enterprise(FOREIGN)
    extract.lines["address.csv"] = [
        line for line in extract.lines["address.csv"] if dotted(FOREIGN) not in line
    ]
    extract.add(
        "address.csv", dotted(FOREIGN), "REGO", "Duitsland", "Allemagne", None, "Stolberg", "Stolberg",
        "Stolberg 519 (Rheinland)", "Stolberg 519 (Rheinland)", None, "", "", None,
    )  # fmt: skip
    await apply_extract(db, extract.zip(tmp_path), clock, limits=Limits(vanish_floor=5))
    async with service(db, clock) as http:
        yield http


# -- who may ask


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(secret="wrong"),
        basic(client="nobody"),
        {"authorization": "Bearer x"},
        {"authorization": "Basic %%"},
    ],
)
@pytest.mark.parametrize("path", [f"{BASE}/{DUPONT}", f"{BASE}?name=menuiserie", f"{BASE}/nonsense", BASE])
async def test_who_does_not_prove_himself_learns_nothing_not_even_whether_he_asked_well(
    site, portal, headers, path
):
    stranger = site.browser(accept="text/html", **headers)

    answer = await stranger.get(path)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:problem-type:belgif:noAccessToken"
    assert set(answer.json()) == {"type", "title", "status", "instance"}


async def test_a_person_who_is_logged_in_is_no_portal(site, portal):
    karim = await site.visitor("karim")

    assert (await karim.get(f"{BASE}/{DUPONT}")).status_code == 401


# -- one enterprise


async def test_inv_17_an_enterprise_is_told_with_its_source_extract_and_day(portal):
    answer = await portal.get(f"{BASE}/{DUPONT}")
    told = answer.json()

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert told["enterpriseNumber"] == DUPONT
    assert told["source"] == "BCE/KBO open data"
    assert told["extractNumber"] >= 1
    assert len(told["snapshotDate"]) == 10
    assert (told["state"], told["operating"], told["consequence"]) == ("active", True, "normal")
    assert "Menuiserie Dupont SRL" in [name["text"] for name in told["names"]]
    assert told["seat"]["municipality"]["fr"] == "Namur"
    assert told["seat"]["struckOff"] is False
    assert told["type"] == {
        "code": "2",
        "labels": {
            "fr": "Personne morale",
            "nl": "Rechtspersoon",
            "de": "Personne morale",
            "en": "Personne morale",
        },
    }


@pytest.mark.parametrize("typed", ["1900.000.069", "BE1900000069", "BE 1900.000.069", "1900-000-069"])
async def test_inv_03_a_number_in_any_usual_form_is_the_same_enterprise(portal, typed):
    assert (await portal.get(f"{BASE}/{typed}")).json()["enterpriseNumber"] == DUPONT


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("1900000068", "checksum"),
        ("2190171611", "establishment"),
        ("9000006626", "branch"),
        ("menuiserie", "shape"),
    ],
)
async def test_inv_02_what_is_no_number_of_an_enterprise_is_told_as_such(portal, typed, fault):
    answer = await portal.get(f"{BASE}/{typed}")

    assert answer.status_code == 400
    assert answer.json()["issues"] == [
        {
            "type": "urn:problem-type:belgif:input-validation:invalidInput",
            "in": "path", "name": "number", "detail": fault,
        }
    ]  # fmt: skip


async def test_a_number_that_nobody_has_is_not_found(portal):
    answer = await portal.get(f"{BASE}/0123456749")

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:problem-type:belgif:resourceNotFound")


async def test_who_has_vanished_is_told_as_he_last_was(country):
    told = (await country.get(f"{BASE}/{number(GONE)}")).json()

    assert (told["state"], told["operating"]) == ("vanished", False)
    assert [name["text"] for name in told["names"]] == [f"Entreprise {GONE}"]
    assert told["establishments"] == {"items": [], "total": 0}
    assert "seat" not in told


async def test_inv_07_the_languages_of_names_are_those_of_the_official_table(country):
    """1 is French and 2 Dutch; not 0 French, 1 German, 2 Dutch, 3 English, as some have it (DOMAIN 0.9)."""
    told = (await country.get(f"{BASE}/{number(STRUCK)}")).json()
    words = {name["text"]: name["language"] for name in told["names"]}

    assert {
        text: (each["code"], each["labels"]["fr"], each["labels"]["nl"]) for text, each in words.items()
    } == {
        f"Entreprise {STRUCK}": ("1", "français", "Frans"),
        "Naam": ("2", "néerlandais", "Nederlands"),
        "Name": ("3", "allemand", "Duits"),
        "The Name": ("4", "anglais", "Engels"),
        "Nom inconnu": ("0", "inconnu", "Onbekend"),
    }


async def test_the_form_as_to_be_read_is_the_form_and_the_registered_one_is_beside_it(country):
    told = (await country.get(f"{BASE}/{number(CAC)}")).json()
    plain = (await country.get(f"{BASE}/{number(MANY)}")).json()

    assert (told["form"]["code"], told["registeredForm"]["code"]) == ("610", "015")
    assert told["form"]["labels"]["fr"] == "Société à responsabilité limitée"
    assert set(told["form"]["labels"]) == {"fr", "nl", "de", "en"}
    assert (told["situation"]["code"], told["consequence"], told["operating"]) == ("050", "controlled", True)
    assert told["situation"]["labels"]["de"] not in {"", "050", told["situation"]["labels"]["fr"]}
    assert "registeredForm" not in plain


async def test_a_seat_struck_off_ex_officio_says_so_and_since_when(country):
    seat = (await country.get(f"{BASE}/{number(STRUCK)}")).json()["seat"]

    assert (seat["struckOff"], seat["struckOffDate"], seat["postcode"]) == (True, "2019-05-03", "5000")


async def test_an_address_abroad_names_its_country_and_may_lack_the_rest(country):
    seat = (await country.get(f"{BASE}/{number(FOREIGN)}")).json()["seat"]

    assert seat == {
        "street": {"fr": "Stolberg 519 (Rheinland)", "nl": "Stolberg 519 (Rheinland)"},
        "municipality": {"fr": "Stolberg", "nl": "Stolberg"},
        "country": {"fr": "Allemagne", "nl": "Duitsland"},
        "struckOff": False,
    }


async def test_establishment_units_come_in_pages_in_order_of_number(country):
    first = (await country.get(f"{BASE}/{number(MANY)}")).json()["establishments"]
    second = (await country.get(first["next"])).json()["establishments"]
    shown = [each["establishmentNumber"] for each in (*first["items"], *second["items"])]

    assert (len(first["items"]), len(second["items"]), first["total"]) == (20, 6, 26)
    assert "next" not in second
    assert shown == sorted(set(shown))
    assert first["items"][0]["names"][0]["text"] == f"Atelier {MANY}"
    assert first["items"][0]["names"][0]["kind"]["labels"]["nl"] == "Commerciële naam"
    assert first["items"][0]["address"]["municipality"] == {"fr": "Namur", "nl": "Namen"}


async def test_a_natural_person_is_told_by_number_with_what_the_open_data_says_and_found_by_no_name(country):
    told = (await country.get(f"{BASE}/{number(PERSON)}")).json()
    by_name = (await country.get(BASE, params={"name": "Peeters, Anna"})).json()
    by_place = (await country.get(BASE, params={"postcode": "5000"})).json()

    assert told["type"]["code"] == "1"
    assert "form" not in told
    assert set(told) <= {
        "source", "extractNumber", "snapshotDate", "enterpriseNumber", "state", "operating", "type", "situation",
        "consequence", "startDate", "names", "seat", "establishments",
    }  # fmt: skip
    assert by_name["items"] == []
    assert number(PERSON) not in {each["enterpriseNumber"] for each in by_place["items"]}


# -- fresh or not


async def test_what_a_portal_has_already_is_not_sent_again_until_an_extract_changes_it(
    country, db, clock, tmp_path
):
    first = await country.get(f"{BASE}/{number(MANY)}")
    tag = first.headers["etag"]
    again = await country.get(f"{BASE}/{number(MANY)}", headers={"if-none-match": f'"x", W/{tag}'})
    other = await country.get(f"{BASE}/{number(CAC)}", headers={"if-none-match": tag})
    later = Extract.of(MANY, PERSON, CAC, STRUCK, FOREIGN, number=3, snapshot="07-11-2026")
    await apply_extract(db, later.zip(tmp_path), clock)
    after = await country.get(f"{BASE}/{number(MANY)}", headers={"if-none-match": tag})

    assert tag.startswith('"2-')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "private, no-cache"
    assert other.status_code == 200
    assert (after.status_code, after.json()["extractNumber"]) == (200, 3)
    assert after.headers["etag"].startswith('"3-')


# -- searching


async def test_a_search_answers_with_what_tells_one_from_another_and_where_it_is_told_in_full(portal):
    answer = await portal.get(BASE, params={"name": "menuiserie dupont"})
    first = answer.json()["items"][0]

    assert answer.status_code == 200
    assert (first["enterpriseNumber"], first["match"], first["href"]) == (
        DUPONT,
        "begins",
        f"{BASE}/{DUPONT}",
    )
    assert first["municipality"]["fr"] == "Namur"
    assert first["seatStruckOff"] is False
    assert answer.json()["source"] == "BCE/KBO open data"
    assert answer.json()["extractNumber"] >= 1
    assert (await portal.get(first["href"])).status_code == 200
    same = await portal.get(
        BASE, params={"name": "menuiserie dupont"}, headers={"if-none-match": answer.headers["etag"]}
    )
    assert same.status_code == 304


async def test_pages_of_a_search_follow_their_link(country, db, clock, tmp_path):
    many = Extract(number=3, snapshot="07-11-2026")
    for place in range(400, 425):
        many.enterprise(place, name=f"Boulangerie {place}")
    await apply_extract(db, many.zip(tmp_path), clock, limits=Limits(vanish_floor=50))
    first = (await country.get(BASE, params={"name": "boulangerie", "municipality": "Namen"})).json()
    second = (await country.get(first["next"])).json()

    assert (len(first["items"]), len(second["items"])) == (20, 5)
    assert "next" not in second


@pytest.mark.parametrize(
    ("query", "name", "detail"),
    [
        ("", "name", "nothing"),
        ("name=d", "name", "short"),
        ("name=a%00b", "name", "characters"),
        ("postcode=5000%25", "postcode", "shape"),
        ("name=dupont&after=nonsense", "after", "shape"),
        ("name=" + "d" * 201, "name", "string_too_long"),
        ("nom=dupont", "nom", "extra_forbidden"),
    ],
)
async def test_what_is_wrong_with_a_question_is_told_by_parameter_and_not_repeated(
    portal, query, name, detail
):
    answer = await portal.get(f"{BASE}?{query}", headers={"accept": "text/html"})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    [issue] = answer.json()["issues"]
    assert (issue["in"], issue["name"], issue["detail"]) == ("query", name, detail)
    assert "dupont" not in answer.text


async def test_before_the_first_extract_the_register_is_said_to_be_unavailable(db, clock):
    async with service(db, clock) as http:
        answer = await http.get(f"{BASE}/{DUPONT}")

    assert (answer.status_code, answer.json()["reason"]) == (503, "registerUnavailable")
    assert answer.headers["retry-after"]


async def test_a_database_that_is_down_is_told_to_a_program_as_a_program(site, portal):
    with outage(site.town.db.url):
        answer = await portal.get(f"{BASE}/{DUPONT}", headers={"accept": "text/html"})

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


# -- as it was on a day, as far as was known


RENAMED, LEFT, RENUMBERED, NEW = 0, 1, 2, 9


@pytest.fixture
async def past(db, clock, tmp_path):
    """A service over a register that learned on 3 October, 1 and 10 November; it is the 24th."""
    clock.now = datetime(2026, 10, 3, 8, tzinfo=UTC)
    first = Extract.of(RENAMED, LEFT, RENUMBERED, snapshot="02-10-2026")
    for place in range(200, 225):
        first.add("establishment.csv", unit(place), "04-08-2010", dotted(RENAMED))
    await apply_extract(db, first.zip(tmp_path), clock)
    clock.now = datetime(2026, 11, 1, 8, tzinfo=UTC)
    second = Extract.of(RENUMBERED, number=2, snapshot="30-10-2026")
    second.enterprise(RENAMED, name="Autre nom", situation="050", form="015", form_cac="014")
    second.lines["address.csv"] = [
        line.replace("5000", "4000").replace("Namur", "Liège") for line in second.lines["address.csv"]
    ]
    await apply_extract(db, second.zip(tmp_path), clock, limits=Limits(vanish_floor=5))
    clock.now = datetime(2026, 11, 10, 8, tzinfo=UTC)
    async with db.write() as conn:
        found = await find_by_number(conn, EnterpriseNumber(number(RENUMBERED)))
        since = datetime(2026, 11, 4, 23, tzinfo=UTC)
        await replace_number(conn, found.entity, EnterpriseNumber(number(NEW)), since=since, now=clock.now)
    clock.now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    async with service(db, clock) as http:
        yield http


async def ask(http, place, **query):
    return await http.get(f"{BASE}/{number(place)}", params=query)


async def test_an_enterprise_is_told_as_it_was_on_a_day_with_the_day_the_instant_and_the_extract(past):
    now, then = (await ask(past, RENAMED)).json(), (await ask(past, RENAMED, at="2026-10-29")).json()

    assert [name["text"] for name in now["names"]] == ["Autre nom"]
    assert (now["situation"]["code"], now["form"]["code"], now["registeredForm"]["code"]) == (
        "050", "014", "015",
    )  # fmt: skip
    assert not {"at", "asKnownOn", "addressesOn"} & now.keys()
    assert [name["text"] for name in then["names"]] == ["Entreprise 0"]
    assert (then["situation"]["code"], then["consequence"], then["form"]["code"]) == ("000", "normal", "610")
    assert "registeredForm" not in then
    assert (then["at"], then["asKnownOn"]) == ("2026-10-29", "2026-11-24T09:00:00Z")
    assert (then["extractNumber"], then["snapshotDate"]) == (2, "2026-10-30")
    assert (await ask(past, RENAMED, at="2026-10-30")).json()["situation"]["code"] == "050"


async def test_addresses_have_no_past_and_say_so(past):
    told = (await ask(past, RENAMED, at="2026-10-15", asKnownOn="2026-10-20")).json()

    assert told["seat"]["municipality"]["fr"] == "Liège"
    assert (told["addressesOn"], told["snapshotDate"]) == ("2026-10-30", "2026-10-02")


async def test_what_was_learned_later_is_not_in_an_answer_as_known_before(past):
    """On 31 October nobody here knew yet what the extract of the 30th says: it came on 1 November."""
    as_learned = (await ask(past, RENAMED, at="2026-10-31")).json()
    as_known = (await ask(past, RENAMED, at="2026-10-31", asKnownOn="2026-10-31")).json()
    alone = (await ask(past, RENAMED, asKnownOn="2026-10-31")).json()

    assert (as_learned["situation"]["code"], as_learned["extractNumber"]) == ("050", 2)
    assert (as_known["situation"]["code"], as_known["extractNumber"]) == ("000", 1)
    assert as_known["asKnownOn"] == "2026-10-31T22:59:59.999999Z"
    assert alone == as_known, "without a day it is that of what was known"


@pytest.mark.parametrize(
    ("instant", "extract"),
    [
        ("2026-11-01T07:59:59Z", 1),
        ("2026-11-01T08:00:00Z", 2),
        ("2026-11-01T09:00:00+01:00", 2),
        ("2026-11-01", 2),
        ("2026-11-24", 2),
    ],
)
async def test_an_instant_is_exact_and_a_day_counts_in_full(past, instant, extract):
    assert (await ask(past, RENAMED, asKnownOn=instant)).json()["extractNumber"] == extract


async def test_who_has_vanished_since_is_told_as_present_and_as_gone_from_its_day_on(past):
    there = (await ask(past, LEFT, at="2026-10-29")).json()
    gone = (await ask(past, LEFT, at="2026-10-30")).json()

    assert (there["state"], there["operating"], there["establishments"]["total"]) == ("active", True, 1)
    assert (gone["state"], gone["operating"], gone["establishments"]["total"]) == ("vanished", False, 0)
    assert [name["text"] for name in gone["names"]] == ["Entreprise 1"]
    assert "seat" not in there


async def test_inv_05_an_enterprise_is_found_by_the_number_it_had_then(past):
    assert (await ask(past, RENUMBERED)).status_code == 404
    assert (await ask(past, NEW)).json()["enterpriseNumber"] == number(NEW)
    for place in (RENUMBERED, NEW):
        then = (await ask(past, place, at="2026-11-04")).json()
        assert then["enterpriseNumber"] == number(RENUMBERED), "by the number it got later too"
    assert (await ask(past, NEW, at="2026-11-05")).json()["enterpriseNumber"] == number(NEW)
    assert (await ask(past, RENUMBERED, at="2026-11-05")).status_code == 404
    before_told = await ask(past, RENUMBERED, at="2026-11-05", asKnownOn="2026-11-09")
    assert before_told.json()["enterpriseNumber"] == number(RENUMBERED)
    assert (await ask(past, NEW, asKnownOn="2026-11-09")).status_code == 404


async def test_pages_of_units_stay_with_the_day_and_the_instant(past):
    first = (await ask(past, RENAMED, at="2026-10-15")).json()
    second = (await past.get(first["establishments"]["next"])).json()

    assert (first["establishments"]["total"], len(first["establishments"]["items"])) == (26, 20)
    assert len(second["establishments"]["items"]) == 6
    assert (second["at"], second["asKnownOn"]) == (first["at"], first["asKnownOn"])
    assert [name["text"] for name in first["establishments"]["items"][0]["names"]] == ["Atelier 0"]
    assert (await ask(past, RENAMED)).json()["establishments"]["total"] == 1


async def test_what_was_known_on_a_day_that_has_passed_is_not_sent_again(past):
    question = {"at": "2026-10-15", "asKnownOn": "2026-10-20"}
    answer = await ask(past, RENAMED, **question)
    again = await past.get(
        f"{BASE}/{number(RENAMED)}", params=question, headers={"if-none-match": answer.headers["etag"]}
    )

    assert answer.headers["etag"].startswith('"1-')
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("query", "name", "detail"),
    [
        ({"at": "15-10-2026"}, "at", "shape"),
        ({"at": "20261015"}, "at", "shape"),
        ({"at": "2026-02-30"}, "at", "shape"),
        ({"at": "2026-10-15T10:00:00Z"}, "at", "shape"),
        ({"at": "2026-11-25"}, "at", "future"),
        ({"at": "2026-10-01"}, "at", "beforeFirstExtract"),
        ({"at": "0001-01-01"}, "at", "beforeFirstExtract"),
        ({"asKnownOn": "yesterday"}, "asKnownOn", "shape"),
        ({"asKnownOn": "2026-11-01T08:00:00"}, "asKnownOn", "shape"),
        ({"asKnownOn": "2026-11-01T25:00:00Z"}, "asKnownOn", "shape"),
        ({"asKnownOn": "0001-01-01T00:00:00+05:00"}, "asKnownOn", "shape"),
        ({"asKnownOn": "2026-11-25"}, "asKnownOn", "future"),
        ({"asKnownOn": "2026-11-24T09:00:01Z"}, "asKnownOn", "future"),
        ({"asKnownOn": "2026-10-03T07:59:59Z"}, "asKnownOn", "beforeFirstExtract"),
        ({"at": "2026-10-15", "asKnownOn": "2026-10-02"}, "asKnownOn", "beforeFirstExtract"),
    ],
)
async def test_a_day_or_an_instant_of_which_nothing_can_be_said_is_told_by_parameter(
    past, query, name, detail
):
    answer = await ask(past, RENAMED, **query)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["issues"] == [
        {
            "type": "urn:problem-type:belgif:input-validation:invalidInput",
            "in": "query", "name": name, "detail": detail,
        }
    ]  # fmt: skip


# -- what the description says


async def test_answers_are_as_the_openapi_description_says(site, portal):
    described = site.app.openapi()

    def schema(path, status):
        content = described["paths"][path]["get"]["responses"][status]["content"]
        [found] = [
            each["schema"]
            for kind, each in content.items()
            if kind in {"application/json", "application/problem+json"}
        ]
        return {**found, "components": described["components"]}

    for path, template, status in (
        (f"{BASE}/{DUPONT}", f"{BASE}/{{number}}", 200),
        (f"{BASE}/{DUPONT}?asKnownOn={site.town.clock():%Y-%m-%d}", f"{BASE}/{{number}}", 200),
        (f"{BASE}/{DUPONT}?at=nonsense", f"{BASE}/{{number}}", 400),
        (f"{BASE}?name=menuiserie", BASE, 200),
        (f"{BASE}/123", f"{BASE}/{{number}}", 400),
        (f"{BASE}?nom=x", BASE, 400),
        (f"{BASE}/0123456749", f"{BASE}/{{number}}", 404),
    ):
        answer = await portal.get(path)
        assert answer.status_code == status
        jsonschema.validate(answer.json(), schema(template, str(status)))
    for path in (BASE, f"{BASE}/{{number}}"):
        operation = described["paths"][path]["get"]
        assert operation["security"], path
        assert set(operation["responses"]) >= {"200", "304", "400", "401", "503"}
        assert "422" not in operation["responses"]
    assert {each["name"] for each in described["paths"][BASE]["get"]["parameters"]} == {
        "name", "postcode", "municipality", "after",
    }  # fmt: skip
    assert {each["name"] for each in described["paths"][f"{BASE}/{{number}}"]["get"]["parameters"]} == {
        "number", "at", "asKnownOn", "establishmentsAfter",
    }  # fmt: skip
