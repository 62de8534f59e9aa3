"""`habilis keys`: the keys that sign mandate tokens, and the cut-off."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import system_clock
from iam.portals.model import SigningAlg
from iam.settings import Settings, load
from iam.storage import Database, WriteConnection
from iam.tokens import keyring, record

app = typer.Typer(help="The keys that sign mandate tokens.", no_args_is_help=True)
T = TypeVar("T")


def _run(act: Callable[[WriteConnection, Settings], Awaitable[T]]) -> T:
    settings = load()

    async def run() -> T:
        db = Database(settings.database_url.get_secret_value(), pool_size=1)
        try:
            async with db.write() as conn:
                return await act(conn, settings)
        finally:
            await db.close()

    try:
        return asyncio.run(run())
    except keyring.TooEarly as error:
        typer.echo(f"too early: not before {error.until:%Y-%m-%d %H:%M:%S} UTC", err=True)
    except keyring.UnknownKey:
        typer.echo("there is no such key in a state from which this is possible", err=True)
    raise typer.Exit(1)


def _by(command: str) -> Context:
    """Whoever may give the command on the machine is the operator (DOMAIN 7.3 nr 66)."""
    actor = SystemActor(trigger=f"habilis keys {command}")
    return Context(actor=actor, capacity=Capacity.OPERATOR, at=system_clock())


def _wrapping_key(settings: Settings) -> bytes:
    return settings.secrets.wrapping_key.get_secret_value().encode()


@app.command(name="list")
def list_keys() -> None:
    """Every key, its state and its dates."""

    async def act(conn: WriteConnection, settings: Settings) -> list[keyring.Key]:
        return await keyring.list_keys(conn, issuer=settings.issuer)

    for key in _run(act):
        dates = (key.published_at, key.active_at, key.retired_at, key.removed_at)
        shown = "\t".join("-" if each is None else f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in dates)
        typer.echo(f"{key.kid}\t{key.alg}\t{key.state}\t{shown}")


@app.command()
def rotate(
    alg: Annotated[SigningAlg, typer.Argument(help="Of which algorithm.")] = SigningAlg.ES256,
) -> None:
    """Sign with the next key from now on; the former stays published until its tokens have ended."""

    async def act(conn: WriteConnection, settings: Settings) -> tuple[str, str]:
        return await keyring.rotate(
            conn, alg, _by("rotate"), issuer=settings.issuer, wrapping_key=_wrapping_key(settings)
        )

    retired, active = _run(act)
    typer.echo(f"retired: {retired}\nactive:  {active}")


@app.command()
def retire(
    kid: Annotated[str, typer.Argument(help="A key, as `habilis keys list` names it.")],
    *,
    leaked: Annotated[bool, typer.Option(help="Drop it at once, whatever its state: it leaked.")] = False,
) -> None:
    """Publish a retired key no more and destroy its private half."""

    async def act(conn: WriteConnection, settings: Settings) -> None:
        if leaked:
            await keyring.drop_now(
                conn,
                kid,
                _by("retire --leaked"),
                issuer=settings.issuer,
                wrapping_key=_wrapping_key(settings),
            )
        else:
            await keyring.retire(conn, kid, _by("retire"), issuer=settings.issuer)

    _run(act)
    typer.echo(f"removed: {kid}")


@app.command(name="cut-off")
def cut_off(
    instant: Annotated[datetime, typer.Argument(help="In UTC, as 2027-01-31T12:00:00.")],
) -> None:
    """Believe no token and no login that began before INSTANT. It can only move forward."""
    at = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)

    async def act(conn: WriteConnection, _settings: Settings) -> None:
        await record.cut_off(conn, at, _by("cut-off"))

    _run(act)
    typer.echo(f"nothing that began before {at:%Y-%m-%dT%H:%M:%SZ} is believed")
