"""The people of the small Wallonia and the digital keys they can choose."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_ACR = "urn:be:fedict:iam:fas:Level"


class Means(StrEnum):
    """A digital key; the strongest first."""

    EID = "eid"
    ITSME = "itsme"
    TOTP = "totp"

    @property
    def level(self) -> int:
        """The level FAS gives to this key (DOMAIN 4.1)."""
        return _LEVELS[self]

    @property
    def acr(self) -> str:
        return f"{_ACR}{self.level}"

    @property
    def amr(self) -> list[str]:
        """The `amr` seen in answers of FAS: a word of its own and the level."""
        return [_AMR[self], self.acr]


_LEVELS = {Means.EID: 500, Means.ITSME: 450, Means.TOTP: 400}
_AMR = {Means.EID: "eid", Means.ITSME: "bmid", Means.TOTP: "totp"}


def level_asked(acr_values: str | None) -> int:
    """The lowest level among `acr_values`, or 0: any of the named values satisfies the caller."""
    levels = [
        int(value.removeprefix(_ACR))
        for value in (acr_values or "").split()
        if value.startswith(_ACR) and value.removeprefix(_ACR).isdigit()
    ]
    return min(levels, default=0)


def means_for(level: int) -> tuple[Means, ...]:
    """The keys that reach this level, the strongest first."""
    return tuple(means for means in Means if means.level >= level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Somebody one can log in as."""

    key: str
    given_name: str
    family_name: str
    language: str
    number: str
    email: str | None
    says: str

    def __repr__(self) -> str:
        """The key only: a national number is in no log."""
        return f"Persona({self.key})"

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


def load(path: Path) -> Mapping[str, Persona]:
    """The personas of a file, by key, in its order. Raises KeyError or ValueError when it is not one."""
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        each["key"]: Persona(
            key=each["key"],
            given_name=each["given_name"],
            family_name=each["family_name"],
            language=each["language"],
            number=each["ssin"],
            email=each.get("email"),
            says=each.get("says", ""),
        )
        for each in read["persona"]
    }
