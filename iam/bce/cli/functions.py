"""`habilis bce functions`: who represents whom, from a feed."""

from pathlib import Path
from typing import Annotated

import typer

from iam.bce.cli.base import BadShare, DryRun, Json, Rules, app, finish, run
from iam.bce.functions import FeedReport, Limits, apply_feed
from iam.kernel.clock import system_clock
from iam.settings import load

_LIMITS = Limits()
LossShare = Annotated[
    float,
    typer.Option(
        envvar="HABILIS_REGISTER__LOSS_SHARE",
        min=0,
        max=1,
        help="More watched enterprises losing their last representative halt it.",
    ),
]
LossFloor = Annotated[
    int,
    typer.Option(envvar="HABILIS_REGISTER__LOSS_FLOOR", min=0, help="So many never halt it."),
]


@app.command()
def functions(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="A feed of functions, JSON Lines.")],
    *,
    dry_run: DryRun = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Apply it although it halted: somebody has looked at the list.")
    ] = False,
    as_json: Json = False,
    rules: Rules = None,
    bad_share: BadShare = _LIMITS.bad_share,
    loss_share: LossShare = _LIMITS.loss_share,
    loss_floor: LossFloor = _LIMITS.loss_floor,
) -> None:
    """Make what FILE says the answer to who represents whom: a full feed, or an update of the one before."""
    keys = load().fingerprint_keys
    limits = Limits(bad_share=bad_share, loss_share=loss_share, loss_floor=loss_floor)
    report: FeedReport = run(
        lambda db: apply_feed(
            db, file, keys, system_clock, limits=limits, dry_run=dry_run, confirmed=confirm, rules=rules
        )
    )
    finish(report, as_json=as_json, more=_losing(report))


def _losing(report: FeedReport) -> list[str]:
    if not report.losing_count:
        return []
    return [f"  losing their last representative: {report.losing_count} ({', '.join(report.losing[:20])})"]
