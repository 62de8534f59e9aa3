"""Login, step-up and log-out at the console, with an issuer that can be told to do wrong."""

import asyncio
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.responses import HTMLResponse, JSONResponse, Response

from iam.console.login import OWN_AUTHENTICATION, Entrance, open_entrance
from iam.console.viewer import Seen, SeenOrNot, login_url, require_level, step_up_url
from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.decision import Refusal
from iam.kernel.identity import Identity
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.kernel.ssin import Fingerprint
from iam.people import commands, sessions
from iam.people.recognise import recognise
from iam.realms.backchannel import LogoutTokens
from iam.realms.oidc import KeycloakLogin
from iam.settings import HelpdeskSettings, Policy, Settings
from iam.web.answers import handle
from iam.web.middleware import EdgePolicy, protect
from iam.web.state import Edge, bind
from tests.support.issuer import ISSUER, JEANNE, KARIM, LEVEL, LUC, SETTINGS, Issuer, Persona

pytestmark = pytest.mark.anyio

PUBLIC = "https://monespace.test"
BROWSER = {"Accept": "text/html,*/*;q=0.8"}
SAME = {"Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"}
SESSION, BINDING = "__Host-habilis-session", "__Host-habilis-login"


class Pages:
    async def logged_out(self, request) -> Response:
        return HTMLResponse(f"logged out, {request.state.page.person}")


async def problem_page(request, problem):
    return HTMLResponse(f"problem {problem.code}", status_code=problem.status)


def settings():
    return Settings.model_construct(
        public_url=PUBLIC,
        keycloak=SETTINGS,
        policy=Policy(),
        helpdesk=HelpdeskSettings(telephone="0", mail="a@b.be"),
        default_language=Language.FR,
    )


def application(db, clock, issuer):
    app = FastAPI(openapi_url=None)
    realm = issuer.realm()
    bind(app, Edge(database=db, clock=clock, settings=settings(), page=problem_page))
    handle(app)
    protect(app, EdgePolicy(public_url=PUBLIC, own_authentication=OWN_AUTHENTICATION), clock)
    open_entrance(
        app,
        Entrance(
            realm=realm,
            login=KeycloakLogin(realm, PUBLIC),
            logout_tokens=LogoutTokens(realm),
            pages=Pages(),
        ),
    )

    @app.get("/me")
    async def me(viewer: Seen) -> Response:
        return JSONResponse(
            {"person": str(viewer.person), "name": viewer.name, "level": int(viewer.assurance.level)}
        )

    @app.get("/open")
    async def everybody(viewer: SeenOrNot) -> Response:
        return JSONResponse({"name": None if viewer is None else viewer.name})

    @app.post("/act")
    async def act(viewer: Seen) -> Response:
        return JSONResponse({})

    @app.get("/strong")
    async def strong(viewer: Seen) -> Response:
        way = require_level(
            viewer, Level.EID, fresh_within=timedelta(minutes=10), now=clock(), back="/strong?a=1"
        )
        return way or JSONResponse({})

    return app


@pytest.fixture
def issuer(clock):
    return Issuer(clock)


@pytest.fixture
def app(db, clock, issuer):
    return application(db, clock, issuer)


def browser(app):
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False), base_url=PUBLIC, headers=BROWSER
    )


@pytest.fixture
async def http(app):
    async with browser(app) as one:
        yield one


@pytest.fixture
async def other(app):
    async with browser(app) as one:
        yield one


async def log_in(http, issuer, persona=None, next_path="/me", **query):
    """As far as the answer of the callback."""
    started = await http.get("/login", params={"next": next_path, **query})
    assert started.status_code == 303, started.text
    return await http.get("/login/callback", params=issuer.answer(started.headers["location"], persona))


async def me(http):
    return (await http.get("/me", headers={"Accept": "application/json"})).json()


async def test_a_page_for_persons_sends_the_browser_to_log_in_and_back(http, issuer):
    asked = await http.get("/me?tab=2")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fme%3Ftab%3D2")
    started = await http.get(asked.headers["location"])
    url = started.headers["location"]
    assert url.startswith(f"{ISSUER}/protocol/openid-connect/auth?")
    query = parse_qs(urlsplit(url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["kc_idp_hint"] == ["fas"]
    assert query["redirect_uri"] == [f"{PUBLIC}/login/callback"]
    assert "acr_values" not in query

    back = await http.get("/login/callback", params=issuer.answer(url))

    assert (back.status_code, back.headers["location"]) == (303, "/me?tab=2")
    seen = await me(http)
    assert (seen["name"], seen["level"]) == ("Karim Benali", 450)


async def test_the_cookies_are_for_this_host_and_not_for_scripts(http, issuer):
    back = await log_in(http, issuer)
    [cookie] = [value for value in back.headers.get_list("set-cookie") if value.startswith(SESSION)]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/"} == attributes


async def test_without_a_browser_page_the_answer_is_a_401(http):
    answer = await http.get("/me", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:problem-type:belgif:noAccessToken")


async def test_a_form_after_the_session_ended_comes_back_to_its_page(http):
    for referer, location in (
        (f"{PUBLIC}/form?step=2", "/login?next=%2Fform%3Fstep%3D2"),
        ("https://evil.test/form", "/login?next=%2F"),
        (None, "/login?next=%2F"),
        (f"{PUBLIC}//evil.test", "/login?next=%2F"),
    ):
        headers = {**SAME, **({} if referer is None else {"Referer": referer})}
        answer = await http.post("/act", headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (303, location)


async def test_a_part_of_a_page_tells_the_whole_page_to_log_in(http):
    answer = await http.get("/me", headers={"HX-Request": "true", "HX-Current-URL": f"{PUBLIC}/list?x=1"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login?next=%2Flist%3Fx%3D1")


@pytest.mark.parametrize(
    "target",
    ["https://evil.test/", "//evil.test", "/\\evil.test", "/login?next=//evil.test", "/logout/done", "x", ""],
)
async def test_the_way_back_never_leads_elsewhere(http, issuer, target):
    back = await log_in(http, issuer, next_path=target)
    assert back.headers["location"] == "/"


# -- the answer of a login


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"iss": "https://evil.test/realms/monespace"}, "loginFailed"),
        ({"iss": None}, "loginFailed"),
        ({"iss": ISSUER + "/"}, "loginFailed"),
        ({"state": "x" * 43}, "loginExpired"),
        ({"state": None}, "loginExpired"),
        ({"code": "unknown"}, "loginFailed"),
        ({"code": None}, "loginFailed"),
        ({"code": "x" * 5000}, "loginFailed"),
        ({"error": "access_denied"}, "loginFailed"),
        ({"code": None, "error": "login_required"}, "loginFailed"),
    ],
)
async def test_sec_38_an_answer_that_is_not_our_keycloaks_is_refused(http, issuer, change, code):
    started = await http.get("/login")
    answer = {**issuer.answer(started.headers["location"]), **change}
    back = await http.get("/login/callback", params={k: v for k, v in answer.items() if v is not None})
    assert (back.status_code, back.text) == (400, f"problem {code}")
    assert SESSION not in http.cookies


async def test_a_parameter_given_twice_is_refused(http, issuer):
    answer = issuer.answer((await http.get("/login")).headers["location"])
    back = await http.get("/login/callback", params=[*answer.items(), ("iss", ISSUER)])
    assert back.text == "problem loginFailed"


async def test_an_answer_works_once(http, issuer):
    answer = issuer.answer((await http.get("/login")).headers["location"])
    assert (await http.get("/login/callback", params=answer)).status_code == 303
    assert (await http.get("/login/callback", params=answer)).text == "problem loginExpired"


async def test_an_answer_that_failed_cannot_be_tried_again(http, issuer):
    answer = issuer.answer((await http.get("/login")).headers["location"])
    await http.get("/login/callback", params={**answer, "iss": "x"})
    assert (await http.get("/login/callback", params=answer)).text == "problem loginExpired"


async def test_an_answer_belongs_to_the_browser_that_asked(http, other, issuer):
    """Login CSRF: an attacker's answer in the victim's browser makes no session there."""
    answer = issuer.answer((await http.get("/login")).headers["location"])
    await other.get("/login")
    assert (await other.get("/login/callback", params=answer)).text == "problem loginExpired"
    assert SESSION not in other.cookies


async def test_an_answer_comes_too_late(http, issuer, clock):
    answer = issuer.answer((await http.get("/login")).headers["location"])
    clock.advance(minutes=30)
    assert (await http.get("/login/callback", params=answer)).text == "problem loginExpired"


async def test_two_tabs_may_log_in_one_after_the_other(http, issuer):
    first = issuer.answer((await http.get("/login?next=/a")).headers["location"])
    second = issuer.answer((await http.get("/login?next=/b")).headers["location"])
    assert (await http.get("/login/callback", params=first)).headers["location"] == "/a"
    assert (await http.get("/login/callback", params=second)).headers["location"] == "/b"


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "other"}, {"nonce": ...}, {"aud": "portail-wallonie"}, {"aud": ["mon-espace", "x"]},
        {"azp": "portail-wallonie"}, {"azp": ...}, {"iss": "https://evil.test"}, {"exp": 1}, {"typ": "Bearer"},
        {"sub": "sub-luc"}, {"sid": "sid-luc"}, {"sid": ...}, {"auth_time": ...}, {"iat": ...},
    ],
)  # fmt: skip
async def test_a_wrong_id_token_makes_no_session(http, issuer, changes):
    issuer.id_token_changes = changes
    back = await log_in(http, issuer)
    assert (back.status_code, back.text) == (400, "problem loginFailed")
    assert SESSION not in http.cookies


@pytest.mark.parametrize(
    "changes", [{"active": False}, {"sub": "sub-luc"}, {"azp": "portail-wallonie"}, {"niss": "1"}]
)
async def test_an_introspection_that_does_not_fit_makes_no_session(http, issuer, changes):
    issuer.introspection_changes = changes
    assert (await log_in(http, issuer)).text == "problem loginFailed"


async def test_the_table_of_logins_under_way_holds_no_secret(http, db):
    url = (await http.get("/login")).headers["location"]
    query = parse_qs(urlsplit(url).query)
    async with db.read() as conn:
        row = (await conn.execute(text("SELECT t::text FROM realms_login t"))).scalar_one()
    for secret in (query["state"][0], query["nonce"][0], query["code_challenge"][0], http.cookies[BINDING]):
        assert secret not in row
        assert secret.encode().hex() not in row


# -- levels


async def test_inv_60_a_weaker_login_than_wished_is_asked_for_once_more_and_then_told(http, issuer):
    asked = parse_qs(urlsplit((await http.get("/login?level=500")).headers["location"]).query)
    assert asked["acr_values"] == [f"{LEVEL}500"]
    assert "prompt" not in asked

    again = await log_in(http, issuer, level=500)
    query = parse_qs(urlsplit(again.headers["location"]).query)
    assert (query["acr_values"], query["prompt"]) == ([f"{LEVEL}500"], ["login"])

    back = await http.get("/login/callback", params=issuer.answer(again.headers["location"]))
    assert back.headers["location"] == "/login/weaker?next=%2Fme&level=500"
    told = await http.get(back.headers["location"])
    assert (told.status_code, told.text) == (401, "problem levelTooLow")
    # the login itself is worth what it is worth
    assert (await me(http))["level"] == 450


@pytest.mark.parametrize("acr", ["1", "2", "none", "urn:be:fedict:iam:fas:Level9999", "500", None])
async def test_inv_60_only_what_fas_says_counts_as_a_level(http, issuer, acr):
    await log_in(http, issuer, Persona(acr=acr))
    assert (await me(http))["level"] == 0


async def test_inv_60_the_weaker_of_token_and_session_counts(http, issuer):
    issuer.introspection_changes = {"acr": f"{LEVEL}500"}
    await log_in(http, issuer)
    assert (await me(http))["level"] == 450
    issuer.introspection_changes = {"acr": f"{LEVEL}200"}
    await log_in(http, issuer, fresh=1)
    assert (await me(http))["level"] == 200


async def test_a_step_up_comes_back_to_the_same_page_with_a_new_cookie(http, issuer, clock):
    await log_in(http, issuer)
    before = http.cookies[SESSION]
    way = await http.get("/strong")
    assert way.headers["location"] == "/login?next=%2Fstrong%3Fa%3D1&level=500"
    started = await http.get(way.headers["location"])
    back = await http.get(
        "/login/callback", params=issuer.answer(started.headers["location"], Persona(acr=f"{LEVEL}500"))
    )
    assert back.headers["location"] == "/strong?a=1"
    assert http.cookies[SESSION] != before
    assert (await http.get("/strong")).status_code == 200
    async with browser_with(http, before) as stolen:
        assert (await stolen.get("/me")).status_code == 303

    clock.advance(minutes=11)
    way = await http.get("/strong")
    assert way.headers["location"] == "/login?next=%2Fstrong%3Fa%3D1&level=500&fresh=1"
    asked = parse_qs(urlsplit((await http.get(way.headers["location"])).headers["location"]).query)
    assert asked["prompt"] == ["login"]


def browser_with(http, cookie):
    one = httpx2.AsyncClient(transport=http._transport, base_url=PUBLIC, headers=BROWSER)
    one.cookies.set(SESSION, cookie)
    return one


async def test_the_way_back_from_a_page_of_login_is_the_page_behind_it(http, issuer):
    weaker = "/login/weaker?next=%2Fstrong%3Fa%3D1&level=500"
    back = await log_in(http, issuer, Persona(acr=f"{LEVEL}500"), next_path=weaker, level=500)
    assert back.headers["location"] == "/strong?a=1"
    deep = "/login?next=" * 9 + "/x"
    assert (await log_in(http, issuer, next_path=deep, fresh=1)).headers["location"] == "/"


async def test_who_is_logged_in_strongly_enough_is_not_asked(http, issuer):
    await log_in(http, issuer)
    answer = await http.get("/login?next=/me&level=450")
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")


@pytest.mark.parametrize("level", ["", "1", "9999", "x", "-500", "100"])
async def test_a_level_that_is_none_is_refused(http, level):
    assert (await http.get("/login", params={"level": level})).text == "problem badRequest"


def test_a_refusal_knows_its_way_out():
    weak = Refusal(reason=Reason.LEVEL_TOO_LOW, level=Level.EID)
    old = Refusal(reason=Reason.LOGIN_TOO_OLD, level=Level.EID)
    assert step_up_url(weak, "/a?b=c") == f"/login?next={quote('/a?b=c', safe='')}&level=500"
    assert step_up_url(old, "/a") == "/login?next=%2Fa&level=500&fresh=1"
    assert login_url("/") == "/login?next=%2F"


# -- persons


async def test_a_planted_cookie_is_worth_nothing(http, issuer):
    http.cookies.set(SESSION, "planted" + "x" * 36, domain="monespace.test")
    await log_in(http, issuer)
    assert http.cookies[SESSION] != "planted" + "x" * 36
    async with browser_with(http, "planted" + "x" * 36) as attacker:
        assert (await attacker.get("/me")).status_code == 303


async def test_sec_32_an_account_that_brings_the_number_of_another_shows_nothing_of_the_first(
    http, other, issuer
):
    await log_in(http, issuer)
    await log_in(other, issuer, Persona(subject="sub-luc", session="sid-luc", number=LUC, given_name="Luc"))
    karim, luc = await me(http), await me(other)

    async with browser(other._transport.app) as third:
        await log_in(third, issuer, Persona(session="sid-3", number=LUC, given_name="Luc"))
        assert (await me(third))["person"] == luc["person"]

    # whoever sat there as Karim has been asked to log in again, and is Karim by his number
    assert (await http.get("/me")).status_code == 303
    await log_in(http, issuer, Persona(subject="sub-karim-2", session="sid-4"))
    assert (await me(http))["person"] == karim["person"]


async def test_a_changed_number_and_a_changed_account_keep_the_person(http, issuer):
    await log_in(http, issuer)
    person = (await me(http))["person"]
    await log_in(http, issuer, Persona(number=JEANNE), fresh=1)
    assert (await me(http))["person"] == person
    await log_in(http, issuer, Persona(number=JEANNE, subject="sub-new"), fresh=1)
    assert (await me(http))["person"] == person


async def test_sec_36_two_hundred_sessions_at_once_see_themselves(app, db, clock, http):
    """Whatever is shared between requests, no answer is somebody else's."""
    cookies = {}
    async with db.write() as conn:
        for number in range(40):
            who = Identity(
                issuer=ISSUER, subject=f"sub-{number}", session_id=f"sid-{number}",
                fingerprints=(Fingerprint("1", number.to_bytes(32, "big")),),
                given_name=f"Person{number}", family_name="X", language=None,
                assurance=Assurance(Level.ITSME, clock()),
            )  # fmt: skip
            person = await recognise(conn, who, clock)
            cookie = await sessions.start(
                conn, person, who, id_token="t", limits=sessions.Limits.of(Policy()), now=clock()
            )
            cookies[cookie] = {"person": str(person), "name": f"Person{number} X", "level": 450}

    async def look(cookie):
        answer = await http.get(
            "/me", headers={"Accept": "application/json", "Cookie": f"{SESSION}={cookie}"}
        )
        return cookie, answer.json()

    seen = await asyncio.gather(*(look(cookie) for _ in range(5) for cookie in cookies))
    assert all(cookies[cookie] == answer for cookie, answer in seen)
    assert len(seen) == 200


async def test_a_blocked_person_gets_no_session(http, issuer, db, clock):
    await log_in(http, issuer)
    person = (await me(http))["person"]
    context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=clock())
    async with db.write() as conn:
        await commands.block(conn, person, context)
    assert (await http.get("/me")).status_code == 303
    told = await log_in(http, issuer)
    assert (told.status_code, told.text) == (403, "problem personBlocked")


async def test_inv_6_no_answer_of_a_login_holds_the_number(http, issuer):
    started = await http.get("/login?next=/me")
    back = await http.get("/login/callback", params=issuer.answer(started.headers["location"]))
    seen = await http.get("/me")
    for answer in (started, back, seen):
        assert KARIM not in answer.text + str(answer.headers)


# -- the end


async def test_a_log_out_ends_the_session_here_and_goes_on_to_keycloak(http, issuer, app):
    await log_in(http, issuer)
    cookie = http.cookies[SESSION]
    answer = await http.post("/logout", headers=SAME)
    url = urlsplit(answer.headers["location"])
    query = parse_qs(url.query)
    assert (answer.status_code, url.path) == (303, "/realms/monespace/protocol/openid-connect/logout")
    assert query["post_logout_redirect_uri"] == [f"{PUBLIC}/logout/done"]
    assert query["id_token_hint"][0].count(".") == 2
    assert SESSION not in http.cookies
    async with browser_with(http, cookie) as back:
        assert (await back.get("/me")).status_code == 303
    assert (await http.get("/logout/done")).text == "logged out, None"


async def test_a_log_out_from_elsewhere_does_nothing(http, issuer):
    await log_in(http, issuer)
    assert (await http.post("/logout", headers={"Origin": "https://evil.test"})).status_code == 403
    assert (await http.get("/logout", headers=SAME)).status_code == 405
    assert (await http.get("/me")).status_code == 200


async def test_a_log_out_without_a_session_still_goes_to_keycloak(http):
    query = parse_qs(urlsplit((await http.post("/logout", headers=SAME)).headers["location"]).query)
    assert "id_token_hint" not in query
    assert query["client_id"] == ["mon-espace"]


async def tell(http, token):
    return await http.post("/login/backchannel-logout", data={"logout_token": token})


async def test_keycloaks_word_ends_the_session(http, issuer):
    await log_in(http, issuer)
    answer = await tell(http, issuer.sign(issuer.logout_claims(), typ="logout+jwt"))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store, private")
    assert (await http.get("/me")).status_code == 303


async def test_keycloaks_word_about_the_account_ends_all_its_sessions(http, other, issuer):
    await log_in(http, issuer)
    await log_in(other, issuer, Persona(session="sid-2"))
    assert (await tell(http, issuer.sign(issuer.logout_claims(sid=...)))).status_code == 200
    assert [(await one.get("/me")).status_code for one in (http, other)] == [303, 303]


async def test_the_same_word_works_once(http, issuer):
    token = issuer.sign(issuer.logout_claims())
    assert (await tell(http, token)).status_code == 200
    again = await tell(http, token)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_request"})


@pytest.mark.parametrize(
    "changes",
    [{"nonce": "n"}, {"aud": "portail-wallonie"}, {"events": ...}, {"iss": "https://evil.test"}, {"exp": 1}],
)
async def test_a_wrong_word_ends_nothing(http, issuer, changes):
    await log_in(http, issuer)
    assert (await tell(http, issuer.sign(issuer.logout_claims(**changes)))).status_code == 400
    assert (await tell(http, "")).status_code == 400
    assert (await http.post("/login/backchannel-logout", data={})).status_code == 400
    assert (await http.get("/me")).status_code == 200


async def test_a_log_out_that_overtakes_the_login_wins(http, issuer):
    started = await http.get("/login")
    answer = issuer.answer(started.headers["location"])
    await tell(http, issuer.sign(issuer.logout_claims()))
    assert (await http.get("/login/callback", params=answer)).text == "problem loginExpired"
    assert SESSION not in http.cookies


# -- Keycloak cannot be reached


async def test_keycloak_down_is_said_plainly_at_each_step(http, issuer):
    await log_in(http, issuer)
    answer = issuer.answer((await http.get("/login?fresh=1")).headers["location"])
    issuer.down = True
    for path, params in (("/login", {"fresh": 1}), ("/login/callback", answer)):
        told = await http.get(path, params=params)
        assert (told.status_code, told.text) == (503, "problem loginUnavailable")
        assert told.headers["Retry-After"] == "30"
    # who is logged in goes on working, and may log out
    assert (await http.get("/me")).status_code == 200
    assert (await http.post("/logout", headers=SAME)).status_code == 303


async def test_the_page_of_everybody_knows_who_is_there(http, issuer):
    assert (await http.get("/open")).json() == {"name": None}
    await log_in(http, issuer)
    assert (await http.get("/open")).json() == {"name": "Karim Benali"}


async def test_an_idle_session_asks_for_a_login_and_comes_back(http, issuer, clock):
    await log_in(http, issuer)
    clock.advance(minutes=29)
    assert (await http.get("/me")).status_code == 200
    clock.advance(minutes=29)
    assert (await http.get("/me")).status_code == 200
    clock.advance(minutes=30)
    assert (await http.get("/me?x=1")).headers["location"] == "/login?next=%2Fme%3Fx%3D1"
