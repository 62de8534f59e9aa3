"""Who plays which role, a role for the manager himself, and the end of a role (DOMAIN 7.3 nr 35, 43, 51)."""

import re

import pytest

from iam.kernel.assurance import Level
from iam.kernel.ids import uuid4
from iam.kernel.reasons import Reason
from tests.support.acts import DUPONT, SERVAIS, act, gap, gift, given, requested
from tests.support.console import act_in, state_of, words_in

pytestmark = pytest.mark.anyio
OWN = f"/desk/{DUPONT}/own"


async def took(browser, **typed):
    """The answer to giving oneself a role, by the pages alone."""
    fields = {"role": "primes.deposer", "first": "2026-11-24", "until": "", **typed}
    check = await browser.get(f"{OWN}/check", params=fields)
    assert check.status_code == 200, words_in(check)
    return await browser.post(f"{OWN}/check", data={"act": act_in(check), **fields})


async def test_inv_35_a_role_for_oneself_is_flagged(site, town):
    await gap(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    form = words_in(await jeanne.get(OWN))
    assert "est signalé dans le journal" in form
    answer = await took(jeanne, until="31/12/2026")
    receipt = words_in(await jeanne.get(answer.headers["location"]))
    assert "Jeanne Dupont peut déposer et suivre" in receipt
    assert "jusqu'au 31 décembre 2026" in receipt
    assert "s'est donné ce rôle" in receipt
    assert "(donné à soi-même)" in words_in(await jeanne.get(f"/desk/{DUPONT}/people"))


async def test_inv_43_a_role_that_needs_four_eyes_is_explained_and_not_offered(site, town):
    await gap(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    page = await jeanne.get(OWN)
    assert "Les rôles qui demandent deux personnes" in words_in(page)
    assert 'value="aides.signer"' not in page.text
    before = await state_of(town)
    answer = await jeanne.post(
        f"{OWN}/check", data={"act": str(uuid4()), "role": "aides.signer", "first": "", "until": ""}
    )
    assert answer.status_code == 400
    assert "doivent être deux personnes" in words_in(answer)
    assert await state_of(town) == before


@pytest.mark.parametrize("elsewhere", [(), (SERVAIS,), (None,)], ids=["nowhere", "for another", "for none"])
async def test_inv_51_who_has_no_address_here_confirms_one_on_the_way_and_takes_the_role(
    site, town, elsewhere
):
    """By the pages and the mail alone, without a script: no dead end, and nothing before it is confirmed."""
    await town.forget_addresses("jeanne")
    await gap(town, "luc", "jeanne")
    for number in elsewhere:
        await town.confirm("jeanne", "jeanne@exemple.be", number)
    jeanne = await site.visitor("jeanne")
    page = await jeanne.get(OWN)
    assert "Confirmez d'abord votre adresse e-mail professionnelle pour cette entreprise" in words_in(page)
    before = await state_of(town)
    refused = await jeanne.post(
        f"{OWN}/check", data={"act": str(uuid4()), "role": "primes.deposer", "first": "", "until": ""}
    )
    assert refused.status_code == 400
    assert await state_of(town) == before

    [way] = re.findall(r'href="(/address[^"]*)"', page.text)
    form = await jeanne.get(way)
    assert f'<option value="{DUPONT}" selected>' in form.text
    proposed = 'value="jeanne@exemple.be"' in form.text
    assert proposed is bool(elsewhere)
    named = {"act": act_in(form), "enterprise": DUPONT, "email": "jeanne@exemple.be"}
    await jeanne.post("/address", data=named)
    secret = await town.secret("jeanne", "jeanne@exemple.be", DUPONT)
    answer = await jeanne.get("/address/confirm", params={"link": secret})
    receipt = await jeanne.get(answer.headers["location"])
    assert "Elle compte pour Menuiserie Dupont SRL" in words_in(receipt)
    assert f'href="{OWN}"' in receipt.text

    taken = await took(jeanne)
    assert "Vous avez ce rôle" in words_in(await jeanne.get(taken.headers["location"]))


async def test_inv_51_accepting_an_office_does_not_confirm_the_address_it_was_sent_to(site, town):
    """Who appointed typed it; only the link that is sent there shows that the appointee reads it."""
    await town.forget_addresses("jeanne")
    await gap(town, "luc", "jeanne")
    own = await act(town, gift(town, "jeanne", "primes.deposer"), "jeanne")
    assert own.reason is Reason.EMAIL_UNVERIFIED
    secret = await town.secret("jeanne", "jeanne@exemple.be", DUPONT)
    jeanne = await site.visitor("jeanne")
    await jeanne.get(f"/desk/{DUPONT}?link={secret}")
    await given(town, "jeanne", "jeanne", "primes.deposer")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"role": "nonsense"}, "role"),
        ({"role": "staff.operator"}, "role"),
        ({"role": ""}, "role"),
        ({"first": "2026-11-01"}, "first"),
        ({"first": "9999-12-31"}, "first"),
        ({"until": "2099-01-01"}, "until"),
        ({"until": "31/02/2027"}, "until"),
        ({"first": "2027-01-01", "until": "2026-12-01"}, "until"),
    ],
)
async def test_what_is_wrong_is_told_at_its_field(site, town, typed, field):
    await gap(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    before = await state_of(town)
    fields = {"role": "primes.deposer", "first": "2026-11-24", "until": "", **typed}
    answer = await jeanne.get(f"{OWN}/check", params=fields)
    assert answer.status_code == 400
    assert f'id="{field}-error"' in answer.text
    sent = await jeanne.post(f"{OWN}/check", data={"act": str(uuid4()), **fields})
    assert sent.status_code in {303, 400}
    assert await state_of(town) == before


async def test_inv_41_a_role_one_has_is_not_offered_twice(site, town):
    await gap(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    check = await jeanne.get(f"{OWN}/check", params={"role": "primes.deposer"})
    data = {"act": act_in(check), "role": "primes.deposer", "first": "", "until": ""}
    first = await jeanne.post(f"{OWN}/check", data=data)
    again = await jeanne.post(f"{OWN}/check", data=data)
    assert first.headers["location"] == again.headers["location"]
    page = await jeanne.get(OWN)
    assert 'value="primes.deposer"' not in page.text
    assert "Les rôles que vous avez déjà" in words_in(page)
    other = await jeanne.post(f"{OWN}/check", data={**data, "act": str(uuid4())})
    assert other.status_code == 400
    assert "déjà donné" in words_in(other)


async def test_ending_a_role_counts_its_consequence_and_wants_a_reason(site, town):
    await site.cookie("karim")
    await gap(town, "luc", "jeanne")
    grant = await given(town, "jeanne", "karim", "primes.deposer")
    await given(town, "jeanne", "sophie", "primes.deposer")
    jeanne = await site.visitor("jeanne")
    url = f"/desk/grants/{grant}/end"
    page = await jeanne.get(url)
    assert "1 personne perd 1 rôle : Karim Benali" in words_in(page)
    assert "1 autre personne garde ce rôle." in words_in(page)
    before = await state_of(town)
    bare = await jeanne.post(url, data={"act": act_in(page), "reason": " "})
    assert bare.status_code == 400
    assert "Il manque la raison" in words_in(bare)
    assert await state_of(town) == before
    data = {"act": act_in(bare), "reason": "Il a quitté l'entreprise."}
    done = await jeanne.post(url, data=data)
    assert done.headers["location"] == f"/desk/grants/{grant}/ended"
    after = await state_of(town)
    assert (await jeanne.post(url, data=data)).headers["location"] == done.headers["location"]
    assert await state_of(town) == after
    assert "Karim Benali n'a plus le rôle" in words_in(await jeanne.get(done.headers["location"]))
    assert "Karim" not in words_in(await jeanne.get(f"/desk/{DUPONT}/people"))
    assert "Ce rôle est déjà terminé." in words_in(await jeanne.get(url))


async def test_inv_06_a_national_number_in_the_reason_of_an_end_is_not_shown_again(site, town):
    await gap(town, "luc", "jeanne")
    grant = await given(town, "jeanne", "karim", "primes.deposer")
    jeanne = await site.visitor("jeanne")
    answer = await jeanne.post(
        f"/desk/grants/{grant}/end", data={"act": str(uuid4()), "reason": "71000000333"}
    )
    assert answer.status_code == 400
    assert "71000000333" not in answer.text


async def test_a_role_of_ones_own_is_given_up_on_ones_own_page(site, town):
    await gap(town, "luc", "jeanne")
    grant = await given(town, "jeanne", "jeanne", "primes.deposer")
    jeanne = await site.visitor("jeanne")
    answer = await jeanne.get(f"/desk/grants/{grant}/end")
    assert answer.headers["location"] == f"/enterprises/{DUPONT}/grants/{grant}/end"
    assert (await jeanne.get(answer.headers["location"])).status_code == 200


async def test_a_weak_login_can_end_nothing_and_give_nothing(site, town):
    await gap(town, "luc", "jeanne")
    grant = await given(town, "jeanne", "karim", "primes.deposer")
    weak = await site.visitor("jeanne", Level.TOTP)
    before = await state_of(town)
    for url, data in (
        (f"/desk/grants/{grant}/end", {"reason": "fini"}),
        (f"{OWN}/check", {"role": "primes.deposer", "first": "", "until": ""}),
    ):
        answer = await weak.post(url, data={"act": str(uuid4()), **data})
        assert "level=450" in answer.text
    assert "level=450" in (await weak.get(f"{OWN}/check", params={"role": "primes.deposer"})).text
    assert await state_of(town) == before


LADDER = {
    "anonymous": 303,
    "unrelated": 404,
    "requester": 403,
    "other_holder": 403,
    "foreign_gap": 404,
    "representative": 403,
}


@pytest.mark.parametrize("actor", LADDER)
async def test_the_ladder_of_actors(site, town, actor):
    await gap(town, "luc", "jeanne")
    grant = await given(town, "jeanne", "emma", "primes.deposer")
    await given(town, "jeanne", "nadia", "permis.deposer")
    await requested(town, "karim")
    await gap(town, "anne", "paul", SERVAIS)
    names = {
        "unrelated": "sophie",
        "requester": "karim",
        "other_holder": "nadia",
        "foreign_gap": "paul",
        "representative": "luc",
    }
    browser = site.browser() if actor == "anonymous" else await site.visitor(names[actor])
    wanted = LADDER[actor]
    for path in (
        f"/desk/grants/{grant}/end",
        f"/desk/grants/{grant}/ended",
        OWN,
        f"{OWN}/check?role=primes.deposer",
        f"/desk/{DUPONT}/people",
    ):
        assert (await browser.get(path)).status_code == wanted, path
    before = await state_of(town)
    for path, data in (
        (f"/desk/grants/{grant}/end", {"reason": "non"}),
        (f"{OWN}/check", {"role": "primes.deposer", "first": "", "until": ""}),
    ):
        answer = await browser.post(path, data={"act": str(uuid4()), **data})
        assert answer.status_code == wanted, path
    assert await state_of(town) == before


@pytest.mark.parametrize(
    "path",
    [
        "/desk/grants/nonsense/end",
        "/desk/grants/00000000-0000-4000-8000-000000000000/end",
        "/desk/grants/00000000-0000-4000-8000-000000000000/ended",
        f"{OWN}/nonsense",
        f"{OWN}/00000000-0000-4000-8000-000000000000",
    ],
)
async def test_addresses_that_are_none_are_not_found(site, town, path):
    await gap(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    assert (await jeanne.get(path)).status_code == 404


async def test_a_grant_of_another_enterprise_is_nothing_here(site, town):
    await gap(town, "luc", "jeanne")
    await gap(town, "anne", "paul", SERVAIS)
    foreign = await given(town, "paul", "paul", "primes.deposer", SERVAIS)
    jeanne = await site.visitor("jeanne")
    assert (await jeanne.get(f"/desk/grants/{foreign}/end")).status_code == 404
    assert (await jeanne.get(f"{OWN}/{foreign}")).status_code == 404


async def test_the_link_of_the_mail_confirms_the_mailbox_and_leaves_the_address(site, town):
    await town.forget_addresses("jeanne")
    await gap(town, "luc", "jeanne")
    secret = await town.secret("jeanne", "jeanne@exemple.be", DUPONT)
    luc, jeanne = await site.visitor("luc"), await site.visitor("jeanne")
    await luc.get(f"/desk/{DUPONT}?link={secret}")  # somebody else's link counts for nothing
    answer = await jeanne.get(f"/desk/{DUPONT}?link={secret}")
    assert answer.headers["location"] == f"/desk/{DUPONT}?mailbox=confirmed"
    assert "Votre adresse e-mail est confirmée." in words_in(await jeanne.get(answer.headers["location"]))
    again = await jeanne.get(f"/desk/{DUPONT}?link={secret}")
    assert again.headers["location"] == f"/desk/{DUPONT}"
    assert (await jeanne.get(again.headers["location"])).status_code == 200
