"""What must change in a running Keycloak so that it is as the realm file says.

Keycloak's own import skips a realm that exists. The plan names places, never values: some are secrets.
Sign in with an account that neither the service nor provisioning has (DESIGN 7).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx2

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_MASKED = "**********"
_PROFILE = "org.keycloak.userprofile.UserProfileProvider"
_SECONDS = 20.0

# What of the file is an object of its own and not a setting of the realm.
_NOT_SETTINGS = {
    "authenticationFlows",
    "authenticatorConfig",
    "clientScopeMappings",
    "clientScopes",
    "clients",
    "components",
    "defaultDefaultClientScopes",
    "defaultOptionalClientScopes",
    "defaultRole",
    "identityProviderMappers",
    "identityProviders",
    "requiredActions",
    "roles",
    "users",
}
_NOT_OF_A_CLIENT = {"authorizationSettings", "authorizationServicesEnabled", "protocolMappers"}
# Clients that Keycloak makes for itself and of which the file says nothing.
_OF_KEYCLOAK = {"_system", "broker", "realm-management"}

Json = dict[str, Any]


class Verb(StrEnum):
    """What is to be done. `BY_HAND` and `EXTRA` are told and not done."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    BY_HAND = "by hand"
    EXTRA = "extra"


class Kind(StrEnum):
    """The kinds of things that a plan speaks of."""

    REALM = "realm"
    PROFILE = "user profile"
    SCOPE = "client scope"
    SCOPE_MAPPER = "mapper of a client scope"
    CLIENT = "client"
    CLIENT_MAPPER = "mapper of a client"
    BROKER = "broker"
    BROKER_MAPPER = "mapper of the broker"
    FLOW = "flow"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Change:
    """One difference: what, which one, what to do, and the fields that differ (their names only)."""

    kind: Kind
    name: str
    verb: Verb
    fields: tuple[str, ...] = ()
    within: str = ""

    def __str__(self) -> str:
        """One line for a terminal."""
        place = f" of {self.within}" if self.within else ""
        told = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.verb} {self.kind} {self.name}{place}{told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A realm as the file says it or as Keycloak has it, in one shape so that the two can be compared."""

    realm: Json
    profile: Json
    scopes: Mapping[str, Json]
    clients: Mapping[str, Json]
    brokers: Mapping[str, Json]
    broker_mappers: Mapping[str, Json]
    flows: Mapping[str, list[tuple[str, str]]]

    def __repr__(self) -> str:
        """Nothing: it holds secrets."""
        return "World(...)"


def wanted(text: str, environment: Mapping[str, str]) -> World:
    """The world of a realm file. Raises KeyError for a variable without a value; run the lint first."""
    read: Json = json.loads(_VARIABLE.sub(lambda found: json.dumps(environment[found.group(1)])[1:-1], text))
    profiles = read["components"][_PROFILE]
    return World(
        realm={key: value for key, value in read.items() if key not in _NOT_SETTINGS},
        profile=_profile_form(json.loads(profiles[0]["config"]["kc.user.profile.config"][0])),
        scopes={each["name"]: each for each in read.get("clientScopes", [])},
        clients={each["clientId"]: each for each in read.get("clients", [])},
        brokers={each["alias"]: each for each in read.get("identityProviders", [])},
        broker_mappers={each["name"]: each for each in read.get("identityProviderMappers", [])},
        flows={
            flow["alias"]: [
                (each["authenticator"], each["requirement"]) for each in flow["authenticationExecutions"]
            ]
            for flow in read.get("authenticationFlows", [])
        },
    )


def _profile_form(read: Mapping[str, Any]) -> Json:
    """A user profile without what Keycloak adds. No word about unmanaged attributes means: none."""
    return {
        "unmanagedAttributePolicy": read.get("unmanagedAttributePolicy"),
        "attributes": [
            {key: value for key, value in each.items() if value not in (False, None)}
            for each in read.get("attributes", [])
        ],
    }


def connect(base_url: str, realm: str, *, username: str, password: str) -> httpx2.Client:
    """A client of the realm's administration, signed in at the realm `master`. Raises httpx2.HTTPError."""
    base = base_url.rstrip("/")
    answer = httpx2.post(
        f"{base}/realms/master/protocol/openid-connect/token",
        data={"grant_type": "password", "client_id": "admin-cli", "username": username, "password": password},
        timeout=_SECONDS,
    )
    answer.raise_for_status()
    return httpx2.Client(
        base_url=f"{base}/admin/realms/{realm}",
        headers={"Authorization": f"Bearer {answer.json()['access_token']}"},
        timeout=_SECONDS,
    )


def read(admin: httpx2.Client, path: str) -> Any:
    """What Keycloak answers. Raises httpx2.HTTPError."""
    answer = admin.get(path)
    answer.raise_for_status()
    return answer.json()


def actual(admin: httpx2.Client) -> World:
    """The world as Keycloak has it now. Raises httpx2.HTTPError."""
    brokers = {each["alias"]: each for each in read(admin, "/identity-provider/instances")}
    return World(
        realm=read(admin, ""),
        profile=_profile_form(read(admin, "/users/profile")),
        scopes={each["name"]: each for each in read(admin, "/client-scopes")},
        clients={each["clientId"]: each for each in read(admin, "/clients")},
        brokers=brokers,
        broker_mappers={
            each["name"]: each
            for alias in brokers
            for each in read(admin, f"/identity-provider/instances/{alias}/mappers")
        },
        flows={
            flow["alias"]: [
                (each["authenticator"], each["requirement"])
                for each in sorted(flow["authenticationExecutions"], key=lambda each: int(each["priority"]))
                if each.get("authenticator")
            ]
            for flow in read(admin, "/authentication/flows")
        },
    )


def _same(one: Any, other: Any) -> bool:
    if other == _MASKED:
        return True
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    # Keycloak keeps an empty text as none.
    return bool(one == other or (one in ("", None) and other in ("", None)))


def differing(file: Mapping[str, Any], running: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The dotted names of what the file says and the running one has not; the file's silence is assent."""
    for key, value in file.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            yield from differing(value, running.get(key) or {}, f"{name}.")
        elif not _same(value, running.get(key)):
            yield name


def plan(file: World, running: World) -> list[Change]:
    """The changes, in the order in which they can be done. Pure: it compares two values."""
    return [
        *_one(Kind.REALM, str(file.realm["realm"]), file.realm, running.realm),
        *_one(Kind.PROFILE, "attributes", file.profile, running.profile),
        *_flows(file, running),
        *_scopes(file, running),
        *_clients(file, running),
        *_brokers(file, running),
    ]


def _one(
    kind: Kind, name: str, file: Mapping[str, Any], running: Mapping[str, Any] | None, within: str = ""
) -> Iterator[Change]:
    if running is None:
        yield Change(kind=kind, name=name, verb=Verb.CREATE, within=within)
    elif fields := tuple(differing(file, running)):
        yield Change(kind=kind, name=name, verb=Verb.UPDATE, fields=fields, within=within)


def _flows(file: World, running: World) -> Iterator[Change]:
    for name, steps in file.flows.items():
        if running.flows.get(name) != steps:
            yield Change(kind=Kind.FLOW, name=name, verb=Verb.BY_HAND)


def _scopes(file: World, running: World) -> Iterator[Change]:
    for name, scope in file.scopes.items():
        plain = {key: value for key, value in scope.items() if key != "protocolMappers"}
        has = running.scopes.get(name)
        yield from _one(Kind.SCOPE, name, plain, has)
        if has is None:
            continue
        here = {each["name"]: each for each in has.get("protocolMappers", [])}
        for mapper in scope.get("protocolMappers", []):
            yield from _one(Kind.SCOPE_MAPPER, mapper["name"], mapper, here.pop(mapper["name"], None), name)
        for extra in here:
            # A mapper more may tell more: what the file does not say goes.
            yield Change(kind=Kind.SCOPE_MAPPER, name=extra, verb=Verb.REMOVE, within=name)


def of_client(client: Mapping[str, Any]) -> Json:
    """A client without what is compared or changed on its own."""
    return {key: value for key, value in client.items() if key not in _NOT_OF_A_CLIENT}


def _clients(file: World, running: World) -> Iterator[Change]:
    for name, client in file.clients.items():
        if "authorizationSettings" in client:
            # Permissions of the administration: Keycloak keeps their resources itself.
            continue
        has = running.clients.get(name)
        yield from _one(Kind.CLIENT, name, of_client(client), has)
        for extra in (has or {}).get("protocolMappers", []) if client["enabled"] else ():
            # Mappers stand in client scopes, where the lint sees them; one at a client is a shortcut.
            yield Change(kind=Kind.CLIENT_MAPPER, name=extra["name"], verb=Verb.REMOVE, within=name)
    for name in sorted(running.clients.keys() - file.clients.keys() - _OF_KEYCLOAK):
        # A portal may have been added by hand: it is told, and a person decides.
        yield Change(kind=Kind.CLIENT, name=name, verb=Verb.EXTRA)


def _brokers(file: World, running: World) -> Iterator[Change]:
    for name, broker in file.brokers.items():
        yield from _one(Kind.BROKER, name, broker, running.brokers.get(name))
    for name in sorted(running.brokers.keys() - file.brokers.keys()):
        yield Change(kind=Kind.BROKER, name=name, verb=Verb.EXTRA)
    here = dict(running.broker_mappers)
    for name, mapper in file.broker_mappers.items():
        alias = mapper["identityProviderAlias"]
        yield from _one(Kind.BROKER_MAPPER, name, mapper, here.pop(name, None), alias)
    for name, mapper in here.items():
        alias = mapper["identityProviderAlias"]
        yield Change(kind=Kind.BROKER_MAPPER, name=name, verb=Verb.REMOVE, within=alias)
