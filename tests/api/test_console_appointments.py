"""The appointee's page: the same for all before login, his two answers, once."""

import pytest

from iam.kernel.assurance import Level
from iam.kernel.ids import uuid4
from tests.support.acts import DUPONT, appointed, requested
from tests.support.console import act_in, state_of, words_in

pytestmark = pytest.mark.anyio


def bare(answer, *own):
    said = answer.text.replace(answer.headers["BelGov-Trace-Id"], "")
    for each in own:
        said = said.replace(each, "")
    return said


async def test_before_login_the_page_is_the_same_for_every_appointment_and_for_none(site, town):
    office, unknown = await appointed(town, "luc", "jeanne"), str(uuid4())
    browser = site.browser()
    one, two, three = [await browser.get(f"/appointments/{each}") for each in (office, unknown, "nonsense")]
    assert one.status_code == two.status_code == three.status_code == 200
    assert bare(one, str(office)) == bare(two, unknown) == bare(three, "nonsense")
    assert "Dupont" not in words_in(one)
    assert "level=450" in one.text


async def test_to_anybody_else_it_is_not_there(site, town):
    office, unknown = await appointed(town, "luc", "jeanne"), str(uuid4())
    for who in ("luc", "sophie"):
        browser = await site.visitor(who)
        mine, none, nonsense = [
            await browser.get(f"/appointments/{each}") for each in (office, unknown, "nonsense")
        ]
        assert mine.status_code == none.status_code == nonsense.status_code == 404
        assert bare(mine, str(office)) == bare(none, unknown) == bare(nonsense, "nonsense")
        before = await state_of(town)
        for answer in ("accept", "decline"):
            assert (
                await browser.post(f"/appointments/{office}/{answer}", data={"act": str(uuid4())})
            ).status_code == 404
        assert (await browser.get(f"/appointments/{office}/decline")).status_code == 404
        assert await state_of(town) == before


async def test_accepting_is_in_force_at_once_and_counts_once(site, town):
    request = await requested(town, "karim")
    office = await appointed(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne", Level.ITSME)
    page = await jeanne.get(f"/appointments/{office}")
    said = words_in(page)
    assert "Acceptez-vous de gérer les accès" in said
    assert "Menuiserie Dupont" in said
    assert "Répondre avant le 24 décembre 2026" in said
    data = {"act": act_in(page)}
    answer = await jeanne.post(f"/appointments/{office}/accept", data=data)
    after = await state_of(town)
    assert (await jeanne.post(f"/appointments/{office}/accept", data=data)).headers[
        "location"
    ] == answer.headers["location"]
    assert await state_of(town) == after
    receipt = words_in(await jeanne.get(answer.headers["location"]))
    assert "Vous êtes gestionnaire d'accès principal (GAP)" in receipt
    assert str(request) in (await jeanne.get(f"/desk/{DUPONT}")).text


async def test_declining_says_first_what_it_brings_about(site, town):
    office = await appointed(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    page = await jeanne.get(f"/appointments/{office}/decline")
    assert "Vous ne gérerez pas les accès" in words_in(page)
    answer = await jeanne.post(f"/appointments/{office}/decline", data={"act": act_in(page)})
    assert "Vous avez refusé" in words_in(await jeanne.get(answer.headers["location"]))
    before = await state_of(town)
    late = await jeanne.post(f"/appointments/{office}/accept", data={"act": str(uuid4())})
    assert late.headers["location"] == f"/appointments/{office}"
    assert await state_of(town) == before
    assert (await jeanne.get(f"/desk/{DUPONT}")).status_code == 404


async def test_a_weak_login_is_renewed_first(site, town):
    office = await appointed(town, "luc", "jeanne")
    weak = await site.visitor("jeanne", Level.TOTP)
    page = await weak.get(f"/appointments/{office}")
    assert "level=450" in page.text
    before = await state_of(town)
    answer = await weak.post(f"/appointments/{office}/accept", data={"act": str(uuid4())})
    assert answer.headers["location"] == f"/appointments/{office}"
    assert await state_of(town) == before


async def test_inv_32_after_its_time_it_waits_no_more(site, town):
    office = await appointed(town, "luc", "jeanne")
    town.clock.advance(days=31)
    jeanne = await site.visitor("jeanne")
    page = await jeanne.get(f"/appointments/{office}")
    assert "n'attend plus de réponse" in words_in(page)
    before = await state_of(town)
    await jeanne.post(f"/appointments/{office}/accept", data={"act": str(uuid4())})
    assert await state_of(town) == before


async def test_a_dead_link_does_not_stop_the_page(site, town):
    office = await appointed(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    answer = await jeanne.get(f"/appointments/{office}?link=dead")
    assert answer.headers["location"] == f"/appointments/{office}"
    assert "dead" not in (await jeanne.get(answer.headers["location"])).text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": {"origin": "https://evil.test"}}, 403),
        ({"headers": {"content-type": "text/plain"}}, 415),
        ({"data": {"act": "nonsense"}}, 400),
        ({"data": {}}, 400),
    ],
)
async def test_bad_input_changes_nothing(site, town, change, status):
    office = await appointed(town, "luc", "jeanne")
    jeanne = await site.visitor("jeanne")
    before = await state_of(town)
    answer = await jeanne.post(f"/appointments/{office}/accept", **{"data": {"act": str(uuid4())}, **change})
    assert answer.status_code == status
    assert await state_of(town) == before
