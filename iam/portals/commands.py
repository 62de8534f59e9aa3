"""`habilis portals`: registering relying portals from a file."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import Clock, system_clock
from iam.portals.authentication import hash_of, new_secret
from iam.portals.definition import InvalidPortalFile, PortalDefinition, read
from iam.portals.events import PortalChanged, PortalEvent
from iam.portals.queries import every
from iam.portals.record import apply as apply_definitions
from iam.settings import load
from iam.storage import Database

app = typer.Typer(help="Relying portals and their démarches.", no_args_is_help=True)


class _DryRun(Exception):
    """Undoes the transaction of a dry run."""


async def apply_to(
    db: Database, definitions: list[PortalDefinition], clock: Clock, *, dry_run: bool
) -> list[PortalEvent]:
    """What `habilis portals apply` does; a dry run says the same and leaves everything as it was."""
    context = Context(
        actor=SystemActor(trigger="habilis portals apply"), capacity=Capacity.OPERATOR, at=clock()
    )
    happened: list[PortalEvent] = []
    try:
        async with db.write() as conn:
            happened = await apply_definitions(conn, definitions, context)
            if dry_run:
                raise _DryRun  # noqa: TRY301 - a transaction is undone by leaving it so
    except _DryRun:
        pass
    return happened


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A TOML file of portals.")],
    *,
    dry_run: Annotated[bool, typer.Option(help="Say what would change, and change nothing.")] = False,
) -> None:
    """Make the portals of FILE what it says. Variables `${NAME}` come from the environment."""
    try:
        definitions = read(file.read_text(encoding="utf-8"), os.environ)
    except UnicodeDecodeError as error:
        typer.echo(f"{file}: not in UTF-8: {error.reason} at octet {error.start}", err=True)
        raise typer.Exit(2) from error
    except InvalidPortalFile as error:
        for fault in error.faults:
            typer.echo(f"{file}: {fault}", err=True)
        raise typer.Exit(2) from error

    async def run() -> list[PortalEvent]:
        db = Database(load().database_url.get_secret_value(), pool_size=1)
        try:
            return await apply_to(db, definitions, system_clock, dry_run=dry_run)
        finally:
            await db.close()

    happened = asyncio.run(run())
    for event in happened:
        what = f"changed: {', '.join(event.changed)}" if isinstance(event, PortalChanged) else "registered"
        typer.echo(f"{'would be ' if dry_run else ''}{what}: {event.client_id}")
    if not happened:
        typer.echo("nothing to change")


@app.command(name="list")
def list_portals() -> None:
    """The registered portals."""

    async def run() -> None:
        db = Database(load().database_url.get_secret_value(), pool_size=1)
        try:
            async with db.read() as conn:
                for portal in await every(conn):
                    state = "active" if portal.active else "withdrawn"
                    typer.echo(f"{portal.client_id}\t{state}\t{portal.audience}\t{portal.alg}")
        finally:
            await db.close()

    asyncio.run(run())


@app.command(name="new-secret")
def make_secret() -> None:
    """A fresh secret for a portal, and the digest that goes into its file."""
    secret = new_secret()
    typer.echo(f"secret:        {secret}")
    typer.echo(f"secret_sha256: {hash_of(secret).hex()}")
