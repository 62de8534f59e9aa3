"""`habilis bce status`: on what the answers about the register stand, and how old that is."""

import json
from datetime import timedelta
from typing import Any

import typer

from iam.bce import freshness
from iam.bce.cli.base import LATE, Json, app, run
from iam.bce.fetch.model import Run
from iam.bce.fetch.record import last_run, newest_extract
from iam.bce.freshness import Age, ExtractState
from iam.bce.model import FeedState
from iam.bce.queries import feed_state
from iam.kernel.clock import system_clock
from iam.settings import load
from iam.storage import Database

_HOUR = 3600


@app.command()
def status(*, as_json: Json = False) -> None:
    """On which extract and feed the answers stand, how old these are, how the last run of fetching went.

    Exit code 8 while one of them is missing or older than its limit.
    """
    policy = load().policy
    limits = freshness.Limits.of_hours(policy.register_stale_hours, policy.representation_stale_hours)

    async def read(db: Database) -> tuple[ExtractState | None, FeedState | None, Run | None]:
        async with db.read() as conn:
            return await newest_extract(conn), await feed_state(conn), await last_run(conn)

    extract, feed, last = run(read)
    of_extract, of_feed = freshness.ages(extract, feed, limits, system_clock())
    if as_json:
        snapshot_on = None if extract is None else extract.snapshot_on.isoformat()
        produced_at = None if feed is None else feed.produced_at.isoformat()
        document = {
            "extract": _document(of_extract) | {"snapshotOn": snapshot_on},
            "functions": _document(of_feed) | {"producedAt": produced_at},
            "lastFetch": None if last is None else _of_run(last),
        }
        typer.echo(json.dumps(document))
    else:
        _tell(extract, of_extract, feed, of_feed, last)
    raise typer.Exit(LATE if of_extract.late or of_feed.late else 0)


def _tell(
    extract: ExtractState | None, of_extract: Age, feed: FeedState | None, of_feed: Age, last: Run | None
) -> None:
    if extract is None:
        typer.echo("no extract yet")
    else:
        typer.echo(f"extract {extract.number:04d}, of {extract.snapshot_on.isoformat()}{_age(of_extract)}")
    if feed is None:
        typer.echo("no feed of functions yet")
    else:
        typer.echo(f"functions {feed.number}, made {feed.produced_at.isoformat()}{_age(of_feed)}")
    if last is not None:
        said = [each for each in (last.outcome, last.reason, last.detail) if each]
        typer.echo(f"last fetch {last.started_at.isoformat()}: {': '.join(said) or 'not ended'}")


def _age(age: Age) -> str:
    if age.age is None:
        return ""
    late = f", LATE: the limit is {_hours(age.limit)} hours" if age.late else ""
    return f", {_hours(age.age)} hours old{late}"


def _hours(of: timedelta) -> int:
    return round(of.total_seconds() / _HOUR)


def _document(age: Age) -> dict[str, Any]:
    return {
        "number": age.number,
        "ageHours": None if age.age is None else _hours(age.age),
        "limitHours": _hours(age.limit),
        "late": age.late,
    }


def _of_run(last: Run) -> dict[str, Any]:
    return {
        "startedAt": last.started_at.isoformat(),
        "endedAt": None if last.ended_at is None else last.ended_at.isoformat(),
        "outcome": last.outcome,
        "reason": last.reason,
        "detail": last.detail,
    }
