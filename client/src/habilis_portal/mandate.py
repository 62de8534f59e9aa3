"""What a mandate token says, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from habilis_portal.errors import InvalidMandate

_ACR = "urn:be:fedict:iam:fas:Level"
_MOST_ROLES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role, the grant it comes from, and when that ends; `until` is None when it is open."""

    code: str
    grant: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    """A role the person holds but for which his login was too weak; ask for these `acr_values`."""

    action: str
    acr_values: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """A person, for this enterprise, with these roles, until then, on this basis.

    `subject` names the person at this portal and nowhere else. `enterprise_number` is None for a
    person who acts for himself. `until` is when the first of the roles ends, `expires_at` when the
    token does: exchange again for later acts. `token` and `key` are the evidence (`Evidence`).
    """

    subject: str
    capacity: str
    basis: str
    enterprise_number: str | None
    enterprise_name: str | None
    roles: tuple[Role, ...]
    level: int
    acr: str
    authenticated_at: datetime
    issued_at: datetime
    expires_at: datetime
    revision: str
    token_id: str
    token: str = field(repr=False)
    key: Mapping[str, Any] = field(repr=False, hash=False)
    step_up: tuple[StepUp, ...] = ()

    @property
    def until(self) -> datetime | None:
        """When the first of the roles ends; None when none has an end."""
        ends = [role.until for role in self.roles if role.until is not None]
        return min(ends, default=None)

    def has_role(self, code: str) -> bool:
        """Whether the role is among those of this mandate."""
        return any(role.code == code for role in self.roles)

    def acts_for(self, enterprise_number: str) -> bool:
        """Whether the mandate is for this very enterprise, of ten digits."""
        return self.enterprise_number is not None and self.enterprise_number == enterprise_number


def from_claims(
    claims: Mapping[str, Any], *, issuer: str, audience: str, token: str, key: Mapping[str, Any]
) -> Mandate:
    """The mandate in claims whose signature and times hold. Raises `InvalidMandate` with `details`.

    RFC 9396 §9.1: the resource compares the whole object, not its type alone.
    """
    detail = _detail(claims, issuer, audience)
    mandate = _member(detail, "mandate", dict)
    acr = _member(claims, "acr", str)
    number = detail.get("identifier")
    if number is not None and not (
        isinstance(number, str) and len(number) == len("1900000069") and number.isascii() and number.isdigit()
    ):
        raise _details("identifier is not an enterprise number")
    roles = _roles(mandate)
    if [role.code for role in roles] != detail.get("actions", []):
        raise _details("actions and roles differ")
    if (number is None) != (not roles):
        raise _details("an enterprise without roles, or roles without an enterprise")
    name = mandate.get("name")
    if not isinstance(name, str | None):
        raise _details("name is not a text")
    return Mandate(
        subject=claims["sub"],
        capacity=_member(mandate, "capacity", str),
        basis=_member(mandate, "basis", str),
        enterprise_number=number,
        enterprise_name=name,
        roles=roles,
        level=_level(acr),
        acr=acr,
        authenticated_at=_instant(_member(claims, "auth_time", int)),
        issued_at=_instant(claims["iat"]),
        expires_at=_instant(claims["exp"]),
        revision=_member(mandate, "revision", str),
        token_id=claims["jti"],
        token=token,
        key=key,
    )


def _detail(claims: Mapping[str, Any], issuer: str, audience: str) -> Mapping[str, Any]:
    details = claims.get("authorization_details")
    if not isinstance(details, list) or len(details) != 1 or not isinstance(details[0], dict):
        raise _details("not exactly one")
    detail: Mapping[str, Any] = details[0]
    if detail.get("type") != f"{issuer}/authorization-details/mandate":
        raise _details("another type")
    if detail.get("locations") != [audience]:
        raise _details("another location")
    return detail


def _roles(mandate: Mapping[str, Any]) -> tuple[Role, ...]:
    listed = mandate.get("roles", [])
    if not isinstance(listed, list) or len(listed) > _MOST_ROLES:
        raise _details("roles is not a list")
    roles = []
    for each in listed:
        if not isinstance(each, dict):
            raise _details("a role is not an object")
        until = each.get("until")
        roles.append(
            Role(
                code=_member(each, "code", str),
                grant=_member(each, "grant", str),
                until=None if until is None else _date_time(until),
            )
        )
    if len({role.code for role in roles}) != len(roles):
        raise _details("a role stands twice")
    return tuple(roles)


def _level(acr: str) -> int:
    figure = acr.removeprefix(_ACR)
    return int(figure) if acr.startswith(_ACR) and figure.isascii() and figure.isdigit() else 0


def _date_time(text: object) -> datetime:
    try:
        instant = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError as error:
        raise _details("until is not an instant") from error
    if instant.tzinfo is None:
        raise _details("until has no time zone")
    return instant.astimezone(UTC)


def _instant(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise _details("an instant out of range") from error


def _member(holder: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    found = holder.get(name)
    if not isinstance(found, kind) or isinstance(found, bool):
        raise _details(f"{name} is missing or of another kind")
    return found


def _details(what: str) -> InvalidMandate:
    return InvalidMandate("details", what)
