"""`habilis catalogue`, `habilis delegation`, `habilis bootstrap`: what an operator does to delegation."""

import asyncio
import hashlib
import json
import os
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from iam.bce import queries as register
from iam.delegation import catalogue, feed
from iam.delegation import commands as c
from iam.delegation.execute import Door
from iam.kernel.actor import SystemActor
from iam.kernel.clock import system_clock
from iam.kernel.decision import Refusal
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from iam.settings import Settings, load
from iam.storage import Database

Answer = TypeVar("Answer")
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]

catalogue_app = typer.Typer(help="The catalogue of roles.", no_args_is_help=True)
delegation_app = typer.Typer(help="Offices and roles known elsewhere.", no_args_is_help=True)

BOOTSTRAP_HOURS = 72


def _with_database(work: Callable[[Settings, Database], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        settings = load()
        db = Database(settings.database_url.get_secret_value(), pool_size=2)
        try:
            return await work(settings, db)
        finally:
            await db.close()

    return asyncio.run(run())


@catalogue_app.command("apply")
def apply_catalogue(
    file: File,
    *,
    dry_run: Annotated[bool, typer.Option(help="Say what would change, and change nothing.")] = False,
) -> None:
    """Make the catalogue what FILE says. A role that FILE leaves out is retired."""
    try:
        roles = catalogue.read(file)
    except catalogue.InvalidCatalogue as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error

    async def work(_settings: Settings, db: Database) -> list[str]:
        if dry_run:
            async with db.read() as conn:
                events = await catalogue.plan(conn, roles, system_clock)
        else:
            async with db.write() as conn:
                events = await catalogue.apply(conn, roles, system_clock)
        return [f"{event.KIND.rsplit('.', 1)[-1]} {event.code}" for event in events]

    changes = _with_database(work)
    for line in changes or ["unchanged"]:
        typer.echo(line)


@delegation_app.command("import")
def import_appointments(
    file: File,
    *,
    apply: Annotated[bool, typer.Option(help="Do it; without this only the report is made.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring in chief access managers and roles from FILE (JSON Lines). A dry run unless --apply.

    Exit code 0 when every line fits, 3 when some were refused (the others are applied all the same).
    """

    async def work(settings: Settings, db: Database) -> list[feed.LineReport]:
        door = Door(settings, system_clock)
        return await feed.apply(db, door, file, settings.fingerprint_keys, system_clock, dry_run=not apply)

    reports = _with_database(work)
    counts = Counter(report.code for report in reports)
    bad = [report for report in reports if report.is_bad]
    if as_json:
        lines = [
            {"line": r.line, "code": r.code, **({} if r.number is None else {"enterpriseNumber": r.number})}
            for r in reports
        ]
        typer.echo(json.dumps({"dryRun": not apply, "counts": counts, "lines": lines}))
    else:
        typer.echo(
            ("" if apply else "dry run: ") + ", ".join(f"{n} {code}" for code, n in sorted(counts.items()))
        )
        for report in bad:
            typer.echo(f"line {report.line}: {report.code}", err=True)
    raise typer.Exit(3 if bad else 0)


def bootstrap(
    *,
    out: Annotated[Path | None, typer.Option(help="Write the link to this file (mode 0600).")] = None,
    if_needed: Annotated[bool, typer.Option(help="Make none, without an error, once it has one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the one-time link by which the first operator of the service enters.

    He follows it, logs in with the eID, and becomes chief access manager of the administration named by
    HABILIS_STAFF_ENTERPRISE. Refused once it has one.
    """

    async def work(settings: Settings, db: Database) -> str | Refusal:
        secret = secrets.token_urlsafe(32)
        if settings.staff_enterprise is None:
            raise typer.BadParameter("HABILIS_STAFF_ENTERPRISE is not set")
        door = Door(settings, system_clock)
        async with db.write() as conn:
            number = EnterpriseNumber.parse(settings.staff_enterprise)
            enterprise = await register.find_by_number(conn, number)
            if enterprise is None:
                raise typer.BadParameter("HABILIS_STAFF_ENTERPRISE is not in the register")
            command = c.OpenBootstrap(
                entity=enterprise.entity,
                digest=hashlib.sha256(secret.encode()).hexdigest(),
                lapses_at=system_clock() + timedelta(hours=BOOTSTRAP_HOURS),
            )
            done = await door.execute(conn, command, SystemActor(trigger="habilis bootstrap"))
        return done if isinstance(done, Refusal) else f"{settings.issuer}/bootstrap?link={secret}"

    if out is not None:
        out.unlink(missing_ok=True)
    url = _with_database(work)
    if isinstance(url, Refusal):
        if if_needed and url.reason is Reason.ALREADY_GAP:
            return
        typer.echo(url.reason.value, err=True)
        raise typer.Exit(3)
    text = json.dumps({"url": url}) if as_json else url
    if out is None:
        typer.echo(text)
        return
    descriptor = os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
