"""`habilis bce rules`: which function represents."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import IntegrityError

from iam.bce import reference
from iam.bce.cli.base import REJECTED, app, run, write


@app.command()
def rules(
    folder: Annotated[Path | None, typer.Argument(file_okay=False, exists=True)] = None,
) -> None:
    """Make the rule table what the files of FOLDER say, or the shipped ones."""
    try:
        book = reference.read(folder)
        changed = run(lambda db: write(db, lambda conn: reference.store(conn, book)))
    except (reference.InvalidReference, IntegrityError) as error:
        typer.echo(error.args[0], err=True)
        raise typer.Exit(REJECTED) from error
    typer.echo("changed" if changed else "nothing to change")
