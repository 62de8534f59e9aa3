"""The requests and answers of Habilis, without the network."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2

from habilis_portal.errors import Denied, HabilisError, Rejected, StepUpNeeded, Unavailable
from habilis_portal.mandate import StepUp

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
_OK = 200
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Introspection:
    """What holds now of a token. `roles` may be fewer than the token says."""

    active: bool
    roles: tuple[str, ...] = ()
    enterprise_number: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision. `reason` and `acr_values` tell why not; `roles` and `until` on what it rests."""

    permitted: bool
    reason: str | None = None
    acr_values: str | None = None
    roles: tuple[str, ...] = ()
    until: datetime | None = None
    revision: str | None = None


def exchange_form(
    issuer: str, audience: str, subject_token: str, enterprise: str | None, actions: Sequence[str] | None
) -> dict[str, str]:
    """The form of an exchange (RFC 8693 §2.1). Raises ValueError for actions without enterprise."""
    form = {
        "grant_type": GRANT_TYPE,
        "subject_token": subject_token,
        "subject_token_type": ACCESS_TOKEN,
        "audience": audience,
    }
    if enterprise is None:
        if actions is not None:
            raise ValueError("actions are asked for an enterprise")
        return form
    detail: dict[str, Any] = {"type": f"{issuer}/authorization-details/mandate", "identifier": enterprise}
    if actions is not None:
        detail["actions"] = list(actions)
    return {**form, "authorization_details": json.dumps([detail])}


def exchanged(answer: httpx2.Response) -> tuple[str, tuple[StepUp, ...]]:
    """The token of an exchange, still to be verified, and what a stronger login would add."""
    body = _oauth(answer)
    token = body.get("access_token")
    if not isinstance(token, str) or body.get("issued_token_type") != ACCESS_TOKEN:
        raise _strange()
    try:
        hints = tuple(
            StepUp(action=str(each["action"]), acr_values=str(each["acr_values"]))
            for each in body.get("step_up", [])
        )
    except (TypeError, KeyError) as error:
        raise _strange() from error
    return token, hints


def introspected(answer: httpx2.Response) -> Introspection:
    """The answer of an introspection (RFC 7662 §2.2)."""
    body = _oauth(answer)
    if body.get("active") is not True:
        return Introspection(active=False)
    try:
        [detail] = body["authorization_details"]
        return Introspection(
            active=True,
            roles=tuple(detail.get("actions", ())),
            enterprise_number=detail.get("identifier"),
            revision=body["revision"],
        )
    except (TypeError, KeyError, ValueError) as error:
        raise _strange() from error


def revoked(answer: httpx2.Response) -> None:
    """A revocation was taken note of (RFC 7009 §2.2)."""
    if answer.status_code != _OK:
        _oauth(answer)


def evaluation_body(subject: str, action: str, enterprise: str, acr: str | None) -> dict[str, Any]:
    """The body of an evaluation (AuthZEN Authorization API 1.0 §6)."""
    body: dict[str, Any] = {
        "subject": {"type": "person", "id": subject},
        "action": {"name": action},
        "resource": {"type": "enterprise", "id": enterprise},
    }
    return body if acr is None else {**body, "context": {"acr": acr}}


def evaluated(answer: httpx2.Response) -> Decision:
    """The decision of an evaluation. Anything but an explicit yes is a no, or raises."""
    if answer.status_code >= _SERVER_ERROR:
        raise Unavailable("unavailable", str(answer.status_code))
    if answer.status_code != _OK:
        raise Rejected({401: "invalid_client"}.get(answer.status_code, "invalid_request"))
    body = _json(answer)
    context = body.get("context", {})
    if not isinstance(body.get("decision"), bool) or not isinstance(context, dict):
        raise _strange()
    until = context.get("until")
    try:
        return Decision(
            permitted=body["decision"] is True,
            reason=context.get("reason"),
            acr_values=context.get("acr_values"),
            roles=tuple(context.get("roles", ())),
            until=None if until is None else datetime.fromisoformat(until),
            revision=context.get("revision"),
        )
    except (TypeError, ValueError) as error:
        raise _strange() from error


def unreachable(error: httpx2.HTTPError) -> Unavailable:
    """What a failure of the network is to a caller."""
    return Unavailable("unavailable", type(error).__name__)


def _oauth(answer: httpx2.Response) -> Mapping[str, Any]:
    if answer.status_code >= _SERVER_ERROR:
        raise Unavailable("unavailable", str(answer.status_code))
    body = _json(answer)
    if answer.status_code == _OK:
        return body
    code = str(body.get("error", "invalid_request"))
    if code == "insufficient_user_authentication":
        raise StepUpNeeded(str(body.get("acr_values", "")))
    if code == "access_denied":
        raise Denied(str(body.get("reason", "noRight")))
    raise Rejected(code, str(body.get("error_description", "")))


def _json(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError as error:
        raise _strange() from error
    if not isinstance(body, dict):
        raise _strange()
    return body


def _strange() -> HabilisError:
    return Unavailable("unavailable", "the answer is not one of Habilis")
