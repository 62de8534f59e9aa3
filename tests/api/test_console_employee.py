"""The employee's way by the pages: adding an enterprise, asking for a role, following it, giving a role up."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from iam.console import drafts, words
from iam.kernel.decision import Refusal
from iam.kernel.ids import uuid4
from iam.kernel.numbers import EnterpriseNumber
from tests.support.acts import DUPONT, SERVAIS, act, gap, given, requested, submission
from tests.support.console import act_in, state_of, words_in
from tests.support.register import personas

pytestmark = pytest.mark.anyio

CEASED, CURATOR, UNREACHABLE = "1900000960", "1900000861", "1900001059"
UNKNOWN = "1900099049"
NOBODYS = "0fca6d4e-5f3c-4d61-9a51-6c1c3c2f8d10"
FORM = {
    "roles": "primes.deposer",
    "relation": "employee",
    "motivation": "Je prépare les dossiers de primes.",
    "email": "karim@exemple.be",
    "first": "2026-11-24",
    "last": "31/03/2027",
}
SSIN = personas()["karim"]["ssin"]


async def prepared(browser, number=DUPONT, **changes):
    """The check page, by the form alone."""
    answer = await browser.post(f"/enterprises/{number}/request", data={**FORM, **changes})
    assert answer.status_code == 303, words_in(answer)
    return await browser.get(answer.headers["location"])


async def sent(browser, number=DUPONT, **changes):
    """Where the sending of a request led."""
    check = await prepared(browser, number, **changes)
    answer = await browser.post(f"/enterprises/{number}/request/send", data={"act": act_in(check)})
    assert answer.status_code == 303, words_in(answer)
    return answer.headers["location"]


# -- adding an enterprise


@pytest.mark.parametrize(
    "typed", ["BE 1900.000.069", "1900 000 069", "1900000069", " 1900.000.069 ", "be1900-000-069"]
)
async def test_inv_03_any_usual_form_leads_to_the_name_of_the_enterprise(site, typed):
    karim = await site.visitor("karim")
    answer = await karim.post("/enterprises/add", data={"enterpriseNumber": typed})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/enterprises/add/{DUPONT}"
    said = words_in(await karim.get(answer.headers["location"]))
    assert "Menuiserie Dupont SRL" in said
    assert "Namur" in said
    assert "Oui, continuer" in said


async def test_an_old_number_of_nine_digits_is_read_with_its_zero(site):
    karim = await site.visitor("karim")
    answer = await karim.post("/enterprises/add", data={"enterpriseNumber": "314.595.348"})
    assert answer.status_code == 400
    assert "ne trouvons pas ce numéro" in words_in(answer)


async def test_inv_01_inv_02_each_wrong_number_has_a_sentence_of_its_own(site):
    karim = await site.visitor("karim")
    said = {}
    for typed in ("1900000068", "2190171611", "9000000000", UNKNOWN, CEASED, "bonjour", ""):
        answer = await karim.post("/enterprises/add", data={"enterpriseNumber": typed})
        assert answer.status_code == 400, typed
        page = words_in(answer)
        assert "Que faire ?" in page
        said[typed] = page.split("Erreur :")[1].split("Que faire ?")[0]
    assert "chiffres ne vont pas avec" in said["1900000068"]
    assert "unité d'établissement" in said["2190171611"]
    assert "succursale" in said["9000000000"]
    assert "ne trouvons pas" in said[UNKNOWN]
    assert "a cessé" in said[CEASED]
    assert "pas un numéro d'entreprise complet" in said["bonjour"]
    sentences = {text.split("Chercher")[0] for text in list(said.values())[:5]}
    assert len(sentences) == 5


async def test_a_national_number_typed_by_mistake_is_not_shown_again(site):
    karim = await site.visitor("karim")
    answer = await karim.post("/enterprises/add", data={"enterpriseNumber": SSIN})
    assert answer.status_code == 400
    assert SSIN not in answer.text


async def test_the_name_of_an_enterprise_that_nobody_can_represent_comes_with_a_way_on(site):
    emma = await site.visitor("emma")
    said = words_in(await emma.get(f"/enterprises/add/{UNREACHABLE}?lang=fr"))
    assert "Nous ne connaissons personne qui peut représenter" in said
    assert "Parler à quelqu'un" in said


# -- the list and the enterprise's page


async def test_who_has_no_enterprise_is_told_how_to_begin(site):
    sophie = await site.visitor("sophie")
    said = words_in(await sophie.get("/enterprises"))
    assert "Vos entreprises apparaissent ici" in said
    assert "Ajouter une entreprise" in said


async def test_inv_67_every_enterprise_is_listed_with_the_next_step(site, town):
    await gap(town, "luc", "jeanne")
    await requested(town, "karim", SERVAIS)
    await given(town, "jeanne", "karim", "permis.deposer")
    marc = words_in(await (await site.visitor("marc")).get("/enterprises"))
    assert "Lejeune Immo" in marc
    assert "Lejeune Toitures" in marc
    assert marc.count("Désigner un gestionnaire d'accès (GAP)") == 2
    karim = words_in(await (await site.visitor("karim")).get("/enterprises"))
    assert "Ouvrir une démarche : Menuiserie Dupont" in karim
    assert "Suivre ma demande : Imprimerie Servais" in karim
    jeanne = words_in(await (await site.visitor("jeanne")).get("/enterprises"))
    assert "Me donner un rôle : Menuiserie Dupont" in jeanne


async def test_the_page_of_an_enterprise_shows_the_grant_and_what_it_opens(site, town):
    await gap(town, "luc", "jeanne")
    await site.cookie("jeanne")
    await given(town, "jeanne", "karim", "permis.deposer")
    karim = await site.visitor("karim")
    page = await karim.get(f"/enterprises/{DUPONT}")
    said = words_in(page)
    assert (
        "Karim Benali peut déposer et suivre des demandes de permis d'environnement pour "
        "Menuiserie Dupont SRL (1900.000.069), jusqu'au 22 novembre 2028." in said
    )
    assert "Accordé par Jeanne Dupont, gestionnaire d'accès principal (GAP), le 24 novembre 2026." in said
    assert f"/open/portail-wallonie/permis-environnement?enterprise={DUPONT}" in page.text
    assert "primes-investissement" not in page.text


async def test_a_representative_and_a_gap_see_their_way_to_a_role(site, town):
    luc = await site.visitor("luc")
    before = words_in(await luc.get(f"/enterprises/{DUPONT}"))
    assert "Votre fonction à la BCE : Administrateur" in before
    assert "n'a pas encore de gestionnaire d'accès principal (GAP)" in before
    await gap(town, "luc", "jeanne")
    after = words_in(await luc.get(f"/enterprises/{DUPONT}"))
    assert "L'entreprise a un gestionnaire d'accès principal (GAP)" in after
    jeanne = await (await site.visitor("jeanne")).get(f"/enterprises/{DUPONT}")
    assert f"/desk/{DUPONT}/own" in jeanne.text


async def test_an_independent_reads_that_it_is_his_own_enterprise(site):
    nadia = await site.visitor("nadia")
    assert "C'est votre propre entreprise" in words_in(await nadia.get("/enterprises"))


async def test_inv_24_under_a_curator_the_director_is_suspended_and_the_curator_appoints(site):
    thierry = await site.visitor("thierry")
    said = words_in(await thierry.get(f"/enterprises/{CURATOR}"))
    assert "Ouverture de faillite" in said
    assert "Elle ne permet pas d'agir en ce moment" in said
    assert "Désigner un gestionnaire" not in said
    vincent = await site.visitor("vincent")
    assert "Désigner un gestionnaire d'accès (GAP)" in words_in(await vincent.get(f"/enterprises/{CURATOR}"))


async def test_inv_36_an_enterprise_that_has_ceased_says_so_and_offers_nothing(site):
    olivier = await site.visitor("olivier")
    said = words_in(await olivier.get(f"/enterprises/{CEASED}"))
    assert "cette entreprise a cessé" in said
    assert "Ce que vous pouvez faire maintenant" not in said
    answer = await olivier.get(f"/enterprises/{CEASED}/request")
    assert answer.status_code == 409
    assert "a cessé" in words_in(answer)


# -- the ladder: who sees the enterprise's page


async def test_the_ladder_of_the_enterprise_page(site, town):
    await gap(town, "luc", "jeanne")
    await requested(town, "karim")
    await given(town, "jeanne", "nadia", "permis.deposer")
    page = f"/enterprises/{DUPONT}"
    assert (await site.browser().get(page)).headers["location"].startswith("/login?next=")
    answers = {
        who: (await (await site.visitor(who)).get(page)).status_code
        for who in ("sophie", "karim", "nadia", "paul", "jeanne", "luc", "olivier")
    }
    assert answers == {
        "sophie": 404, "karim": 200, "nadia": 200, "paul": 404, "jeanne": 200, "luc": 200, "olivier": 404,
    }  # fmt: skip


async def test_not_there_and_not_yours_are_the_same_page(site, town):
    request = await requested(town, "karim")
    sophie = await site.visitor("sophie")
    pages = [
        await sophie.get(path)
        for path in (
            f"/enterprises/{DUPONT}", f"/enterprises/{UNKNOWN}", "/enterprises/1900000068", "/enterprises/x",
            f"/requests/{request}", f"/requests/{uuid4()}", "/requests/x", f"/requests/{request}/sent",
            f"/enterprises/{DUPONT}/grants/{uuid4()}/end", "/nowhere",
        )
    ]  # fmt: skip
    assert {page.status_code for page in pages} == {404}
    assert len({words_in(page).replace(reference_of(page), "") for page in pages}) == 1


def reference_of(page):
    return page.headers["belgov-trace-id"]


# -- asking for a role


async def test_a_request_goes_from_form_to_receipt(site, town):
    karim = await site.visitor("karim")
    check = await prepared(karim)
    said = words_in(check)
    assert "Gestion des primes à l'investissement" in said
    assert "du 24 novembre 2026 au 31 mars 2027" in said
    assert "Karim Benali peut déposer et suivre des demandes de primes" in said
    answer = await karim.post(f"/enterprises/{DUPONT}/request/send", data={"act": act_in(check)})
    receipt = await karim.get(answer.headers["location"])
    assert "Votre demande est envoyée" in words_in(receipt)
    assert f"{site.url}/represent?enterprise={DUPONT}" in receipt.text
    listed = words_in(await karim.get("/requests"))
    assert "Menuiserie Dupont SRL (1900.000.069)" in listed
    assert "En attente" in listed


async def test_change_leads_back_to_the_form_as_one_left_it(site):
    karim = await site.visitor("karim")
    check = await prepared(karim)
    back = next(part.split('"')[0] for part in check.text.split('href="') if "/request?draft=" in part)
    form = await karim.get(back.partition("#")[0])
    assert "Je prépare les dossiers de primes." in form.text
    assert 'value="31/03/2027"' in form.text
    assert 'value="employee" checked' in form.text


async def test_a_double_click_sends_once_and_back_sends_nothing(site, town):
    karim = await site.visitor("karim")
    check = await prepared(karim)
    act_id = act_in(check)
    first = await karim.post(f"/enterprises/{DUPONT}/request/send", data={"act": act_id})
    after = await state_of(town)
    second = await karim.post(f"/enterprises/{DUPONT}/request/send", data={"act": act_id})
    assert second.headers["location"] == first.headers["location"]
    assert await state_of(town) == after
    back = await karim.get(str(check.url))
    assert back.status_code == 303
    assert back.headers["location"] == "/requests"


async def test_inv_49_the_pages_tell_nothing_of_a_chief_access_manager(site, town):
    """The same words, whether there is one or not, before and after the request is routed."""
    await gap(town, "luc", "jeanne")
    karim = await site.visitor("karim")
    told = {}
    for number, name in ((DUPONT, "Menuiserie Dupont SRL"), (SERVAIS, "Imprimerie Servais SA")):
        pages = [await karim.get(f"/enterprises/{number}/request"), await prepared(karim, number)]
        answer = await karim.post(f"/enterprises/{number}/request/send", data={"act": act_in(pages[1])})
        receipt = answer.headers["location"]
        pages += [await karim.get(receipt), await karim.get(receipt.removesuffix("/sent"))]
        pages.append(await karim.get(f"/enterprises/{number}"))
        told[number] = [without_names(page, number, name, receipt) for page in pages]
    assert told[DUPONT] == told[SERVAIS]


def without_names(page, number, name, receipt):
    known = (reference_of(page), number, EnterpriseNumber(number).dotted, name)
    request = words.reference(UUID(receipt.split("/")[2]))
    said = words_in(page)
    for part in (*known, request):
        said = said.replace(part, "*")
    return said


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"roles": "rien.du-tout"}, "roles", "n'est pas dans la liste"),
        ({"roles": "staff.helpdesk"}, "roles", "n'est pas dans la liste"),
        ({"relation": ""}, "relation", "manque votre lien"),
        ({"relation": "patron"}, "relation", "manque votre lien"),
        ({"motivation": "  "}, "motivation", "manque la raison"),
        ({"motivation": "é" * 1001}, "motivation", "trop long"),
        ({"motivation": f"Mon numéro est {SSIN}"}, "motivation", "numéro de registre national"),
        ({"email": "karim"}, "email", "n'est pas complète"),
        ({"email": f"{SSIN}@exemple.be"}, "email", "n'est pas complète"),
        ({"first": "2026-11-23"}, "first", "déjà passée"),
        ({"first": "demain"}, "first", "Cette date n'existe pas"),
        ({"last": "31/02/2027"}, "last", "Cette date n'existe pas"),
        ({"last": "2026-11-23", "first": "2026-11-24"}, "last", "vient avant"),
        ({"last": "2090-01-01"}, "last", "trop longue"),
    ],
)
async def test_inv_42_what_is_wrong_is_told_at_its_field_and_changes_nothing(
    site, town, changes, field, says
):
    karim = await site.visitor("karim")
    before = await state_of(town)
    answer = await karim.post(f"/enterprises/{DUPONT}/request", data={**FORM, **changes})
    assert answer.status_code == 400
    assert f'href="#{field}"' in answer.text
    assert says in words_in(answer)
    assert SSIN not in answer.text
    assert await state_of(town) == before


async def test_a_role_that_one_has_or_has_asked_for_is_not_asked_for_again(site, town):
    await gap(town, "luc", "jeanne")
    await given(town, "jeanne", "karim", "permis.deposer")
    await requested(town, "karim")
    karim = await site.visitor("karim")
    form = await karim.get(f"/enterprises/{DUPONT}/request")
    assert 'value="permis.deposer"' not in form.text
    before = await state_of(town)
    answer = await karim.post(f"/enterprises/{DUPONT}/request", data=FORM)
    assert answer.status_code == 409
    assert "déjà demandé ce rôle" in words_in(answer)
    assert await state_of(town) == before


async def test_inv_43_the_gap_is_led_to_giving_himself_the_role(site, town):
    await gap(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    page = await jeanne.get(f"/enterprises/{DUPONT}/request")
    assert f"/desk/{DUPONT}/own" in page.text
    answer = await jeanne.post(f"/enterprises/{DUPONT}/request", data={**FORM, "email": "jeanne@exemple.be"})
    assert answer.status_code == 400
    assert f"/desk/{DUPONT}/own" in answer.text


async def test_what_changed_since_the_check_page_is_told_there(site, town):
    karim = await site.visitor("karim")
    check = await prepared(karim)
    await requested(town, "karim")
    before = await state_of(town)
    answer = await karim.post(f"/enterprises/{DUPONT}/request/send", data={"act": act_in(check)})
    assert answer.status_code == 409
    assert "déjà demandé ce rôle" in words_in(answer)
    assert await state_of(town) == before


async def test_a_draft_is_its_persons_alone(site, town):
    karim, sophie = await site.visitor("karim"), await site.visitor("sophie")
    check = await prepared(karim)
    answer = await sophie.get(str(check.url))
    assert answer.headers["location"] == "/requests"
    before = await state_of(town)
    stolen = await sophie.post(f"/enterprises/{DUPONT}/request/send", data={"act": act_in(check)})
    assert stolen.headers["location"] == "/requests"
    after = await state_of(town)
    assert {name for name in after if after[name] != before[name]} <= {"web_idempotency"}


async def test_inv_69_the_request_and_its_pages_are_in_the_readers_language(site, town):
    karim = await site.visitor("karim")
    async with town.db.write() as conn:
        await conn.execute(text("UPDATE people_person SET language = 'de'"))
    receipt = await karim.get(await sent(karim))
    assert '<html lang="de"' in receipt.text
    assert "Antrag gespeichert für Menuiserie Dupont SRL" in words_in(receipt)


# -- one's own requests


async def test_withdrawing_is_its_requesters_alone_and_happens_once(site, town):
    request = await requested(town, "karim")
    page = f"/requests/{request}"
    for who in ("sophie", "luc"):
        stranger = await site.visitor(who)
        answer = await stranger.post(f"{page}/withdraw", data={"act": str(uuid4())})
        assert answer.status_code == 404
    karim = await site.visitor("karim")
    shown = await karim.get(page)
    answer = await karim.post(f"{page}/withdraw", data={"act": act_in(shown)})
    assert answer.headers["location"] == page
    assert "Retirée" in words_in(await karim.get(page))
    before = await state_of(town)
    again = await karim.post(f"{page}/withdraw", data={"act": str(uuid4())})
    assert again.status_code == 409
    assert await state_of(town) == before


async def test_inv_45_a_request_that_nobody_decided_reads_as_over(site, town):
    request = await requested(town, "karim")
    town.clock.advance(days=61)
    karim = await site.visitor("karim")
    said = words_in(await karim.get(f"/requests/{request}"))
    assert "Délai passé" in said
    assert "Faire une nouvelle demande" in said


# -- giving up a role


async def test_inv_67_giving_up_a_role(site, town):
    await gap(town, "luc", "jeanne")
    grant = await given(town, "jeanne", "karim", "permis.deposer")
    way = f"/enterprises/{DUPONT}/grants/{grant}/end"
    strangers = [await site.visitor(who) for who in ("sophie", "jeanne", "luc")]
    before = await state_of(town)
    for stranger in strangers:
        assert (await stranger.get(way)).status_code == 404
        assert (await stranger.post(way, data={"act": str(uuid4())})).status_code == 404
    assert await state_of(town) == before
    karim = await site.visitor("karim")
    page = await karim.get(way)
    assert "Vous perdez ce rôle tout de suite" in words_in(page)
    wrong = await karim.post(way, data={"act": act_in(page), "reason": f"je suis {SSIN}"})
    assert wrong.status_code == 400
    assert SSIN not in wrong.text
    done = await karim.post(way, data={"act": act_in(page), "reason": "Je change de service."})
    assert done.status_code == 303
    receipt = await karim.get(done.headers["location"])
    assert "Rôle rendu : Permis d'environnement" in words_in(receipt)
    assert (await karim.get(way)).status_code == 404
    again = await karim.post(way, data={"act": str(uuid4())})
    assert again.status_code == 409
    refused = await act(town, submission(town, "karim", roles=("permis.deposer",)), "karim")
    assert not isinstance(refused, Refusal), "the role may be asked for again"


async def test_another_enterprises_number_does_not_reach_the_grant(site, town):
    await gap(town, "luc", "jeanne")
    grant = await given(town, "jeanne", "karim", "permis.deposer")
    await requested(town, "karim", SERVAIS)
    karim = await site.visitor("karim")
    before = await state_of(town)
    way = f"/enterprises/{SERVAIS}/grants/{grant}/end"
    assert (await karim.get(way)).status_code == 404
    assert (await karim.post(way, data={"act": str(uuid4())})).status_code == 404
    assert await state_of(town) == before


# -- bad input


@pytest.mark.parametrize(
    "path",
    [
        "/enterprises/add",
        f"/enterprises/{DUPONT}/request",
        f"/enterprises/{DUPONT}/request/send",
        f"/enterprises/{DUPONT}/grants/{NOBODYS}/end",
        f"/requests/{NOBODYS}/withdraw",
        "/address",
        f"/address/{NOBODYS}/link",
    ],
)
async def test_every_form_refuses_what_no_page_of_ours_sends(site, town, path):
    karim = await site.visitor("karim")
    before = await state_of(town)
    foreign = await karim.post(path, data={"act": "x"}, headers={"origin": "https://evil.test"})
    assert foreign.status_code == 403
    no_origin = site.browser()
    del no_origin.headers["origin"]
    assert (await no_origin.post(path, data={"act": "x"})).status_code == 403
    assert (await karim.post(path, json={"act": "x"})).status_code == 415
    too_large = await karim.post(path, data={"act": "x" * 300_000})
    assert too_large.status_code == 413
    nul = await karim.post(
        path, content=b"act=%00", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert nul.status_code in {400, 404}
    nobody = await site.browser().post(path, data={"act": "x"})
    assert nobody.headers["location"].startswith("/login?next=")
    assert await state_of(town) == before


async def test_an_act_without_an_id_or_with_another_meaning_is_refused(site, town):
    karim = await site.visitor("karim")
    before = await state_of(town)
    assert (await karim.post("/address", data={"email": "a@exemple.be"})).status_code == 400
    assert await state_of(town) == before
    act_id = str(uuid4())
    first = await karim.post("/address", data={"email": "a@exemple.be", "act": act_id})
    assert first.status_code == 303
    after = await state_of(town)
    other = await karim.post("/address", data={"email": "b@exemple.be", "act": act_id})
    assert other.status_code == 409
    assert "Ce formulaire a déjà servi" in words_in(other)
    assert await state_of(town) == after


async def test_a_draft_is_forgotten_after_a_day(site, town):
    karim = await site.visitor("karim")
    check = await prepared(karim)
    async with town.db.write() as conn:
        assert await drafts.forget_before(conn, town.clock()) == 0
    town.clock.advance(days=1)
    async with town.db.write() as conn:
        assert await drafts.forget_before(conn, town.clock() - timedelta(hours=1)) == 1
    karim = await site.visitor("karim")
    assert (await karim.get(str(check.url))).headers["location"] == "/requests"
