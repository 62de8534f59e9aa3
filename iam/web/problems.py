"""What goes wrong, told outside: RFC 9457 problem documents in the form of the Belgif REST guide.

The one mapping from a rule's reason, or from a fault of the edge itself, to a status and a type
(STYLE 10). OAuth and AuthZEN endpoints have error bodies of their own and do not come here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from iam.kernel.decision import Refusal
from iam.kernel.reasons import Kind, Reason

MEDIA_TYPE = "application/problem+json"
_BELGIF = "urn:problem-type:belgif:"
_OURS = "urn:problem-type:habilis:iam:"
_ISSUE_INVALID = f"{_BELGIF}input-validation:invalidInput"
_ISSUE_SCHEMA = f"{_BELGIF}input-validation:schemaViolation"


class Fault(StrEnum):
    """What the edge itself says no to, or cannot do. Values are permanent: they are published."""

    status: int
    type: str
    heading: str

    def __new__(cls, code: str, status: int, kind: str, heading: str) -> Self:
        """A member whose value is the code and which carries status, type and heading."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.status = status
        member.type = kind
        member.heading = heading
        return member

    BAD_REQUEST = "badRequest", 400, f"{_BELGIF}badRequest", "Bad Request"
    LOGIN_NEEDED = "loginNeeded", 401, f"{_BELGIF}noAccessToken", "No Access Token"
    FOREIGN_ORIGIN = "foreignOrigin", 403, f"{_OURS}foreignOrigin", "Foreign Origin"
    NOT_FOUND = "notFound", 404, f"{_BELGIF}resourceNotFound", "Resource Not Found"
    METHOD_NOT_ALLOWED = "methodNotAllowed", 405, f"{_OURS}methodNotAllowed", "Method Not Allowed"
    ACT_REUSED = "actReused", 409, f"{_OURS}actReused", "Act Reused"
    BODY_TOO_LARGE = "bodyTooLarge", 413, f"{_BELGIF}payloadTooLarge", "Payload Too Large"
    MEDIA_TYPE = "mediaType", 415, f"{_OURS}unsupportedMediaType", "Unsupported Media Type"
    INTERNAL = "internal", 500, f"{_BELGIF}internalServerError", "Internal Server Error"
    DATABASE_UNAVAILABLE = (
        "databaseUnavailable", 503, f"{_BELGIF}serviceUnavailable", "Service Unavailable",
    )  # fmt: skip
    LOGIN_UNAVAILABLE = (
        "loginUnavailable", 503, f"{_BELGIF}serviceUnavailable", "Service Unavailable",
    )  # fmt: skip
    LOGIN_FAILED = "loginFailed", 400, f"{_OURS}loginFailed", "Login Failed"
    LOGIN_EXPIRED = "loginExpired", 400, f"{_OURS}loginExpired", "Login Expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One thing wrong with what was sent. The value sent is never repeated: it may be anybody's number."""

    type: str
    place: str | None = None
    name: str | None = None
    detail: str | None = None

    def document(self) -> dict[str, Any]:
        """The issue as JSON; what is absent is left out."""
        members = {"type": self.type, "in": self.place, "name": self.name, "detail": self.detail}
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem before it becomes a document or a page.

    `code` is the reason or the fault, for the sentence on a page. `refusal` is there when a rule
    said no. `extra` are further members of the document.
    """

    status: int
    type: str
    title: str
    code: str
    refusal: Refusal | None = None
    issues: Sequence[Issue] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, trace_id: str) -> dict[str, Any]:
        """The problem document; `instance` is the trace id (RFC 9457 §3.1.5)."""
        document: dict[str, Any] = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "instance": f"urn:uuid:{trace_id}",
            **self.extra,
        }
        if self.issues:
            document["issues"] = [issue.document() for issue in self.issues]
        return document


class ProblemError(Exception):
    """A route cannot go on; the edge answers with `problem`."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem; the message is its code."""
        super().__init__(problem.code)
        self.problem = problem


class Refused(ProblemError):
    """A rule said no: whatever the transaction did is undone, and the edge tells the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        """Keep the refusal."""
        super().__init__(of_refusal(refusal))


def of_fault(
    fault: Fault, *, issues: Sequence[Issue] = (), headers: Mapping[str, str] | None = None
) -> Problem:
    """The problem of a fault."""
    return Problem(
        status=fault.status,
        type=fault.type,
        title=fault.heading,
        code=fault.value,
        issues=issues,
        headers=headers or {},
    )


def schema_violation(place: str, name: str, detail: str) -> Issue:
    """An issue of a parameter or body that does not have the form asked for."""
    return Issue(type=_ISSUE_SCHEMA, place=place, name=name, detail=detail)


def invalid_input(place: str, name: str, detail: str) -> Issue:
    """An issue of a parameter that has the form asked for and means nothing."""
    return Issue(type=_ISSUE_INVALID, place=place, name=name, detail=detail)


def of_refusal(refusal: Refusal) -> Problem:
    """The problem of a rule's no. Total over `Kind`.

    A NOT_FOUND says nothing of its reason: absent and not concerned look the same (DESIGN 11).
    """
    reason = refusal.reason
    match reason.kind:
        case Kind.INVALID:
            return _invalid(refusal)
        case Kind.NOT_FOUND:
            return of_fault(Fault.NOT_FOUND)
        case Kind.FORBIDDEN:
            return _of(refusal, 403, f"{_BELGIF}missingPermission", "Missing Permission")
        case Kind.STEP_UP:
            return _step_up(refusal)
        case Kind.CONFLICT:
            return _of(refusal, 409, f"{_OURS}{reason}", "Conflict")
        case Kind.LIMITED:
            return _of(
                refusal, 429, f"{_BELGIF}tooManyRequests", "Too Many Requests", {"Retry-After": "3600"}
            )
        case Kind.UNAVAILABLE:
            return _of(
                refusal, 503, f"{_BELGIF}serviceUnavailable", "Service Unavailable", {"Retry-After": "60"}
            )


def _of(
    refusal: Refusal, status: int, kind: str, title: str, headers: Mapping[str, str] | None = None
) -> Problem:
    return Problem(
        status=status,
        type=kind,
        title=title,
        code=refusal.reason.value,
        refusal=refusal,
        extra=_why(refusal.reason),
        headers=headers or {},
    )


def _why(reason: Reason) -> dict[str, str]:
    return {"reason": reason.value, "fixer": reason.fixer.value}


def _invalid(refusal: Refusal) -> Problem:
    issue = Issue(
        type=f"{_OURS}{refusal.reason}" if refusal.about else _ISSUE_INVALID, place="body", name=refusal.about
    )
    return Problem(
        status=400,
        type=f"{_BELGIF}badRequest",
        title="Bad Request",
        code=refusal.reason.value,
        refusal=refusal,
        issues=[issue],
        extra=_why(refusal.reason),
    )


def _step_up(refusal: Refusal) -> Problem:
    """RFC 9470 §3: which authentication would do."""
    challenge = 'Bearer error="insufficient_user_authentication"'
    extra: dict[str, Any] = _why(refusal.reason)
    if refusal.level is not None:
        challenge += f', acr_values="{refusal.level.acr}"'
        extra["acrValues"] = refusal.level.acr
    return Problem(
        status=401,
        type=f"{_OURS}{refusal.reason}",
        title="Insufficient User Authentication",
        code=refusal.reason.value,
        refusal=refusal,
        extra=extra,
        headers={"WWW-Authenticate": challenge},
    )
