"""How the rules read a realm file."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

EXCHANGE_CLIENT = "mandate-exchange"
NUMBER_NOTE = "egovNRN"
NOTES_WE_RELY_ON = ("acr", NUMBER_NOTE)
NAMES_OF_NUMBER = ("egovNRN", "niss", "insz")
VARIABLE = re.compile(r"\$\{([^}]*)\}")

Realm = Mapping[str, Any]
Environment = Mapping[str, str]
Found = Iterator[tuple[str, str]]
Rule = Callable[[Realm, Environment], Found]


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every scalar of the file with its path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, (*path, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, str(index)))
    else:
        yield path, value


def clients(realm: Realm) -> list[Mapping[str, Any]]:
    """The clients of the file."""
    return list(realm.get("clients", []))


def fills(client: Mapping[str, Any]) -> bool:
    """Whether the client can receive a code."""
    return bool(client.get("enabled", True)) and bool(client.get("standardFlowEnabled", True))


def protocol_mappers(realm: Realm) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every protocol mapper with the place where it stands."""
    for scope in realm.get("clientScopes", []):
        for mapper in scope.get("protocolMappers", []):
            yield f"client scope {scope.get('name')}", mapper
    for client in clients(realm):
        for mapper in client.get("protocolMappers", []):
            yield f"client {client.get('clientId')}", mapper


def is_true(value: Any) -> bool:
    """Whether a setting is on: Keycloak writes some as text."""
    return str(value).lower() == "true"


def used_variables(realm: Realm) -> Iterator[tuple[tuple[str, ...], str]]:
    """What stands between the braces of each `${…}`, with its path."""
    for path, value in leaves(realm):
        if isinstance(value, str):
            yield from ((path, found) for found in VARIABLE.findall(value))
