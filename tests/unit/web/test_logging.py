"""The log is JSON and holds no text that somebody else wrote."""

import io
import json
import logging

import pytest
import structlog

from iam.web.logging import configure


@pytest.fixture
def lines():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("info", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_of_ours_is_json_with_the_trace(lines):
    structlog.contextvars.bind_contextvars(trace_id="t")
    structlog.get_logger("x").info("people.person.seen", person="p")
    structlog.contextvars.clear_contextvars()
    [line] = lines()
    assert (line["event"], line["person"], line["trace_id"], line["level"]) == (
        "people.person.seen",
        "p",
        "t",
        "info",
    )
    assert line["timestamp"].endswith("Z")


def test_a_library_that_logs_an_exception_tells_its_class_only(lines):
    try:
        int("71.00.00-003.33")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    [line] = lines()
    assert line["error"] == "ValueError"
    assert "003.33" not in json.dumps(line)
    assert "Traceback" not in json.dumps(line)


def test_addresses_with_their_queries_are_not_logged(lines):
    logging.getLogger("httpx2").info('HTTP Request: GET https://kc.test/?code=secret "200"')
    logging.getLogger("uvicorn.access").info("GET /login/callback?code=secret")
    assert lines() == []
