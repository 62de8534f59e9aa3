"""RFC 8693: a person's Keycloak access token in, a mandate token for one portal out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from iam.delegation.rights import Rights
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId
from iam.kernel.reasons import Reason
from iam.portals.authentication import Credentials
from iam.portals.model import Portal
from iam.portals.pairwise import sub_of
from iam.portals.queries import find
from iam.realms.model import SubjectToken
from iam.tokens import facts, record
from iam.tokens.model import BASIS, Issue, IssuedRole
from iam.tokens.rfc6749_errors import ErrorCode, OAuthError
from iam.tokens.rfc6749_form import authenticated
from iam.tokens.rfc9068_access_token import LONGEST_TOKEN, claims, session_hash, sign
from iam.tokens.rfc9396_details import Asked, granted, parse, within
from iam.tokens.service import TokenService

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
JWT = "urn:ietf:params:oauth:token-type:jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A well-formed request for a mandate token."""

    subject_token: str
    targets: Mapping[str, str]
    asked: Asked

    def __repr__(self) -> str:
        """Nothing of the token."""
        return f"Exchange({self.asked})"


def read(form: Mapping[str, str], *, issuer: str) -> Exchange:
    """The request behind a form, row by row of RFC 8693 §2.1. Raises `OAuthError`."""
    if "grant_type" not in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "grant_type is missing")
    if form["grant_type"] != GRANT_TYPE:
        raise OAuthError(ErrorCode.UNSUPPORTED_GRANT_TYPE, "only token exchange is offered")
    # subject_token and subject_token_type are REQUIRED; §2.2.2 answers what is wrong with the
    # subject token by invalid_request
    token = form.get("subject_token")
    if token is None or "subject_token_type" not in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "subject_token and subject_token_type are required")
    if form["subject_token_type"] != ACCESS_TOKEN:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "subject_token_type must be an access token")
    if len(token) > LONGEST_TOKEN:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "subject_token is too long")
    # actor_token_type MUST NOT be there without actor_token, and is REQUIRED with it. Nobody acts in
    # another one's name here, and an actor we did not verify must not be carried on (CVE-2025-55241).
    if "actor_token" in form or "actor_token_type" in form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "actor tokens are not accepted")
    if form.get("requested_token_type", ACCESS_TOKEN) not in {ACCESS_TOKEN, JWT}:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "requested_token_type must be an access token")
    if "scope" in form:
        raise OAuthError(ErrorCode.INVALID_SCOPE, "rights are asked for by authorization_details")
    # audience and resource (RFC 8707) name the target
    targets = {name: form[name] for name in ("audience", "resource") if name in form}
    return Exchange(
        subject_token=token,
        targets=targets,
        asked=parse(form.get("authorization_details"), issuer=issuer),
    )


def _check_ceiling(wanted: Exchange, portal: Portal) -> None:
    """Nothing is asked for that this portal may not have. Raises `OAuthError`."""
    # a portal gets tokens for itself alone
    for name, target in wanted.targets.items():
        if target != portal.audience:
            raise OAuthError(ErrorCode.INVALID_TARGET, f"{name} must be the portal's own audience")
    within(wanted.asked, portal)
    if wanted.asked.number is None and not portal.citizens:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "this portal serves no citizens")


async def exchange(service: TokenService, shown: Credentials, form: Mapping[str, str]) -> dict[str, Any]:
    """The answer with the token (RFC 8693 §2.2.1).

    Raises `OAuthError`, and what `SubjectTokens.verify` raises. One read, one write: the issue is committed
    before the token is signed, so that no token exists that is not on record.
    """
    try:
        wanted = read(form, issuer=service.issuer)
    except OAuthError:
        # who cannot prove himself does not learn what else is wrong
        authenticated(await find(service.db, shown.client_id), shown)
        raise
    found, now = await _find(service, shown, wanted, None)
    portal = authenticated(found.portal, shown)
    _check_ceiling(wanted, portal)
    subject = await service.subject_tokens.verify(wanted.subject_token, portal.client_id, found.seen)
    if subject.person != found.person:
        # his session was new to us
        found, now = await _find(service, shown, wanted, subject.person)
    level = subject.assurance.level
    if level < portal.level:
        raise _too_weak(portal.level)
    if found.not_before is not None and subject.assurance.authenticated_at < found.not_before:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "the subject token is not accepted")
    signer = await service.ring.signer(portal.alg)
    ceiling = portal.roles if wanted.asked.actions is None else portal.roles & wanted.asked.actions
    rights = service.read_rights(
        found.rights, person=subject.person, number=wanted.asked.number, roles=ceiling, level=level
    )
    if isinstance(rights, Refusal):
        raise _refused(rights)
    issue = _issue(service, portal, subject, rights, now)
    new = sub_of(service.pairwise_key, portal, subject.person) if found.known is None else found.known.sub
    sub = await record.record(service.db, issue, found.known, new)
    token = sign(signer, claims(issue, sub, issuer=service.issuer, portal=portal))
    answer: dict[str, Any] = {
        "access_token": token,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": int((issue.expires_at - issue.issued_at).total_seconds()),
        # RFC 9396 §7: the details as granted
        "authorization_details": granted(issue, issue.roles, issuer=service.issuer, portal=portal),
    }
    if rights.too_weak:
        # nr 60: what a stronger login would add
        answer["step_up"] = [
            {"action": role.code, "acr_values": role.minimum_level.acr} for role in rights.too_weak
        ]
    return answer


async def _find(
    service: TokenService, shown: Credentials, wanted: Exchange, person: PersonId | None
) -> tuple[facts.ExchangeFacts, datetime]:
    now = service.clock()
    found = await facts.of_exchange(
        service.db,
        client_id=shown.client_id,
        session=service.subject_tokens.session_of(wanted.subject_token),
        person=person,
        number=wanted.asked.number,
        at=now,
    )
    return found, now


def _issue(
    service: TokenService,
    portal: Portal,
    subject: SubjectToken,
    rights: Rights,
    now: datetime,
) -> Issue:
    issued_at = _second(now)
    # nr 56, 58: never longer than the login, the right, the portal's limit, or five minutes
    longest = timedelta(seconds=min(service.longest_seconds, portal.longest_seconds))
    ends = [issued_at + longest, subject.expires_at]
    if rights.until is not None:
        ends.append(rights.until)
    expires_at = _second(min(ends))
    if expires_at <= issued_at:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "the subject token or the right is about to end")
    return Issue(
        day=record.day_of(issued_at),
        jti=service.make_id(),
        portal=portal.id,
        person=subject.person,
        entity=rights.entity,
        number=rights.number,
        enterprise_name=rights.name,
        capacity=rights.capacity,
        basis=BASIS[rights.capacity],
        roles=tuple(IssuedRole(code=role.code, grant=role.grant, until=role.until) for role in rights.roles),
        level=subject.assurance.level,
        revision=rights.revision,
        authenticated_at=subject.assurance.authenticated_at,
        issued_at=issued_at,
        expires_at=expires_at,
        session_hash=session_hash(subject.session_id),
        alg=portal.alg,
    )


def _second(instant: datetime) -> datetime:
    # NumericDate in whole seconds, cut and never rounded up: a token must not outlive its right
    return datetime.fromtimestamp(int(instant.timestamp()), UTC)


def _too_weak(level: Level) -> OAuthError:
    # RFC 9470 §3: the hint tells which login would do
    return OAuthError(
        ErrorCode.INSUFFICIENT_USER_AUTHENTICATION, "a stronger login is needed", {"acr_values": level.acr}
    )


def _refused(refusal: Refusal) -> OAuthError:
    """A portal gets the coarse reason: not whether the enterprise, the person or the right is missing."""
    if refusal.reason is Reason.LEVEL_TOO_LOW and refusal.level is not None:
        return _too_weak(refusal.level)
    return OAuthError(ErrorCode.ACCESS_DENIED, "no right that this portal may see", {"reason": "noRight"})
