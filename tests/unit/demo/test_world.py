"""Ports and secrets are chosen once and kept."""

import json
from pathlib import Path

from demo.parts.keycloak import _unset
from demo.plan import REALM_FILES, realm_environment
from demo.starter import urls
from demo.world import PORT_NAMES, World


def test_ports_and_secrets_are_the_same_the_second_time(tmp_path: Path) -> None:
    first = World.open(tmp_path / "demo")
    secret = first.secret("one")
    second = World.open(tmp_path / "demo")
    assert second.ports == first.ports
    assert set(first.ports) == set(PORT_NAMES)
    assert len(set(first.ports.values())) == len(PORT_NAMES)
    assert second.secret("one") == secret
    assert second.secret("two") != secret
    assert (tmp_path / "demo" / "secrets" / "one").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "demo" / "secrets").stat().st_mode & 0o777 == 0o700


def test_a_port_that_a_newer_version_needs_is_added_beside_the_old_ones(tmp_path: Path) -> None:
    first = World.open(tmp_path)
    fewer = {name: port for name, port in first.ports.items() if name != "portal"}
    (tmp_path / "ports.json").write_text(json.dumps(fewer))
    second = World.open(tmp_path)
    assert {name: port for name, port in second.ports.items() if name != "portal"} == fewer
    assert second.ports["portal"] not in fewer.values()


def test_every_variable_of_the_realm_files_has_a_value(tmp_path: Path) -> None:
    world = World.open(tmp_path)
    assert _unset(REALM_FILES, realm_environment(world)) == []
    assert _unset(REALM_FILES, {}) != []


def test_the_addresses_for_programs_hold_every_persona_and_no_secret(tmp_path: Path) -> None:
    world = World.open(tmp_path)
    for name in ("fas-client", "portail-wallonie-client"):
        world.secret(name)
    told = json.dumps(urls(world))
    assert all(persona.key in told for persona in world.personas)
    assert not any(file.read_text() in told for file in (tmp_path / "secrets").iterdir())
    numbers = [
        line
        for line in (Path(__file__).parents[3] / "demo" / "personas.toml").read_text().split('"')
        if line.isdigit()
    ]
    assert len(numbers) >= len(world.personas)
    assert not any(number in told for number in numbers)
