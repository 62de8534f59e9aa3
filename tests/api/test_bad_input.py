"""Bad input on every route that exists: a clear no, never a fault, and nothing changed (DESIGN 11).

The routes are read from the application, so that a new one is asked the same questions. Whoever asks is
logged in as strongly as can be, and has nothing to do with the enterprise whose ids he uses.
"""

import re

import pytest

from iam.kernel.ids import uuid4
from tests.support.acts import DUPONT, dump, gap, requested
from tests.support.routes import routes_of

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

ACTOR = "iam.console.viewer.current_viewer"
LARGE = 6 << 20
# What an asking leaves behind by itself: the session was used, the act of a form is not taken twice.
TRACES = {"people_session", "web_idempotency"}
HOSTILE = (
    "%00", "..%2F..%2Fetc%2Fpasswd", "'%3B--", "%3Cscript%3E", "%C3%28", "-1", "9" * 40, str(uuid4()), "0200065765",
)  # fmt: skip


@pytest.fixture
async def ids(town):
    """Real ids of an enterprise that is not the caller's."""
    office = await gap(town, "luc", "jeanne")
    request = await requested(town, "karim")
    return {"office_id": str(office), "request_id": str(request), "number": DUPONT}


def routes(site, method):
    return sorted(
        {found.path for found in routes_of(site.app) if method in found.methods and ACTOR in found.depends_on}
    )


def filled(path, ids):
    """The path with ids of somebody else's enterprise, and one that nothing has where there is none."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda match: ids.get(match.group(1), str(uuid4())), path)


async def state(town):
    return {table: rows for table, rows in (await dump(town.db)).items() if table not in TRACES}


def refused(answer, *statuses):
    assert answer.status_code in statuses, (
        answer.request.method,
        str(answer.request.url),
        answer.status_code,
        answer.text[:400],
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_form_without_our_origin_or_of_another_type_or_too_large_changes_nothing(site, town, ids):
    paul = await site.visitor("paul")
    posts = routes(site, "POST")
    before = await state(town)

    for path in posts:
        address = filled(path, ids)
        for origin in ("https://evil.example", "null"):
            refused(await paul.post(address, data={"reason": "x"}, headers={"Origin": origin}), 403)
        refused(await paul.post(address, json={"reason": "x"}), 415)
        refused(
            await paul.post(
                address,
                content=b"x=" + b"y" * LARGE,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            ),
            413,
        )
        refused(
            await paul.post(
                address,
                content=b"\xff\xfe=%ff",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            ),
            303,
            400,
            403,
            404,
            409,
            422,
        )
    paul.headers.pop("origin")
    for path in posts:
        refused(await paul.post(filled(path, ids), data={"reason": "x"}), 403)

    assert len(posts) > 15
    assert await state(town) == before


async def test_the_ids_of_another_enterprise_give_nothing_to_a_stranger(site, town, ids):
    sophie = await site.visitor("sophie")
    before = await state(town)
    known = {"Menuiserie Dupont", "Jeanne Dupont", "Karim Benali"}

    asked = 0
    for path in routes(site, "GET"):
        if "{" not in path:
            continue
        answer = await sophie.get(filled(path, ids))
        asked += 1
        refused(answer, 200, 303, 400, 403, 404)
        # there the name of any enterprise is echoed, as the register tells it
        if not path.startswith(("/enterprises/", "/dossiers/new/")):
            assert not any(each in answer.text for each in known), path
        assert "Jeanne" not in answer.text, path
        assert "Karim" not in answer.text, path
    for path in routes(site, "POST"):
        if "{" in path:
            refused(
                await sophie.post(filled(path, ids), data={"reason": "x", "act": str(uuid4())}),
                200,
                303,
                400,
                403,
                404,
                409,
            )

    assert asked > 15
    assert await state(town) == before


async def test_a_malformed_id_or_query_is_a_page_with_a_way_on(site, town):
    paul = await site.visitor("paul")
    before = await state(town)

    for path in routes(site, "GET"):
        tried = [re.sub(r"\{\w+[^}]*\}", hostile, path) for hostile in HOSTILE] if "{" in path else []
        tried += (
            [
                f"{path}?{name}={hostile}"
                for name in ("q", "number", "enterprise", "page", "lang", "demarche", "portal", "return")
                for hostile in HOSTILE[:5]
            ]
            if "{" not in path
            else []
        )
        for address in tried:
            answer = await paul.get(address)
            refused(answer, 200, 303, 400, 404)
            if answer.status_code in {400, 404}:
                assert "<h1" in answer.text, address
                assert re.search(r'<a [^>]*href="/', answer.text), address

    assert await state(town) == before
