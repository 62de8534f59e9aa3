"""Everybody's pages: home, addresses and their links, leaving for a portal, help, languages, errors."""

import re
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import text

from iam.console.pages.errors import WORDINGS
from iam.delegation import queries as delegation
from iam.delegation.model import RequestState
from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.assurance import Level
from iam.kernel.ids import uuid4
from iam.kernel.language import Language
from iam.people import queries as people
from iam.people.commands import claim_address
from iam.people.links import Minter, intent
from iam.people.model import Purpose
from iam.storage import Database
from iam.web.problems import Fault
from iam.web.state import bind
from tests.support.acts import DUPONT, SERVAIS, appointed, gap, given, requested
from tests.support.console import PORTAL, act_in, state_of, words_in

pytestmark = pytest.mark.anyio

PUBLIC = ("/help", "/accessibility", "/privacy")
MINE = ("/", "/citizen", "/enterprises", "/enterprises/add", "/requests", "/address")
RETURN = f"{PORTAL}/demarches/permis-environnement"


async def link_for(town, who, email, entity=None):
    """An address named by the person, and the secret that a mail would carry there."""
    context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=town.clock())
    async with town.db.write() as conn:
        address = await claim_address(conn, town.person(who), email, entity, context)
        mint = Minter.of(town.settings.policy, town.clock)
        secret = await mint(conn, intent(Purpose.ADDRESS, town.person(who), address.id))
    return address, secret


# -- who may look


@pytest.mark.parametrize("path", MINE)
async def test_a_page_of_ones_own_asks_for_a_login_and_comes_back(site, path):
    answer = await site.browser().get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == httpx2.URL("/login", params={"next": path}).raw_path.decode()


@pytest.mark.parametrize("path", PUBLIC)
async def test_help_and_statements_are_for_everybody(site, path):
    answer = await site.browser().get(path)
    assert answer.status_code == 200
    assert "Se déconnecter" not in answer.text


@pytest.mark.parametrize("language", list(Language))
async def test_inv_69_every_page_speaks_the_language_that_was_chosen(site, town, language):
    await gap(town, "luc", "jeanne")
    await given(town, "jeanne", "karim", "permis.deposer")
    request = await requested(town, "karim")
    karim = await site.visitor("karim")
    paths = (
        *PUBLIC, *MINE, f"/enterprises/{DUPONT}", f"/enterprises/add/{DUPONT}",
        f"/enterprises/{DUPONT}/request", f"/requests/{request}", f"/requests/{request}/sent", "/nowhere",
    )  # fmt: skip
    for path in paths:
        answer = await karim.get(path, params={"lang": language.value})
        assert f'<html lang="{language.value}"' in answer.text, path


async def test_inv_69_a_language_chosen_on_our_page_is_remembered(site, town):
    karim = await site.visitor("karim")

    async def language():
        async with town.db.read() as conn:
            return (await people.person(conn, town.person("karim"))).language

    before = await state_of(town)
    await karim.get("/enterprises?lang=de", headers={"sec-fetch-site": "cross-site"})
    await karim.get("/enterprises?lang=xx", headers={"sec-fetch-site": "same-origin"})
    assert await state_of(town) == before
    await karim.get("/enterprises?lang=de", headers={"sec-fetch-site": "same-origin"})
    assert await language() is Language.DE
    assert '<html lang="de"' in (await karim.get("/requests")).text


# -- home


async def test_home_offers_the_two_spaces_and_whatever_waits(site, town):
    karim = await site.visitor("karim")
    said = words_in(await karim.get("/"))
    assert "Espace Professionnel" in said
    assert "Espace Citoyen" in said
    assert "Service d'aide" not in said
    office = await appointed(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    assert f"/appointments/{office}" in (await jeanne.get("/")).text
    await appointed(town, "anne", "anne", SERVAIS)  # who names herself has accepted
    await requested(town, "karim", SERVAIS)
    anne = await site.visitor("anne")
    assert "1 demande attend votre décision" in words_in(await anne.get("/"))


async def test_the_citizens_space_lists_what_one_can_do_for_oneself(site):
    karim = await site.visitor("karim")
    page = await karim.get("/citizen")
    assert "Demander une prime énergie" in words_in(page)
    assert "/open/portail-wallonie/prime-energie" in page.text
    assert "permis-environnement" not in page.text


# -- addresses


async def test_inv_51_a_link_confirms_the_address_and_the_request_leaves_at_once(site, town):
    request = await requested(town, "karim", email="k.benali@dupont.be")
    _, secret = await link_for(town, "karim", "k.benali@dupont.be", town.entity(DUPONT))
    karim = await site.visitor("karim")
    assert "Adresse à confirmer" in words_in(await karim.get("/requests"))
    answer = await karim.get("/address/confirm", params={"link": secret})
    assert answer.status_code == 303
    assert secret not in answer.headers["location"]
    assert "k.benali@dupont.be" in words_in(await karim.get(answer.headers["location"]))
    async with town.db.read() as conn:
        view = await delegation.request(conn, request, town.clock())
    assert view.state is RequestState.WAITING_FOR_GAP


async def test_a_link_that_is_dead_says_so_with_a_way_to_a_new_one(site, town):
    _, secret = await link_for(town, "karim", "k@dupont.be")
    karim, sophie = await site.visitor("karim"), await site.visitor("sophie")
    before = await state_of(town)
    for browser, link in ((karim, "x"), (karim, ""), (sophie, secret)):
        answer = await browser.get("/address/confirm", params={"link": link})
        assert answer.status_code == 400
        said = words_in(answer)
        assert "Ce lien ne fonctionne plus" in said
        assert "Demander un nouveau lien" in said
        assert await state_of(town) == before
    assert "Sophie Lambert" in words_in(await sophie.get("/address/confirm", params={"link": secret}))
    assert (await karim.get("/address/confirm", params={"link": secret})).status_code == 303
    used = await karim.get("/address/confirm", params={"link": secret})
    assert used.status_code == 400


async def test_nobody_uses_up_a_link_without_a_login(site, town):
    _, secret = await link_for(town, "karim", "k@dupont.be")
    before = await state_of(town)
    answer = await site.browser().get("/address/confirm", params={"link": secret})
    assert answer.headers["location"].startswith("/login?next=")
    assert await state_of(town) == before


async def test_an_address_is_named_and_its_link_queued_once(site, town):
    karim = await site.visitor("karim")
    page = await karim.get("/address")
    answer = await karim.post("/address", data={"act": act_in(page), "email": " K@Dupont.BE "})
    assert answer.status_code == 303
    shown = await karim.get(answer.headers["location"])
    assert "Un lien est en route vers k@dupont.be" in words_in(shown)
    async with town.db.read() as conn:
        [known] = [a for a in await people.addresses(conn, town.person("karim")) if a.verified_at is None]
        queued = (await conn.execute(text("SELECT address, body::text FROM notify_message"))).all()
    assert known.email == "k@dupont.be"
    assert [row.address for row in queued] == ["k@dupont.be"]
    assert str(known.id) in queued[0].body
    again = await karim.post(f"/address/{known.id}/link", data={"act": str(uuid4())})
    assert again.status_code == 303
    async with town.db.read() as conn:
        count = (await conn.execute(text("SELECT count(*) FROM notify_message"))).scalar_one()
    assert count == 1, "a second link within ten minutes is the same mail"


async def test_inv_51_an_address_is_named_for_one_enterprise_and_the_mail_says_which(site, town):
    await town.forget_addresses("karim")
    await requested(town, "karim")
    await requested(town, "karim", SERVAIS)
    karim = await site.visitor("karim")
    page = await karim.get(f"/address?enterprise={SERVAIS}")
    assert f'<option value="{SERVAIS}" selected>' in page.text
    assert f'<option value="{DUPONT}">' in page.text
    await karim.post("/address", data={"act": act_in(page), "enterprise": SERVAIS, "email": "k@servais.be"})
    async with town.db.read() as conn:
        [known] = await people.addresses(conn, town.person("karim"))
        body = (await conn.execute(text("SELECT body::text FROM notify_message"))).scalar_one()
    assert (known.email, known.entity, known.verified_at) == ("k@servais.be", town.entity(SERVAIS), None)
    assert "Imprimerie Servais SA" in body
    said = words_in(await karim.get("/address"))
    assert "k@servais.be À confirmer Donnée pour Imprimerie Servais SA" in said


async def test_inv_51_an_address_for_an_enterprise_that_is_none_of_his_is_not_taken(site, town):
    """Who is nothing there learns nothing of it, and fills no mailbox with its name."""
    await town.forget_addresses("karim")
    karim = await site.visitor("karim")
    page = await karim.get(f"/address?enterprise={SERVAIS}")
    assert page.status_code == 200
    assert "Servais" not in page.text
    assert "<select" not in page.text
    before = await state_of(town)
    for number in (SERVAIS, "0000000000", "x"):
        data = {"act": str(uuid4()), "enterprise": number, "email": "k@servais.be"}
        assert (await karim.post("/address", data=data)).status_code == 404, number
    assert await state_of(town) == before


async def test_inv_51_a_request_with_an_address_confirmed_elsewhere_waits_for_one_more_link(site, town):
    await town.forget_addresses("karim")
    await town.confirm("karim", "karim@exemple.be", SERVAIS)
    karim = await site.visitor("karim")
    form = await karim.get(f"/enterprises/{DUPONT}/request")
    assert 'value="karim@exemple.be"' in form.text, "the address is proposed"
    request = await requested(town, "karim")
    secret = await town.secret("karim", "karim@exemple.be", DUPONT)
    assert "Envoyer un nouveau lien" in words_in(await karim.get(f"/requests/{request}"))
    await karim.get("/address/confirm", params={"link": secret})
    async with town.db.read() as conn:
        view = await delegation.request(conn, request, town.clock())
    assert view.state is RequestState.WAITING_FOR_GAP


@pytest.mark.parametrize(
    "typed", ["", "karim", "a@b", "a b@c.be", "a@b.be\r\nBcc: x@y.be", "71000000333@exemple.be"]
)
async def test_what_is_no_address_is_told_at_its_field(site, town, typed):
    karim = await site.visitor("karim")
    before = await state_of(town)
    answer = await karim.post("/address", data={"act": str(uuid4()), "email": typed})
    assert answer.status_code == 400
    assert 'href="#email"' in answer.text
    assert "71000000333" not in answer.text
    assert await state_of(town) == before


async def test_an_address_is_its_persons_alone(site, town):
    address, _ = await link_for(town, "karim", "k@dupont.be")
    sophie = await site.visitor("sophie")
    assert (await sophie.post(f"/address/{address.id}/link", data={"act": str(uuid4())})).status_code == 404
    assert (await sophie.get(f"/address/{address.id}/confirmed")).status_code == 404
    karim = await site.visitor("karim")
    assert (await karim.get(f"/address/{address.id}/confirmed")).headers["location"] == "/address"


# -- leaving for a portal


async def test_opening_leads_to_the_registered_address_and_nowhere_else(site):
    karim = await site.visitor("karim")
    start = "/open/portail-wallonie/permis-environnement"
    assert (await karim.get(start)).headers["location"] == RETURN
    with_hint = await karim.get(f"{start}?enterprise={DUPONT}")
    assert with_hint.headers["location"] == f"{RETURN}?enterprise={DUPONT}"
    citizen = await karim.get(f"/open/portail-wallonie/prime-energie?enterprise={DUPONT}")
    assert citizen.headers["location"] == f"{PORTAL}/demarches/prime-energie"
    for path in (
        f"{start}?enterprise=1900.000.069", f"{start}?enterprise=https://evil.test", "/open/autre/permis-environnement",
        "/open/portail-wallonie/rien", "/open/portail-wallonie/%00",
    ):  # fmt: skip
        assert (await karim.get(path)).status_code == 404, path


async def test_the_chooser_offers_enterprises_with_a_right_and_returns_exactly(site, town):
    await gap(town, "luc", "jeanne")
    await given(town, "jeanne", "karim", "permis.deposer")
    await requested(town, "karim", SERVAIS)
    karim = await site.visitor("karim")
    asked = {"portal": "portail-wallonie", "return": RETURN}
    page = await karim.get("/choose", params=asked)
    assert f"{RETURN}?enterprise={DUPONT}" in page.text
    assert SERVAIS not in page.text
    assert "Pour moi-même" in words_in(page)
    narrower = await karim.get("/choose", params={**asked, "demarche": "primes-investissement"})
    assert DUPONT not in narrower.text
    assert "Ajouter une entreprise" in words_in(narrower)
    assert "Pour moi-même" not in words_in(narrower)


@pytest.mark.parametrize(
    ("portal", "back"),
    [
        ("portail-wallonie", f"{RETURN}/"),
        ("portail-wallonie", f"{RETURN}?x=1"),
        ("portail-wallonie", "https://evil.test/"),
        ("portail-wallonie", "javascript:alert(1)"),
        ("portail-wallonie", ""),
        ("autre", RETURN),
        ("", RETURN),
        ("portail-wallonie", "\x00"),
    ],
)
async def test_the_chooser_returns_to_no_other_address(site, portal, back):
    karim = await site.visitor("karim")
    answer = await karim.get("/choose", params={"portal": portal, "return": back})
    assert answer.status_code == 400
    assert 'href="https://evil' not in answer.text
    assert "Nous ne connaissons pas le site" in words_in(answer)


# -- help and errors


async def test_help_holds_the_reference_of_the_page_one_was_on(site):
    karim = await site.visitor("karim")
    page = await karim.get("/enterprises")
    reference = page.headers["belgov-trace-id"]
    assert f"/help?ref={reference}" in page.text
    assert reference in words_in(await karim.get(f"/help?ref={reference}"))
    assert "<b>" not in (await karim.get("/help?ref=<b>x")).text
    assert "appelez-moi" not in words_in(await karim.get("/help?ref=appelez-moi"))


async def test_every_fault_of_the_edge_has_its_words():
    assert set(WORDINGS) == set(Fault)


@pytest.mark.parametrize("language", list(Language))
async def test_an_error_page_works_when_the_database_is_down(site, town, language):
    karim = await site.visitor("karim")
    await site.app.state.edge.database.close()
    down = Database("postgresql://nobody@127.0.0.1:1/nothing")
    bind(site.app, replace(site.app.state.edge, database=down))
    answer = await karim.get("/enterprises", params={"lang": language.value})
    assert answer.status_code == 503
    assert f'<html lang="{language.value}"' in answer.text
    assert answer.headers["belgov-trace-id"] in answer.text
    assert 'href="/enterprises' in answer.text, "the way to try again"
    await down.close()


async def test_a_step_up_is_told_on_a_page_that_leads_back(site, town):
    """A rule's wish for a stronger login becomes a way to it, wherever it comes from."""
    await gap(town, "luc", "jeanne")
    request = await requested(town, "karim")
    jeanne = await site.visitor("jeanne", level=Level.TOTP)
    answer = await jeanne.get(f"/desk/requests/{request}/accept")
    said = answer.headers.get("location", "") + answer.text
    assert re.search(r"/login\?next=[^\"]*level=450", said.replace("&amp;", "&"))
