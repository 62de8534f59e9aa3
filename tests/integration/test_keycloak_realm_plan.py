"""`habilis realm plan` and `apply`: a running realm is brought to the file, and found to be there already."""

import copy
import dataclasses
from collections.abc import Iterator

import httpx2
import pytest

from iam.realms.apply import apply
from iam.realms.plan import Change, Kind, Verb, World, actual, connect, plan, wanted
from tests.support.login import ITSME, Browser, introspect
from tests.support.realm import REALM_FILE, Keycloak, secret

pytestmark = [pytest.mark.keycloak, pytest.mark.timeout(300)]


@pytest.fixture
def file(keycloak: Keycloak) -> World:
    return wanted(REALM_FILE.read_text(encoding="utf-8"), keycloak.environment)


@pytest.fixture
def admin(keycloak: Keycloak, file: World) -> Iterator[httpx2.Client]:
    """The administrator; whatever a test did to the realm is undone."""
    with connect(
        keycloak.base_url, "monespace", username="admin", password=secret("keycloak admin")
    ) as client:
        yield client
        apply(client, file, plan(file, actual(client)))
        for change in plan(file, actual(client)):
            assert change.verb is Verb.EXTRA, change
            listed = client.get("/clients", params={"clientId": change.name}).json()
            assert client.delete(f"/clients/{listed[0]['id']}").status_code == 204


def without_values(changes: list[Change]) -> set[tuple[Kind, str, Verb]]:
    return {(change.kind, change.name, change.verb) for change in changes}


def client_path(admin: httpx2.Client, client_id: str) -> str:
    return f"/clients/{admin.get('/clients', params={'clientId': client_id}).json()[0]['id']}"


def test_after_an_import_there_is_nothing_to_do(admin: httpx2.Client, file: World):
    assert plan(file, actual(admin)) == []


def test_a_portal_that_moved_and_got_a_new_secret_is_moved(
    admin: httpx2.Client, file: World, keycloak: Keycloak, browser: Browser
):
    moved = {
        **keycloak.environment,
        "REALM_PORTAIL_WALLONIE_REDIRECT_URI": "http://127.0.0.1:1/elsewhere",
        "REALM_PORTAIL_WALLONIE_CLIENT_SECRET": secret("a new one"),
    }
    new = wanted(REALM_FILE.read_text(encoding="utf-8"), moved)
    changes = plan(new, actual(admin))
    assert [change.fields for change in changes] == [("secret", "redirectUris")]
    assert secret("a new one") not in str(changes[0]) + repr(changes[0])
    assert apply(admin, new, changes) == []
    assert plan(new, actual(admin)) == []
    assert admin.get(client_path(admin, "portail-wallonie")).json()["redirectUris"] == [
        "http://127.0.0.1:1/elsewhere"
    ]


def test_a_realm_that_somebody_loosened_is_tightened_again(
    admin: httpx2.Client, file: World, keycloak: Keycloak, browser: Browser
):
    admin.put("", json={"registrationAllowed": True, "accessTokenLifespan": 86400}).raise_for_status()
    path = client_path(admin, "mon-espace")
    loosened = {**admin.get(path).json(), "fullScopeAllowed": True, "redirectUris": ["http://127.0.0.1/*"]}
    admin.put(path, json=loosened).raise_for_status()
    profile = admin.get("/users/profile").json()
    admin.put("/users/profile", json={**profile, "unmanagedAttributePolicy": "ENABLED"}).raise_for_status()
    scopes = {each["name"]: each["id"] for each in admin.get("/client-scopes").json()}
    models = f"/client-scopes/{scopes['habilis-identity']}/protocol-mappers/models"
    number = next(each for each in admin.get(models).json() if each["name"] == "national number")
    shown = {**number, "config": {**number["config"], "access.token.claim": "true"}}
    admin.put(f"{models}/{number['id']}", json=shown).raise_for_status()
    admin.post(models, json={**shown, "id": None, "name": "one more"}).raise_for_status()
    admin.post(
        f"{path}/protocol-mappers/models", json={**shown, "id": None, "name": "a shortcut"}
    ).raise_for_status()
    admin.put(f"{path}/optional-client-scopes/{scopes['habilis-provisioning']}").raise_for_status()

    changes = plan(file, actual(admin))
    assert without_values(changes) == {
        (Kind.REALM, "monespace", Verb.UPDATE),
        (Kind.PROFILE, "attributes", Verb.UPDATE),
        (Kind.CLIENT, "mon-espace", Verb.UPDATE),
        (Kind.SCOPE_MAPPER, "national number", Verb.UPDATE),
        (Kind.SCOPE_MAPPER, "one more", Verb.REMOVE),
        (Kind.CLIENT_MAPPER, "a shortcut", Verb.REMOVE),
    }
    assert "niss" in browser.log_in("karim").access, "it was loose indeed"
    assert apply(admin, file, changes) == []
    assert plan(file, actual(admin)) == []
    assert "niss" not in browser.log_in("karim", prompt="login").access


def test_the_mappers_of_the_broker_come_back_in_their_order(
    admin: httpx2.Client, file: World, keycloak: Keycloak, browser: Browser
):
    mappers = "/identity-provider/instances/fas/mappers"
    for mapper in admin.get(mappers).json():
        if mapper["name"].startswith("forget"):
            admin.delete(f"{mappers}/{mapper['id']}").raise_for_status()
            admin.post(mappers, json={**mapper, "id": None}).raise_for_status()
    changes = plan(file, actual(admin))
    assert {(change.verb, change.fields) for change in changes} == {(Verb.UPDATE, ("id",))}
    assert apply(admin, file, changes) == []
    kept = {each["name"]: each["id"] for each in admin.get(mappers).json()}
    assert kept == {name: mapper["id"] for name, mapper in file.broker_mappers.items()}
    tokens = browser.log_in("karim", "itsme")
    assert introspect(keycloak, tokens.access_token)["acr"] == ITSME


def test_what_was_added_by_hand_is_told_and_left(admin: httpx2.Client, file: World):
    admin.post("/clients", json={"clientId": "a-portal-by-hand"}).raise_for_status()
    changes = plan(file, actual(admin))
    assert without_values(changes) == {(Kind.CLIENT, "a-portal-by-hand", Verb.EXTRA)}
    assert apply(admin, file, changes) == changes
    assert admin.get(client_path(admin, "a-portal-by-hand")).status_code == 200


def test_a_client_scope_and_a_client_that_are_missing_are_made(
    admin: httpx2.Client, file: World, browser: Browser
):
    admin.delete(client_path(admin, "portail-wallonie")).raise_for_status()
    changes = plan(file, actual(admin))
    assert without_values(changes) == {(Kind.CLIENT, "portail-wallonie", Verb.CREATE)}
    assert apply(admin, file, changes) == []
    assert plan(file, actual(admin)) == []
    assert browser.log_in("karim", client_id="portail-wallonie").access["aud"] == "mandate-exchange"


def test_a_changed_flow_is_told_for_a_person_to_do(admin: httpx2.Client, file: World):
    flows = copy.deepcopy(dict(file.flows))
    flows["monespace browser"].append(("auth-otp-form", "REQUIRED"))
    changes = plan(dataclasses.replace(file, flows=flows), actual(admin))
    assert changes == [Change(kind=Kind.FLOW, name="monespace browser", verb=Verb.BY_HAND)]
    assert apply(admin, file, changes) == changes
