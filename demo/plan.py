"""What runs in the demo, and what each process is told: one list to read and to extend."""

import hashlib
import http.client
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from demo.parts.ports import LOOPBACK
from demo.parts.processes import Part, plain_environment
from demo.world import PERSONAS, REPOSITORY, World

REALM_FILES = (REPOSITORY / "iam" / "realms" / "files" / "monespace-realm.json",)
# As `python -m demo.wallonia` names them, in their order.
EXTRACTS = ("KboOpenData_0001_2026_10_04_Full.zip", "KboOpenData_0002_2026_11_01_Full.zip")
CATALOGUE = REPOSITORY / "demo" / "catalogue.toml"
PORTALS = REPOSITORY / "demo" / "portals.toml"
# The administration that runs Habilis in the small Wallonia.
STAFF_ENTERPRISE = "1900001356"
PORTAL_CLIENT = "portail-wallonie"
FAS_CLIENT = "monespace-keycloak"
_NEVER_TOO_OLD = str(24 * 365 * 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command that runs to its end before the parts that need it.

    What is done `once` is not repeated on the same data; the others make sure of something at each start.
    """

    name: str
    says: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    once: bool = False
    patience: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """How the directory is reached, when there is one on this machine."""

    url: str
    base_dn: str
    bind_dn: str


def habilis(*arguments: str) -> tuple[str, ...]:
    return (str(Path(sys.executable).with_name("habilis")), *arguments)


def module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


def realm_environment(world: World) -> dict[str, str]:
    """Returns the value of every variable of the realm files."""
    service, portal = world.url("service"), world.url("portal")
    return {
        "REALM_FAS_ISSUER": world.fas_issuer,
        "REALM_FAS_CLIENT_ID": FAS_CLIENT,
        "REALM_FAS_CLIENT_SECRET": world.secret("fas-client"),
        "REALM_MON_ESPACE_CLIENT_SECRET": world.secret("mon-espace-client"),
        "REALM_MON_ESPACE_REDIRECT_URI": f"{service}/login/callback",
        "REALM_MON_ESPACE_POST_LOGOUT_REDIRECT_URI": f"{service}/logout/done",
        "REALM_MON_ESPACE_BACKCHANNEL_LOGOUT_URI": f"{service}/login/backchannel-logout",
        "REALM_MANDATE_EXCHANGE_CLIENT_SECRET": world.secret("mandate-exchange-client"),
        "REALM_PORTAIL_WALLONIE_CLIENT_SECRET": world.secret("portail-wallonie-client"),
        "REALM_PORTAIL_WALLONIE_REDIRECT_URI": f"{portal}/login/callback",
        "REALM_PORTAIL_WALLONIE_POST_LOGOUT_REDIRECT_URI": f"{portal}/",
        "REALM_PORTAIL_WALLONIE_BACKCHANNEL_LOGOUT_URI": f"{portal}/login/backchannel-logout",
        "REALM_PROVISIONER_CLIENT_SECRET": world.secret("provisioner-client"),
    }


def service_environment(world: World, database_url: str) -> dict[str, str]:
    """Returns what every process of the service is told; the provisioner's secrets are not among it."""
    return plain_environment(
        {
            "HABILIS_ENVIRONMENT": "demo",
            "HABILIS_PUBLIC_URL": world.url("service"),
            "HABILIS_HOST": LOOPBACK,
            "HABILIS_PORT": str(world.ports["service"]),
            "HABILIS_DATABASE_URL": database_url,
            "HABILIS_FAS_ISSUER": world.fas_issuer,
            "HABILIS_SECRETS__FINGERPRINT_KEY": world.secret("fingerprint-key"),
            "HABILIS_SECRETS__WRAPPING_KEY": world.secret("wrapping-key"),
            "HABILIS_SECRETS__PAIRWISE_KEY": world.secret("pairwise-key"),
            "HABILIS_SECRETS__DOSSIER_KEY": world.secret("dossier-key"),
            "HABILIS_KEYCLOAK__BASE_URL": world.url("keycloak"),
            "HABILIS_KEYCLOAK__CONSOLE_CLIENT_SECRET": world.secret("mon-espace-client"),
            "HABILIS_KEYCLOAK__EXCHANGE_CLIENT_SECRET": world.secret("mandate-exchange-client"),
            "HABILIS_STAFF_ENTERPRISE": STAFF_ENTERPRISE,
            # Its extracts are of fixed days, its feed of the first start, and nobody brings newer ones.
            "HABILIS_POLICY__REGISTER_STALE_HOURS": _NEVER_TOO_OLD,
            "HABILIS_POLICY__REPRESENTATION_STALE_HOURS": _NEVER_TOO_OLD,
            "HABILIS_MAIL__HOST": LOOPBACK,
            "HABILIS_MAIL__PORT": str(world.ports["smtp"]),
            "HABILIS_HELPDESK__TELEPHONE": "081 00 00 00",
            "HABILIS_HELPDESK__MAIL": "aide@habilis.test",
        }
    )


def provisioning_environment(world: World, database_url: str, directory: Directory | None) -> dict[str, str]:
    """Returns what the provisioning process is told: it alone may write groups."""
    told = {
        **service_environment(world, database_url),
        "HABILIS_PROVISIONER__CLIENT_SECRET": world.secret("provisioner-client"),
    }
    if directory is not None:
        told |= {
            "HABILIS_DIRECTORY__URL": directory.url,
            "HABILIS_DIRECTORY__BASE_DN": directory.base_dn,
            "HABILIS_DIRECTORY__BIND_DN": directory.bind_dn,
            "HABILIS_DIRECTORY__PASSWORD": world.secret("directory-provisioner"),
        }
    return told


def steps(world: World, database_url: str) -> tuple[Step, ...]:
    """Returns what fills the database, in order."""
    told = service_environment(world, database_url)
    wallonia = world.folder / "wallonia"
    return (
        Step(
            name="realm",
            says="realm files, checked",
            command=habilis("realm", "lint"),
            environment=plain_environment(realm_environment(world)),
        ),
        Step(
            name="schema",
            says="database schema",
            command=habilis("db", "upgrade"),
            environment=told,
        ),
        Step(
            name="catalogue",
            says="catalogue of roles",
            command=habilis("catalogue", "apply", str(CATALOGUE)),
            environment=told,
        ),
        Step(
            # Written at each start: a feed of functions that is days old is no longer believed.
            name="wallonia",
            says="small Wallonia, written in the official formats",
            command=(*module("demo.wallonia"), str(wallonia)),
            environment=plain_environment(),
        ),
        *(
            Step(
                name=f"register-{number}",
                says=f"register, extract {number}",
                command=habilis("bce", "import", str(wallonia / name)),
                environment=told,
                once=True,
            )
            for number, name in enumerate(EXTRACTS, start=1)
        ),
        Step(
            # Those of this release, also in a database that an older one filled.
            name="rules",
            says="register, which function gives which power",
            command=habilis("bce", "rules"),
            environment=told,
        ),
        Step(
            name="functions",
            says="register, who represents whom",
            command=habilis("bce", "functions", str(wallonia / "functions.jsonl")),
            environment=told,
        ),
        Step(
            name="appointments",
            says="chief access managers known elsewhere",
            command=habilis("delegation", "import", str(wallonia / "appointments.jsonl"), "--apply"),
            environment=told,
            once=True,
        ),
        Step(
            name="portals",
            says="relying portals",
            command=habilis("portals", "apply", str(PORTALS)),
            environment={
                **told,
                "PORTAIL_WALLONIE_URL": world.url("portal"),
                "PORTAIL_WALLONIE_SECRET_SHA256": hashlib.sha256(
                    world.secret("portail-wallonie-habilis").encode()
                ).hexdigest(),
            },
        ),
        Step(
            # A new link at each start, until somebody took one.
            name="bootstrap",
            says="a one-time link for the first operator",
            command=habilis("bootstrap", "--if-needed", "--out", str(world.bootstrap_file)),
            environment=told,
        ),
    )


def surroundings(world: World) -> tuple[Part, ...]:
    """Returns the parts around the service that need neither Keycloak nor the database."""
    return (
        Part(
            name="fas",
            command=module("demo.fas"),
            environment=plain_environment(
                {
                    "FAS_PORT": str(world.ports["fas"]),
                    "FAS_CLIENT_ID": FAS_CLIENT,
                    "FAS_CLIENT_SECRET": world.secret("fas-client"),
                    "FAS_REDIRECT_URI": f"{world.keycloak_issuer}/broker/fas/endpoint",
                    "FAS_CONTROL_SECRET": world.secret("fas-control"),
                    "FAS_STATE_DIR": str(world.folder / "fas"),
                    "FAS_PERSONAS": str(PERSONAS),
                    "FAS_ALLOWED_ORIGINS": f"{world.url('service')} {world.url('portal')}",
                }
            ),
            ready=answers(f"{world.url('fas')}/health"),
        ),
        Part(
            name="mailbox",
            command=module("demo.mailbox"),
            environment=plain_environment(
                {
                    "MAILBOX_HTTP_PORT": str(world.ports["mailbox"]),
                    "MAILBOX_SMTP_PORT": str(world.ports["smtp"]),
                    "MAILBOX_STATE_DIR": str(world.folder / "mailbox"),
                    "MAILBOX_PERSONAS": str(PERSONAS),
                    "MAILBOX_CONTROL_SECRET": world.secret("mailbox-control"),
                }
            ),
            ready=answers(f"{world.url('mailbox')}/health"),
        ),
    )


def service_parts(world: World, database_url: str, directory: Directory | None) -> tuple[Part, ...]:
    """Returns the service, its workers and the sample portal: what needs all the rest."""
    told = service_environment(world, database_url)
    return (
        Part(
            name="service",
            command=habilis("serve"),
            environment=told,
            ready=answers(f"{world.url('service')}/health/ready"),
        ),
        Part(name="worker", command=habilis("worker"), environment=told),
        Part(
            name="provisioning",
            command=habilis("provision"),
            environment=provisioning_environment(world, database_url, directory),
        ),
        Part(
            name="portal",
            command=module("demo.portal"),
            environment=plain_environment(
                {
                    "PORTAL_PORT": str(world.ports["portal"]),
                    "PORTAL_BASE_URL": world.url("portal"),
                    "PORTAL_STATE_DIR": str(world.folder / "portal"),
                    "PORTAL_CLIENT_ID": PORTAL_CLIENT,
                    "PORTAL_CLIENT_SECRET": world.secret("portail-wallonie-client"),
                    "PORTAL_KEYCLOAK_ISSUER": world.keycloak_issuer,
                    "PORTAL_HABILIS_ISSUER": world.url("service"),
                    "PORTAL_HABILIS_SECRET": world.secret("portail-wallonie-habilis"),
                    "PORTAL_MON_ESPACE_URL": world.url("service"),
                }
            ),
            ready=answers(f"{world.url('portal')}/health"),
        ),
    )


def answers(url: str) -> Callable[[], bool]:
    """Returns a question: does this address answer 200 now?"""
    parts = urlsplit(url)

    def ask() -> bool:
        connection = http.client.HTTPConnection(parts.hostname or LOOPBACK, parts.port, timeout=5)
        try:
            connection.request("GET", parts.path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask
