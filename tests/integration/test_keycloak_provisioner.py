"""The least privilege of the account that keeps the groups (STANDARDS 2.8, security cases 2 and 4)."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.support.login import Browser
from tests.support.realm import Keycloak

pytestmark = [pytest.mark.keycloak, pytest.mark.timeout(300)]


@pytest.fixture
def provisioner(keycloak: Keycloak) -> Iterator[httpx2.Client]:
    with keycloak.provisioner() as client:
        yield client


@pytest.fixture
def administrator(keycloak: Keycloak) -> Iterator[httpx2.Client]:
    with keycloak.administrator() as client:
        yield client


@pytest.fixture
def enterprise(provisioner: httpx2.Client) -> Iterator[str]:
    """The group of an enterprise, made by the provisioner under a parent of its own."""
    parent = _created(provisioner.post("/groups", json={"name": "provisioner-test"}))
    answer = provisioner.post(f"/groups/{parent}/children", json={"name": "1900000069"})
    assert answer.status_code == 201, answer.text
    yield answer.json()["id"]
    assert provisioner.delete(f"/groups/{parent}").status_code == 204


def _created(answer: httpx2.Response) -> str:
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rsplit("/", 1)[1]


def test_it_makes_groups_and_reads_them_back_by_id(provisioner: httpx2.Client, enterprise: str):
    assert provisioner.get(f"/groups/{enterprise}").json()["name"] == "1900000069"
    parent = provisioner.get(f"/groups/{enterprise}").json()["parentId"]
    page = {"first": 0, "max": 100, "briefRepresentation": True, "subGroupsCount": False}
    children = provisioner.get(f"/groups/{parent}/children", params=page).json()
    assert [child["id"] for child in children] == [enterprise]


def test_it_puts_people_in_and_out_and_reads_who_is_in(
    provisioner: httpx2.Client, enterprise: str, browser: Browser
):
    subject = browser.log_in("karim").access["sub"]
    assert provisioner.put(f"/users/{subject}/groups/{enterprise}").status_code == 204
    members = provisioner.get(f"/groups/{enterprise}/members", params={"briefRepresentation": True}).json()
    assert [member["id"] for member in members] == [subject]
    assert provisioner.delete(f"/users/{subject}/groups/{enterprise}").status_code == 204
    assert provisioner.get(f"/groups/{enterprise}/members").json() == []


def test_it_can_do_nothing_else(
    provisioner: httpx2.Client, administrator: httpx2.Client, enterprise: str, browser: Browser
):
    subject = browser.log_in("karim").access["sub"]
    role = administrator.get("/roles/default-roles-monespace").json()
    attempts = {
        "search people": provisioner.get("/users"),
        "read a person who is in no group": provisioner.get(f"/users/{subject}"),
        "edit a person": provisioner.put(f"/users/{subject}", json={"firstName": "Mallory"}),
        "make a person": provisioner.post("/users", json={"username": "mallory"}),
        "end a session": provisioner.post(f"/users/{subject}/logout"),
        "see sessions": provisioner.get(f"/users/{subject}/sessions"),
        "act as a person": provisioner.post(f"/users/{subject}/impersonation"),
        "see clients": provisioner.get("/clients"),
        "see the broker": provisioner.get("/identity-provider/instances"),
        "see roles": provisioner.get("/roles"),
        "give a role to a group": provisioner.post(f"/groups/{enterprise}/role-mappings/realm", json=[role]),
        "import": provisioner.post("/partialImport", json={"ifResourceExists": "SKIP", "users": []}),
        "change the realm": provisioner.put("", json={"registrationAllowed": True}),
    }
    assert {what: answer.status_code for what, answer in attempts.items()} == dict.fromkeys(attempts, 403)
    assert administrator.get(f"/users/{subject}").json()["firstName"] == "Karim", "nothing was changed"


def test_with_membership_in_a_group_it_reads_a_person_but_cannot_change_him(
    provisioner: httpx2.Client, enterprise: str, browser: Browser
):
    subject = browser.log_in("karim").access["sub"]
    provisioner.put(f"/users/{subject}/groups/{enterprise}")
    assert provisioner.get(f"/users/{subject}").status_code == 200
    assert provisioner.put(f"/users/{subject}", json={"firstName": "Mallory"}).status_code == 403
    provisioner.delete(f"/users/{subject}/groups/{enterprise}")


def test_nobody_else_of_ours_has_any_right_on_the_realm(keycloak: Keycloak, browser: Browser):
    tokens = browser.log_in("claire")
    with httpx2.Client(
        base_url=keycloak.admin_url, headers={"Authorization": f"Bearer {tokens.access_token}"}
    ) as person:
        assert person.get("/groups").status_code == 403
        assert person.get("/users").status_code == 403
