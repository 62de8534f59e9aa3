"""Whose boxes there are: the personas of the demo, by their addresses."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Somebody with a box of his own."""

    key: str
    name: str
    address: str


def owners(path: Path) -> list[Owner]:
    """The personas of this file, in its order. Raises `OSError`, `tomllib.TOMLDecodeError`, `KeyError`."""
    with path.open("rb") as file:
        document = tomllib.load(file)
    return [
        Owner(key=each["key"], name=f"{each['given_name']} {each['family_name']}", address=each["email"])
        for each in document["persona"]
    ]
