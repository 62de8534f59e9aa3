"""`habilis`: the composition for the command line. Knows every room."""

import asyncio

import typer
import uvicorn
from alembic import command as alembic
from pydantic import ValidationError

from iam import migrations
from iam.bce.cli import app as bce_app
from iam.delegation.commands_line import bootstrap, catalogue_app, delegation_app
from iam.portals.commands import app as portals_app
from iam.realms.commands import app as realm_app
from iam.rotation import app as fingerprints_app
from iam.settings import Settings, load, variable
from iam.tokens.commands import app as keys_app
from iam.web.logging import configure

app = typer.Typer(
    help="Habilis: who may act for which enterprise.", no_args_is_help=True, pretty_exceptions_enable=False
)
db_app = typer.Typer(help="The database's schema.", no_args_is_help=True)
projection_app = typer.Typer(help="Groups in Keycloak and the directory.", no_args_is_help=True)
app.add_typer(db_app, name="db")
app.add_typer(bce_app, name="bce")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(delegation_app, name="delegation")
app.add_typer(portals_app, name="portals")
app.add_typer(keys_app, name="keys")
app.add_typer(fingerprints_app, name="fingerprints")
app.add_typer(realm_app, name="realm")
app.add_typer(projection_app, name="projection")
app.command("bootstrap")(bootstrap)


def _url(settings: Settings) -> str:
    return settings.database_url.get_secret_value()


@db_app.command()
def upgrade() -> None:
    """Bring the schema to the newest revision. Safe to repeat."""
    alembic.upgrade(migrations.config(_url(load())), "head")


@db_app.command()
def check() -> None:
    """Exit with an error when the schema is not what the code says."""
    alembic.check(migrations.config(_url(load())))


@app.command()
def serve() -> None:
    """Run the service: the console, the API, the OAuth side."""
    settings = load()
    configure(settings.log_level)
    uvicorn.run(
        "iam.app:create",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


@app.command()
def worker() -> None:
    """Seal and relay the journal, send the mails, let time pass."""
    from iam.duties import run  # noqa: PLC0415 - the console and the API need none of it

    settings = load()
    configure(settings.log_level)
    asyncio.run(run(settings))


@app.command()
def provision() -> None:
    """Make Keycloak and the directory look like the truth."""
    from provisioning.main import run  # noqa: PLC0415 - a process of its own

    settings = load()
    configure(settings.log_level)
    run(settings)


@projection_app.command("status")
def projection_status() -> None:
    """Say how far Keycloak and the directory are behind the truth."""
    from provisioning.main import backlog  # noqa: PLC0415 - a process of its own

    for target, found in backlog(load()).items():
        typer.echo(
            f"{target}: {found.behind} behind, {found.failing} failing, {found.held} held"
            + (", stopped by the deletion guard" if found.stopped else "")
        )


@projection_app.command("confirm")
def projection_confirm() -> None:
    """Let the removals go on that the deletion guard stopped: somebody has looked."""
    from provisioning.main import confirm  # noqa: PLC0415 - a process of its own

    for target, waiting in confirm(load()).items():
        typer.echo(f"{target}: {waiting} enterprises go on")


def main() -> None:
    """The entry point: settings that are missing or unsafe are named, without a traceback."""
    try:
        app()
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False, include_context=False):
            typer.echo(f"{variable(found['loc'])}: {found['msg']}", err=True)
        raise SystemExit(2) from None
