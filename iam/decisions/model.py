"""A question and its answer. Pure."""

from dataclasses import dataclass
from datetime import datetime

from iam.kernel.assurance import Level
from iam.kernel.numbers import EnterpriseNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether the person known as `sub` may do `action` for an enterprise.

    `number` is None when the resource is none that exists; `level` is None when the portal does not
    say how the person logged in.
    """

    sub: str
    action: str
    number: EnterpriseNumber | None
    level: Level | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Yes: by which roles, until when, read from which state."""

    roles: tuple[str, ...]
    until: datetime | None
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """No. `level` is the login that would do, where only that is missing."""

    level: Level | None = None


Decision = Permit | Deny
