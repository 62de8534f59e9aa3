"""The edge in front of an application: what passes, what is refused, and what every answer carries."""

import asyncio
import json
import re
from typing import Annotated
from uuid import UUID

import httpx2
import pytest
import structlog
from fastapi import FastAPI, Form
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from iam.kernel.decision import Refusal
from iam.kernel.reasons import Reason
from iam.web.answers import handle
from iam.web.middleware import EdgePolicy, protect
from iam.web.problems import Refused
from iam.web.state import Edge, bind

pytestmark = pytest.mark.anyio

OURS = "https://monespace.test"
POLICY = EdgePolicy(
    public_url=OURS + "/",
    form_targets=["https://kc.test/realms/monespace"],
    own_authentication=["/oauth2/"],
    media_types={"/api/": ["application/json"], "/own/": []},
    largest_body=1000,
)
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": OURS}


class Body(BaseModel):
    count: int


def application(clock, page=None):
    app = FastAPI(openapi_url=None)
    bind(app, Edge(database=None, clock=clock, settings=None, page=page))
    handle(app)
    protect(app, POLICY, clock)

    @app.get("/things/{thing}")
    async def thing(thing: int) -> Response:
        return JSONResponse({"thing": thing})

    @app.get("/cached")
    async def cached() -> Response:
        return JSONResponse({}, headers={"Cache-Control": "public, max-age=60"})

    @app.post("/form")
    async def form(word: Annotated[str, Form()] = "") -> Response:
        return JSONResponse({"word": word})

    @app.post("/oauth2/token")
    async def token(word: Annotated[str, Form()] = "") -> Response:
        return JSONResponse({"word": word})

    @app.post("/api/things")
    async def things(body: Body) -> Response:
        return JSONResponse({"count": body.count})

    @app.post("/own/type")
    async def own(request: Request) -> Response:
        return JSONResponse({"type": request.headers.get("content-type")})

    @app.get("/refused/{reason}")
    async def refused(reason: str) -> Response:
        raise Refused(Refusal(reason=Reason(reason)))

    @app.get("/broken")
    async def broken() -> Response:
        raise RuntimeError("71.00.00-003.33")

    @app.post("/gone")
    async def gone() -> Response:
        return RedirectResponse("https://kc.test/", status_code=303)

    return app


def client(app):
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False), base_url=OURS
    )


@pytest.fixture
async def http(clock):
    async with client(application(clock)) as one:
        yield one


def problem(answer, status, kind):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["type"] == kind
    assert document["instance"] == f"urn:uuid:{answer.headers['BelGov-Trace-Id']}"
    return document


async def test_every_answer_has_a_trace_id_of_ours_and_strict_headers(http):
    for path in ("/things/1", "/nowhere", "/broken"):
        answer = await http.get(path, headers={"BelGov-Trace-Id": "mine", "Accept": "application/json"})
        assert UUID(answer.headers["BelGov-Trace-Id"]).version == 4
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert policy.endswith("form-action 'self' https://kc.test")


async def test_sec_35_every_answer_is_private_unless_its_route_says_otherwise(http):
    assert (await http.get("/things/1")).headers["Cache-Control"] == "no-store, private"
    assert (await http.get("/nowhere")).headers["Cache-Control"] == "no-store, private"
    assert (await http.get("/broken")).headers["Cache-Control"] == "no-store, private"
    assert (await http.get("/cached")).headers["Cache-Control"] == "public, max-age=60"


async def test_sec_36_two_hundred_requests_at_once_get_their_own_answers(http):
    answers = await asyncio.gather(*(http.get(f"/things/{n}") for n in range(200)))
    assert [answer.json()["thing"] for answer in answers] == list(range(200))
    assert len({answer.headers["BelGov-Trace-Id"] for answer in answers}) == 200


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        (SAME, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": OURS}, True),
        ({}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.test"}, False),
        ({"Origin": "https://evil.test"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": OURS + ".evil.test"}, False),
        ({"Origin": "http://monespace.test"}, False),
    ],
)
async def test_a_form_must_come_from_our_own_pages(http, headers, passes):
    answer = await http.post("/form", data={"word": "x"}, headers=headers)
    if passes:
        assert answer.json() == {"word": "x"}
    else:
        problem(answer, 403, "urn:problem-type:habilis:iam:foreignOrigin")


async def test_two_origins_are_none(http):
    answer = await http.post("/form", data={}, headers=[("Origin", OURS), ("Origin", "https://evil.test")])
    assert answer.status_code == 403


async def test_a_caller_with_a_secret_of_his_own_needs_no_origin(http):
    assert (await http.post("/oauth2/token", data={"word": "x"})).json() == {"word": "x"}
    assert (await http.post("/oauth2", data={"word": "x"})).status_code == 404
    assert (await http.post("/oauth2token", data={"word": "x"})).status_code == 403


@pytest.mark.parametrize(
    ("path", "content_type", "status"),
    [
        ("/form", "application/x-www-form-urlencoded; charset=utf-8", 200),
        ("/form", "application/json", 415),
        ("/form", "text/plain", 415),
        ("/form", "multipart/form-data; boundary=x", 415),
        ("/form", "", 415),
        ("/api/things", "application/json", 200),
        ("/api/things", "application/x-www-form-urlencoded", 415),
        ("/api/things", "text/plain", 415),
    ],
)
async def test_a_body_is_of_the_type_its_route_reads(http, path, content_type, status):
    answer = await http.post(path, content=b'{"count": 1}', headers={**SAME, "Content-Type": content_type})
    assert answer.status_code == status
    if status == 415:
        problem(answer, 415, "urn:problem-type:habilis:iam:unsupportedMediaType")


async def test_a_route_may_judge_the_type_itself(http):
    for content_type in ("text/plain", "application/json"):
        answer = await http.post("/own/type", content=b"x", headers={**SAME, "Content-Type": content_type})
        assert answer.json() == {"type": content_type}


async def test_a_compressed_body_is_refused(http):
    answer = await http.post(
        "/form",
        content=b"x",
        headers={**SAME, "Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 415


async def test_a_body_too_large_is_refused_by_its_length(http):
    answer = await http.post("/form", data={"word": "x" * 1000}, headers=SAME)
    problem(answer, 413, "urn:problem-type:belgif:payloadTooLarge")


async def test_a_body_too_large_is_refused_while_it_arrives(http):
    async def parts():
        for _ in range(30):
            yield b"x" * 100

    headers = {**SAME, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await http.post("/form", content=parts(), headers=headers)
    problem(answer, 413, "urn:problem-type:belgif:payloadTooLarge")


async def test_a_wrong_parameter_is_a_400_that_repeats_no_value(http):
    document = problem(await http.get("/things/71000000333x"), 400, "urn:problem-type:belgif:badRequest")
    assert document["issues"] == [
        {
            "type": "urn:problem-type:belgif:input-validation:schemaViolation",
            "in": "path",
            "name": "thing",
            "detail": "int_parsing",
        }
    ]
    assert "71000000333" not in json.dumps(document)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"count": "71000000333x"}', b"\xff", b"null"])
async def test_a_wrong_body_is_a_400_that_repeats_no_value(http, body):
    answer = await http.post(
        "/api/things", content=body, headers={**SAME, "Content-Type": "application/json"}
    )
    document = problem(answer, 400, "urn:problem-type:belgif:badRequest")
    assert "71000000333" not in json.dumps(document)


async def test_a_wrong_method_says_which_are_right(http):
    answer = await http.put("/form", headers=SAME)
    problem(answer, 405, "urn:problem-type:habilis:iam:methodNotAllowed")
    assert answer.headers["Allow"] == "POST"


async def test_absent_and_not_concerned_look_the_same(http):
    absent = problem(await http.get("/nowhere"), 404, "urn:problem-type:belgif:resourceNotFound")
    hidden = problem(await http.get("/refused/noStanding"), 404, "urn:problem-type:belgif:resourceNotFound")
    assert {**absent, "instance": ""} == {**hidden, "instance": ""}


async def test_a_refusal_is_a_problem_with_its_reason(http):
    document = problem(await http.get("/refused/notGap"), 403, "urn:problem-type:belgif:missingPermission")
    assert (document["reason"], document["fixer"]) == ("notGap", "gap")
    assert (await http.get("/refused/tooManyRequests")).headers["Retry-After"] == "3600"


async def test_an_unknown_error_is_opaque_and_logged_without_its_text(http):
    with structlog.testing.capture_logs() as logs:
        answer = await http.get("/broken")
    document = problem(answer, 500, "urn:problem-type:belgif:internalServerError")
    assert set(document) == {"type", "title", "status", "instance"}
    unknown = next(line for line in logs if line["event"] == "web.error.unknown")
    assert unknown["error"] == "RuntimeError"
    assert re.search(r"test_web_edge.py:\d+ broken", str(unknown["where"]))
    assert "003.33" not in str(logs)


async def test_the_access_line_names_the_route_and_not_what_was_typed(http):
    with structlog.testing.capture_logs() as logs:
        await http.get("/things/71000000333?number=71000000333")
        await http.get("/71000000333")
    lines = [line for line in logs if line["event"] == "web.request"]
    assert [(line["route"], line["status"], line["method"]) for line in lines] == [
        ("/things/{thing}", 200, "GET"), ("-", 404, "GET"),
    ]  # fmt: skip
    assert "71000000333" not in str(logs)


async def page(request, problem):
    return HTMLResponse(f"<h1>{problem.code}</h1>", status_code=problem.status)


async def failing_page(request, problem):
    raise RuntimeError


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_people_get_a_page(clock):
    async with client(application(clock, page)) as http:
        answer = await http.get("/refused/tooManyRequests", headers=BROWSER)
        assert (answer.status_code, answer.text) == (429, "<h1>tooManyRequests</h1>")
        assert answer.headers["Retry-After"] == "3600"
        assert (await http.get("/broken", headers=BROWSER)).text == "<h1>internal</h1>"
        assert (await http.post("/form", data={}, headers=BROWSER)).text == "<h1>foreignOrigin</h1>"
        assert (await http.get("/nowhere")).headers["content-type"] == "application/problem+json"


async def test_the_page_of_an_error_that_fails_is_a_plain_one(clock):
    async with client(application(clock, failing_page)) as http:
        answer = await http.get("/broken", headers=BROWSER)
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["BelGov-Trace-Id"] in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
