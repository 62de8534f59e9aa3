"""What can go wrong between us and a group directory, in the words the worker decides by. Pure.

No message holds a body, a name or an address: only a code (STANDARDS 2.8, "error taxonomy").
"""

from typing import ClassVar


class TargetError(Exception):
    """Something failed at a target. `holds_target`: nothing else will work there either, so all wait."""

    kind: ClassVar[str] = "bug"
    holds_target: ClassVar[bool] = False
    # Only a person, or a change elsewhere, will end it: there is no hurry to try again.
    lasting: ClassVar[bool] = False

    @property
    def code(self) -> str:
        """The kind and what was seen, fit for a log and a row."""
        return f"{self.kind}:{self}" if str(self) else self.kind


class UnreachableError(TargetError):
    """The request was not carried out: no connection, or the server says that it is down."""

    kind = "transport"
    holds_target = True


class UnsettledError(TargetError):
    """The request was sent and its outcome is unknown: it may still be carried out. Read back."""

    kind = "unsettled"


class UnauthenticatedError(TargetError):
    """The target does not accept our account."""

    kind = "auth"
    holds_target = True


class ForbiddenError(TargetError):
    """Our account may not do this one thing; Keycloak says so of an account that is not there, too."""

    kind = "auth"
    lasting = True


class ThrottledError(TargetError):
    """The target asks us to come back later; `after` says when, in seconds, if it told."""

    kind = "throttled"
    holds_target = True

    def __init__(self, what: str = "", after: float | None = None) -> None:
        """Keep what was seen and the pause that was asked for."""
        super().__init__(what)
        self.after = after


class ConflictError(TargetError):
    """The object is there already, or changed under our hands."""

    kind = "conflict"


class ForeignError(TargetError):
    """An object stands in our place that is not ours: it is never changed."""

    kind = "foreign"
    lasting = True


class GoneError(TargetError):
    """The object is not there."""

    kind = "gone"
    lasting = True


class BrokenError(TargetError):
    """An answer that makes no sense, or a refusal that only a fault of ours explains."""

    kind = "bug"
