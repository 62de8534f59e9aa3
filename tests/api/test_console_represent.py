"""The neutral link, what a representative sees, and naming a chief access manager (DOMAIN 7.3 nr 25-27, 49)."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from iam.delegation import commands as c
from iam.kernel.assurance import Level
from iam.kernel.ids import uuid4
from tests.support.acts import DUPONT, SERVAIS, appointed, did, gap, given, represents, requested
from tests.support.console import act_in, state_of, words_in
from tests.support.register import personas

pytestmark = pytest.mark.anyio
COLLARD, VESDRE, MASSON, CEASED = "1900000564", "1900001059", "1900000861", "1900000960"
UNKNOWN = "1900009969"


def number_of(key):
    from demo.wallonia.source import enterprises

    return next(each.number for each in enterprises() if each.key == key)


async def named(browser, who, number=DUPONT, *, whom="jeanne", **changes):
    """The answer to naming somebody, by the pages alone; and the check page before it."""
    persona = personas()[whom]
    data = {"email": persona["email"], "language": persona["language"], **changes}
    if who == "other":
        data.setdefault("number", persona["ssin"])
    kept = await browser.post(f"/represent/{number}/appoint/{who}", data=data)
    assert kept.status_code == 303, words_in(kept)
    check = await browser.get(kept.headers["location"])
    assert check.status_code == 200, words_in(check)
    draft = kept.headers["location"].partition("draft=")[2]
    answer = await browser.post(f"/represent/{number}/check", data={"act": act_in(check), "draft": draft})
    return check, answer


def bare(answer, *own):
    """A page without what differs for each request: its trace and its own address."""
    said = answer.text.replace(answer.headers["BelGov-Trace-Id"], "")
    for each in own:
        said = said.replace(each, "")
    return said


async def test_inv_49_the_neutral_link_says_the_same_for_every_number(site, town):
    await gap(town, "anne", "paul", SERVAIS)
    for browser in (site.browser(), await site.visitor("sophie")):
        pages = []
        for typed in (DUPONT, SERVAIS, CEASED, UNKNOWN, "123", "nonsense"):
            answer = await browser.get(f"/represent?enterprise={typed}")
            assert answer.status_code == 200
            pages.append(bare(answer, typed))
        assert len(set(pages)) == 1


async def test_the_neutral_link_leads_the_one_who_represents_onwards(site, town):
    luc = await site.visitor("luc")
    answer = await luc.get("/represent?enterprise=BE 1900.000.069")
    assert answer.headers["location"] == f"/represent/{DUPONT}"
    marc = await site.visitor("marc")
    assert "Nous ne trouvons pas que vous représentez" in words_in(
        await marc.get(f"/represent?enterprise={DUPONT}")
    )


async def test_the_representative_sees_her_basis_and_how_many_wait(site, town):
    await requested(town, "karim")
    luc = await site.visitor("luc")
    said = words_in(await luc.get(f"/represent/{DUPONT}"))
    assert "Vous représentez l'entreprise. Votre fonction à la BCE : Administrateur." in said
    assert "Depuis le 1er avril 2015." in said
    assert "n'a pas de gestionnaire d'accès principal" in said
    assert "1 demande attend un GAP" in said
    assert "Karim" not in said


async def test_naming_somebody_else_waits_for_his_answer(site, town):
    luc = await site.visitor("luc")
    check, answer = await named(luc, "other")
    said = words_in(check)
    assert "Nous ne le montrons plus" in said
    assert "jeanne@exemple.be" in said
    assert "Elle a 30 jours pour répondre" in said
    receipt = await luc.get(answer.headers["location"])
    assert "La désignation est envoyée" in words_in(receipt)
    page = words_in(await luc.get(f"/represent/{DUPONT}"))
    assert "Elle n'a pas encore répondu" in page
    assert "Jeanne" not in page
    assert "Me désigner" not in page


async def test_inv_06_the_number_is_in_no_page_row_address_or_log(site, town, caplog, capsys):
    ssin = personas()["jeanne"]["ssin"]
    dotted = f"{ssin[:2]}.{ssin[2:4]}.{ssin[4:6]}-{ssin[6:9]}.{ssin[9:]}"
    luc = await site.visitor("luc")
    pages = []
    luc.event_hooks = {"response": [lambda answer: _keep(pages, answer)]}
    for typed in (ssin, dotted):
        await luc.post(
            f"/represent/{DUPONT}/appoint/other",
            data={"number": typed, "email": "pas une adresse", "language": "fr"},
        )
        await luc.post(
            f"/represent/{DUPONT}/appoint/other", data={"number": "123", "email": typed, "language": "fr"}
        )
    await named(luc, "other", number=DUPONT)
    assert len(pages) >= 7
    emitted = "\n".join(
        [
            *pages,
            *(row for rows in (await state_of(town)).values() for row in rows),
            caplog.text,
            *capsys.readouterr(),
        ]
    )
    assert ssin not in emitted
    assert dotted not in emitted


async def _keep(pages, answer):
    await answer.aread()
    pages.append(f"{answer.headers} {answer.text}")


async def test_a_wrong_number_is_told_and_nothing_is_filled_in_again_but_the_rest(site, town):
    luc = await site.visitor("luc")
    before = await state_of(town)
    answer = await luc.post(
        f"/represent/{DUPONT}/appoint/other",
        data={"number": "71000000334", "email": "jeanne@exemple.be", "language": "de"},
    )
    assert answer.status_code == 400
    assert "Ce n'est pas un numéro de registre national complet." in words_in(answer)
    assert "71000000334" not in answer.text
    assert 'value="jeanne@exemple.be"' in answer.text
    assert '<option value="de" selected>' in answer.text
    assert await state_of(town) == before


async def test_naming_herself_is_in_force_at_once_and_routes_what_waits(site, town):
    request = await requested(town, "karim")
    luc = await site.visitor("luc")
    check, answer = await named(luc, "me", whom="luc")
    assert "À vous-même : Luc Dupont" in words_in(check)
    receipt = words_in(await luc.get(answer.headers["location"]))
    assert "Vous êtes gestionnaire d'accès principal (GAP)" in receipt
    assert f"/desk/requests/{request}" in (await luc.get("/desk")).text


async def test_inv_27_the_page_says_that_the_old_one_stays_until_the_new_one_accepts(site, town):
    await gap(town, "luc", "jeanne")
    luc = await site.visitor("luc")
    check, answer = await named(luc, "other", whom="sophie")
    assert "reste GAP jusqu'à ce que la nouvelle personne accepte" in words_in(check)
    jeanne = await site.visitor("jeanne")
    assert (await jeanne.get(f"/desk/{DUPONT}")).status_code == 200
    sophie = await site.visitor("sophie")
    office = answer.headers["location"].rpartition("/")[2]
    page = await sophie.get(f"/appointments/{office}")
    await sophie.post(f"/appointments/{office}/accept", data={"act": act_in(page)})
    assert (await jeanne.get(f"/desk/{DUPONT}")).status_code == 404
    assert (await sophie.get(f"/desk/{DUPONT}")).status_code == 200


async def test_inv_25_an_old_or_weak_login_is_renewed_and_everything_comes_back(site, town):
    old = await site.visitor("luc", age=timedelta(minutes=11))
    form = await old.get(f"/represent/{DUPONT}/appoint/other")
    assert "moins de 10 minutes" in words_in(form)
    assert "fresh=1" in form.text
    assert 'name="number"' not in form.text
    fresh = await site.visitor("luc")
    kept = await fresh.post(
        f"/represent/{DUPONT}/appoint/other",
        data={"number": personas()["jeanne"]["ssin"], "email": "jeanne@exemple.be", "language": "fr"},
    )
    town.clock.advance(minutes=12)
    check = await fresh.get(kept.headers["location"])
    assert "fresh=1" in check.text
    assert "jeanne@exemple.be" in check.text
    draft = kept.headers["location"].partition("draft=")[2]
    before = await state_of(town)
    stale = await fresh.post(f"/represent/{DUPONT}/check", data={"act": str(uuid4()), "draft": draft})
    assert stale.headers["location"] == kept.headers["location"]
    assert await state_of(town) == before
    again = await site.visitor("luc")  # the login that comes back
    check = await again.get(kept.headers["location"])
    answer = await again.post(f"/represent/{DUPONT}/check", data={"act": act_in(check), "draft": draft})
    assert "/appointments/" in answer.headers["location"]


async def test_a_weak_login_is_asked_for_the_eid(site, town):
    weak = await site.visitor("luc", Level.ITSME)
    page = await weak.get(f"/represent/{DUPONT}/appoint/me")
    assert "level=500" in page.text
    assert "carte d'identité électronique" in words_in(page)


async def test_a_double_click_names_once(site, town):
    luc = await site.visitor("luc")
    kept = await luc.post(
        f"/represent/{DUPONT}/appoint/other",
        data={"number": personas()["jeanne"]["ssin"], "email": "jeanne@exemple.be", "language": "fr"},
    )
    check = await luc.get(kept.headers["location"])
    data = {"act": act_in(check), "draft": kept.headers["location"].partition("draft=")[2]}
    first = await luc.post(f"/represent/{DUPONT}/check", data=data)
    after = await state_of(town)
    second = await luc.post(f"/represent/{DUPONT}/check", data=data)
    assert first.headers["location"] == second.headers["location"]
    assert await state_of(town) == after


async def test_inv_26_a_second_appointment_finds_the_first(site, town):
    one, two = await site.visitor("luc"), await site.visitor("luc")
    kept = await two.post(
        f"/represent/{DUPONT}/appoint/other",
        data={"number": personas()["sophie"]["ssin"], "email": "sophie@exemple.be", "language": "fr"},
    )
    check = await two.get(kept.headers["location"])
    await named(one, "other")
    before = await state_of(town)
    late = await two.post(
        f"/represent/{DUPONT}/check",
        data={"act": act_in(check), "draft": kept.headers["location"].partition("draft=")[2]},
    )
    assert late.headers["location"] == f"/represent/{DUPONT}"
    assert await state_of(town) == before


async def test_an_appointment_can_be_taken_back(site, town):
    office = await appointed(town, "luc", "jeanne")
    luc = await site.visitor("luc")
    url = f"/represent/{DUPONT}/appointments/{office}"
    page = await luc.get(f"{url}/cancel")
    assert "L'entreprise reste sans GAP" in words_in(page)
    answer = await luc.post(f"{url}/cancel", data={"act": act_in(page)})
    assert answer.headers["location"] == url
    assert "La désignation est annulée" in words_in(await luc.get(url))
    jeanne = await site.visitor("jeanne")
    assert "n'attend plus de réponse" in words_in(await jeanne.get(f"/appointments/{office}"))
    assert (await luc.get(f"{url}/cancel")).headers["location"] == url


async def test_each_obstacle_has_a_no_of_its_own_with_a_next_step(site, town, tmp_path):
    thierry = await site.visitor("thierry")
    said = words_in(await thierry.get(f"/represent/{number_of('masson')}"))
    assert "votre fonction ne permet pas de représenter l'entreprise en ce moment" in said
    assert "Le curateur, le liquidateur ou l'administrateur provisoire peut désigner un GAP" in said
    assert "representationSuspended" in said
    vincent = await site.visitor("vincent")
    assert "Désigner une autre personne" in words_in(await vincent.get(f"/represent/{number_of('masson')}"))
    await represents(town, tmp_path, ("karim", number_of("collard")))
    karim = await site.visitor("karim")
    said = words_in(await karim.get(f"/represent/{number_of('collard')}"))
    assert "une personne seule ne peut pas signer" in said
    assert "jointSignatureNeeded" in said
    luc = await site.visitor("luc")
    town.clock.advance(hours=80)
    luc = await site.visitor("luc")
    page = await luc.get(f"/represent/{DUPONT}")
    assert "ne sont pas à jour" in words_in(page)
    assert "Réessayer" in words_in(page)
    assert "/appoint/" not in page.text


async def test_inv_23_while_the_register_is_stale_nothing_is_accepted(site, town):
    luc = await site.visitor("luc")
    kept = await luc.post(
        f"/represent/{DUPONT}/appoint/other",
        data={"number": personas()["jeanne"]["ssin"], "email": "jeanne@exemple.be", "language": "fr"},
    )
    town.clock.advance(hours=80)
    luc = await site.visitor("luc")
    before = await state_of(town)
    answer = await luc.post(
        f"/represent/{DUPONT}/check",
        data={"act": str(uuid4()), "draft": kept.headers["location"].partition("draft=")[2]},
    )
    assert answer.headers["location"] == f"/represent/{DUPONT}"
    assert await state_of(town) == before


LADDER = {
    "anonymous": 303,
    "unrelated": 404,
    "requester": 403,
    "holder": 403,
    "foreign_gap": 404,
    "gap": 403,
    "representative": 200,
    "past_representative": 404,
}


@pytest.mark.parametrize("actor", LADDER)
async def test_inv_25_the_ladder_of_actors(site, town, actor, tmp_path):
    await gap(town, "luc", "jeanne")
    names = {
        "unrelated": "sophie",
        "requester": "karim",
        "holder": "emma",
        "foreign_gap": "paul",
        "gap": "jeanne",
        "representative": "luc",
        "past_representative": "thierry",
    }
    if actor == "requester":
        await requested(town, "karim")
    if actor == "holder":
        await given(town, "jeanne", "emma", "permis.deposer")
    if actor == "foreign_gap":
        await gap(town, "anne", "paul", SERVAIS)
    if actor == "past_representative":
        await represents(town, tmp_path, ("thierry", DUPONT))
        town.clock.advance(hours=1)
        await represents(town, tmp_path)
    browser = site.browser() if actor == "anonymous" else await site.visitor(names[actor])
    for path in (
        f"/represent/{DUPONT}",
        f"/represent/{DUPONT}/appoint/me",
        f"/represent/{DUPONT}/appoint/other",
    ):
        assert (await browser.get(path)).status_code == LADDER[actor], path
    if actor == "representative":
        return
    before = await state_of(town)
    for path, data in (
        ("appoint/me", {"email": "x@exemple.be"}),
        (
            "appoint/other",
            {"email": "x@exemple.be", "number": personas()["sophie"]["ssin"], "language": "fr"},
        ),
        ("check", {"draft": str(uuid4())}),
        (f"appointments/{uuid4()}/cancel", {}),
    ):
        answer = await browser.post(f"/represent/{DUPONT}/{path}", data={"act": str(uuid4()), **data})
        assert answer.status_code == LADDER[actor], path
    assert await state_of(town) == before


async def test_somebody_elses_draft_is_no_draft(site, town, tmp_path):
    await represents(town, tmp_path, ("sophie", DUPONT))
    luc, sophie = await site.visitor("luc"), await site.visitor("sophie")
    kept = await luc.post(f"/represent/{DUPONT}/appoint/me", data={"email": "luc@exemple.be"})
    assert (await sophie.get(kept.headers["location"])).headers["location"] == f"/represent/{DUPONT}"
    draft = kept.headers["location"].partition("draft=")[2]
    answer = await sophie.post(f"/represent/{DUPONT}/check", data={"act": str(uuid4()), "draft": draft})
    assert answer.headers["location"] == f"/represent/{DUPONT}"
    marc = await site.visitor("marc")
    immo = number_of("lejeune-immo")
    for path in (f"/represent/{immo}/check?draft={draft}",):
        assert (await marc.get(path)).headers["location"] == f"/represent/{immo}"


@pytest.mark.parametrize(
    "path",
    [
        "/represent/123",
        "/represent/1900009969",
        "/represent/1900.000.069",
        f"/represent/{DUPONT}/appoint/everybody",
        f"/represent/{DUPONT}/check?draft=nonsense",
        f"/represent/{DUPONT}/appointments/nonsense",
        f"/represent/{DUPONT}/appointments/00000000-0000-4000-8000-000000000000",
    ],
)
async def test_addresses_that_are_none_are_not_found(site, path):
    luc = await site.visitor("luc")
    assert (await luc.get(path)).status_code == 404


async def test_an_independent_represents_herself_and_names_herself(site, town):
    haddad = number_of("haddad")
    nadia = await site.visitor("nadia")
    assert "C'est votre propre entreprise : vous la représentez." in words_in(
        await nadia.get(f"/represent/{haddad}")
    )
    _, answer = await named(nadia, "me", haddad, whom="nadia")
    assert "Vous êtes gestionnaire d'accès principal" in words_in(await nadia.get(answer.headers["location"]))


async def test_a_blocked_person_cannot_be_named_and_is_not_addressed(site, town):
    async with town.db.write() as conn:
        await conn.execute(
            text("UPDATE people_person SET blocked_at = now() WHERE id = :id"), {"id": town.person("jeanne")}
        )
    luc = await site.visitor("luc")
    answer = await luc.post(
        f"/represent/{DUPONT}/appoint/other",
        data={"number": personas()["jeanne"]["ssin"], "email": "jeanne@exemple.be", "language": "fr"},
    )
    assert answer.status_code == 400
    assert "Cette personne ne peut pas être désignée en ce moment." in words_in(answer)


async def test_a_lapsed_appointment_makes_room_for_another(site, town):
    office = await appointed(town, "luc", "jeanne")
    town.clock.advance(days=31)
    await did(town, c.Lapse(entity=town.entity(DUPONT)))
    jeanne = await site.visitor("jeanne")
    assert "n'attend plus de réponse" in words_in(await jeanne.get(f"/appointments/{office}"))
