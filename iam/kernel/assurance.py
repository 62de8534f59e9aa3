"""How surely a person has shown who he is, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

_FAS_PREFIX = "urn:be:fedict:iam:fas:Level"


class Level(IntEnum):
    """Levels of the federal authentication service, in its own figures (DOMAIN 4.1)."""

    NONE = 0
    SELF_REGISTERED = 100
    PASSWORD = 200
    TOTP = 400
    ITSME = 450
    EID = 500

    @classmethod
    def from_acr(cls, acr: str | None) -> "Level":
        """The level an `acr` of the federal service stands for; anything else is NONE."""
        if acr is None or not acr.startswith(_FAS_PREFIX):
            return cls.NONE
        figure = acr.removeprefix(_FAS_PREFIX)
        return cls(int(figure)) if figure in {str(int(level)) for level in cls} else cls.NONE

    @property
    def acr(self) -> str:
        """The `acr` URN to ask for."""
        return f"{_FAS_PREFIX}{int(self)}"


@dataclass(frozen=True, slots=True)
class Assurance:
    """The level of a login and when it happened. Computed by us, never taken from Keycloak's LoA."""

    level: Level
    authenticated_at: datetime

    def is_at_least(self, level: Level) -> bool:
        """Whether the login was as strong as `level`."""
        return self.level >= level

    def is_fresh(self, now: datetime, within: timedelta) -> bool:
        """Whether the login happened no longer than `within` ago."""
        return now - self.authenticated_at <= within
