"""`habilis bce fetch`: new extracts from their source, applied in their order."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, TextIO

import msgspec
import typer

from iam.bce.cli.base import (
    HALTED,
    LIMITS,
    REFUSED,
    REJECTED,
    USE,
    Activities,
    BadShare,
    Branches,
    How,
    Json,
    OrphanShare,
    Rules,
    VanishFloor,
    VanishShare,
    VanishWatchedShare,
    app,
    camel,
    run,
)
from iam.bce.cli.progress import Progress, watcher_for
from iam.bce.fetch.download import Patience, Watcher
from iam.bce.fetch.model import Outcome, RunReport
from iam.bce.fetch.opened import opened
from iam.bce.fetch.run import Means, look
from iam.bce.fetch.run import fetch as fetch_from
from iam.bce.fetch.watch import AsJson, OnStream, Silent
from iam.bce.fetch.work import WorkFolder
from iam.bce.importer import Limits, Report, apply_extract
from iam.kernel.clock import system_clock
from iam.settings import load
from iam.storage import Database

UNAVAILABLE, DISTRUSTED = 6, 7
EXITS = {
    Outcome.REFUSED: REFUSED,
    Outcome.REJECTED: REJECTED,
    Outcome.HALTED: HALTED,
    Outcome.UNAVAILABLE: UNAVAILABLE,
    Outcome.DISTRUSTED: DISTRUSTED,
}

_WATCHERS: Mapping[Progress, Callable[[TextIO], Watcher]] = {
    Progress.AUTO: OnStream,
    Progress.JSON: AsJson,
    Progress.NONE: lambda _: Silent(),
}


@app.command()
def fetch(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be fetched, and fetch nothing.")
    ] = False,
    as_json: Json = False,
    progress: How = Progress.AUTO,
    quiet: Annotated[bool, typer.Option("--quiet", help="The same as --progress none.")] = False,
    rules: Rules = None,
    bad_share: BadShare = LIMITS.bad_share,
    orphan_share: OrphanShare = LIMITS.orphan_share,
    vanish_share: VanishShare = LIMITS.vanish_share,
    vanish_watched_share: VanishWatchedShare = LIMITS.vanish_watched_share,
    vanish_floor: VanishFloor = LIMITS.vanish_floor,
    activities: Activities = False,
    branches: Branches = True,
) -> None:
    """Fetch what is new from the source of the settings, and apply it in its order."""
    source = load().of_register.source
    if source is None:
        typer.echo("no source is set: see HABILIS_REGISTER__SOURCE__KIND", err=True)
        raise typer.Exit(USE)
    how = Progress.NONE if quiet else progress
    limits = Limits(
        bad_share=bad_share,
        orphan_share=orphan_share,
        vanish_share=vanish_share,
        vanish_watched_share=vanish_watched_share,
        vanish_floor=vanish_floor,
    )

    async def work(db: Database) -> RunReport:
        async def apply(path: Path) -> Report:
            return await apply_extract(
                db, path, system_clock, limits=limits, rules=rules, activities=activities, branches=branches,
                watcher=watcher_for(how, sys.stderr),
            )  # fmt: skip

        async with opened(source) as there:
            means = Means(
                db=db,
                source=there,
                work=WorkFolder(source.work_folder),
                apply=apply,
                clock=system_clock,
                patience=Patience(
                    tries=source.tries, pause=source.pause_seconds, largest=source.largest_bytes
                ),
                keep=source.keep_files,
                watcher=_WATCHERS[how](sys.stderr),
            )
            return await (look(means) if dry_run else fetch_from(means))

    report: RunReport = run(work)
    if as_json:
        typer.echo(json.dumps(camel(msgspec.to_builtins(report))))
    else:
        for line in _words(report):
            typer.echo(line)
    raise typer.Exit(EXITS.get(report.outcome, 0))


def _words(report: RunReport) -> list[str]:
    said = [str(each) for each in (report.outcome.value, report.reason, report.detail) if each]
    extract = "no extract yet" if report.extract is None else f"extract {report.extract:04d}"
    lines = [f"{': '.join(said)} ({extract}, from {report.source})"]
    for each in report.files:
        size = "" if each.size is None else f", {each.size} bytes"
        number = "" if each.number is None else f", {each.kind} {each.number:04d}"
        reason = "" if each.reason is None else f": {each.reason}"
        lines.append(f"  {each.name}{number}{size}: {each.state}{reason}")
    lines += [f"  warning: {warning}" for warning in report.warnings]
    if report.advice is not None:
        lines.append(f"  what to do: {report.advice}")
    return lines
