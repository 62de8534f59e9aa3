"""The enterprises and the people who hold functions in them, read from the sources."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PERSONAS = HERE.parent / "personas.toml"
_FIRST_ENTERPRISE = 19_000_000
_FIRST_ESTABLISHMENT = 29_000_000
_FIRST_BRANCH = 99_000_000
_OTHER_YEARS = 47


def checked(first_eight: int) -> str:
    """Returns ten digits, the last two of which are the check digits."""
    return f"{first_eight:08d}{97 - first_eight % 97:02d}"


def dotted(number: str) -> str:
    """Returns the writing of the official files: 1900.000.069, but 2.900.000.087."""
    head = number[:4] if number[0] in "01" else f"{number[0]}.{number[1:4]}"
    return f"{head}.{number[4:7]}.{number[7:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function; its holder is a national number or the key of an enterprise."""

    code: str
    ssin: str | None
    enterprise: str | None
    permanent: str | None
    first_day: str
    last_day: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """Somebody known elsewhere as chief access manager or, where a role is named, as holder of that role."""

    ssin: str
    email: str
    language: str
    role: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise:
    """An enterprise of the small Wallonia."""

    key: str
    number: str
    type: str
    form: str
    form_cac: str
    situation: str
    start: str
    names: tuple[tuple[str, str, str], ...]
    address: dict[str, str]
    contacts: tuple[tuple[str, str], ...]
    establishments: tuple[tuple[str, str], ...]
    branches: tuple[tuple[str, str], ...]
    functions: tuple[Function, ...]
    appointments: tuple[Appointment, ...]
    since: int = 1
    vanishes: bool = False


@dataclass(slots=True)
class _People:
    """National numbers by name: those of the personas, and made-up ones for the others."""

    personas: dict[str, dict[str, Any]]
    others: dict[str, str] = field(default_factory=dict)

    def ssin(self, name: str) -> str:
        if not name.startswith("other:"):
            return str(self.personas[name]["ssin"])
        if name not in self.others:
            # Born in an unknown month and day of that year: nobody is.
            first_nine = _OTHER_YEARS * 10_000_000 + 101 + 2 * len(self.others)
            self.others[name] = f"{first_nine:09d}{97 - first_nine % 97:02d}"
        return self.others[name]


@cache
def enterprises() -> tuple[Enterprise, ...]:
    """Returns all of them, in the order of their numbers."""
    raw = tomllib.loads((HERE / "enterprises.toml").read_text(encoding="utf-8"))["enterprise"]
    personas = tomllib.loads(PERSONAS.read_text(encoding="utf-8"))["persona"]
    people = _People({entry["key"]: entry for entry in personas})
    found: list[Enterprise] = []
    units = branches = 0
    for place, entry in enumerate(raw):
        names = entry.get("establishments", [])
        offices = entry.get("branches", [])
        found.append(
            Enterprise(
                key=entry["key"],
                number=checked(_FIRST_ENTERPRISE + place),
                type=entry.get("type", "2"),
                form=entry.get("form", ""),
                form_cac=entry.get("form_cac", ""),
                situation=entry.get("situation", "000"),
                start=entry["start"],
                names=tuple((language, kind, text) for language, kind, text in entry["names"]),
                address=entry.get("address", {}),
                contacts=tuple((kind, value) for kind, value in entry.get("contacts", [])),
                establishments=tuple(
                    (checked(_FIRST_ESTABLISHMENT + units + each), name) for each, name in enumerate(names)
                ),
                branches=tuple(
                    (checked(_FIRST_BRANCH + branches + each), name) for each, name in enumerate(offices)
                ),
                functions=tuple(_function(each, people) for each in entry.get("functions", [])),
                appointments=tuple(_appointment(each, people) for each in entry.get("known", [])),
                since=entry.get("since", 1),
                vanishes=entry.get("vanishes", False),
            )
        )
        units += len(names)
        branches += len(offices)
    return tuple(found)


def _function(entry: dict[str, str], people: _People) -> Function:
    return Function(
        code=entry["code"],
        ssin=people.ssin(entry["holder"]) if "holder" in entry else None,
        enterprise=entry.get("enterprise"),
        permanent=people.ssin(entry["permanent"]) if "permanent" in entry else None,
        first_day=entry["from"],
        last_day=entry.get("to"),
    )


def _appointment(entry: dict[str, str], people: _People) -> Appointment:
    persona = people.personas[entry["who"]]
    return Appointment(
        ssin=persona["ssin"], email=persona["email"], language=persona["language"], role=entry.get("role")
    )
