"""What the demo tells each process is what that process wants to hear."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from demo import plan
from demo.fas.settings import from_environment
from demo.parts.processes import Part
from demo.portal.settings import from_environment as portal_settings
from demo.wallonia.source import enterprises
from demo.wallonia.write import write
from demo.world import World
from iam.settings import Environment, Settings

DATABASE = "postgresql://habilis:hidden@127.0.0.1:5432/habilis"
DIRECTORY = plan.Directory(
    url="ldap://127.0.0.1:3890",
    base_dn="dc=habilis,dc=test",
    bind_dn="cn=provisioner,ou=services,dc=habilis,dc=test",
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.open(tmp_path)


def _settings(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    with monkeypatch.context() as only:
        for name, value in environment.items():
            only.setenv(name, value)
        return Settings()


def _part(parts: tuple[Part, ...], name: str) -> Part:
    (found,) = (part for part in parts if part.name == name)
    return found


def test_the_service_accepts_what_it_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(plan.service_environment(world, DATABASE), monkeypatch)
    assert settings.environment is Environment.DEMO
    assert settings.issuer == world.url("service")
    assert settings.keycloak.issuer == world.keycloak_issuer
    assert settings.fas_issuer == world.fas_issuer
    assert settings.port == world.ports["service"]
    assert settings.host == "127.0.0.1"
    assert settings.mail.port == world.ports["smtp"]


def test_only_provisioning_may_write_groups(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    service = _settings(plan.service_environment(world, DATABASE), monkeypatch)
    assert service.provisioner.client_secret is None
    assert service.directory.password is None
    provisioning = _settings(plan.provisioning_environment(world, DATABASE, DIRECTORY), monkeypatch)
    assert provisioning.provisioner.client_secret is not None
    assert provisioning.directory.url == DIRECTORY.url
    assert provisioning.directory.bind_dn == DIRECTORY.bind_dn
    for part in plan.service_parts(world, DATABASE, DIRECTORY):
        told = set(part.environment.values())
        assert (world.secret("provisioner-client") in told) is (part.name == "provisioning")
        assert (world.secret("directory-provisioner") in told) is (part.name == "provisioning")


def test_without_a_directory_provisioning_is_told_of_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(plan.provisioning_environment(world, DATABASE, None), monkeypatch)
    assert settings.directory.url is None


def test_the_administrator_of_keycloak_is_told_to_nobody(world: World) -> None:
    admin = world.secret("keycloak-admin")
    parts = (*plan.surroundings(world), *plan.service_parts(world, DATABASE, DIRECTORY))
    assert not any(admin in part.environment.values() for part in parts)
    assert not any(admin in step.environment.values() for step in plan.steps(world, DATABASE))


def test_the_portal_knows_nothing_of_the_service_but_its_address(world: World) -> None:
    told = _part(plan.service_parts(world, DATABASE, DIRECTORY), "portal").environment
    portal = portal_settings(told)
    assert portal.callback_url == plan.realm_environment(world)["REALM_PORTAIL_WALLONIE_REDIRECT_URI"]
    assert portal.habilis_issuer == world.url("service")
    assert portal.habilis_secret != portal.client_secret
    assert not any(name.startswith("HABILIS_") for name in told)
    assert DATABASE not in told.values()


def test_the_register_is_loaded_from_the_files_that_are_written(world: World) -> None:
    write(world.folder / "wallonia", datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
    files = [
        Path(word)
        for step in plan.steps(world, DATABASE)
        for word in step.command
        if word.endswith((".zip", ".jsonl", ".toml"))
    ]
    assert len(files) == 6
    assert [file for file in files if not file.is_file()] == []


def test_the_administration_of_the_demo_is_in_its_register() -> None:
    (administration,) = (each for each in enterprises() if each.key == "spw")
    assert administration.number == plan.STAFF_ENTERPRISE


def test_the_stand_in_and_the_realm_are_told_the_same(world: World) -> None:
    fas = from_environment(_part(plan.surroundings(world), "fas").environment)
    realm = plan.realm_environment(world)
    assert fas.issuer == realm["REALM_FAS_ISSUER"] == world.fas_issuer
    assert fas.client_id == realm["REALM_FAS_CLIENT_ID"]
    assert fas.client_secret == realm["REALM_FAS_CLIENT_SECRET"]
    assert fas.redirect_uri == f"{world.keycloak_issuer}/broker/fas/endpoint"
    for persona in world.personas:
        target = unquote(world.persona_url(persona).partition("?to=")[2])
        assert any(target.startswith(origin + "/") for origin in fas.origins)
