"""The changes of a plan, made in a running Keycloak."""

from collections.abc import Mapping
from typing import Any

import httpx2

from iam.realms.plan import Change, Json, Kind, Verb, World, of_client, read

_LINKED_SCOPES = {
    "defaultClientScopes": "default-client-scopes",
    "optionalClientScopes": "optional-client-scopes",
}


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
    return next(str(each["id"]) for each in read(admin, path) if each[key] == name)


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
    _put(admin, path, _merged(read(admin, path), scope))


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
    running = read(admin, path)
    _put(admin, path, _merged(running, of_client(client)))
    # Scopes are links of their own: the update of a client does not touch them.
    ids = {each["name"]: each["id"] for each in read(admin, "/client-scopes")}
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
    _put(admin, path, _merged(read(admin, path), broker))


def _do_broker_mapper(admin: httpx2.Client, file: World, change: Change) -> None:
    models = f"/identity-provider/instances/{change.within}/mappers"
    known = {each["name"]: each["id"] for each in read(admin, models)}
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
