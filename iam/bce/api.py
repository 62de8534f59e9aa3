"""GET /register/v1/enterprises: the register for portals, as JSON. Who calls, the composition knows."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.security.http import HTTPBase
from starlette.requests import Request
from starlette.responses import Response

from iam.bce.history import InvalidAsOf, as_of, profile_then
from iam.bce.profile import Extract, Profile, extract_of, profile
from iam.bce.schemas import Asked, AskedOfOne, EnterpriseBody, FoundBody, ProblemBody
from iam.bce.search import InvalidSearch, asked, search
from iam.kernel.clock import Clock
from iam.kernel.decision import Refusal
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.reasons import Reason
from iam.storage import DATABASE_ERRORS
from iam.web.answers import ForPrograms
from iam.web.problems import MEDIA_TYPE, Fault, ProblemError, invalid_input, of_fault, of_refusal
from iam.web.transactions import Snapshot

PREFIX = "/register/v1"
BASE = f"{PREFIX}/enterprises"
Prove = Callable[[Request], Awaitable[bool]]
_RETRY = {"Retry-After": "10"}
# Revalidated each time: an extract may have come. What is shown is for this portal alone.
_CACHED = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def _problem(description: str) -> dict[str, Any]:
    schema = ProblemBody.model_json_schema(by_alias=True)
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


_SAID: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not Modified"},
    400: _problem("Bad Request"),
    401: _problem("No Access Token"),
    503: _problem("Service Unavailable"),
    "default": _problem("Any other problem"),
}


def router(prove: Prove, challenge: str, clock: Clock) -> APIRouter:
    """The routes. `prove` says whether a portal calls; who does not prove it learns nothing else."""

    async def one(
        request: Request, number: str, conn: Snapshot, wanted: Annotated[AskedOfOne, Query()]
    ) -> Response:
        return await _one(request, number, conn, wanted, clock())

    async def portal(request: Request) -> None:
        try:
            proven = await prove(request)
        except DATABASE_ERRORS as error:
            raise ProblemError(of_fault(Fault.DATABASE_UNAVAILABLE, headers=_RETRY)) from error
        if not proven:
            raise ProblemError(of_fault(Fault.LOGIN_NEEDED, headers={"WWW-Authenticate": challenge}))

    routes = APIRouter(
        prefix=PREFIX,
        tags=["register"],
        route_class=ForPrograms,
        dependencies=[Depends(portal), Depends(HTTPBase(scheme="basic", auto_error=False))],
    )
    routes.add_api_route(
        "/enterprises",
        _search,
        methods=["GET"],
        response_model=FoundBody,
        response_model_exclude_none=True,
        responses=_SAID,
        operation_id="searchEnterprises",
        summary="Enterprises by name, postcode or municipality",
    )
    routes.add_api_route(
        "/enterprises/{number}",
        one,
        methods=["GET"],
        response_model=EnterpriseBody,
        response_model_exclude_none=True,
        responses={**_SAID, 404: _problem("Resource Not Found")},
        operation_id="getEnterprise",
        summary="An enterprise by its number, in any usual form; as it is, or was on a day",
    )
    return routes


async def _search(request: Request, conn: Snapshot, wanted: Annotated[Asked, Query()]) -> Response:
    """Enterprises that operate, the best first; a natural person is found by number alone."""
    typed = wanted.model_dump()
    extract = await _extract(conn)
    try:
        found = await search(conn, asked(**typed))
    except InvalidSearch as error:
        raise _invalid("query", error.field, error.fault) from error
    more = None if found.after is None else _link(BASE, {**typed, "after": found.after.encode()})
    return _answer(request, FoundBody.of(found, extract, BASE, more), extract)


async def _one(request: Request, number: str, conn: Snapshot, wanted: AskedOfOne, now: datetime) -> Response:
    """All that the open data says of it, vanished or not; its establishment units by pages."""
    try:
        known = EnterpriseNumber.parse(number)
    except InvalidNumber as error:
        raise _invalid("path", "number", error.fault) from error
    newest, after = await _extract(conn), wanted.establishments_after
    try:
        then = as_of(wanted.at, wanted.as_known_on, now)
        told = await (
            profile(conn, known, after=after)
            if then is None
            else profile_then(conn, known, then, after=after)
        )
    except InvalidAsOf as error:
        raise _invalid("query", error.field, error.fault) from error
    if told is None:
        raise ProblemError(of_fault(Fault.NOT_FOUND))
    extract = told.extract or newest
    return _answer(request, EnterpriseBody.of(told, extract, _more(told)), extract)


def _more(told: Profile) -> str | None:
    """Where the next establishment units are, as of the same day and instant."""
    if told.after is None:
        return None
    wanted = {"establishmentsAfter": told.after}
    if told.as_of is not None:
        known_on = told.as_of.known_on.astimezone(UTC).isoformat().replace("+00:00", "Z")
        wanted |= {"at": told.as_of.day.isoformat(), "asKnownOn": known_on}
    return _link(f"{BASE}/{told.enterprise.number.digits}", wanted)


def _invalid(place: str, name: str, fault: str) -> ProblemError:
    return ProblemError(of_fault(Fault.BAD_REQUEST, issues=[invalid_input(place, name, fault)]))


async def _extract(conn: Snapshot) -> Extract:
    found = await extract_of(conn)
    if found is None:
        raise ProblemError(of_refusal(Refusal(reason=Reason.REGISTER_UNAVAILABLE)))
    return found


def _answer(request: Request, body: EnterpriseBody | FoundBody, extract: Extract) -> Response:
    """The body under a tag that begins with the extract's number; nothing for who has it already.

    The digest is in the tag because a number may change hands, and words of codes with a release, between
    two extracts.
    """
    content = body.model_dump_json(by_alias=True, exclude_none=True).encode()
    tag = f'"{extract.number}-{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {**_CACHED, "ETag": tag}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def _has(sent: str, tag: str) -> bool:
    """RFC 9110 §13.1.2: any of the tags, compared weakly."""
    tags = {each.strip().removeprefix("W/") for each in sent.split(",")}
    return "*" in tags or tag in tags


def _link(path: str, wanted: Mapping[str, str]) -> str:
    return f"{path}?{urlencode({name: value for name, value in wanted.items() if value})}"
