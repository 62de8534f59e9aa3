"""Every route knows who calls it, or says here why it need not."""

import re

import httpx2
import pytest

from iam.app import create
from tests.support.routes import Found, routes_of
from tests.support.settings import some_settings

ACTOR = "iam.console.viewer.current_viewer"
ANYBODY = "iam.console.viewer.optional_viewer"
FORM = "iam.console.forms.sent"
WITH_FILE = "iam.console.forms.sent_with_file"
OURS = "http://127.0.0.1:8600"

# Open to everybody, each for a reason. A route that is not here and has no actor fails.
PUBLIC = {
    "/health/live": "a machine asks whether the process lives; it learns no more",
    "/health/ready": "a machine asks whether it can serve; it learns no more",
    "/login": "nobody is logged in yet; it looks at the session itself",
    "/login/callback": "Keycloak's answer, bound to the browser by a cookie of this login",
    "/login/weaker": "says that the login was weaker than the page wants",
    "/logout": "ends the session of whoever calls, from our own pages only",
    "/logout/done": "the page after the log-out",
    "/static": "files that are the same for everybody",
    "/help": "help is for those who cannot come in, too",
    "/accessibility": "a statement the law wants public",
    "/privacy": "a statement the law wants public",
    "/represent": "the neutral link of a request: says what to do, and nothing of any enterprise",
    "/appointments/{office_id}": "the link of a mail: tells a stranger to log in, and nothing of the office",
    "/.well-known/jwks.json": "public keys",
    "/.well-known/oauth-authorization-server": "RFC 8414: public metadata",
    "/.well-known/authzen-configuration": "AuthZEN 1.0 §9: public metadata",
}
# Called by programs that authenticate themselves, in the way of their protocol.
PROGRAMS = {
    "/oauth2/token": 401,
    "/oauth2/introspect": 401,
    "/oauth2/revoke": 401,
    "/access/v1/evaluation": 401,
    "/register/v1/enterprises": 401,
    "/register/v1/enterprises/{number}": 401,
    # A log-out token, signed by our Keycloak for our client, is the authentication (OIDC Back-Channel §2.5).
    "/login/backchannel-logout": 400,
}


@pytest.fixture(scope="module")
def routes() -> list[Found]:
    return routes_of(create(some_settings()))


def test_every_route_has_an_actor_or_a_reason(routes) -> None:
    without = {found.path for found in routes if ACTOR not in found.depends_on}
    assert without == PUBLIC.keys() | PROGRAMS.keys()


def test_a_page_that_anybody_may_see_still_has_its_frame(routes) -> None:
    """Who is logged in is known to the header of every page, also of the public ones."""
    pages = {found.path for found in routes if "iam.console.site.remember_language" in found.depends_on}
    assert len(pages) > 20
    for found in routes:
        if found.path in pages:
            assert found.depends_on & {ACTOR, ANYBODY}, found.path


def test_whatever_changes_something_is_a_post_of_a_form_of_ours(routes) -> None:
    """GET changes nothing but what a link of a mail confirms; no page takes a body without its form's check."""
    for found in routes:
        assert found.methods <= {"GET", "HEAD", "POST"}, found.path
        if "POST" in found.methods and ACTOR in found.depends_on:
            assert found.depends_on & {FORM, WITH_FILE}, found.path
        if "GET" in found.methods and "iam.web.transactions.unit_of_work" in found.depends_on:
            # the look of an agent or a reviewer is journaled: reading other people's data is an event (nr 65)
            looked = found.path.startswith(("/helpdesk/", "/review/"))
            assert found.path == "/address/confirm" or looked, found.path


def test_a_path_names_its_parameters_and_no_person(routes) -> None:
    """Nothing in a URL says who somebody is (nr 6): parameters are opaque ids, numbers and codes."""
    allowed = {
        "address", "office_id", "request_id", "grant_id", "grant", "number", "wanted", "who", "portal", "demarche",
        "dossier_id", "document_id",
    }  # fmt: skip
    assert {name for found in routes for name in re.findall(r"\{(\w+)", found.path)} <= allowed


def _address(path: str) -> str:
    """The path with something in the place of each parameter."""
    return re.sub(r"\{\w+\}", "1900000069", path)


@pytest.mark.anyio
async def test_nobody_logged_in_is_sent_to_log_in_by_every_page(routes) -> None:
    """Before anything is read: this application has no database at all."""
    app = create(some_settings())
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=OURS) as http:
        asked = 0
        for found in routes:
            for method in found.methods - {"HEAD"} if ACTOR in found.depends_on else ():
                answer = await http.request(
                    method, _address(found.path), headers={"Accept": "text/html", "Origin": OURS},
                    **({"data": {"x": "y"}} if method == "POST" else {}),
                )  # fmt: skip
                asked += 1
                assert answer.status_code == 303, (method, found.path, answer.status_code)
                assert answer.headers["location"].startswith("/login?next="), found.path
        assert asked > 50
    await app.state.edge.database.close()


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "status"), PROGRAMS.items())
async def test_a_program_without_credentials_gets_nothing(db, path, status) -> None:
    app = create(some_settings(database_url=db.url))
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=OURS) as http:
        body = {"json": {}} if path.startswith("/access/") else {"data": {"token": "x"}}
        if path.startswith("/register/"):
            answer = await http.get(_address(path))
        else:
            answer = await http.post(path, **body)
    await app.state.edge.database.close()
    assert answer.status_code == status, answer.text
    assert "set-cookie" not in answer.headers
