"""`habilis bce generate`: a made-up country in the official files."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from iam.bce.cli.base import USE, Json, app

_MONTH = r"20[0-9]{2}-(0[1-9]|1[0-2])"


@app.command()
def generate(
    *,
    enterprises: Annotated[int, typer.Option(min=1, help="How many enterprises there are at first.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder to write into.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another country.")] = 1,
    days: Annotated[int, typer.Option(min=0, max=366, help="How many days, with an update each.")] = 0,
    first_extract: Annotated[int, typer.Option(min=1, max=9000, help="The number of the first extract.")] = 1,
    month: Annotated[str, typer.Option(help="The month of the first extract, YYYY-MM.")] = "2026-01",
    full_after: Annotated[
        bool, typer.Option("--full-after", help="After each day a full extract and feed as well.")
    ] = False,
    without_activities: Annotated[
        bool, typer.Option("--without-activities", help="Leave out activities, most of an extract.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write extracts and feeds of a made-up country, the same for the same arguments."""
    from iam.bce import synthetic  # noqa: PLC0415 - its words are many, and no other command needs them

    if not re.fullmatch(_MONTH, month):
        raise typer.BadParameter("YYYY-MM", param_hint="--month")
    try:
        plan = synthetic.Plan(
            enterprises=enterprises,
            seed=seed,
            days=days,
            month=date.fromisoformat(f"{month}-01"),
            first_extract=first_extract,
            activities=not without_activities,
            full_after=full_after,
        )
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USE) from error
    made = synthetic.generate(plan, out)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "extracts": [str(path) for path in made.extracts],
                    "feeds": [str(path) for path in made.feeds],
                    "rows": made.rows,
                }
            )
        )
        return
    for path in (*made.extracts, *made.feeds):
        typer.echo(f"{path}: {sum(made.rows[path.name].values())} rows")
