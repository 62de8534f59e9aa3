"""The helpdesk, which sees and changes nothing, and the first operator (DOMAIN 7.3 nr 65, 74)."""

import hashlib
import secrets
from datetime import timedelta

import pytest

from iam.console.words import reference
from iam.delegation import commands as c
from iam.journal.model import Head, HeadKind
from iam.journal.queries import of_head
from iam.kernel.assurance import Level
from iam.kernel.ids import uuid4
from tests.support.acts import DUPONT, appointed, did, gap, requested
from tests.support.console import act_in, state_of, words_in
from tests.support.register import STAFF, personas

pytestmark = pytest.mark.anyio


async def agent(town, who="hugo"):
    """A helpdesk agent, by a feed from elsewhere."""
    await did(
        town,
        c.MigrateRole(
            entity=town.entity(STAFF), person=town.person(who), role="staff.helpdesk", ends_at=None
        ),
    )


async def link(town) -> str:
    secret = secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    await did(
        town,
        c.OpenBootstrap(
            entity=town.entity(STAFF), digest=digest, lapses_at=town.clock() + timedelta(hours=72)
        ),
    )
    return secret


async def looks(town, who="hugo"):
    async with town.db.read() as conn:
        entries = await of_head(conn, Head(HeadKind.PERSON, town.person(who)))
    return [entry for entry in entries if entry.kind == "console.helpdesk.looked-up"]


async def test_the_agent_finds_an_enterprise_by_its_number_and_a_request_by_its_reference(site, town):
    await agent(town)
    request = await requested(town, "karim")
    hugo = await site.visitor("hugo", **{"accept-language": "fr"})
    assert (await hugo.get("/helpdesk")).status_code == 200
    assert (await hugo.get("/helpdesk", params={"q": "BE 1900.000.069"})).headers[
        "location"
    ] == f"/helpdesk/enterprises/{DUPONT}"
    for typed in (
        reference(request),
        reference(request).lower(),
        reference(request).replace("-", " "),
        str(request),
    ):
        assert (await hugo.get("/helpdesk", params={"q": typed})).headers[
            "location"
        ] == f"/helpdesk/requests/{request}", typed


async def test_why_somebody_is_stuck_is_said_in_plain_words(site, town):
    await agent(town)
    await site.cookie("karim")
    request = await requested(town, "karim")
    hugo = await site.visitor("hugo")
    said = words_in(await hugo.get(f"/helpdesk/requests/{request}?lang=fr"))
    assert "L'entreprise n'a pas de GAP. Une personne qui la représente doit en désigner un" in said
    assert "Karim Benali" in said
    assert "Attend un GAP" in said
    assert "Administrateur : peut désigner un GAP." in said
    await appointed(town, "luc", "jeanne")
    said = words_in(await hugo.get(f"/helpdesk/enterprises/{DUPONT}?lang=fr"))
    assert "n'a pas encore répondu" in said
    said = words_in(await hugo.get("/helpdesk/enterprises/1900000960?lang=fr"))
    assert "L'entreprise a cessé d'après la BCE." in said


async def test_inv_65_every_look_stands_in_the_journal_and_nothing_else_changes(site, town):
    await agent(town)
    request = await requested(town, "karim")
    hugo = await site.visitor("hugo")
    before = await state_of(town)
    await hugo.get("/helpdesk", params={"q": DUPONT})
    assert await looks(town) == []
    await hugo.get(f"/helpdesk/enterprises/{DUPONT}")
    await hugo.get(f"/helpdesk/requests/{request}")
    first, second = await looks(town)
    assert first.data == {
        "agent": str(town.person("hugo")),
        "entity": str(town.entity(DUPONT)),
        "request": None,
    }
    assert second.data["request"] == str(request)
    assert first.capacity == "staff"
    assert first.basis["grant"]
    after = await state_of(town)
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"journal_entry", "journal_pending", "people_person"}


async def test_there_is_no_form_to_change_anything_with(site, town):
    await agent(town)
    request = await requested(town, "karim")
    hugo = await site.visitor("hugo")
    for path in ("/helpdesk", f"/helpdesk/enterprises/{DUPONT}", f"/helpdesk/requests/{request}"):
        page = await hugo.get(path)
        assert page.text.count('method="post"') == 1  # the log-out
        assert 'action="/logout"' in page.text
        assert (await hugo.post(path, data={"act": str(uuid4())})).status_code == 405
    for path in (f"/desk/requests/{request}", f"/desk/{DUPONT}", f"/represent/{DUPONT}"):
        assert (await hugo.get(path)).status_code == 404


@pytest.mark.parametrize("who", ["sophie", "luc", "jeanne", "karim"])
async def test_inv_74_to_everybody_else_the_helpdesk_is_not_there(site, town, who):
    await gap(town, "luc", "jeanne")
    request = await requested(town, "karim")
    browser = await site.visitor(who)
    before = await state_of(town)
    for path in (
        "/helpdesk",
        f"/helpdesk?q={DUPONT}",
        f"/helpdesk/enterprises/{DUPONT}",
        f"/helpdesk/requests/{request}",
    ):
        assert (await browser.get(path)).status_code == 404, path
    assert await state_of(town) == before
    assert (await site.browser().get("/helpdesk")).status_code == 303


async def test_an_agent_whose_role_is_over_or_whose_login_is_weak_sees_nothing(site, town):
    await agent(town)
    weak = await site.visitor("hugo", Level.TOTP)
    answer = await weak.get(f"/helpdesk/enterprises/{DUPONT}")
    assert answer.status_code == 401
    assert "level=450" in answer.text
    assert await looks(town) == []
    town.clock.advance(days=366)
    late = await site.visitor("hugo")
    assert (await late.get(f"/helpdesk/enterprises/{DUPONT}")).status_code == 404


@pytest.mark.parametrize(
    "typed",
    [
        "nonsense",
        "1900000070",
        "71000000333",
        "71.00.00-003.33",
        "ZZZZ-ZZZZ",
        "'; DROP TABLE x",
        "x" * 5000,
        "00000000-0000-4000-8000-000000000000",
        "%00",
    ],
)
async def test_what_is_not_found_is_not_repeated(site, town, typed):
    await agent(town)
    hugo = await site.visitor("hugo")
    answer = await hugo.get("/helpdesk", params={"q": typed})
    assert answer.status_code == 400
    assert f'value="{typed}"' not in answer.text
    assert 'id="q-error"' in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/helpdesk/enterprises/1900009969",
        "/helpdesk/enterprises/x",
        "/helpdesk/requests/x",
        "/helpdesk/requests/00000000-0000-4000-8000-000000000000",
    ],
)
async def test_addresses_that_are_none_are_not_found(site, town, path):
    await agent(town)
    hugo = await site.visitor("hugo")
    assert (await hugo.get(path)).status_code == 404


# -- the first operator


async def test_the_first_operator_claims_the_link_once(site, town):
    secret = await link(town)
    claire = await site.visitor("claire")
    page = await claire.get(f"/bootstrap?link={secret}")
    assert "Devenir le premier opérateur du service" in words_in(page)
    data = {"act": act_in(page), "link": secret}
    answer = await claire.post("/bootstrap", data=data)
    assert answer.headers["location"] == "/bootstrap/done"
    assert (await claire.post("/bootstrap", data=data)).headers["location"] == "/bootstrap/done"
    assert "Vous êtes le premier opérateur" in words_in(await claire.get("/bootstrap/done"))
    assert (await claire.get(f"/desk/{STAFF}")).status_code == 200
    people = words_in(await claire.get(f"/desk/{STAFF}/people"))
    assert "Opérateur du service" in people
    own = await claire.get(f"/desk/{STAFF}/own")
    assert 'value="staff.helpdesk"' in own.text
    assert 'value="primes.deposer"' not in own.text
    sophie = await site.visitor("sophie")
    before = await state_of(town)
    late = await sophie.get(f"/bootstrap?link={secret}")
    assert late.status_code == 400
    assert "Ce lien ne fonctionne plus." in words_in(late)
    assert (await sophie.post("/bootstrap", data={"act": str(uuid4()), "link": secret})).status_code == 400
    assert (await sophie.get("/bootstrap/done")).status_code == 404
    assert await state_of(town) == before


async def test_the_link_wants_the_strongest_login_and_a_fresh_one(site, town):
    secret = await link(town)
    weak, old = (
        await site.visitor("claire", Level.ITSME),
        await site.visitor("claire", age=timedelta(minutes=11)),
    )
    before = await state_of(town)
    for browser in (weak, old):
        page = await browser.get(f"/bootstrap?link={secret}")
        assert "level=500" in page.text
        assert 'name="link"' not in page.text
        assert (
            await browser.post("/bootstrap", data={"act": str(uuid4()), "link": secret})
        ).status_code == 400
    assert await state_of(town) == before
    anonymous = await site.browser().get(f"/bootstrap?link={secret}")
    assert anonymous.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize("typed", ["", "wrong", "x" * 5000, "é", "\x00"])
async def test_a_link_that_is_none_says_how_to_get_another(site, town, typed):
    await link(town)
    claire = await site.visitor("claire")
    page = await claire.get("/bootstrap", params={"link": typed})
    assert page.status_code == 400
    assert "habilis bootstrap" in words_in(page)
    before = await state_of(town)
    assert (await claire.post("/bootstrap", data={"act": str(uuid4()), "link": typed})).status_code == 400
    assert await state_of(town) == before


async def test_a_link_that_has_lapsed_gives_nothing(site, town):
    secret = await link(town)
    town.clock.advance(hours=73)
    claire = await site.visitor("claire")
    assert (await claire.get(f"/bootstrap?link={secret}")).status_code == 400


async def test_the_secret_is_kept_nowhere(site, town):
    secret = await link(town)
    claire = await site.visitor("claire")
    page = await claire.get(f"/bootstrap?link={secret}")
    await claire.post("/bootstrap", data={"act": act_in(page), "link": secret})
    rows = "\n".join(row for rows in (await state_of(town)).values() for row in rows)
    assert secret not in rows
    assert all(persona["ssin"] not in rows for persona in personas().values())
