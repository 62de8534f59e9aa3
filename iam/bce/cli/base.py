"""What the commands of the register have in common: their options, their way to the database, their words."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from iam.bce import reference
from iam.bce.cli.progress import Progress
from iam.bce.importer import Limits, Report, Status
from iam.settings import load
from iam.storage import Database, WriteConnection

app = typer.Typer(help="The register of enterprises and of who represents them.", no_args_is_help=True)

USE, REFUSED, REJECTED, HALTED, LATE = 2, 3, 4, 5, 8
EXIT = {Status.REFUSED: REFUSED, Status.REJECTED: REJECTED, Status.HALTED: HALTED}
LIMITS = Limits()


def readable_rules(place: Path | None) -> Path | None:
    """The place, whose rules have been read; where they are wrong the process ends with nothing done."""
    try:
        reference.read(place)
    except reference.InvalidReference as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REJECTED) from error
    return place


Place = Annotated[Path, typer.Argument(help="A zip or a folder of the open data.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
How = Annotated[Progress, typer.Option(help="Whom the way of it is told, on stderr.")]
Json = Annotated[bool, typer.Option("--json", help="Say it as JSON.")]
Rules = Annotated[
    Path | None,
    typer.Option(
        envvar="HABILIS_REGISTER__RULES",
        file_okay=False,
        exists=True,
        callback=readable_rules,
        help="A folder with functions.csv, representation.csv, situations.csv instead of the shipped ones.",
    ),
]
BadShare = Annotated[
    float,
    typer.Option(envvar="HABILIS_REGISTER__BAD_SHARE", min=0, max=1, help="More bad rows reject it."),
]
VanishShare = Annotated[
    float,
    typer.Option(envvar="HABILIS_REGISTER__VANISH_SHARE", min=0, max=1, help="More vanishing halt it."),
]
VanishFloor = Annotated[
    int,
    typer.Option(envvar="HABILIS_REGISTER__VANISH_FLOOR", min=0, help="So many never halt it."),
]
VanishWatchedShare = Annotated[
    float,
    typer.Option(
        envvar="HABILIS_REGISTER__VANISH_WATCHED_SHARE",
        min=0,
        max=1,
        help="More vanishing of those that are watched halt it.",
    ),
]
OrphanShare = Annotated[
    float,
    typer.Option(
        envvar="HABILIS_REGISTER__ORPHAN_SHARE",
        min=0,
        max=1,
        help="More rows about what the extract does not hold reject it.",
    ),
]
Activities = Annotated[
    bool,
    typer.Option(envvar="HABILIS_REGISTER__ACTIVITIES", help="Keep activities, most of an extract."),
]
Branches = Annotated[
    bool,
    typer.Option(envvar="HABILIS_REGISTER__BRANCHES", help="Keep branches of foreign entities."),
]


def run(work: Callable[[Database], Awaitable[Any]]) -> Any:
    """What the work answers, on the database of the settings."""

    async def whole() -> Any:
        db = Database(load().database_url.get_secret_value(), pool_size=2)
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(whole())


async def write(db: Database, work: Callable[[WriteConnection], Awaitable[Any]]) -> Any:
    """What the work answers, in one transaction that is committed."""
    async with db.write() as conn:
        return await work(conn)


def camel(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the names of its members as JSON wants them."""

    def renamed(name: str) -> str:
        first, *others = name.split("_")
        return first + "".join(each.capitalize() for each in others)

    return {renamed(name): value for name, value in document.items()}


def finish(report: Report, *, as_json: bool, more: Sequence[str] = ()) -> None:
    """The report is told, `more` of it in words, and the process ends with its exit code."""
    if as_json:
        typer.echo(json.dumps(camel(msgspec.to_builtins(report))))
    else:
        for line in (*_words(report), *more):
            typer.echo(line)
    raise typer.Exit(EXIT.get(report.status, 0))


def _words(report: Report) -> list[str]:
    said = [str(each) for each in (report.status.value, report.number, report.reason, report.detail) if each]
    lines = [": ".join(said)]
    lines += [f"  read {name}: {count}" for name, count in report.read.items()]
    for table, counts in report.written.items():
        changed = ", ".join(f"{what} {count}" for what, count in counts.items() if count)
        lines += [f"  {table}: {changed}"] if changed else []
    lines += [f"  event {kind}: {count}" for kind, count in report.events.items()]
    if report.vanishing_count:
        watched = f", {report.vanishing_watched} of them watched" if report.vanishing_watched else ""
        lines.append(f"  vanishing: {report.vanishing_count}{watched} ({', '.join(report.vanishing[:20])})")
    lines += [f"  warning: {warning}" for warning in report.warnings]
    lines += [f"  set aside: {file}, line {line}: {reason}" for file, line, reason in report.bad[:20]]
    return lines
