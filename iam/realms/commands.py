"""`habilis realm`: the realm files checked, and a running Keycloak brought to them."""

import os
from pathlib import Path
from typing import Annotated

import typer

from iam.realms.apply import apply
from iam.realms.lint import lint as findings
from iam.realms.plan import World, actual, connect, plan, wanted

FILES = Path(__file__).parent / "files"

app = typer.Typer(help="Keycloak's realm.", no_args_is_help=True)


@app.command()
def lint(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False)] = FILES,
) -> None:
    """Check the realm files and their variables. Exit code 3 when something is wrong."""
    found = findings(folder, os.environ)
    for finding in found:
        typer.echo(str(finding), err=True)
    if found:
        raise typer.Exit(3)
    typer.echo("the realm files are sound")


_URL = Annotated[str, typer.Option(envvar="HABILIS_KEYCLOAK__BASE_URL", help="Where Keycloak is.")]
_USER = Annotated[str, typer.Option(envvar="HABILIS_REALM_ADMIN", help="An account that may change realms.")]
_PASSWORD = Annotated[str, typer.Option(envvar="HABILIS_REALM_ADMIN_PASSWORD", prompt=True, hide_input=True)]
_REALM = "monespace"


def _wanted() -> World:
    found = findings(FILES, os.environ)
    if found:
        for finding in found:
            typer.echo(str(finding), err=True)
        raise typer.Exit(3)
    return wanted((FILES / "monespace-realm.json").read_text(encoding="utf-8"), os.environ)


@app.command("plan")
def show_plan(*, url: _URL, user: _USER, password: _PASSWORD) -> None:
    """Say what would make the running realm what the files say, and change nothing."""
    file = _wanted()
    with connect(url, _REALM, username=user, password=password) as admin:
        for change in plan(file, actual(admin)):
            typer.echo(str(change))


@app.command("apply")
def apply_plan(*, url: _URL, user: _USER, password: _PASSWORD) -> None:
    """Make the running realm what the files say; what a person must do is told. Safe to repeat."""
    file = _wanted()
    with connect(url, _REALM, username=user, password=password) as admin:
        left = apply(admin, file, plan(file, actual(admin)))
    for change in left:
        typer.echo(f"to do by hand: {change}", err=True)
