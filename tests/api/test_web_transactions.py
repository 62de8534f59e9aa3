"""One request is one transaction, told only after its commit; and a form's act is done once."""

import asyncio
from typing import Annotated
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI, Form
from pydantic import SecretStr
from sqlalchemy import text
from starlette.responses import JSONResponse, RedirectResponse, Response

from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId, uuid4
from iam.kernel.reasons import Reason
from iam.settings import Secrets, Settings
from iam.storage import Database
from iam.web import health
from iam.web.answers import handle
from iam.web.idempotency import act_of, begin, complete, forget_before, give_up
from iam.web.middleware import EdgePolicy, protect
from iam.web.problems import Refused
from iam.web.state import Edge, bind
from iam.web.transactions import Configured, Now, Snapshot, UnitOfWork

pytestmark = pytest.mark.anyio

OURS = "https://monespace.test"
SAME = {"Origin": OURS}
PERSON = PersonId(uuid4())
SETTINGS = Settings.model_construct(
    secrets=Secrets.model_construct(wrapping_key=SecretStr("a-wrapping-key-of-these-tests"))
)


def application(db, clock):
    app = FastAPI(openapi_url=None)
    bind(app, Edge(database=db, clock=clock, settings=SETTINGS))
    handle(app)
    protect(app, EdgePolicy(public_url=OURS), clock)
    app.include_router(health.router({"database": health.database_ping(db)}))
    app.state.commands = 0

    @app.post("/things")
    async def write(conn: UnitOfWork, name: Annotated[str, Form()]) -> Response:
        await conn.execute(text("INSERT INTO thing VALUES (:name)"), {"name": name})
        return JSONResponse({"name": name})

    @app.post("/refused")
    async def refused(conn: UnitOfWork) -> Response:
        await conn.execute(text("INSERT INTO thing VALUES ('refused')"))
        raise Refused(Refusal(reason=Reason.NOT_GAP))

    @app.get("/things")
    async def read(conn: Snapshot) -> Response:
        names = (await conn.execute(text("SELECT name FROM thing ORDER BY name"))).scalars()
        return JSONResponse({"names": list(names)})

    @app.get("/write-in-a-page")
    async def sneaky(conn: Snapshot) -> Response:
        await conn.execute(text("INSERT INTO thing VALUES ('sneaky')"))
        return JSONResponse({})

    @app.post("/acts")
    async def act(
        conn: UnitOfWork,
        clock: Now,
        settings: Configured,
        act: Annotated[str, Form()],
        name: Annotated[str, Form()],
    ) -> Response:
        mine = act_of(settings, PERSON, act, "/acts", [("name", name)])
        done = await begin(conn, mine, clock())
        if done is not None:
            return RedirectResponse(done.location, status_code=303)
        app.state.commands += 1
        if name == "refused":
            await give_up(conn, mine)
            return JSONResponse({}, status_code=400)
        await conn.execute(text("INSERT INTO thing VALUES (:name)"), {"name": name})
        location = f"/things/{app.state.commands}"
        await complete(conn, mine, location)
        return RedirectResponse(location, status_code=303)

    return app


@pytest.fixture
async def app(db, clock):
    async with db.write() as conn:
        await conn.execute(
            text("CREATE TABLE thing (name text UNIQUE DEFERRABLE INITIALLY DEFERRED, CHECK (name <> 'bad'))")
        )
    return application(db, clock)


@pytest.fixture
async def http(app):
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=OURS, headers=SAME) as one:
        yield one


async def names(http):
    return (await http.get("/things")).json()["names"]


async def test_what_a_route_did_stands_when_it_answers(http):
    assert (await http.post("/things", data={"name": "a"})).status_code == 200
    assert await names(http) == ["a"]


async def test_a_commit_that_fails_is_not_told_as_a_success(http):
    """The constraint is deferred: it fails at the commit, after the route has made its answer."""
    await http.post("/things", data={"name": "a"})
    answer = await http.post("/things", data={"name": "a"})
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:problem-type:belgif:internalServerError"
    assert await names(http) == ["a"]


async def test_a_refusal_leaves_the_tables_as_they_were(http):
    assert (await http.post("/refused")).status_code == 403
    assert await names(http) == []


async def test_a_page_cannot_write(http):
    assert (await http.get("/write-in-a-page")).status_code >= 500
    assert await names(http) == []


async def test_a_database_that_is_down_is_a_503(clock):
    down = Database("postgresql://nobody@127.0.0.1:1/nothing")
    app = application(down, clock)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=OURS, headers=SAME) as http:
        for answer in (await http.post("/things", data={"name": "a"}), await http.get("/things")):
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:problem-type:belgif:serviceUnavailable"
            assert answer.headers["Retry-After"] == "10"
        page = await http.get("/things", headers={"Accept": "text/html"})
        assert page.status_code == 503
        assert page.headers["content-type"].startswith("text/html")
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()) == (
            503, {"status": "DOWN", "details": {"database": {"status": "DOWN"}}},
        )  # fmt: skip
        assert (await http.get("/health/live")).json() == {"status": "UP"}
    await down.close()


async def test_a_service_that_can_serve_is_ready(http):
    ready = await http.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "UP")


async def test_a_double_click_does_it_once(app, http):
    act = str(uuid4())
    answers = [await http.post("/acts", data={"act": act, "name": "a"}) for _ in range(3)]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (303, "/things/1")
    ] * 3
    assert app.state.commands == 1
    assert await names(http) == ["a"]


async def test_of_two_clicks_at_once_the_second_waits_for_the_first(app, http):
    act = str(uuid4())
    answers = await asyncio.gather(*(http.post("/acts", data={"act": act, "name": "a"}) for _ in range(5)))
    assert {answer.headers["location"] for answer in answers} == {"/things/1"}
    assert app.state.commands == 1


async def test_an_act_cannot_be_used_for_something_else(app, http):
    act = str(uuid4())
    await http.post("/acts", data={"act": act, "name": "a"})
    answer = await http.post("/acts", data={"act": act, "name": "b"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:problem-type:habilis:iam:actReused"
    assert await names(http) == ["a"]


async def test_a_refused_act_may_be_mended_and_sent_again(app, http):
    act = str(uuid4())
    assert (await http.post("/acts", data={"act": act, "name": "refused"})).status_code == 400
    assert (await http.post("/acts", data={"act": act, "name": "a"})).headers["location"] == "/things/2"


async def test_an_act_that_was_undone_is_not_done(app, http):
    act = str(uuid4())
    assert (await http.post("/acts", data={"act": act, "name": "bad"})).status_code == 500
    assert (await http.post("/acts", data={"act": act, "name": "a"})).status_code == 303


@pytest.mark.parametrize("act", ["", "x", "1" * 40])
async def test_an_act_without_a_proper_id_is_refused(http, act):
    assert (await http.post("/acts", data={"act": act, "name": "a"})).status_code == 400


async def test_inv_6_the_kept_digest_tells_nothing_of_the_form(db, clock):
    fields = [("ssin", "71000000333"), ("email", "a@b.be")]
    one = act_of(SETTINGS, PERSON, str(UUID(int=4)), "/x", fields)
    same = act_of(SETTINGS, PERSON, str(UUID(int=4)), "/x", reversed(fields))
    other = act_of(SETTINGS, PERSON, str(UUID(int=5)), "/x", fields)
    shifted = act_of(SETTINGS, PERSON, str(UUID(int=4)), "/x", [("ssin", "7100000033"), ("3email", "a@b.be")])
    assert one == same
    assert len({one.digest, other.digest, shifted.digest}) == 3


async def test_old_acts_are_forgotten(db, clock):
    act = act_of(SETTINGS, PERSON, str(uuid4()), "/x", [])
    async with db.write() as conn:
        await begin(conn, act, clock())
        assert await forget_before(conn, clock()) == 0
        clock.advance(seconds=1)
        assert await forget_before(conn, clock()) == 1
