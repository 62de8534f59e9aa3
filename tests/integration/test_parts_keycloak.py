"""The Keycloak of the demo and the tests: the real server, on loopback, with the realms of a file."""

import json
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from demo.parts.errors import PartFailedError, PortTakenError
from demo.parts.keycloak import ADMIN, KeycloakServer
from demo.parts.ports import free_ports

# Where nothing is in the cache yet, Keycloak is fetched and built first.
pytestmark = pytest.mark.timeout(900)

REALM = {
    "realm": "probe",
    "enabled": True,
    "sslRequired": "none",
    "clients": [
        {
            "clientId": "machine",
            "secret": "${PROBE_SECRET}",
            "serviceAccountsEnabled": True,
            "standardFlowEnabled": False,
            "fullScopeAllowed": False,
        }
    ],
}
ENVIRONMENT = {"PROBE_SECRET": "for-this-test-only"}


def _realm_file(folder: Path) -> Path:
    file = folder / "probe-realm.json"
    file.write_text(json.dumps(REALM), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def server() -> Iterator[KeycloakServer]:
    folder = Path(tempfile.mkdtemp(prefix="habilis-kc-"))
    port, management_port = free_ports(2)
    started = KeycloakServer(
        folder / "home",
        port=port,
        management_port=management_port,
        realms=[_realm_file(folder)],
        environment=ENVIRONMENT,
        admin_password="for-this-test-only",
        fast_start=True,
    )
    # What a first start that was cut short left behind.
    (folder / "home" / "data" / "h2").mkdir(parents=True)
    (folder / "home" / "data" / "h2" / "keycloakdb.mv.db").write_bytes(b"half a database")
    started.prepare()
    with started:
        yield started
    shutil.rmtree(folder)


def _post(url: str, **form: str) -> dict[str, Any]:
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(url, data=body, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_the_realm_is_there_with_its_variables_filled(server: KeycloakServer) -> None:
    token_url = f"{server.base_url}/realms/probe/protocol/openid-connect/token"
    answer = _post(
        token_url,
        grant_type="client_credentials",
        client_id="machine",
        client_secret=ENVIRONMENT["PROBE_SECRET"],
    )
    assert answer["token_type"] == "Bearer"
    with pytest.raises(urllib.error.HTTPError) as refused:
        _post(
            token_url, grant_type="client_credentials", client_id="machine", client_secret="${PROBE_SECRET}"
        )
    assert refused.value.code == 401
    refused.value.close()


def test_the_issuer_is_fixed_whatever_the_host_header_says(server: KeycloakServer) -> None:
    request = urllib.request.Request(
        f"{server.base_url}/realms/probe/.well-known/openid-configuration", headers={"Host": "evil.example"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["issuer"] == f"{server.base_url}/realms/probe"


def test_the_administrator_of_the_environment_can_log_in(server: KeycloakServer) -> None:
    answer = _post(
        f"{server.base_url}/realms/master/protocol/openid-connect/token",
        grant_type="password",
        client_id="admin-cli",
        username=ADMIN,
        password="for-this-test-only",
    )
    assert answer["access_token"]


def test_it_is_java_itself_and_listens_on_loopback_alone(server: KeycloakServer) -> None:
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    assert "java" in process.name()
    listening = {c.laddr.ip for c in process.net_connections() if c.status == "LISTEN"}
    # Java may show an IPv4 loopback address in its IPv6 form.
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}


def test_a_taken_port_is_named(server: KeycloakServer, tmp_path: Path) -> None:
    taken = int(server.base_url.rpartition(":")[2])
    second = KeycloakServer(tmp_path, port=taken, management_port=free_ports(1)[0], admin_password="unused")
    with pytest.raises(PortTakenError, match=str(taken)):
        second.start()
    assert second.process is None


def test_a_variable_without_value_stops_the_start(tmp_path: Path) -> None:
    port, management_port = free_ports(2)
    server = KeycloakServer(
        tmp_path / "home",
        port=port,
        management_port=management_port,
        realms=[_realm_file(tmp_path)],
        environment={"PROBE_SECRET": ""},
        admin_password="unused",
    )
    with pytest.raises(PartFailedError, match="PROBE_SECRET"):
        server.start()
    assert server.process is None
