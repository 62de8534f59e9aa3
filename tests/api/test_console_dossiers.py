"""The pages of dossiers: a claimant's, and the reviewers', who are named to nobody (DOMAIN 7.2, 7.3)."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from iam.delegation.commands import MigrateRole
from iam.dossiers import commands as c
from iam.dossiers import queries
from iam.dossiers.model import Stage, State
from iam.journal.model import Head, HeadKind
from iam.journal.queries import of_head
from iam.kernel.assurance import Level
from iam.kernel.clock import belgian_day
from iam.kernel.ids import uuid4
from tests.support.acts import DUPONT, act, appointment, did
from tests.support.console import act_in, state_of, words_in
from tests.support.dossiers import FABRIQUE, JPEG, PDF, PNG, SCRIPT, Desk, why
from tests.support.register import personas

pytestmark = pytest.mark.anyio
NEW = f"/dossiers/new/{FABRIQUE}"
FORM = {
    "code": "XPOUV", "since": "2020-01-01", "motivation": "Le conseil m'a nommée.", "email": "agathe@exemple.be",
}  # fmt: skip


@pytest.fixture
async def desk(town) -> Desk:
    return await Desk.open(town)


def dossier_in(answer):
    return re.search(r"/(?:dossiers|review)/([0-9a-f-]{36})", answer.headers["location"]).group(1)


async def opened(browser, **changes) -> str:
    page = await browser.get(NEW)
    answer = await browser.post(NEW, data={"act": act_in(page), **FORM, **changes})
    assert answer.status_code == 303, words_in(answer)
    return dossier_in(answer)


async def upload(browser, dossier, content=PDF, *, name="pv.pdf", kind="application/pdf", act=None):
    page = await browser.get(f"/dossiers/{dossier}")
    return await browser.post(
        f"/dossiers/upload/{dossier}",
        data={"act": act or act_in(page)},
        files={"document": (name, content, kind)},
    )


async def sent(browser) -> str:
    found = await opened(browser)
    assert (await upload(browser, found)).status_code == 303
    check = await browser.get(f"/dossiers/{found}/check")
    answer = await browser.post(f"/dossiers/{found}/check", data={"act": act_in(check)})
    assert answer.headers["location"] == f"/dossiers/{found}/sent", words_in(check)
    return found


async def taken_up(browser, found) -> None:
    page = await browser.get(f"/review/{found}")
    stage = re.search(r'name="stage" value="(\d)"', page.text).group(1)
    answer = await browser.post(f"/review/{found}/start", data={"stage": stage})
    assert answer.headers["location"] == f"/review/{found}"


async def accepts(browser, found, **changes):
    page = await browser.get(f"/review/{found}/accept")
    hidden = dict(re.findall(r'name="(act|stage)" value="([^"]*)"', page.text))
    data = {**hidden, "until": "2027-06-01", "note": "Le procès-verbal la nomme.", **changes}
    return await browser.post(f"/review/{found}/accept", data=data)


# -- the whole way


async def test_from_a_dead_end_to_an_access_manager_by_pages_alone(site, town, desk):
    agathe = await site.visitor("agathe")
    assert (await agathe.get(f"/represent/{FABRIQUE}")).status_code == 404
    ways = await agathe.get(f"/represent?enterprise={FABRIQUE}")
    assert 'href="/dossiers/new"' in ways.text
    found = await sent(agathe)
    receipt = words_in(await agathe.get(f"/dossiers/{found}/sent"))
    assert "Le dossier pour Fabrique d'église Saint-Hubert (1900.002.247) est envoyé." in receipt
    assert "23 janvier 2027" in receipt
    assert "Premier examen" in words_in(await agathe.get(f"/dossiers/{found}"))

    ines, ruben = await site.visitor("ines"), await site.visitor("ruben")
    inbox = await ines.get("/review")
    assert f'href="/review/{found}"' in inbox.text
    assert "Agathe" not in inbox.text
    assert "Agathe" not in (await ines.get(f"/review/{found}")).text
    await taken_up(ines, found)
    whole = words_in(await ines.get(f"/review/{found}"))
    assert "Agathe Lefort veut représenter une entreprise" in whole
    assert "Le conseil m'a nommée." in whole
    assert "La BCE ne nous donne personne." in whole
    assert (await accepts(ines, found)).headers["location"] == f"/review/{found}"
    assert "Vous avez accepté ce dossier." in words_in(await ines.get(f"/review/{found}"))
    assert f'href="/review/{found}"' not in (await ines.get("/review")).text
    assert "Deuxième examen" in words_in(await agathe.get(f"/dossiers/{found}"))

    await taken_up(ruben, found)
    page = words_in(await ruben.get(f"/review/{found}/accept?lang=fr"))
    assert "Vous êtes la deuxième personne" in page
    assert "Le premier examen l'a accepté jusqu'au 1er juin 2027." in page
    assert (await accepts(ruben, found, until="2027-03-01")).status_code == 303

    mine = words_in(await agathe.get(f"/dossiers/{found}"))
    assert "Accepté" in mine
    assert "jusqu'au 1er mars 2027" in mine
    represent = words_in(await agathe.get(f"/represent/{FABRIQUE}"))
    assert "dossier" in represent
    kept = await agathe.post(
        f"/represent/{FABRIQUE}/appoint/me", data={"email": "agathe@exemple.be", "language": "fr"}
    )
    check = await agathe.get(kept.headers["location"])
    draft = kept.headers["location"].partition("draft=")[2]
    done = await agathe.post(f"/represent/{FABRIQUE}/check", data={"act": act_in(check), "draft": draft})
    assert done.status_code == 303
    assert "Vous gérez" in words_in(await agathe.get(f"/represent/{FABRIQUE}"))


async def test_a_refusal_ends_it_and_is_told_with_its_reason_and_no_name(site, town, desk):
    agathe, ines = await site.visitor("agathe"), await site.visitor("ines")
    found = await sent(agathe)
    await taken_up(ines, found)
    page = await ines.get(f"/review/{found}/refuse")
    data = {"act": act_in(page), "stage": "1"}
    bare = await ines.post(f"/review/{found}/refuse", data={**data, "reason": "  "})
    assert bare.status_code == 400
    assert 'id="reason-error"' in bare.text
    assert (
        await ines.post(f"/review/{found}/refuse", data={**data, "reason": "Il manque la décision."})
    ).status_code == 303

    said = words_in(await agathe.get(f"/dossiers/{found}"))
    assert "Refusé" in said
    assert "Il manque la décision." in said
    assert "Faire un nouveau dossier" in said
    assert (await agathe.get(NEW)).status_code == 200
    assert "Le dossier est refusé." in words_in(await ines.get(f"/review/{found}"))


async def test_nothing_that_a_claimant_sees_tells_who_reviews(site, town, desk):
    agathe, ines, ruben = [await site.visitor(who) for who in ("agathe", "ines", "ruben")]
    found = await sent(agathe)
    seen = []
    for reviewer in (ines, ruben):
        await taken_up(reviewer, found)
        seen += [await agathe.get(path) for path in ("/dossiers", f"/dossiers/{found}")]
        await accepts(reviewer, found)
        seen += [await agathe.get(path) for path in ("/dossiers", f"/dossiers/{found}")]
    page = await ruben.get(f"/review/{found}/revoke")
    await ruben.post(f"/review/{found}/revoke", data={"act": act_in(page), "reason": "Annulée."})
    seen += [await agathe.get(path) for path in ("/dossiers", f"/dossiers/{found}", f"/represent/{FABRIQUE}")]
    for answer in seen:
        for who in ("ines", "ruben"):
            assert personas()[who]["given_name"] not in answer.text
            assert personas()[who]["family_name"] not in answer.text
            assert str(town.person(who)) not in answer.text
    assert "Annulée." in seen[-2].text
    assert seen[-1].status_code == 404


async def test_an_acceptance_is_given_up_by_its_claimant(site, town, desk):
    found = await desk.accepted()
    agathe = await site.visitor("agathe")
    page = await agathe.get(f"/dossiers/{found}/withdraw")
    assert "Vous ne représenterez plus l'entreprise en ligne." in words_in(page)
    await agathe.post(f"/dossiers/{found}/withdraw", data={"act": act_in(page)})

    assert "Retiré" in words_in(await agathe.get(f"/dossiers/{found}"))
    assert why(await act(town, appointment(town, "luc", FABRIQUE), "agathe")) is not None


# -- who sees what


async def test_inv_74_to_everybody_else_the_reviewers_pages_are_not_there(site, town, desk):
    found = await desk.submitted()
    [document] = await documents(town, found)
    paths = (
        "/review", f"/review/{found}", f"/review/{found}/accept", f"/review/{found}/refuse",
        f"/review/{found}/revoke", f"/review/{found}/documents/{document}",
    )  # fmt: skip
    browsers = {who: await site.visitor(who) for who in ("agathe", "hugo", "claire", "luc", "sophie")}
    weak = await site.visitor("ines", Level.ITSME)
    before = await state_of(town)
    for who, browser in browsers.items():
        for path in paths:
            assert (await browser.get(path)).status_code == 404, (who, path)
        for path in ("start", "accept", "refuse", "revoke"):
            answer = await browser.post(f"/review/{found}/{path}", data={"act": str(uuid4()), "stage": "1"})
            assert answer.status_code == 404, (who, path)
    for path in paths:
        answer = await weak.get(path)
        assert answer.status_code == 401, path
        assert "level=500" in answer.text
    assert await state_of(town) == before
    assert (await site.browser().get("/review")).status_code == 303


async def documents(town, found):
    async with town.db.read() as conn:
        seen = await queries.view(conn, found)
    return [each.id for each in seen.dossier.documents]


async def test_somebody_elses_dossier_is_not_there(site, town, desk):
    found = await desk.opened()
    [document] = await documents(town, found)
    browsers = {who: await site.visitor(who) for who in ("sophie", "ines", "claire")}
    before = await state_of(town)
    for who, browser in browsers.items():
        for path in ("", "/check", "/sent", "/withdraw"):
            assert (await browser.get(f"/dossiers/{found}{path}")).status_code == 404, (who, path)
        for path in ("/check", "/withdraw", f"/documents/{document}/remove"):
            answer = await browser.post(f"/dossiers/{found}{path}", data={"act": str(uuid4())})
            assert answer.status_code == 404, (who, path)
        answer = await browser.post(
            f"/dossiers/upload/{found}", data={"act": str(uuid4())}, files={"document": ("a.pdf", PDF)}
        )
        assert answer.status_code == 404
    answer = await browsers["ines"].get(f"/review/{found}")
    assert answer.status_code == 404, "what was not sent is nobody's"
    assert await state_of(town) == before


async def test_a_reviewers_own_dossier_is_not_among_those_he_reviews(site, town, desk):
    found = await desk.submitted("ines")
    ines, ruben = await site.visitor("ines"), await site.visitor("ruben")

    assert str(found) not in (await ines.get("/review")).text
    assert (await ines.get(f"/review/{found}")).status_code == 404
    assert (await ines.get(f"/dossiers/{found}")).status_code == 200
    assert str(found) in (await ruben.get("/review")).text


async def test_a_reviewer_of_the_house_is_told_that_another_must_review(site, town, desk):
    found = await desk.submitted()
    await did(
        town,
        MigrateRole(
            entity=town.entity(FABRIQUE), person=town.person("ines"), role="primes.deposer", ends_at=None
        ),
    )
    ines = await site.visitor("ines")

    page = await ines.get(f"/review/{found}")

    assert page.status_code == 200
    assert "Une autre personne doit examiner ce dossier." in words_in(page)
    assert "Agathe" not in words_in(page)
    assert "/start" not in page.text
    answer = await ines.post(f"/review/{found}/start", data={"stage": "1"})
    assert answer.headers["location"] == f"/review/{found}"
    assert (await ines.get(f"/review/{found}/accept")).status_code == 303


@pytest.mark.parametrize("path", ["x", "00000000-0000-4000-8000-000000000000"])
async def test_addresses_that_are_none_are_not_found(site, town, desk, path):
    agathe, ines = await site.visitor("agathe"), await site.visitor("ines")
    for browser, address in (
        (agathe, f"/dossiers/{path}"), (agathe, f"/dossiers/{path}/check"), (ines, f"/review/{path}"),
        (ines, f"/review/{path}/accept"), (ines, f"/review/{path}/documents/{path}"),
    ):  # fmt: skip
        assert (await browser.get(address)).status_code == 404, address
    found = await desk.submitted()
    assert (await ines.get(f"/review/{found}/{path}")).status_code == 404


async def test_a_home_shows_the_way_to_whoever_reviews_and_to_nobody_else(site, desk):
    assert 'href="/review"' in (await (await site.visitor("ines")).get("/")).text
    for who in ("agathe", "hugo"):
        assert 'href="/review"' not in (await (await site.visitor(who)).get("/")).text


# -- the form


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": ""}, "code"), ({"code": "XPRES"}, "code"), ({"since": ""}, "since"),
        ({"since": "2026-11-25"}, "since"), ({"since": "31/02/2020"}, "since"),
        ({"motivation": ""}, "motivation"), ({"motivation": "x" * 2001}, "motivation"),
        ({"motivation": "Moi, 71.00.00-003.33"}, "motivation"), ({"email": "x"}, "email"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_at_its_field_and_the_rest_is_kept(site, town, desk, changes, field):
    agathe = await site.visitor("agathe")
    page = await agathe.get(NEW)
    before = await state_of(town)
    answer = await agathe.post(NEW, data={"act": act_in(page), **FORM, **changes})

    assert answer.status_code == 400, words_in(answer)
    assert f'id="{field}-error"' in answer.text
    assert "71.00.00-003.33" not in answer.text
    if field != "motivation":
        assert "Le conseil m&#39;a nommée." in answer.text
    after = await state_of(town)
    assert {table for table in after if after[table] != before[table]} <= {"web_idempotency"}


async def test_the_number_of_an_enterprise_is_asked_for_and_each_wrong_one_has_its_sentence(site, desk):
    agathe = await site.visitor("agathe")
    for typed, wanted in (
        ("1900002248", "enterpriseNumber-error"),
        ("71.00.00-003.33", "enterpriseNumber-error"),
        ("0200065765", "enterpriseNumber-error"),
    ):
        answer = await agathe.post("/dossiers/new", data={"enterpriseNumber": typed})
        assert answer.status_code == 400
        assert wanted in answer.text
        assert "71.00.00-003.33" not in answer.text
    found = await agathe.post("/dossiers/new", data={"enterpriseNumber": "BE 1900.002.247"})
    assert found.headers["location"] == NEW
    asked = await agathe.get("/dossiers/new", params={"enterprise": FABRIQUE})
    assert asked.headers["location"] == NEW


async def test_where_no_dossier_is_needed_or_possible_the_page_says_so_and_what_to_do(site, town, desk):
    luc, agathe = await site.visitor("luc"), await site.visitor("agathe")
    for browser, number, code in (
        (luc, DUPONT, "alreadyRepresentative"), (agathe, DUPONT, "representativeKnown"),
        (agathe, "1900000960", "enterpriseCeased"),
    ):  # fmt: skip
        page = await browser.get(f"/dossiers/new/{number}")
        assert code in page.text, code
        assert 'name="motivation"' not in page.text
    found = await desk.opened()
    page = await agathe.get(NEW)
    assert f'href="/dossiers/{found}"' in page.text
    assert "dossierUnderWay" in page.text
    weak = await (await site.visitor("agathe", Level.ITSME)).get(NEW)
    assert 'name="motivation"' not in weak.text


async def test_the_capacities_are_those_that_represent_alone(site, desk):
    page = await (await site.visitor("agathe")).get(NEW)

    assert 'value="XPOUV"' in page.text
    for code in ("XPRES", "XCURA", "XCOMM"):
        assert f'value="{code}"' not in page.text
    weak = await (await site.visitor("agathe", Level.ITSME)).get(NEW)
    assert "level=500" in weak.text


async def test_a_double_click_opens_one_dossier_and_takes_one_document(site, town, desk):
    agathe = await site.visitor("agathe")
    page = await agathe.get(NEW)
    twice = [await agathe.post(NEW, data={"act": act_in(page), **FORM}) for _ in range(2)]
    assert twice[0].headers["location"] == twice[1].headers["location"]
    found = dossier_in(twice[0])
    act_id = act_in(await agathe.get(f"/dossiers/{found}"))
    for _ in range(2):
        assert (await upload(agathe, found, act=act_id)).headers["location"] == f"/dossiers/{found}#documents"
    assert len(await documents(town, found)) == 1
    other = await upload(agathe, found, PNG, act=act_id)
    assert other.status_code == 409, "the same act with another file is another act"


# -- documents


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (SCRIPT, "pv.pdf", "application/pdf"), (b"", "pv.pdf", "application/pdf"), (PDF[:-6], "a.pdf", "x"),
        (SCRIPT + PDF, "a.pdf", "application/pdf"), (b"<svg onload='alert(1)'/>", "a.png", "image/png"),
        (b"MZ\x90\x00" + PDF, "a.exe", "application/pdf"),
    ],
)  # fmt: skip
async def test_what_is_no_document_is_refused_by_its_content_whatever_it_is_called(
    site, town, desk, content, name, kind
):
    agathe = await site.visitor("agathe")
    found = await opened(agathe)
    answer = await upload(agathe, found, content, name=name, kind=kind)

    assert answer.status_code == 400
    assert 'id="document-error"' in answer.text
    assert await documents(town, found) == []


@pytest.mark.parametrize(
    ("content", "name"),
    [(PDF, "../../etc/passwd"), (JPEG, 'a"; filename="b.html'), (PNG, "71000000333.png"), (PDF, "é" * 300)],
)
async def test_what_a_file_is_called_is_looked_at_and_kept_nowhere(site, town, desk, content, name):
    agathe = await site.visitor("agathe")
    found = await opened(agathe)
    answer = await upload(agathe, found, content, name=name, kind="text/html")

    assert answer.status_code == 303, words_in(answer)
    stored = "\n".join(line for lines in (await state_of(town)).values() for line in lines)
    assert name not in stored
    assert "71000000333" not in stored


async def test_a_document_too_large_is_refused_before_or_after_it_is_read(site, town, desk):
    largest = site.settings.policy.dossier_document_bytes
    agathe = await site.visitor("agathe")
    found = await opened(agathe)
    body = PDF[:9] + b" " * (largest - len(PDF)) + PDF[9:]
    assert (await upload(agathe, found, body)).status_code == 303
    answer = await upload(agathe, found, body + b"\n")
    assert answer.status_code == 400
    assert "5 Mo" in words_in(answer)
    assert (await upload(agathe, found, body * 2)).status_code == 413
    assert len(await documents(town, found)) == 1
    elsewhere = await agathe.post(f"/dossiers/{found}/check", data={"act": "x" * (300 * 1024)})
    assert elsewhere.status_code == 413, "no other page takes a large body"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "multipart/form-data"}, b"x", 400),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--c\r\n\r\nx", (303, 400)),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b"--b\r\nContent-Disposition: x\r\n\r\n1\r\n--b--", 400),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="act"\r\n\r\n\x00\r\n--b--\r\n',
            400,
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=b"},
            b'--b\r\nContent-Disposition: form-data; name="act"\r\n\r\n\xff\xfe\r\n--b--\r\n',
            400,
        ),
        ({"Content-Type": "application/octet-stream"}, PDF, 415),
        ({"Content-Type": "text/html"}, PDF, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"act=x", 400),
    ],
)  # fmt: skip
async def test_a_body_that_is_no_form_is_a_clear_no(site, town, desk, headers, body, status):
    agathe = await site.visitor("agathe")
    found = await opened(agathe)
    answer = await agathe.post(f"/dossiers/upload/{found}", content=body, headers=headers)

    assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text
    assert await documents(town, found) == []


async def test_two_files_at_once_and_many_fields_are_refused(site, town, desk):
    agathe = await site.visitor("agathe")
    found = await opened(agathe)
    two = [("document", ("a.pdf", PDF)), ("document", ("b.pdf", PDF))]
    assert (
        await agathe.post(f"/dossiers/upload/{found}", data={"act": str(uuid4())}, files=two)
    ).status_code == 400
    many = {f"f{number}": "x" for number in range(2000)}
    assert (
        await agathe.post(f"/dossiers/upload/{found}", data=many, files={"document": ("a.pdf", PDF)})
    ).status_code == 400
    assert await documents(town, found) == []


async def test_a_full_dossier_has_no_place_for_another(site, town, desk):
    agathe = await site.visitor("agathe")
    found = await opened(agathe)
    for _ in range(site.settings.policy.dossier_documents):
        assert (await upload(agathe, found)).status_code == 303
    page = await agathe.get(f"/dossiers/{found}")
    assert 'type="file"' not in page.text
    late = await agathe.post(
        f"/dossiers/upload/{found}", data={"act": str(uuid4())}, files={"document": ("a.pdf", PDF)}
    )
    assert late.status_code == 400
    remove = re.search(r'action="(/dossiers/[^"]*/remove)"', page.text).group(1)
    assert (await agathe.post(remove, data={})).status_code == 303
    assert len(await documents(town, found)) == site.settings.policy.dossier_documents - 1


@pytest.mark.parametrize(
    ("content", "media_type", "ending"),
    [(PDF, "application/pdf", "pdf"), (JPEG, "image/jpeg", "jpg"), (PNG, "image/png", "png")],
)
async def test_a_document_leaves_as_a_file_and_never_as_something_that_runs(
    site, town, desk, content, media_type, ending
):
    found = (await desk.did(desk.opening(), "agathe")).dossier
    await desk.did(c.AddDocument(dossier=found, content=content), "agathe")
    await desk.did(c.Submit(dossier=found), "agathe")
    ines = await site.visitor("ines")
    await taken_up(ines, found)
    page = await ines.get(f"/review/{found}")
    [place] = re.findall(r'href="(/review/[^"]*/documents/[^"]*)"', page.text)

    answer = await ines.get(place)

    assert answer.content == content
    assert answer.headers["content-type"] == media_type
    assert re.fullmatch(
        rf'attachment; filename="[0-9A-Z-]+-1\.{ending}"', answer.headers["content-disposition"]
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers.get_list("content-security-policy") == [
        "sandbox; default-src 'none'; frame-ancestors 'none'"
    ]
    assert "no-store" in answer.headers["cache-control"]


async def test_inv_65_each_look_of_a_reviewer_stands_in_the_journal(site, town, desk):
    found = await desk.submitted()
    [document] = await documents(town, found)
    ines = await site.visitor("ines")
    await ines.get("/review")
    await ines.get(f"/review/{found}")

    async def looks():
        async with town.db.read() as conn:
            told = await of_head(conn, Head(HeadKind.DOSSIER, found))
        return [each.data["document"] for each in told if each.kind == "dossiers.dossier.read"]

    assert await looks() == [], "what is shown before it is taken up is about nobody"
    await taken_up(ines, found)
    await ines.get(f"/review/{found}")
    await ines.get(f"/review/{found}/documents/{document}")
    assert await looks() == [None, str(document)]


async def test_a_document_is_not_there_once_it_is_decided(site, town, desk):
    found = await desk.submitted()
    [document] = await documents(town, found)
    await desk.half(found)
    ines = await site.visitor("ines")

    assert (await ines.get(f"/review/{found}/documents/{document}")).status_code == 404


# -- deciding


async def test_a_decision_asks_for_a_fresh_login_before_anything_is_typed(site, town, desk):
    found = await desk.submitted()
    await desk.started(found, "ines")
    old = await site.visitor("ines", age=timedelta(minutes=11))
    for wanted in ("accept", "refuse"):
        page = await old.get(f"/review/{found}/{wanted}")
        assert "level=500" in page.text
        assert 'name="stage"' not in page.text
    before = await state_of(town)
    answer = await old.post(
        f"/review/{found}/refuse", data={"act": str(uuid4()), "stage": "1", "reason": "Non."}
    )
    assert answer.headers["location"] == f"/review/{found}/refuse"
    after = await state_of(town)
    assert {table for table in after if after[table] != before[table]} <= {"web_idempotency"}


async def test_a_decision_that_was_overtaken_is_said_and_nothing_is_decided(site, town, desk):
    found = await desk.submitted()
    for who in ("ines", "ruben"):
        await desk.started(found, who)
    ruben = await site.visitor("ruben", **{"accept-language": "fr"})
    page = await ruben.get(f"/review/{found}/refuse")
    await desk.did(desk.acceptance(found), "ines")
    data = {"act": act_in(page), "stage": "1", "reason": "Il manque la décision."}
    answer = await ruben.post(f"/review/{found}/refuse", data=data)

    assert answer.status_code == 409
    assert "reviewOvertaken" in answer.text
    async with town.db.read() as conn:
        assert (await queries.view(conn, found)).dossier.state is State.SECOND_REVIEW


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"until": ""}, "until"), ({"until": "2026-11-23"}, "until"), ({"until": "2027-11-25"}, "until"),
        ({"until": "demain"}, "until"), ({"note": ""}, "note"), ({"note": "Elle est 71000000333"}, "note"),
    ],
)  # fmt: skip
async def test_what_a_reviewer_typed_wrongly_is_said_at_its_field(site, town, desk, changes, field):
    found = await desk.submitted()
    await desk.started(found, "ines")
    ines = await site.visitor("ines")
    answer = await accepts(ines, found, **changes)

    assert answer.status_code == 400, words_in(answer)
    assert f'id="{field}-error"' in answer.text
    assert "71000000333" not in answer.text
    async with town.db.read() as conn:
        assert (await queries.view(conn, found)).dossier.state is State.FIRST_REVIEW


async def test_the_second_reviewer_does_not_see_a_day_beyond_the_first(site, town, desk):
    found = await desk.submitted()
    today = belgian_day(town.clock())
    await desk.half(found, until=today + timedelta(days=20))
    await desk.started(found, "ruben", Stage.SECOND)
    page = await (await site.visitor("ruben")).get(f"/review/{found}/accept")

    assert f'value="{(today + timedelta(days=20)).isoformat()}"' in page.text


async def test_what_does_not_fit_its_state_leads_back(site, town, desk):
    agathe, ines = await site.visitor("agathe"), await site.visitor("ines")
    found = await desk.submitted()
    for path in (f"/dossiers/{found}/check",):
        assert (await agathe.get(path)).headers["location"] == f"/dossiers/{found}"
    assert (await ines.get(f"/review/{found}/accept")).headers["location"] == f"/review/{found}"
    assert (await ines.get(f"/review/{found}/revoke")).headers["location"] == f"/review/{found}"
    draft = await desk.opened("sophie")
    sophie = await site.visitor("sophie")
    assert (await sophie.get(f"/dossiers/{draft}/sent")).headers["location"] == f"/dossiers/{draft}"


# -- the helpdesk and the dead ends


async def test_the_dead_ends_lead_to_a_dossier(site, town, desk):
    emma = await site.visitor("emma")
    for path in (f"/enterprises/add/{FABRIQUE}", f"/enterprises/{FABRIQUE}/request"):
        assert f'href="{NEW}"' in (await emma.get(path)).text, path
    assert 'href="/dossiers"' in (await emma.get("/enterprises")).text


async def test_the_helpdesk_can_read_the_address_out(site, town, desk):
    from iam.delegation.commands import MigrateRole
    from tests.support.register import STAFF

    await did(
        town,
        MigrateRole(
            entity=town.entity(STAFF), person=town.person("hugo"), role="staff.helpdesk", ends_at=None
        ),
    )
    hugo = await site.visitor("hugo")
    said = words_in(await hugo.get(f"/helpdesk/enterprises/{FABRIQUE}?lang=fr"))

    assert f"{site.url}{NEW}" in said


async def test_a_stale_function_stays_and_is_marked_and_appoints_nobody(site, town):
    """nr 23: the page says since when the register is silent, and that one can try again."""
    town.clock.advance(hours=80)
    luc = await site.visitor("luc")
    said = words_in(await luc.get(f"/represent/{DUPONT}"))

    assert "Administrateur" in said
    assert "Pas à jour" in said
    assert "La BCE nous l'a dit pour la dernière fois le 24 novembre 2026" in said
    assert "registerUnavailable" in said
    assert "Réessayer" in said
    assert why(await act(town, appointment(town, "jeanne"), "luc")).value == "registerUnavailable"


async def test_a_function_by_dossier_is_not_marked_for_the_silence_of_the_register(site, town, desk):
    await desk.accepted()
    town.clock.advance(hours=80)
    said = words_in(await (await site.visitor("agathe")).get(f"/represent/{FABRIQUE}"))

    assert "Pas à jour" not in said


async def test_no_page_of_dossiers_fails_when_its_capacity_is_gone_from_the_rules(site, town, desk):
    found = await desk.submitted()
    async with town.db.write() as conn:
        await conn.execute(text("DELETE FROM bce_function_code WHERE code = 'XPOUV'"))
    agathe, ines = await site.visitor("agathe"), await site.visitor("ines")

    assert "XPOUV" in words_in(await agathe.get(f"/dossiers/{found}"))
    assert (await ines.get("/review")).status_code == 200
