"""`habilis bce import`, `confirm`, `errors`: extracts applied and looked at."""

import json
from typing import Any

import msgspec
import typer

from iam.bce.cli.base import (
    LIMITS,
    BadShare,
    DryRun,
    Json,
    Place,
    Rules,
    VanishFloor,
    VanishShare,
    app,
    camel,
    finish,
    run,
)
from iam.bce.importer import Limits, apply_extract
from iam.bce.queries import set_aside
from iam.kernel.clock import system_clock
from iam.storage import Database


@app.command(name="import")
def import_extract(
    path: Place,
    *,
    dry_run: DryRun = False,
    as_json: Json = False,
    rules: Rules = None,
    bad_share: BadShare = LIMITS.bad_share,
    vanish_share: VanishShare = LIMITS.vanish_share,
    vanish_floor: VanishFloor = LIMITS.vanish_floor,
) -> None:
    """Make the register what the full extract at PATH says."""
    limits = Limits(bad_share=bad_share, vanish_share=vanish_share, vanish_floor=vanish_floor)
    finish(
        run(lambda db: apply_extract(db, path, system_clock, limits=limits, dry_run=dry_run, rules=rules)),
        as_json=as_json,
    )


@app.command()
def confirm(path: Place, *, as_json: Json = False, rules: Rules = None) -> None:
    """Apply the extract at PATH, on which `import` halted, although many enterprises vanish by it."""
    finish(
        run(lambda db: apply_extract(db, path, system_clock, confirmed=True, rules=rules)),
        as_json=as_json,
    )


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
