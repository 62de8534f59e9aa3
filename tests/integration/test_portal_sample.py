"""The sample portal between an OpenID provider and the real OAuth side: what a person lives there."""

import json
from datetime import timedelta

import pytest
from habilis_portal import Evidence, InvalidEvidence

from iam.kernel.assurance import Level
from iam.kernel.clock import system_clock
from tests.support.oauth import DUPONT, OTHER
from tests.support.portal_world import PORTAL, Browser, hidden, portal_world

pytestmark = pytest.mark.anyio
PRIMES = "/demarches/primes-investissement"
FOR_DUPONT = f"{PRIMES}?enterprise={DUPONT.digits}"


@pytest.fixture
async def w(db, clock, tmp_path):
    # the identity library has a clock of its own; so far back that a test may let minutes pass
    clock.now = system_clock().replace(microsecond=0) - timedelta(seconds=250)
    made = await portal_world(db, clock, tmp_path)
    made.grant(role="primes.deposer")
    made.folder = tmp_path
    yield made
    await made.client.aclose()
    await made.browser.http.aclose()


def dossiers(w):
    return [json.loads(path.read_text()) for path in (w.folder / "dossiers").glob("*.json")]


async def test_the_start_page_offers_every_demarche_without_a_login(w):
    page = await w.browser.open("/")
    assert page.status_code == 200
    for code in ("prime-energie", "primes-investissement", "permis-environnement", "declaration-aides"):
        assert f'href="/demarches/{code}"' in page.text


async def test_the_whole_way_from_a_bookmark_to_the_acknowledgement(w):
    page = await w.browser.open(FOR_DUPONT)
    assert "Menuiserie Dupont SRL" in page.text
    assert "1900.000.069" in page.text
    assert "Déposer et suivre des demandes de primes" in page.text
    assert "Karim Benali" in page.text

    receipt = await w.browser.submit(page, subject="Une scie à panneaux", details="")

    assert receipt.status_code == 200
    assert "Votre demande est envoyée" in receipt.text
    assert "Une scie à panneaux" in receipt.text
    [dossier] = dossiers(w)
    assert dossier["enterprise_number"] == DUPONT.digits
    evidence = Evidence.from_json(dossier["evidence"])
    assert evidence.verify(dossier["keys"]).has_role("primes.deposer")
    assert evidence.token_id in receipt.text
    with pytest.raises(InvalidEvidence):
        evidence.verify({"keys": []})


async def test_the_submission_exchanges_again(w, db):
    from sqlalchemy import text

    page = await w.browser.open(FOR_DUPONT)
    await w.browser.submit(page, subject="x")
    async with db.read() as conn:
        issued = (await conn.execute(text("SELECT jti FROM tokens_issue ORDER BY issued_at"))).scalars().all()
    assert len(issued) == 2
    assert (
        dossiers(w)[0]["evidence"].count(str(issued[0])) + dossiers(w)[0]["evidence"].count(str(issued[1]))
        == 1
    )


async def test_inv_59_a_right_that_ended_in_between_is_told_in_words_and_nothing_is_lost(w):
    page = await w.browser.open(FOR_DUPONT)
    w.end(w.grants[0])

    told = await w.browser.submit(page, subject="Une scie à panneaux", details="avec aspiration")

    assert told.status_code == 403
    assert "Votre droit a pris fin entre-temps" in told.text
    assert 'href="https://mon-espace.test"' in told.text
    assert dossiers(w) == []
    w.grant(role="primes.deposer")
    again = await w.browser.open(FOR_DUPONT)
    assert "Une scie à panneaux" in again.text
    assert "avec aspiration" in again.text


async def test_somebody_elses_number_in_the_address_gives_nothing(w):
    page = await w.browser.open(f"{PRIMES}?enterprise={OTHER.digits}")
    assert page.status_code == 403
    assert "Vous n’avez pas de rôle" in page.text
    assert "Menuiserie" not in page.text


@pytest.mark.parametrize("number", ["1900000068", "1900.000.069", "x", "1900000069&enterprise=x", ""])
async def test_a_number_that_is_none_has_its_own_sentence(w, number):
    page = await w.browser.open(f"{PRIMES}?enterprise={number}")
    assert page.status_code == 400
    assert "numéro d’entreprise n’est pas valable" in page.text


async def test_another_enterprise_slipped_into_the_form_is_refused(w):
    page = await w.browser.open(FOR_DUPONT)
    told = await w.browser.submit(page, subject="x", enterprise=OTHER.digits)
    assert told.status_code == 403
    assert dossiers(w) == []


async def test_without_an_enterprise_mon_espace_is_asked_with_a_registered_address(w, db):
    from urllib.parse import parse_qs, urlsplit

    from iam.portals.queries import portal_to_return_to

    page = await w.browser.open(PRIMES)
    link = next(part for part in page.text.split('"') if part.startswith("https://mon-espace.test/choose"))
    back = parse_qs(urlsplit(link.replace("&amp;", "&")).query)["return"][0]
    assert back == PORTAL + PRIMES
    async with db.read() as conn:
        found = await portal_to_return_to(conn, back)
        assert found is not None
        assert found.client_id == "portail-wallonie"
        assert await portal_to_return_to(conn, back + "/") is None


async def test_a_personal_demarche(w):
    page = await w.browser.open("/demarches/prime-energie")
    assert "Vous agissez pour vous-même" in page.text
    receipt = await w.browser.submit(page, subject="Isoler le toit")
    assert "vous-même" in receipt.text
    assert dossiers(w)[0]["enterprise_number"] is None
    assert dossiers(w)[0]["capacity"] == "citizen"


async def test_inv_60_eid_is_a_step_up_and_comes_back_to_the_same_page(w):
    w.grant(role="aides.signer", level=Level.EID)
    path = f"/demarches/declaration-aides?enterprise={DUPONT.digits}"

    page = await w.browser.open(path)
    assert page.status_code == 403
    assert "demande votre carte d’identité" in page.text
    link = page.text.split('class="button" href="')[1].split('"')[0].replace("&amp;", "&")
    w.browser.level = Level.EID
    page = await w.browser.open(link)

    assert page.status_code == 200
    assert "Signer des déclarations" in page.text
    assert w.browser.asked["acr_values"] == [Level.EID.acr]
    assert w.browser.asked["prompt"] == ["login"]


async def test_a_double_click_files_one_dossier(w):
    page = await w.browser.open(FOR_DUPONT)
    first = await w.browser.submit(page, subject="x")
    second = await w.browser.submit(page, subject="x")
    assert first.url == second.url
    assert len(dossiers(w)) == 1


async def test_a_form_that_lacks_something_says_where_and_keeps_the_rest(w):
    page = await w.browser.open(FOR_DUPONT)
    again = await w.browser.submit(page, subject="  ", details="déjà écrit")
    assert again.status_code == 400
    assert 'href="#subject"' in again.text
    assert 'aria-invalid="true"' in again.text
    assert "déjà écrit" in again.text
    longer = await w.browser.submit(again, subject="a" * 201)
    assert "200 signes" in longer.text
    assert dossiers(w) == []


async def test_a_form_of_another_session_or_site_sends_nothing(w):
    page = await w.browser.open(FOR_DUPONT)
    fields = {**hidden(page), "subject": "x"}
    forged = await w.browser.http.post(PRIMES, data={**fields, "csrf": "x"})
    foreign = await w.browser.http.post(PRIMES, data=fields, headers={"origin": "https://evil.test"})
    other = Browser(w.portal, w.provider)
    stranger = await other.http.post(PRIMES, data=fields)
    as_json = await w.browser.http.post(PRIMES, json=fields)
    assert {each.status_code for each in (forged, foreign, stranger, as_json)} == {403}
    assert dossiers(w) == []


async def test_a_receipt_is_its_owners(w):
    page = await w.browser.open(FOR_DUPONT)
    receipt = await w.browser.submit(page, subject="x")
    other = Browser(w.portal, w.provider)
    other.name = "luc"
    assert (await other.open(receipt.url.path)).status_code == 404
    assert (await w.browser.open("/dossiers/../../etc/passwd")).status_code == 404


async def test_the_access_token_is_renewed_without_the_person_noticing(w, clock):
    await w.browser.open(FOR_DUPONT)
    clock.advance(seconds=280)
    page = await w.browser.open(FOR_DUPONT)
    assert page.status_code == 200
    assert w.provider.refreshes == 1


async def test_a_session_that_ended_at_keycloak_asks_for_a_login_and_continues(w, clock):
    page = await w.browser.open(FOR_DUPONT)
    clock.advance(seconds=280)
    w.provider.ended = True
    again = await w.browser.submit(page, subject="déjà écrit")
    assert again.status_code == 200
    assert "déjà écrit" in again.text
    assert dossiers(w) == []


class TestLogOut:
    async def test_ends_the_session_here_and_at_keycloak(self, w):
        page = await w.browser.open(FOR_DUPONT)
        before = dict(w.browser.http.cookies)

        answer = await w.browser.http.post("/logout", data={"csrf": hidden(page)["csrf"]})

        assert answer.headers["location"].startswith("https://kc.test/realms/monespace/logout?")
        assert "id_token_hint=" in answer.headers["location"]
        assert dict(w.browser.http.cookies) != before
        w.browser.http.cookies.update(before)
        assert "Karim" not in (await w.browser.http.get("/")).text

    async def test_back_channel(self, w):
        page = await w.browser.open(FOR_DUPONT)
        assert "Karim" in page.text
        answer = await w.browser.http.post(
            "/login/backchannel-logout", data={"logout_token": w.provider.logout_token()}
        )
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert "Karim" not in (await w.browser.http.get("/")).text

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "https://evil.test"}, {"aud": "mon-espace"}, {"aud": ["portail-wallonie", "x"]}, {"events": ...}, {"events": {}},
            {"nonce": "n"}, {"sid": ...}, {"sid": 1}, {"iat": 1}, {"jti": ...}, {"header": {"typ": "at+jwt"}},
            {"header": {"kid": "other"}}, {"key": "k" * 32, "alg": "HS256"}, {"key": "", "alg": "none"},
        ],
    )  # fmt: skip
    async def test_cve_2026_18569_anything_but_keycloaks_own_word_is_400(self, w, changes):
        await w.browser.open(FOR_DUPONT)
        token = w.provider.logout_token(**changes)
        answer = await w.browser.http.post("/login/backchannel-logout", data={"logout_token": token})
        assert answer.status_code == 400
        assert "Karim" in (await w.browser.http.get("/")).text

    async def test_the_next_person_at_the_same_browser_sees_nothing_of_the_first(self, w):
        page = await w.browser.open(FOR_DUPONT)
        await w.browser.submit(page, subject="", details="secret de Karim")
        w.browser.name = "luc"
        await w.browser.open("/login")
        w.grant("luc", role="primes.deposer")
        page = await w.browser.open(FOR_DUPONT)
        assert "Luc Benali" in page.text
        assert "secret de Karim" not in page.text


class TestLogin:
    async def test_the_session_has_another_id_after_the_login(self, w):
        await w.browser.open("/")
        before = dict(w.browser.http.cookies)["portail_session"]
        await w.browser.open(FOR_DUPONT)
        assert dict(w.browser.http.cookies)["portail_session"] != before

    async def test_case_38_an_answer_of_another_server_is_refused(self, w):
        answer = await w.browser.http.get("/login?next=/")
        back = w.browser.come_back(answer.headers["location"]).replace("https://kc.test", "https://evil.test")
        assert (await w.browser.http.get(back)).status_code == 400

    async def test_pkce_state_and_nonce_are_asked(self, w):
        await w.browser.open(FOR_DUPONT)
        assert w.browser.asked["code_challenge_method"] == ["S256"]
        assert w.browser.asked.keys() >= {"code_challenge", "state", "nonce"}
        assert w.browser.asked["redirect_uri"] == [f"{PORTAL}/login/callback"]

    @pytest.mark.parametrize(
        "changes", [{"nonce": "other"}, {"aud": "other"}, {"iss": "https://evil.test"}, {"exp": 1}]
    )
    async def test_an_id_token_that_is_not_right_is_no_login(self, w, changes):
        w.provider.id_token_changes = changes
        page = await w.browser.open(FOR_DUPONT)
        assert page.status_code == 400
        assert "n’a pas abouti" in page.text

    async def test_a_callback_out_of_the_blue(self, w):
        assert (await w.browser.http.get("/login/callback?code=x&state=y")).status_code == 400
        assert (await w.browser.http.get("/login/callback")).status_code == 400

    @pytest.mark.parametrize(
        "target", ["https://evil.test", "//evil.test", "/\\evil.test", "/\t/evil.test", "javascript:x"]
    )
    async def test_a_login_leads_nowhere_else(self, w, target):
        answer = await w.browser.http.get("/login", params={"next": target})
        back = await w.browser.http.get(w.browser.come_back(answer.headers["location"]))
        assert back.headers["location"] == "/"


class TestDown:
    async def test_keycloak(self, w):
        w.provider.down = True
        page = await w.browser.open(FOR_DUPONT)
        assert page.status_code == 503
        assert "La connexion ne répond pas" in page.text

    async def test_habilis(self, w):
        await w.browser.open(FOR_DUPONT)
        w.habilis_is_down = True
        page = await w.browser.open(FOR_DUPONT)
        assert page.status_code == 503
        assert "ne peuvent pas être vérifiés" in page.text


async def test_pages_are_private_and_their_addresses_hold_no_token(w):
    page = await w.browser.open(FOR_DUPONT)
    assert page.headers["cache-control"] == "no-store, private"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "kc-" not in page.text
    assert "eyJ" not in page.text


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("fr", "Que voulez-vous faire"),
        ("nl", "Wat wilt u doen"),
        ("de", "Was möchten Sie tun"),
        ("en", "What do you want to do"),
    ],
)
async def test_inv_69_every_language_by_link_and_by_browser(w, language, title):
    assert title in (await w.browser.open(f"/?lang={language}")).text
    assert title in (await w.browser.open("/")).text
    fresh = Browser(w.portal, w.provider)
    assert title in (await fresh.open("/", headers={"accept-language": f"{language}-BE,xx;q=0.5"})).text


@pytest.mark.parametrize("language", ["fr", "nl", "de", "en"])
async def test_inv_69_every_page_renders_in_every_language(w, language):
    await w.browser.open(f"/?lang={language}")
    page = await w.browser.open(FOR_DUPONT)
    assert f'<html lang="{language}">' in page.text
    assert (await w.browser.submit(page, subject="")).status_code == 400
    assert (await w.browser.submit(page, subject="x")).status_code == 200
    for path in (
        PRIMES,
        f"{PRIMES}?enterprise={OTHER.digits}",
        "/nothing",
        "/demarches/nothing",
        "/demarches/prime-energie",
    ):
        assert f'<html lang="{language}">' in (await w.browser.open(path)).text
