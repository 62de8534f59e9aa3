"""`habilis bce`: applying extracts and feeds, looking at what was set aside.

Exit codes: 0 applied, or nothing to do; 2 wrong use; 3 refused (not ours to apply now); 4 rejected (bad
content); 5 halted, a person must look.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy.exc import IntegrityError

from iam.bce import reference
from iam.bce.functions import apply_feed
from iam.bce.importer import Limits, Report, Status, apply_extract
from iam.bce.queries import extract_number, feed_state, find_by_number, set_aside
from iam.bce.record import replace_number
from iam.kernel.clock import start_of_day, system_clock
from iam.kernel.numbers import EnterpriseNumber
from iam.settings import load
from iam.storage import Database, WriteConnection

app = typer.Typer(help="The register of enterprises and of who represents them.", no_args_is_help=True)

_USE, _REFUSED, _REJECTED, _HALTED = 2, 3, 4, 5
_EXIT = {Status.REFUSED: _REFUSED, Status.REJECTED: _REJECTED, Status.HALTED: _HALTED}
_LIMITS = Limits()

Place = Annotated[Path, typer.Argument(help="A zip or a folder of the open data.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Say it as JSON.")]
Rules = Annotated[
    Path | None,
    typer.Option(
        envvar="HABILIS_REGISTER__RULES",
        file_okay=False,
        exists=True,
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


@app.command(name="import")
def import_extract(
    path: Place,
    *,
    dry_run: DryRun = False,
    as_json: Json = False,
    rules: Rules = None,
    bad_share: BadShare = _LIMITS.bad_share,
    vanish_share: VanishShare = _LIMITS.vanish_share,
    vanish_floor: VanishFloor = _LIMITS.vanish_floor,
) -> None:
    """Make the register what the full extract at PATH says."""
    limits = Limits(bad_share=bad_share, vanish_share=vanish_share, vanish_floor=vanish_floor)
    _finish(
        _run(lambda db: apply_extract(db, path, system_clock, limits=limits, dry_run=dry_run, rules=rules)),
        as_json=as_json,
    )


@app.command()
def confirm(path: Place, *, as_json: Json = False, rules: Rules = None) -> None:
    """Apply the extract at PATH, on which `import` halted, although many enterprises vanish by it."""
    _finish(
        _run(lambda db: apply_extract(db, path, system_clock, confirmed=True, rules=rules)),
        as_json=as_json,
    )


@app.command()
def functions(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="A feed of functions, JSON Lines.")],
    *,
    dry_run: DryRun = False,
    as_json: Json = False,
    rules: Rules = None,
    bad_share: BadShare = _LIMITS.bad_share,
) -> None:
    """Make what FILE says the answer to who represents whom."""
    keys = load().fingerprint_keys
    _finish(
        _run(
            lambda db: apply_feed(
                db, file, keys, system_clock, bad_share=bad_share, dry_run=dry_run, rules=rules
            )
        ),
        as_json=as_json,
    )


@app.command()
def rules(
    folder: Annotated[Path | None, typer.Argument(file_okay=False, exists=True)] = None,
) -> None:
    """Make the rule table what the files of FOLDER say, or the shipped ones."""
    try:
        book = reference.read(folder)
        changed = _run(lambda db: _write(db, lambda conn: reference.store(conn, book)))
    except (reference.InvalidReference, IntegrityError) as error:
        typer.echo(error.args[0], err=True)
        raise typer.Exit(_REJECTED) from error
    typer.echo("changed" if changed else "nothing to change")


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
        raise typer.Exit(_USE) from error

    async def replace(conn: WriteConnection) -> bool:
        enterprise = await find_by_number(conn, before)
        if enterprise is None:
            return False
        await replace_number(conn, enterprise.entity, after, since=first, now=system_clock())
        return True

    try:
        done = _run(lambda db: _write(db, replace))
    except IntegrityError as error:
        typer.echo(f"{after} belongs to another enterprise", err=True)
        raise typer.Exit(_REFUSED) from error
    if not done:
        typer.echo(f"no enterprise has the number {before}", err=True)
        raise typer.Exit(_REFUSED)
    typer.echo(f"{before} goes by {after}")


@app.command()
def errors(*, as_json: Json = False) -> None:
    """The rows that the newest extract and the newest feed had set aside."""

    async def read(db: Database) -> Any:
        async with db.read() as conn:
            return await set_aside(conn)

    rows = _run(read)
    if as_json:
        typer.echo(json.dumps([_camel(msgspec.to_builtins(row)) for row in rows]))
        return
    for row in rows:
        typer.echo(f"{row.attempt}\t{row.file}, line {row.line}\t{row.reason}")


@app.command()
def status() -> None:
    """On which extract and feed the answers about the register stand."""

    async def read(db: Database) -> tuple[int, Any]:
        async with db.read() as conn:
            return await extract_number(conn), await feed_state(conn)

    extract, feed = _run(read)
    typer.echo(f"extract {extract:04d}" if extract else "no extract yet")
    typer.echo(
        f"functions {feed.number}, made {feed.produced_at.isoformat()}"
        if feed
        else "no feed of functions yet"
    )


def _run(work: Callable[[Database], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        db = Database(load().database_url.get_secret_value(), pool_size=2)
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


async def _write(db: Database, work: Callable[[WriteConnection], Awaitable[Any]]) -> Any:
    async with db.write() as conn:
        return await work(conn)


def _camel(document: dict[str, Any]) -> dict[str, Any]:
    def camel(name: str) -> str:
        first, *others = name.split("_")
        return first + "".join(each.capitalize() for each in others)

    return {camel(name): value for name, value in document.items()}


def _finish(report: Report, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_camel(msgspec.to_builtins(report))))
    else:
        for line in _words(report):
            typer.echo(line)
    raise typer.Exit(_EXIT.get(report.status, 0))


def _words(report: Report) -> list[str]:
    said = [str(each) for each in (report.status.value, report.number, report.reason, report.detail) if each]
    lines = [": ".join(said)]
    lines += [f"  read {name}: {count}" for name, count in report.read.items()]
    for table, counts in report.written.items():
        changed = ", ".join(f"{what} {count}" for what, count in counts.items() if count)
        lines += [f"  {table}: {changed}"] if changed else []
    lines += [f"  event {kind}: {count}" for kind, count in report.events.items()]
    if report.vanishing_count:
        lines.append(f"  vanishing: {report.vanishing_count} ({', '.join(report.vanishing[:20])})")
    lines += [f"  warning: {warning}" for warning in report.warnings]
    lines += [f"  set aside: {file}, line {line}: {reason}" for file, line, reason in report.bad[:20]]
    return lines
