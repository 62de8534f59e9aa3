"""Answers of a rule: never a bare yes or no, never an exception."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from iam.kernel.assurance import Level
from iam.kernel.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A no: its reason, the field it is about (for a form), and the facts its sentence needs.

    `facts` hold codes, dates and names of public things only, never data of another person.
    `level` is the level that would do, when the reason is a step-up.
    """

    reason: Reason
    about: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    level: Level | None = None
