"""What must change in a running Keycloak so that it is as the realm file says, and the doing of it.

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
_LINKED_SCOPES = {
    "defaultClientScopes": "default-client-scopes",
    "optionalClientScopes": "optional-client-scopes",
}

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


def _get(admin: httpx2.Client, path: str) -> Any:
    answer = admin.get(path)
    answer.raise_for_status()
    return answer.json()


def actual(admin: httpx2.Client) -> World:
    """The world as Keycloak has it now. Raises httpx2.HTTPError."""
    brokers = {each["alias"]: each for each in _get(admin, "/identity-provider/instances")}
    return World(
        realm=_get(admin, ""),
        profile=_profile_form(_get(admin, "/users/profile")),
        scopes={each["name"]: each for each in _get(admin, "/client-scopes")},
        clients={each["clientId"]: each for each in _get(admin, "/clients")},
        brokers=brokers,
        broker_mappers={
            each["name"]: each
            for alias in brokers
            for each in _get(admin, f"/identity-provider/instances/{alias}/mappers")
        },
        flows={
            flow["alias"]: [
                (each["authenticator"], each["requirement"])
                for each in sorted(flow["authenticationExecutions"], key=lambda each: int(each["priority"]))
                if each.get("authenticator")
            ]
            for flow in _get(admin, "/authentication/flows")
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


def _of_client(client: Mapping[str, Any]) -> Json:
    return {key: value for key, value in client.items() if key not in _NOT_OF_A_CLIENT}


def _clients(file: World, running: World) -> Iterator[Change]:
    for name, client in file.clients.items():
        if "authorizationSettings" in client:
            # Permissions of the administration: Keycloak keeps their resources itself.
            continue
        has = running.clients.get(name)
        yield from _one(Kind.CLIENT, name, _of_client(client), has)
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


def apply(admin: httpx2.Client, file: World, changes: list[Change]) -> list[Change]:
    """The changes are made, one by one, and those that a person must make are returned.

    Each is idempotent, so that a run which broke off is repeated. Secrets of a broker cannot be read back:
    they are written whenever the broker changes. Raises httpx2.HTTPError.
    """
    left = []
    for change in changes:
        if change.verb in {Verb.BY_HAND, Verb.EXTRA}:
            left.append(change)
        else:
            _do(admin, file, change)
    return left


def _do(admin: httpx2.Client, file: World, change: Change) -> None:
    match change.kind:
        case Kind.REALM:
            _put(admin, "", file.realm)
        case Kind.PROFILE:
            _put(admin, "/users/profile", file.profile)
        case Kind.SCOPE:
            _do_scope(admin, file.scopes[change.name], change)
        case Kind.SCOPE_MAPPER:
            _do_scope_mapper(admin, file, change)
        case Kind.CLIENT:
            _do_client(admin, file.clients[change.name], change)
        case Kind.CLIENT_MAPPER:
            path = f"/clients/{_id_of(admin, '/clients', 'clientId', change.within)}/protocol-mappers/models"
            _delete(admin, f"{path}/{_id_of(admin, path, 'name', change.name)}")
        case Kind.BROKER:
            _do_broker(admin, file.brokers[change.name], change)
        case Kind.BROKER_MAPPER:
            _do_broker_mapper(admin, file, change)
        case Kind.FLOW:
            raise AssertionError("a flow is changed by hand")


def _put(admin: httpx2.Client, path: str, body: Any) -> None:
    admin.put(path, json=body).raise_for_status()


def _post(admin: httpx2.Client, path: str, body: Any) -> None:
    admin.post(path, json=body).raise_for_status()


def _delete(admin: httpx2.Client, path: str) -> None:
    admin.delete(path).raise_for_status()


def _id_of(admin: httpx2.Client, path: str, key: str, name: str) -> str:
    return next(str(each["id"]) for each in _get(admin, path) if each[key] == name)


def _merged(running: Mapping[str, Any], file: Mapping[str, Any]) -> Json:
    """The running one with the file's word where it has one."""
    return {
        **running,
        **{
            key: _merged(running.get(key) or {}, value) if isinstance(value, Mapping) else value
            for key, value in file.items()
        },
    }


def _do_scope(admin: httpx2.Client, scope: Json, change: Change) -> None:
    if change.verb is Verb.CREATE:
        _post(admin, "/client-scopes", scope)
        return
    path = f"/client-scopes/{_id_of(admin, '/client-scopes', 'name', change.name)}"
    _put(admin, path, _merged(_get(admin, path), scope))


def _do_scope_mapper(admin: httpx2.Client, file: World, change: Change) -> None:
    scope = _id_of(admin, "/client-scopes", "name", change.within)
    models = f"/client-scopes/{scope}/protocol-mappers/models"
    if change.verb is Verb.REMOVE:
        _delete(admin, f"{models}/{_id_of(admin, models, 'name', change.name)}")
        return
    mapper = next(
        each for each in file.scopes[change.within]["protocolMappers"] if each["name"] == change.name
    )
    if change.verb is Verb.CREATE:
        _post(admin, models, mapper)
        return
    known = _id_of(admin, models, "name", change.name)
    _put(admin, f"{models}/{known}", {**mapper, "id": known})


def _do_client(admin: httpx2.Client, client: Json, change: Change) -> None:
    if change.verb is Verb.CREATE:
        _post(admin, "/clients", client)
        return
    path = f"/clients/{_id_of(admin, '/clients', 'clientId', change.name)}"
    running = _get(admin, path)
    _put(admin, path, _merged(running, _of_client(client)))
    # Scopes are links of their own: the update of a client does not touch them.
    ids = {each["name"]: each["id"] for each in _get(admin, "/client-scopes")}
    for key, link in _LINKED_SCOPES.items():
        want, have = set(client.get(key, [])), set(running.get(key, []))
        for name in sorted(have - want):
            _delete(admin, f"{path}/{link}/{ids[name]}")
        for name in sorted(want - have):
            admin.put(f"{path}/{link}/{ids[name]}").raise_for_status()


def _do_broker(admin: httpx2.Client, broker: Json, change: Change) -> None:
    if change.verb is Verb.CREATE:
        _post(admin, "/identity-provider/instances", broker)
        return
    path = f"/identity-provider/instances/{change.name}"
    _put(admin, path, _merged(_get(admin, path), broker))


def _do_broker_mapper(admin: httpx2.Client, file: World, change: Change) -> None:
    models = f"/identity-provider/instances/{change.within}/mappers"
    known = {each["name"]: each["id"] for each in _get(admin, models)}
    mapper = file.broker_mappers.get(change.name)
    if change.name in known and (mapper is None or known[change.name] != mapper["id"]):
        # The id decides the order in which mappers run, and cannot be changed: away, and made anew.
        _delete(admin, f"{models}/{known.pop(change.name)}")
    if mapper is None:
        return
    if change.name in known:
        _put(admin, f"{models}/{mapper['id']}", mapper)
    else:
        _post(admin, models, mapper)
