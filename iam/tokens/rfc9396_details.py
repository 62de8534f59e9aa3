"""RFC 9396: the mandate in `authorization_details`, as it is asked for and as it is given."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.portals.model import Disclosure, Portal
from iam.tokens.model import Issue, IssuedRole
from iam.tokens.rfc6749_errors import ErrorCode, OAuthError

_LONGEST = 4096
_MOST_ACTIONS = 50
_MEMBERS = frozenset({"type", "identifier", "actions", "locations"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a portal asks for: no number means the person himself; no actions, all it may have."""

    number: EnterpriseNumber | None
    actions: frozenset[str] | None
    locations: tuple[str, ...] | None = None


def details_type(issuer: str) -> str:
    """Our type (RFC 9396 §2.1 suggests a URI under the control of whoever defines it)."""
    return f"{issuer}/authorization-details/mandate"


def parse(text: str | None, *, issuer: str) -> Asked:
    """What `authorization_details` asks for. Raises `OAuthError`.

    RFC 9396 §5: an unknown type, an unknown member, a member of the wrong kind or with an invalid
    value, or a missing one, is refused with `invalid_authorization_details`.
    """
    if text is None:
        return Asked(number=None, actions=None)
    detail = _one(text)
    if detail.get("type") != details_type(issuer):
        raise _invalid("the type is not supported")
    if not detail.keys() <= _MEMBERS:
        raise _invalid("a member is not known")
    return Asked(
        number=_number(detail.get("identifier")), actions=_actions(detail), locations=_locations(detail)
    )


def within(asked: Asked, portal: Portal) -> None:
    """Nothing is asked for beyond what this portal may have. Raises `OAuthError`."""
    if asked.locations is not None and asked.locations != (portal.audience,):
        raise _invalid("locations must hold the portal's own audience alone")
    # Outside its ceiling a portal learns nothing, not even whether a role exists.
    if asked.actions is not None and not asked.actions <= portal.roles:
        raise _invalid("an action is not one of the portal's")


def _one(text: str) -> dict[str, Any]:
    if len(text) > _LONGEST:
        raise _invalid("it is too long")
    try:
        details = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _invalid("it is not well-formed JSON") from error
    # A token holds the roles of one entity in one capacity (nr 58): one object, no more, no less.
    if not isinstance(details, list) or len(details) != 1 or not isinstance(details[0], dict):
        raise _invalid("it must be an array of exactly one object")
    detail: dict[str, Any] = details[0]
    return detail


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        # RFC 8259 §4: readers differ on a repeated name, so that nobody may profit from it
        raise ValueError
    return made


def _refuse(_constant: str) -> None:
    raise ValueError


def _number(value: object) -> EnterpriseNumber:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{10}", value, re.ASCII):
        raise _invalid("identifier must be an enterprise number of ten digits")
    try:
        return EnterpriseNumber(value)
    except InvalidNumber as error:
        raise _invalid("identifier is not an enterprise number") from error


def _locations(detail: dict[str, Any]) -> tuple[str, ...] | None:
    if "locations" not in detail:
        return None
    locations = detail["locations"]
    if not isinstance(locations, list) or not all(isinstance(each, str) for each in locations):
        raise _invalid("locations must be an array of addresses")
    return tuple(locations)


def _actions(detail: dict[str, Any]) -> frozenset[str] | None:
    if "actions" not in detail:
        return None
    actions = detail["actions"]
    if not isinstance(actions, list) or not 1 <= len(actions) <= _MOST_ACTIONS:
        raise _invalid("actions must be an array of role codes")
    if not all(isinstance(action, str) for action in actions):
        raise _invalid("actions must be an array of role codes")
    if len(set(actions)) != len(actions):
        raise _invalid("an action is repeated")
    return frozenset(actions)


def _invalid(what: str) -> OAuthError:
    return OAuthError(ErrorCode.INVALID_AUTHORIZATION_DETAILS, f"authorization_details: {what}")


def granted(
    issue: Issue, roles: Sequence[IssuedRole], *, issuer: str, portal: Portal
) -> list[dict[str, Any]]:
    """What was given, for the answer (RFC 9396 §7), the token (§9.1) and introspection (§9.2)."""
    mandate: dict[str, Any] = {"capacity": issue.capacity.value, "basis": issue.basis}
    detail: dict[str, Any] = {"type": details_type(issuer), "locations": [portal.audience]}
    if issue.number is not None:
        detail["identifier"] = issue.number.digits
        detail["actions"] = [role.code for role in roles]
        mandate["roles"] = [_role(role) for role in roles]
        if issue.enterprise_name is not None and Disclosure.ENTERPRISE_NAME in portal.receives:
            mandate["name"] = issue.enterprise_name
    mandate["revision"] = issue.revision.encode()
    detail["mandate"] = mandate
    return [detail]


def _role(role: IssuedRole) -> dict[str, Any]:
    made: dict[str, Any] = {"code": role.code, "grant": str(role.grant)}
    if role.until is not None:
        made["until"] = _rfc3339(role.until)
    return made


def _rfc3339(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")
