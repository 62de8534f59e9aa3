"""Persons log in at the console through the real Keycloak and the stand-in for FAS, and go out again."""

import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.responses import HTMLResponse, JSONResponse, Response

from iam.console.login import OWN_AUTHENTICATION, Entrance, open_entrance
from iam.console.viewer import Seen
from iam.kernel.clock import system_clock
from iam.kernel.language import Language
from iam.people.recognise import recognise
from iam.realms.backchannel import LogoutTokens
from iam.realms.errors import InvalidToken
from iam.realms.http import make_client
from iam.realms.oidc import KeycloakLogin, Realm
from iam.realms.subject_tokens import SubjectTokens
from iam.settings import Environment, HelpdeskSettings, KeycloakSettings, Secrets, Settings
from iam.storage import Database
from iam.web.answers import handle
from iam.web.middleware import EdgePolicy, protect
from iam.web.state import Edge, bind
from tests.support.login import Browser
from tests.support.presented import Presented
from tests.support.realm import Addresses, Fas, Keycloak, secret

pytestmark = [pytest.mark.keycloak, pytest.mark.timeout(300)]

_ASKED = re.compile(r'name="asked" value="([^"]+)"')
_SECONDS = 20.0


class Pages:
    async def logged_out(self, request: Any) -> Response:
        return HTMLResponse("logged out")


def service_settings(keycloak: Keycloak, database_url: str) -> Settings:
    return Settings(
        environment=Environment.DEMO,
        public_url=keycloak.addresses.console_url,
        database_url=SecretStr(database_url),
        fas_issuer=keycloak.environment["REALM_FAS_ISSUER"],
        secrets=Secrets(
            fingerprint_key=SecretStr(secret("fingerprint")),
            wrapping_key=SecretStr(secret("wrapping")),
            pairwise_key=SecretStr(secret("pairwise")),
        ),
        keycloak=KeycloakSettings(
            base_url=keycloak.base_url,
            console_client_secret=SecretStr(keycloak.client_secret("mon-espace")),
            exchange_client_secret=SecretStr(keycloak.client_secret("mandate-exchange")),
        ),
        helpdesk=HelpdeskSettings(telephone="0", mail="a@b.be"),
        default_language=Language.FR,
    )


def application(settings: Settings) -> FastAPI:
    """The console's entrance and one page, with the portal's way of verifying beside it."""
    database = Database(settings.database_url.get_secret_value())
    http = make_client(settings.keycloak.timeout_seconds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await http.aclose()
        await database.close()

    app = FastAPI(openapi_url=None, lifespan=lifespan)
    realm = Realm(settings.keycloak, http, settings.fingerprint_keys, system_clock)
    bind(app, Edge(database=database, clock=system_clock, settings=settings))
    handle(app)
    protect(
        app,
        EdgePolicy(public_url=settings.public_url, own_authentication=(*OWN_AUTHENTICATION, "/verify/")),
        system_clock,
    )
    open_entrance(
        app,
        Entrance(
            realm=realm,
            login=KeycloakLogin(realm, settings.public_url),
            logout_tokens=LogoutTokens(realm),
            pages=Pages(),
        ),
    )
    verifier = SubjectTokens(realm, database, lambda conn, identity: recognise(conn, identity, system_clock))
    tokens = Presented(verifier, database, system_clock)

    @app.get("/me")
    async def me(viewer: Seen) -> Response:
        assurance = viewer.assurance
        return JSONResponse(
            {
                "person": str(viewer.person),
                "name": viewer.name,
                "level": int(assurance.level),
                "language": viewer.language,
            }
        )

    @app.post("/verify/{client}")
    async def verify(client: str, token: str) -> Response:
        try:
            found = await tokens.verify(token, client)
        except InvalidToken as error:
            return JSONResponse({"fault": error.fault}, status_code=400)
        return JSONResponse({"person": str(found.person), "level": int(found.assurance.level)})

    return app


@contextmanager
def serving(app: FastAPI, port: int) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + _SECONDS
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        assert time.monotonic() < deadline, "the service did not start in time"
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_SECONDS)
        assert not thread.is_alive()


@dataclass(slots=True)
class Console:
    """The console seen from one browser."""

    url: str
    http: httpx2.Client
    fas: Fas

    def visit(self, path: str, choice: str | None = None) -> httpx2.Response:
        """The page where redirects end; on the page of personas the choice is made."""
        return self._follow(self._send("GET", self.url + path), choice)

    def log_out(self) -> httpx2.Response:
        return self._follow(self._send("POST", self.url + "/logout", headers={"Origin": self.url}), None)

    def me(self) -> dict[str, Any]:
        read: dict[str, Any] = self._send("GET", self.url + "/me").json()
        return read

    def _follow(self, answer: httpx2.Response, choice: str | None) -> httpx2.Response:
        for _ in range(20):
            asked = _ASKED.search(answer.text)
            if answer.is_redirect:
                answer = self._send("GET", urljoin(str(answer.url), answer.headers["location"]))
            elif asked is not None and choice is not None:
                data = {"asked": asked.group(1), "choice": choice}
                answer = self._send("POST", urljoin(str(answer.url), "/fas/choose"), data=data)
            else:
                return answer
        raise AssertionError("round in a circle")

    def _send(self, method: str, url: str, **how: Any) -> httpx2.Response:
        answer = self.http.request(method, url, **how)
        for cookie in self.http.cookies.jar:
            cookie.secure = False  # a browser keeps Keycloak's cookies on loopback
        return answer


@pytest.fixture
def served(keycloak: Keycloak, database_url: str) -> Iterator[str]:
    settings = service_settings(keycloak, database_url)
    with serving(application(settings), keycloak.addresses.console):
        yield settings.public_url


def console_of(served: str, fas: Fas) -> Console:
    http = httpx2.Client(follow_redirects=False, timeout=20.0, headers={"Accept": "text/html"})
    return Console(url=served, http=http, fas=fas)


@pytest.fixture
def console(served: str, fas: Fas) -> Iterator[Console]:
    one = console_of(served, fas)
    yield one
    one.http.close()


@pytest.fixture
def second(served: str, fas: Fas) -> Iterator[Console]:
    one = console_of(served, fas)
    yield one
    one.http.close()


def rows(database_url: str, statement: str) -> list[Any]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(statement).fetchall()


def test_a_person_logs_in_and_comes_back_to_his_page(console: Console):
    seen = console.visit("/me?x=1", "karim:itsme")
    assert str(seen.url) == f"{console.url}/me?x=1"
    assert {**seen.json(), "person": ""} == {
        "person": "",
        "name": "Karim Benali",
        "level": 450,
        "language": "fr",
    }


def test_a_step_up_in_the_live_session_reaches_the_level(console: Console):
    first = console.visit("/me", "karim:itsme").json()
    back = console.visit("/login?next=/me&level=500", "karim:eid").json()
    assert (back["level"], back["person"]) == (500, first["person"])


def test_a_fresh_login_is_asked_of_the_person(console: Console, database_url: str):
    console.visit("/me", "karim:eid")
    [[before]] = rows(database_url, "SELECT authenticated_at FROM people_session WHERE ended_at IS NULL")
    time.sleep(1.1)  # auth_time counts whole seconds
    page = console.visit("/login?next=/me&level=500&fresh=1")
    assert "asked" in page.text
    console.visit("/login?next=/me&level=500&fresh=1", "karim:eid")
    [[after]] = rows(database_url, "SELECT authenticated_at FROM people_session WHERE ended_at IS NULL")
    assert after > before


def test_inv_60_a_fas_that_answers_more_weakly_is_not_believed(console: Console, fas: Fas):
    fas.misbehave(acr="urn:be:fedict:iam:fas:Level400")
    told = console.visit("/login?next=/me&level=500", "karim:eid")
    assert told.status_code == 401
    assert console.me()["level"] == 400


def test_a_fas_without_acr_gives_no_level(console: Console, fas: Fas):
    fas.misbehave(acr="none")
    assert console.visit("/me", "karim:eid").json()["level"] == 0


def test_a_new_itsme_account_keeps_the_person(console: Console, second: Console, fas: Fas, database_url: str):
    before = console.visit("/me", "karim:itsme").json()
    fas.misbehave(persona="karim", generation=1)
    after = second.visit("/me", "karim:itsme").json()
    assert after["person"] == before["person"]
    [[causes]] = rows(
        database_url,
        "SELECT array_agg(data->>'cause') FROM journal_entry WHERE kind = 'people.identity.rebound'",
    )
    assert causes == ["account_changed"]


def test_a_changed_number_keeps_the_person(console: Console, second: Console, fas: Fas, database_url: str):
    before = console.visit("/me", "karim:itsme").json()
    fas.misbehave(persona="karim", egovNRN="84000000612")
    after = second.visit("/me", "karim:itsme").json()
    assert after["person"] == before["person"]
    [[causes]] = rows(
        database_url,
        "SELECT array_agg(data->>'cause') FROM journal_entry WHERE kind = 'people.identity.rebound'",
    )
    assert causes == ["number_changed"]


def test_a_login_without_a_number_is_the_person_of_the_account(console: Console, second: Console, fas: Fas):
    before = console.visit("/me", "karim:itsme").json()
    fas.misbehave(persona="karim", without=["egovNRN"])
    assert second.visit("/me", "karim:itsme").json()["person"] == before["person"]


def test_a_number_that_is_none_makes_no_session(console: Console, fas: Fas):
    fas.misbehave(persona="karim", egovNRN="00000000001")
    told = console.visit("/me", "karim:itsme")
    assert told.status_code == 400
    assert "00000000001" not in told.text
    assert "habilis-session" not in console.http.cookies


def test_a_portals_token_is_the_same_person(console: Console, browser: Browser, database_url: str):
    person = console.visit("/me", "karim:itsme").json()["person"]
    tokens = browser.log_in("karim", "eid", client_id="portail-wallonie")
    found = console.http.post(f"{console.url}/verify/portail-wallonie", params={"token": tokens.access_token})
    assert found.json() == {"person": person, "level": 500}
    foreign = console.http.post(f"{console.url}/verify/autre-portail", params={"token": tokens.access_token})
    assert foreign.json() == {"fault": "azp"}
    idle = console.http.post(f"{console.url}/verify/portail-wallonie", params={"token": tokens.id_token})
    assert idle.status_code == 400


def test_a_log_out_ends_it_here_at_keycloak_and_at_fas(console: Console):
    console.visit("/me", "karim:eid")
    gone = console.log_out()
    assert (urlsplit(str(gone.url)).path, gone.text) == ("/logout/done", "logged out")
    assert "asked" in console.visit("/me").text
    assert console.visit("/me", "jeanne:eid").json()["name"] == "Jeanne Dupont"


def test_a_log_out_at_a_portal_ends_the_session_here(console: Console, keycloak: Keycloak, database_url: str):
    """Keycloak tells us by its back channel: the logout token is its own."""
    console.visit("/me", "karim:eid")
    portal = Browser(keycloak, http=console.http)
    tokens = portal.log_in_silently(client_id="portail-wallonie")
    portal.log_out(tokens)
    deadline = time.monotonic() + _SECONDS
    while rows(database_url, "SELECT 1 FROM people_session WHERE ended_at IS NULL"):
        assert time.monotonic() < deadline, "the session did not end"
        time.sleep(0.05)
    assert "asked" in console.visit("/me").text
    refused = console.http.post(
        f"{console.url}/verify/portail-wallonie", params={"token": tokens.access_token}
    )
    assert refused.json() == {"fault": "session"}


def test_inv_6_no_row_holds_a_number_of_the_journey(console: Console, browser: Browser, database_url: str):
    console.visit("/me", "karim:eid")
    tokens = browser.log_in("karim", "itsme", client_id="portail-wallonie")
    console.http.post(f"{console.url}/verify/portail-wallonie", params={"token": tokens.access_token})
    console.log_out()
    written = ""
    for [table] in rows(database_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        written += str(rows(database_url, f"SELECT t::text FROM {table} t"))
    assert "Benali" in written
    assert "71000000333" not in written
    assert b"71000000333".hex() not in written


def test_keycloak_down_is_said_plainly(addresses: Addresses, keycloak: Keycloak, database_url: str, fas: Fas):
    settings = service_settings(keycloak, database_url)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        down = settings.model_copy(
            update={"keycloak": settings.keycloak.model_copy(update={"base_url": nobody})}
        )
        with serving(application(down), addresses.console):
            one = console_of(addresses.console_url, fas)
            told = one.visit("/me")
            one.http.close()
    assert told.status_code == 503
    assert told.headers["content-type"].startswith("text/html")
