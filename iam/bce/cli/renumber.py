"""`habilis bce renumber`: an enterprise goes by another number."""

from datetime import date
from typing import Annotated

import typer
from sqlalchemy.exc import IntegrityError

from iam.bce.cli.base import REFUSED, USE, app, run, write
from iam.bce.queries import find_by_number
from iam.bce.record import replace_number
from iam.kernel.clock import start_of_day, system_clock
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import WriteConnection
from iam.storage.locks import Lease, try_lease


@app.command()
def renumber(
    old: str,
    new: str,
    *,
    since: Annotated[str, typer.Option(help="The first day of the new number, YYYY-MM-DD.")],
) -> None:
    """Say that the enterprise with number OLD goes by NEW: its offices and grants stay.

    Before the extract that shows NEW is applied: afterwards NEW belongs to an enterprise of its own.
    """
    try:
        before, after = EnterpriseNumber.parse(old), EnterpriseNumber.parse(new)
        first = start_of_day(date.fromisoformat(since))
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USE) from error

    async def replace(conn: WriteConnection) -> bool:
        if not await try_lease(conn, Lease.IMPORT):
            typer.echo("an import is running: afterwards", err=True)
            raise typer.Exit(REFUSED)
        enterprise = await find_by_number(conn, before)
        if enterprise is None:
            return False
        await replace_number(conn, enterprise.entity, after, since=first, now=system_clock())
        return True

    try:
        done = run(lambda db: write(db, replace))
    except IntegrityError as error:
        typer.echo(f"{after} belongs to another enterprise", err=True)
        raise typer.Exit(REFUSED) from error
    if not done:
        typer.echo(f"no enterprise has the number {before}", err=True)
        raise typer.Exit(REFUSED)
    typer.echo(f"{before} goes by {after}")
