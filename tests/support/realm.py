"""A real Keycloak with the realm of `iam/realms/files`, brokered to the stand-in of `demo.fas`.

The addresses are the same in every run where they are free: Keycloak's database is prepared once per realm file
and set of variables, and copied afterwards.
"""

import hashlib
import http.client
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from demo.parts.keycloak import ADMIN, KeycloakServer
from demo.parts.ports import LOOPBACK, is_free
from demo.parts.processes import end, plain_environment, spawn, tail

ROOT = Path(__file__).parents[2]
REALM_FILE = ROOT / "iam" / "realms" / "files" / "monespace-realm.json"
PERSONAS = ROOT / "demo" / "personas.toml"

_FIRST_PORT = 23400
_SLOTS = 20
_SLOT_WIDTH = 10
_FAS_SECONDS = 30.0


def secret(name: str) -> str:
    """A secret for tests: long, the same in every run, and worthless elsewhere."""
    return hashlib.sha256(f"only for tests: {name}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything of one test run listens. `console` and `portal` are held for the tests that start them."""

    keycloak: int
    management: int
    fas: int
    console: int
    portal: int

    @classmethod
    def free(cls) -> "Addresses":
        for slot in range(_SLOTS):
            first = _FIRST_PORT + slot * _SLOT_WIDTH
            ports = range(first, first + 5)
            if all(is_free(port) for port in ports):
                return cls(
                    keycloak=ports[0], management=ports[1], fas=ports[2], console=ports[3], portal=ports[4]
                )
        raise RuntimeError("no free range of ports for the tests")

    @property
    def fas_url(self) -> str:
        return f"http://{LOOPBACK}:{self.fas}"

    @property
    def keycloak_url(self) -> str:
        return f"http://{LOOPBACK}:{self.keycloak}"

    @property
    def console_url(self) -> str:
        return f"http://{LOOPBACK}:{self.console}"

    @property
    def portal_url(self) -> str:
        return f"http://{LOOPBACK}:{self.portal}"

    def realm_environment(self) -> dict[str, str]:
        """Every variable of the realm file."""
        return {
            "REALM_FAS_ISSUER": f"{self.fas_url}/fas/oauth2",
            "REALM_FAS_CLIENT_ID": "monespace-keycloak",
            "REALM_FAS_CLIENT_SECRET": secret("fas client"),
            "REALM_MON_ESPACE_CLIENT_SECRET": secret("mon-espace"),
            "REALM_MON_ESPACE_REDIRECT_URI": f"{self.console_url}/login/callback",
            "REALM_MON_ESPACE_POST_LOGOUT_REDIRECT_URI": f"{self.console_url}/logout/done",
            "REALM_MON_ESPACE_BACKCHANNEL_LOGOUT_URI": f"{self.console_url}/login/backchannel-logout",
            "REALM_MANDATE_EXCHANGE_CLIENT_SECRET": secret("mandate-exchange"),
            "REALM_PORTAIL_WALLONIE_CLIENT_SECRET": secret("portail-wallonie"),
            "REALM_PORTAIL_WALLONIE_REDIRECT_URI": f"{self.portal_url}/login/callback",
            "REALM_PORTAIL_WALLONIE_POST_LOGOUT_REDIRECT_URI": f"{self.portal_url}/",
            "REALM_PORTAIL_WALLONIE_BACKCHANNEL_LOGOUT_URI": f"{self.portal_url}/login/backchannel-logout",
            "REALM_PROVISIONER_CLIENT_SECRET": secret("habilis-provisioner"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fas:
    """The running stand-in, and the way to make it misbehave."""

    base_url: str

    def misbehave(self, **how: Any) -> None:
        """See `demo.fas.state.Behaviour`; without `persona` it concerns everybody."""
        answer = httpx2.post(f"{self.base_url}/control", json=how, headers=self._authorization())
        assert answer.status_code == 200, answer.text

    def behave(self) -> None:
        answer = httpx2.delete(f"{self.base_url}/control", headers=self._authorization())
        assert answer.status_code == 200, answer.text

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {secret('fas control')}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keycloak:
    """The running server, its realm and its administrator."""

    server: KeycloakServer
    addresses: Addresses
    environment: Mapping[str, str]

    @property
    def base_url(self) -> str:
        return self.server.base_url

    @property
    def issuer(self) -> str:
        return f"{self.base_url}/realms/monespace"

    @property
    def endpoint(self) -> str:
        return f"{self.issuer}/protocol/openid-connect"

    @property
    def admin_url(self) -> str:
        return f"{self.base_url}/admin/realms/monespace"

    def client_secret(self, client_id: str) -> str:
        names = {"habilis-provisioner": "REALM_PROVISIONER_CLIENT_SECRET"}
        variable = names.get(client_id, f"REALM_{client_id.upper().replace('-', '_')}_CLIENT_SECRET")
        return self.environment[variable]

    def administrator(self) -> httpx2.Client:
        """A client with every right on the realm, which nothing of ours has."""
        answer = httpx2.post(
            f"{self.base_url}/realms/master/protocol/openid-connect/token",
            data={
                "grant_type": "password",
                "client_id": "admin-cli",
                "username": ADMIN,
                "password": secret("keycloak admin"),
            },
        )
        assert answer.status_code == 200, answer.text
        return self._admin_client(answer.json()["access_token"])

    def provisioner(self) -> httpx2.Client:
        """A client with the rights of the provisioner."""
        answer = httpx2.post(
            f"{self.endpoint}/token",
            data={"grant_type": "client_credentials"},
            auth=("habilis-provisioner", self.client_secret("habilis-provisioner")),
        )
        assert answer.status_code == 200, answer.text
        return self._admin_client(answer.json()["access_token"])

    def _admin_client(self, token: str) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.admin_url, headers={"Authorization": f"Bearer {token}"}, timeout=20.0
        )


@contextmanager
def running_fas(addresses: Addresses, folder: Path) -> Iterator[Fas]:
    """The stand-in runs as a process of its own until the block ends."""
    variables = addresses.realm_environment()
    log = folder / "fas.log"
    process = spawn(
        [sys.executable, "-m", "demo.fas"],
        log=log,
        environment=plain_environment(
            {
                "FAS_PORT": str(addresses.fas),
                "FAS_CLIENT_ID": variables["REALM_FAS_CLIENT_ID"],
                "FAS_CLIENT_SECRET": variables["REALM_FAS_CLIENT_SECRET"],
                "FAS_REDIRECT_URI": f"{addresses.keycloak_url}/realms/monespace/broker/fas/endpoint",
                "FAS_CONTROL_SECRET": secret("fas control"),
                "FAS_STATE_DIR": str(folder / "state"),
                "FAS_PERSONAS": str(PERSONAS),
                "FAS_ALLOWED_ORIGINS": f"{addresses.console_url} {addresses.portal_url}",
            }
        ),
        folder=ROOT,
    )
    try:
        _wait_for_fas(addresses.fas, process, log)
        yield Fas(base_url=addresses.fas_url)
    finally:
        end(process, steps=[(signal.SIGTERM, 10.0)])


def _wait_for_fas(port: int, process: Any, log: Path) -> None:
    deadline = time.monotonic() + _FAS_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the stand-in ended:\n{tail(log)}"
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
        try:
            connection.request("GET", "/health")
            if json.loads(connection.getresponse().read()) == {"status": "up"}:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError(f"the stand-in did not come up:\n{tail(log)}")


@contextmanager
def running_keycloak(addresses: Addresses, folder: Path) -> Iterator[Keycloak]:
    """Keycloak runs with the realm until the block ends."""
    environment = addresses.realm_environment()
    server = KeycloakServer(
        folder / "home",
        port=addresses.keycloak,
        management_port=addresses.management,
        realms=[REALM_FILE],
        environment=environment,
        admin_password=secret("keycloak admin"),
        fast_start=True,
    )
    server.prepare()
    with server:
        yield Keycloak(server=server, addresses=addresses, environment=environment)
