"""AuthZEN Authorization API 1.0 over HTTP (§10). Says no more than what exists."""

from typing import Any

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from iam.decisions import facts
from iam.decisions.evaluate import DecisionService, evaluate
from iam.decisions.model import Decision, Permit, Question
from iam.decisions.schemas import BadRequest, read
from iam.portals.authentication import Credentials, credentials, proven
from iam.storage import DATABASE_ERRORS

log = structlog.get_logger(__name__)

LONGEST_BODY = 16 * 1024
_EVALUATION = "/access/v1/evaluation"
_CHALLENGE = 'Basic realm="habilis", charset="UTF-8"'


class _TooLong(ValueError):
    """The body is longer than any evaluation."""


def routes(service: DecisionService) -> list[Route]:
    """The routes of the AuthZEN side, to be put beside those of the application."""
    metadata = msgspec.json.encode(
        {
            # §9: the base, and the endpoints that exist
            "policy_decision_point": service.issuer,
            "access_evaluation_endpoint": service.issuer + _EVALUATION,
        }
    )

    async def evaluation(request: Request) -> Response:
        try:
            return await _evaluation(service, request)
        except DATABASE_ERRORS as error:
            log.error("decisions.unavailable", error=type(error).__name__)  # noqa: TRY400
            return _answer(request, 503, {"error": "unavailable"}, {"Retry-After": "5"})

    async def describe(_request: Request) -> Response:
        return Response(
            metadata, headers={"Cache-Control": "public, max-age=300"}, media_type="application/json"
        )

    return [
        Route(_EVALUATION, evaluation, methods=["POST"]),
        Route("/.well-known/authzen-configuration", describe, methods=["GET"]),
    ]


async def _evaluation(service: DecisionService, request: Request) -> Response:
    shown = _shown(request)
    if shown is None:
        return _unproven(request)
    asked = await _asked(request)
    question = asked if isinstance(asked, Question) else None
    found = await facts.of_evaluation(
        service.db, client_id=shown.client_id, asked=question, at=service.clock()
    )
    portal = proven(found.portal, shown)
    if portal is None:
        return _unproven(request)
    if isinstance(asked, _TooLong):
        return _answer(request, 413, {"error": "the body is too long"})
    if isinstance(asked, BadRequest):
        return _answer(request, 400, {"error": str(asked)})
    return _answer(request, 200, _document(evaluate(service.read_rights, portal, found, asked)))


def _unproven(request: Request) -> Response:
    # §10.1.3: 401 and 403 are about the caller, never about the decision
    return _answer(request, 401, {"error": "unauthorized"}, {"WWW-Authenticate": _CHALLENGE})


def _shown(request: Request) -> Credentials | None:
    headers = request.headers.getlist("authorization")
    return credentials(headers[0], {}) if len(headers) == 1 else None


async def _asked(request: Request) -> Question | BadRequest | _TooLong:
    """The question, or what is wrong with it: told to a caller who has proven himself."""
    try:
        return read(await _body(request))
    except (BadRequest, _TooLong) as error:
        return error


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest("the content type must be application/json")
    received = bytearray()
    try:
        async for chunk in request.stream():
            received += chunk
            if len(received) > LONGEST_BODY:
                raise _TooLong
    except ClientDisconnect as error:
        raise BadRequest("the body is not complete") from error
    return bytes(received)


def _document(decision: Decision) -> dict[str, Any]:
    if isinstance(decision, Permit):
        context: dict[str, Any] = {"roles": list(decision.roles), "revision": decision.revision}
        if decision.until is not None:
            context["until"] = decision.until.isoformat(timespec="seconds").replace("+00:00", "Z")
        return {"decision": True, "context": context}
    # A portal gets the coarse reason (DESIGN 4).
    if decision.level is None:
        return {"decision": False, "context": {"reason": "noRight"}}
    return {"decision": False, "context": {"reason": "levelTooLow", "acr_values": decision.level.acr}}


def _answer(
    request: Request, status: int, document: dict[str, Any], more: dict[str, str] | None = None
) -> Response:
    headers = {"Cache-Control": "no-store", **(more or {})}
    # §10.1.4: what the caller sent to find its call again goes back unchanged
    if "x-request-id" in request.headers:
        headers["X-Request-ID"] = request.headers["x-request-id"]
    return Response(msgspec.json.encode(document), status, headers, media_type="application/json")
