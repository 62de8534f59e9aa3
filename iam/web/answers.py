"""Problems as answers: a document for programs, a page for people; and the handlers that make them."""

import html
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from iam.web.problems import (
    MEDIA_TYPE,
    Fault,
    Issue,
    Problem,
    ProblemError,
    of_fault,
    schema_violation,
)
from iam.web.state import Edge, trace_id

log = structlog.get_logger(__name__)

_BY_STATUS = {
    400: Fault.BAD_REQUEST,
    401: Fault.LOGIN_NEEDED,
    404: Fault.NOT_FOUND,
    405: Fault.METHOD_NOT_ALLOWED,
    413: Fault.BODY_TOO_LARGE,
    415: Fault.MEDIA_TYPE,
}
_PLACES = {"query": "query", "path": "path", "header": "header", "body": "body", "cookie": "header"}
_RETRY = {"Retry-After": "10"}
_UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeoutError)


def prefers_page(request: Request) -> bool:
    """Whether the client is a browser that asked for a page: it names text/html before JSON."""
    for accepted in request.headers.get("accept", "").split(","):
        media = accepted.partition(";")[0].strip().lower()
        if media in {"text/html", "application/xhtml+xml"}:
            return True
        if media in {"application/json", MEDIA_TYPE, "*/*"}:
            return False
    return False


async def answer(request: Request, problem: Problem) -> Response:
    """The problem as a page where a page was asked for and there is a renderer, else as a document.

    A renderer that fails itself is replaced by a page without any dress: an error must be told.
    """
    edge: Edge | None = getattr(request.app.state, "edge", None) if "app" in request.scope else None
    if not prefers_page(request):
        response: Response = document(request, problem)
    elif edge is None or edge.page is None:
        response = plain_page(request, problem)
    else:
        try:
            response = await edge.page(request, problem)
        except Exception as error:  # noqa: BLE001 - the page of an error must not fail
            log.error("web.page.failed", code=problem.code, error=type(error).__name__)  # noqa: TRY400
            response = plain_page(request, problem)
    response.headers.update(problem.headers)
    return response


def document(request: Request, problem: Problem) -> Response:
    """The problem as `application/problem+json`."""
    return JSONResponse(
        problem.document(trace_id(request)), status_code=problem.status, media_type=MEDIA_TYPE
    )


def plain_page(request: Request, problem: Problem) -> Response:
    """The problem as a page that needs nothing else of the service to be working."""
    title = html.escape(problem.title)
    reference = html.escape(trace_id(request))
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><main><h1>{title}</h1><p>{problem.status} · {reference}</p></main></body></html>",
        status_code=problem.status,
    )


class ForPrograms(APIRoute):
    """A route that programs call: what goes wrong is a document, whatever kind of answer they accept."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, its problems told as documents."""
        handler = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await handler(request)
            except ProblemError as error:
                return _told(request, error.problem)
            except RequestValidationError as error:
                return _told(request, of_fault(Fault.BAD_REQUEST, issues=_issues(error.errors())))
            except _UNAVAILABLE as error:
                return _told(request, _unavailable(error))

        return answered


def _told(request: Request, problem: Problem) -> Response:
    response = document(request, problem)
    response.headers.update(problem.headers)
    return response


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class
    return await answer(request, error.problem)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    fault = _BY_STATUS.get(error.status_code, Fault.INTERNAL)
    return await answer(request, of_fault(fault, headers=error.headers))


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    return await answer(request, of_fault(Fault.BAD_REQUEST, issues=_issues(error.errors())))


def _issues(errors: Sequence[Any]) -> list[Issue]:
    """What pydantic found, without what was sent: its messages for patterns and types repeat no value."""
    return [
        schema_violation(
            _PLACES.get(str(found["loc"][0]), "body"),
            ".".join(str(part) for part in found["loc"][1:]),
            str(found["type"]),
        )
        for found in errors
    ]


async def _on_database(request: Request, error: Exception) -> Response:
    return await answer(request, _unavailable(error))


def _unavailable(error: Exception) -> Problem:
    # The class of the driver's error only: its text may hold the parameters of a statement.
    cause = getattr(error, "orig", None) or error
    log.error("web.database.unavailable", error=type(cause).__name__)
    return of_fault(Fault.DATABASE_UNAVAILABLE, headers=_RETRY)


def handle(app: FastAPI) -> None:
    """Every exception that a route may let out becomes a problem; the unknown ones at the middleware."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    for unavailable in _UNAVAILABLE:
        app.add_exception_handler(unavailable, _on_database)
