"""One request and the decision on it: what the page shows, accept, shorten, refuse, once and for all."""

import pytest
from sqlalchemy import text

from iam.delegation import commands as c
from iam.kernel.assurance import Level
from iam.kernel.ids import uuid4
from tests.support.acts import DUPONT, SERVAIS, did, gap, given, represents, requested
from tests.support.console import act_in, state_of, words_in

pytestmark = pytest.mark.anyio
CLOSED = "006"


@pytest.fixture
async def asked(site, town):
    """Karim's request for Dupont, which lies with Jeanne."""
    await site.cookie("karim")  # he has logged in: his name is known
    await gap(town, "luc", "jeanne")
    return await requested(town, "karim")


async def ceases(town, number):
    """The register says that the enterprise is closed."""
    async with town.db.write() as conn:
        await conn.execute(
            text("UPDATE bce_snapshot SET situation = :closed WHERE entity_id = :entity"),
            {"closed": CLOSED, "entity": town.entity(number)},
        )


async def accepted(browser, request, query=""):
    """The answer to the acceptance, by the pages alone."""
    check = await browser.get(f"/desk/requests/{request}/accept{query}")
    assert check.status_code == 200, words_in(check)
    until = query.removeprefix("?until=")
    return await browser.post(f"/desk/requests/{request}/accept", data={"act": act_in(check), "until": until})


async def refused(browser, request, reason="Nous ne vous connaissons pas."):
    form = await browser.get(f"/desk/requests/{request}/refuse")
    assert form.status_code == 200
    kept = await browser.post(f"/desk/requests/{request}/refuse", data={"reason": reason})
    assert kept.status_code == 303, words_in(kept)
    check = await browser.get(kept.headers["location"])
    assert reason in words_in(check)
    draft = kept.headers["location"].partition("draft=")[2]
    return await browser.post(
        f"/desk/requests/{request}/refuse/check", data={"act": act_in(check), "draft": draft}
    )


async def test_the_page_shows_all_that_a_decision_needs(site, town, asked):
    await given(town, "jeanne", "karim", "permis.deposer")
    jeanne = await site.visitor("jeanne")
    said = words_in(await jeanne.get(f"/desk/requests/{asked}"))
    for needed in (
        "Karim Benali demande un rôle", "Travaille pour l'entreprise", "karim@exemple.be (confirmée)",
        "Karim Benali peut déposer et suivre des demandes de primes à l'investissement pour Menuiserie Dupont",
        "1900.000.069", "Je prépare les dossiers.", "du 24 novembre 2026 au 4 mars 2027",
        "À décider avant le 23 janvier 2027", "Permis d'environnement, jusqu'au", "Accepter", "Refuser",
    ):  # fmt: skip
        assert needed in said, needed


async def test_accept_gives_the_role_and_leads_to_the_receipt(site, town, asked):
    jeanne = await site.visitor("jeanne")
    answer = await accepted(jeanne, asked)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/desk/requests/{asked}/decided"
    receipt = words_in(await jeanne.get(answer.headers["location"]))
    assert "Vous avez donné le rôle à Karim Benali." in receipt
    assert "jusqu'au 4 mars 2027" in receipt
    people = words_in(await jeanne.get(f"/desk/{DUPONT}/people"))
    assert "Karim Benali" in people
    assert "Gestion des primes à l'investissement, jusqu'au 4 mars 2027" in people


async def test_inv_42_a_refusal_wants_a_reason_and_keeps_it(site, town, asked):
    jeanne = await site.visitor("jeanne")
    before = await state_of(town)
    answer = await jeanne.post(f"/desk/requests/{asked}/refuse", data={"reason": "   "})
    assert answer.status_code == 400
    assert "Il manque la raison de votre décision." in words_in(answer)
    assert await state_of(town) == before
    done = await refused(jeanne, asked)
    assert done.headers["location"] == f"/desk/requests/{asked}/decided"
    receipt = words_in(await jeanne.get(done.headers["location"]))
    assert "Vous avez refusé le rôle à Karim Benali." in receipt, receipt
    assert "Nous ne vous connaissons pas." in receipt
    karim = await site.visitor("karim")
    assert "Nous ne vous connaissons pas." in words_in(await karim.get(f"/requests/{asked}"))


async def test_inv_06_a_national_number_in_a_reason_is_refused_and_not_shown_again(site, town, asked):
    jeanne = await site.visitor("jeanne")
    before = await state_of(town)
    answer = await jeanne.post(
        f"/desk/requests/{asked}/refuse", data={"reason": "Son numéro : 71.00.00-003.33"}
    )
    assert answer.status_code == 400
    assert "numéro de registre national" in words_in(answer)
    assert "003.33" not in answer.text
    assert await state_of(town) == before


async def test_a_shorter_period_is_given_and_a_longer_one_is_not(site, town, asked):
    jeanne = await site.visitor("jeanne")
    longer = await jeanne.get(f"/desk/requests/{asked}/accept?until=2027-12-31")
    assert longer.status_code == 400
    assert "plus longue que celle de la demande" in words_in(longer)
    answer = await accepted(jeanne, asked, "?until=2026-12-31")
    receipt = words_in(await jeanne.get(answer.headers["location"]))
    assert "jusqu'au 31 décembre 2026" in receipt


@pytest.mark.parametrize(
    "until", ["demain", "2026-13-40", "9999-12-31", "0001-01-01", "2026-11-01", "x" * 5000]
)
async def test_a_day_that_is_none_is_told_at_its_field(site, town, asked, until):
    jeanne = await site.visitor("jeanne")
    before = await state_of(town)
    answer = await jeanne.get(f"/desk/requests/{asked}/accept", params={"until": until})
    assert answer.status_code == 400
    assert 'id="until-error"' in answer.text
    form = await jeanne.get(f"/desk/requests/{asked}/accept")
    sent = await jeanne.post(f"/desk/requests/{asked}/accept", data={"act": act_in(form), "until": until})
    assert sent.status_code in {303, 400}
    assert "decided" not in sent.headers.get("location", "")
    assert await state_of(town) == before


async def test_inv_46_a_double_click_decides_once(site, town, asked):
    jeanne = await site.visitor("jeanne")
    check = await jeanne.get(f"/desk/requests/{asked}/accept")
    data = {"act": act_in(check), "until": ""}
    first = await jeanne.post(f"/desk/requests/{asked}/accept", data=data)
    after = await state_of(town)
    second = await jeanne.post(f"/desk/requests/{asked}/accept", data=data)
    assert first.headers["location"] == second.headers["location"]
    assert await state_of(town) == after


async def test_inv_46_a_second_decision_sees_the_first(site, town, asked):
    one, two = await site.visitor("jeanne"), await site.visitor("jeanne")
    check = await two.get(f"/desk/requests/{asked}/accept")
    await refused(one, asked)
    after = await state_of(town)
    late = await two.post(f"/desk/requests/{asked}/accept", data={"act": act_in(check), "until": ""})
    assert late.status_code == 303
    assert "Refusée" in words_in(await two.get(late.headers["location"]))
    assert await state_of(town) == after


async def test_a_decided_request_shows_its_outcome_and_no_way_to_decide(site, town, asked):
    jeanne = await site.visitor("jeanne")
    await accepted(jeanne, asked)
    page = await jeanne.get(f"/desk/requests/{asked}")
    assert "Acceptée" in words_in(page)
    assert "/accept" not in page.text
    for way in ("accept", "shorten", "refuse"):
        assert (await jeanne.get(f"/desk/requests/{asked}/{way}")).headers[
            "location"
        ] == f"/desk/requests/{asked}"


async def test_after_a_decision_comes_the_next_request(site, town, asked):
    town.clock.advance(minutes=5)
    other = await requested(town, "sophie")
    jeanne = await site.visitor("jeanne")
    answer = await accepted(jeanne, asked)
    receipt = await jeanne.get(answer.headers["location"])
    assert f'href="/desk/requests/{other}"' in receipt.text
    assert "Demande suivante" in words_in(receipt)


async def test_inv_43_nobody_decides_on_his_own_request(site, town):
    mine = await requested(town, "jeanne")
    await gap(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    page = await jeanne.get(f"/desk/requests/{mine}")
    assert "Personne ne décide seul de sa propre demande." in words_in(page)
    assert f"/desk/{DUPONT}/own" in page.text
    before = await state_of(town)
    answer = await jeanne.post(f"/desk/requests/{mine}/accept", data={"act": str(uuid4()), "until": ""})
    assert answer.headers["location"] == f"/desk/requests/{mine}"
    assert await state_of(town) == before


async def test_a_weak_login_is_led_to_a_stronger_one_and_back(site, town, asked):
    jeanne = await site.visitor("jeanne", Level.TOTP)
    page = await jeanne.get(f"/desk/requests/{asked}")
    assert f"/login?next=%2Fdesk%2Frequests%2F{asked}&amp;level=450" in page.text, page.text
    before = await state_of(town)
    answer = await jeanne.post(
        f"/desk/requests/{asked}/accept", data={"act": str(uuid4()), "until": "2026-12-31"}
    )
    assert answer.headers["location"] == f"/desk/requests/{asked}/accept?until=2026-12-31"
    again = await jeanne.get(answer.headers["location"])
    assert "level=450" in again.text
    assert await state_of(town) == before


async def test_a_request_whose_address_is_not_confirmed_is_nobodys_business(site, town):
    await gap(town, "luc", "jeanne")
    request = await requested(town, "karim", email="karim.autre@exemple.be")
    jeanne = await site.visitor("jeanne")
    assert (await jeanne.get(f"/desk/requests/{request}")).status_code == 404


async def test_an_enterprise_that_has_ceased_can_only_be_refused(site, town, asked):
    await ceases(town, DUPONT)
    jeanne = await site.visitor("jeanne")
    said = words_in(await jeanne.get(f"/desk/requests/{asked}"))
    assert "cette entreprise a cessé" in said, said
    assert "Refuser la demande" in said


LADDER = {
    "anonymous": 303,
    "unrelated": 404,
    "requester": 403,
    "holder": 403,
    "foreign_gap": 404,
    "gap": 200,
    "representative": 403,
    "past_representative": 404,
}


async def who_is(actor: str, site, town, tmp_path):
    """The browser of somebody on the ladder; Thierry's function is over."""
    match actor:
        case "anonymous":
            return site.browser()
        case "holder":
            await given(town, "jeanne", "emma", "permis.deposer")
            return await site.visitor("emma")
        case "foreign_gap":
            await gap(town, "anne", "paul", SERVAIS)
            return await site.visitor("paul")
        case "past_representative":
            await represents(town, tmp_path, ("thierry", DUPONT))
            town.clock.advance(hours=1)
            await represents(town, tmp_path)
            return await site.visitor("thierry")
        case _:
            names = {"unrelated": "sophie", "requester": "karim", "gap": "jeanne", "representative": "luc"}
            return await site.visitor(names[actor])


@pytest.mark.parametrize("actor", LADDER)
async def test_the_ladder_of_actors(site, town, asked, actor, tmp_path):
    browser = await who_is(actor, site, town, tmp_path)
    wanted = LADDER[actor]
    paths = [
        f"/desk/requests/{asked}",
        f"/desk/requests/{asked}/accept",
        f"/desk/requests/{asked}/refuse",
        f"/desk/requests/{asked}/shorten",
        f"/desk/{DUPONT}",
        f"/desk/{DUPONT}/people",
        f"/desk/{DUPONT}/own",
    ]
    for path in paths:
        answer = await browser.get(path)
        assert answer.status_code == wanted, (path, words_in(answer))
        if wanted == 303:
            assert answer.headers["location"].startswith("/login?next=%2Fdesk") or answer.headers[
                "location"
            ].startswith("/login?next=/desk")
    if actor == "gap":
        return
    before = await state_of(town)
    for path, data in (
        ("accept", {"until": ""}),
        ("refuse", {"reason": "non"}),
        ("refuse/check", {"draft": str(uuid4())}),
    ):
        answer = await browser.post(f"/desk/requests/{asked}/{path}", data={"act": str(uuid4()), **data})
        assert answer.status_code == wanted, path
    assert await state_of(town) == before


async def test_not_there_and_not_yours_are_the_same_page(site, town, asked):
    sophie = await site.visitor("sophie")
    for unknown, foreign in (
        (f"/desk/requests/{uuid4()}", f"/desk/requests/{asked}"),
        ("/desk/1900001257", f"/desk/{DUPONT}"),
        ("/desk/nonsense", f"/desk/{DUPONT}"),
    ):
        one, two = await sophie.get(unknown), await sophie.get(foreign)
        assert one.status_code == two.status_code == 404
        assert _without_traces(one, unknown) == _without_traces(two, foreign)


def _without_traces(answer, path):
    return answer.text.replace(answer.headers["BelGov-Trace-Id"], "").replace(path, "")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": {"origin": "https://evil.test"}}, 403),
        ({"headers": {"content-type": "application/json"}}, 415),
        ({"data": {"act": "no uuid", "until": ""}}, 400),
        ({"data": {"until": ""}}, 400),
        ({"data": {"act": str(uuid4()), "until": "x" * 300_000}}, 413),
    ],
)
async def test_bad_input_changes_nothing(site, town, asked, change, status):
    jeanne = await site.visitor("jeanne")
    before = await state_of(town)
    given_ = {"data": {"act": str(uuid4()), "until": ""}, **change}
    answer = await jeanne.post(f"/desk/requests/{asked}/accept", **given_)
    assert answer.status_code == status
    assert await state_of(town) == before


async def test_the_inbox_has_the_oldest_deadline_first_over_all_enterprises(site, town, asked):
    await gap(town, "anne", "jeanne", SERVAIS)
    town.clock.advance(days=2)
    await site.cookie("sophie")
    await requested(town, "sophie", SERVAIS)
    jeanne = await site.visitor("jeanne")
    page = await jeanne.get("/desk")
    said = words_in(page)
    assert "2 demandes attendent votre décision" in said
    assert said.index("Karim Benali") < said.index("Sophie Lambert")
    assert "En attente depuis 2 jours, à décider avant le 23 janvier 2027" in said
    assert '<span class="hb-count">2</span>' in page.text


async def test_an_empty_inbox_says_what_will_appear_there(site, town):
    sophie = await site.visitor("sophie")
    assert "Vous ne gérez les accès d'aucune entreprise." in words_in(await sophie.get("/desk"))
    await gap(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    assert "Aucune demande n'attend votre décision." in words_in(await jeanne.get("/desk"))


async def test_a_request_withdrawn_meanwhile_is_shown_as_withdrawn(site, town, asked):
    await did(town, c.WithdrawRequest(entity=town.entity(DUPONT), request=asked), "karim")
    jeanne = await site.visitor("jeanne")
    assert "Retirée" in words_in(await jeanne.get(f"/desk/requests/{asked}"))
