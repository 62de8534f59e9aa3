"""`habilis bce import`, `confirm`, `errors`: extracts applied and looked at."""

import json
import sys
from typing import Any

import msgspec
import typer

from iam.bce.cli.base import (
    LIMITS,
    Activities,
    BadShare,
    Branches,
    DryRun,
    How,
    Json,
    OrphanShare,
    Place,
    Rules,
    VanishFloor,
    VanishShare,
    VanishWatchedShare,
    app,
    camel,
    finish,
    run,
)
from iam.bce.cli.progress import Progress, watcher_for
from iam.bce.importer import Limits, Report, apply_extract
from iam.bce.queries import set_aside
from iam.kernel.clock import system_clock
from iam.storage import Database


@app.command(name="import")
def import_extract(
    path: Place,
    *,
    dry_run: DryRun = False,
    as_json: Json = False,
    progress: How = Progress.AUTO,
    rules: Rules = None,
    bad_share: BadShare = LIMITS.bad_share,
    orphan_share: OrphanShare = LIMITS.orphan_share,
    vanish_share: VanishShare = LIMITS.vanish_share,
    vanish_watched_share: VanishWatchedShare = LIMITS.vanish_watched_share,
    vanish_floor: VanishFloor = LIMITS.vanish_floor,
    activities: Activities = False,
    branches: Branches = True,
) -> None:
    """Make the register what the extract at PATH says, full or update."""
    limits = Limits(
        bad_share=bad_share,
        orphan_share=orphan_share,
        vanish_share=vanish_share,
        vanish_watched_share=vanish_watched_share,
        vanish_floor=vanish_floor,
    )
    watcher = watcher_for(progress, sys.stderr)

    async def work(db: Database) -> Report:
        return await apply_extract(
            db, path, system_clock, limits=limits, dry_run=dry_run, rules=rules, activities=activities,
            branches=branches, watcher=watcher,
        )  # fmt: skip

    finish(run(work), as_json=as_json)


@app.command()
def confirm(
    path: Place,
    *,
    as_json: Json = False,
    progress: How = Progress.AUTO,
    rules: Rules = None,
    bad_share: BadShare = LIMITS.bad_share,
    orphan_share: OrphanShare = LIMITS.orphan_share,
    activities: Activities = False,
    branches: Branches = True,
) -> None:
    """Apply the extract at PATH, on which `import` halted, although many enterprises vanish by it."""
    limits = Limits(bad_share=bad_share, orphan_share=orphan_share)
    watcher = watcher_for(progress, sys.stderr)

    async def work(db: Database) -> Report:
        return await apply_extract(
            db, path, system_clock, limits=limits, confirmed=True, rules=rules, activities=activities,
            branches=branches, watcher=watcher,
        )  # fmt: skip

    finish(run(work), as_json=as_json)


@app.command()
def errors(*, as_json: Json = False) -> None:
    """The rows that the newest extract and the newest feed had set aside."""

    async def read(db: Database) -> Any:
        async with db.read() as conn:
            return await set_aside(conn)

    rows = run(read)
    if as_json:
        typer.echo(json.dumps([camel(msgspec.to_builtins(row)) for row in rows]))
        return
    for row in rows:
        typer.echo(f"{row.attempt}\t{row.file}, line {row.line}\t{row.reason}")
