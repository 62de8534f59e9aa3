"""`habilis bce functions`: who represents whom, from a feed."""

from pathlib import Path
from typing import Annotated

import typer

from iam.bce.cli.base import LIMITS, BadShare, DryRun, Json, Rules, app, finish, run
from iam.bce.functions import apply_feed
from iam.kernel.clock import system_clock
from iam.settings import load


@app.command()
def functions(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="A feed of functions, JSON Lines.")],
    *,
    dry_run: DryRun = False,
    as_json: Json = False,
    rules: Rules = None,
    bad_share: BadShare = LIMITS.bad_share,
) -> None:
    """Make what FILE says the answer to who represents whom."""
    keys = load().fingerprint_keys
    finish(
        run(
            lambda db: apply_feed(
                db, file, keys, system_clock, bad_share=bad_share, dry_run=dry_run, rules=rules
            )
        ),
        as_json=as_json,
    )
