"""`habilis bce show`: what the register says of an enterprise and who represents it, now or as of a day."""

import json
from datetime import UTC
from typing import Annotated, Any

import typer

from iam.bce.cli.base import REFUSED, USE, Json, app, run
from iam.bce.history import (
    InvalidAsOf,
    as_of,
    enterprise_then,
    extract_known,
    representatives_then,
)
from iam.bce.model import AsOf, Enterprise, Representation
from iam.bce.profile import Extract
from iam.kernel.clock import belgian_day, system_clock
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import Database

Told = tuple[Extract, Enterprise | None, list[Representation]]


@app.command()
def show(
    number: str,
    *,
    at: Annotated[str, typer.Option(help="As it was at the end of this Belgian day, YYYY-MM-DD.")] = "",
    as_known_on: Annotated[
        str, typer.Option(help="Without what was learned after this day, or this instant of RFC 3339.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Say what is, or was, known of the enterprise with NUMBER, and which functions represent it.

    Persons are told by nothing but the id of their function.
    """
    now = system_clock()
    try:
        asked = EnterpriseNumber.parse(number)
        then = as_of(at, as_known_on, now) or AsOf(day=belgian_day(now), known_on=now)
        extract, enterprise, powers = run(lambda db: _look(db, asked, then))
    except (ValueError, InvalidAsOf) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USE) from error
    if enterprise is None:
        typer.echo(f"no enterprise had the number {asked} then", err=True)
        raise typer.Exit(REFUSED)
    told = _document(then, extract, enterprise, powers)
    for line in [json.dumps(told)] if as_json else _words(told):
        typer.echo(line)


async def _look(db: Database, number: EnterpriseNumber, then: AsOf) -> Told:
    async with db.read() as conn:
        extract = await extract_known(conn, then)
        enterprise = await enterprise_then(conn, number, then)
        powers = [] if enterprise is None else await representatives_then(conn, enterprise, then)
    return extract, enterprise, powers


def _document(
    then: AsOf, extract: Extract, enterprise: Enterprise, powers: list[Representation]
) -> dict[str, Any]:
    return {
        "at": then.day.isoformat(),
        "asKnownOn": then.known_on.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "extractNumber": extract.number,
        "enterpriseNumber": enterprise.number.dotted,
        "state": enterprise.state.value,
        "situation": enterprise.situation,
        "consequence": enterprise.consequence.value,
        "form": enterprise.form,
        "names": [name.text for name in enterprise.names],
        "representatives": [
            {
                "function": power.basis,
                "code": power.code,
                "how": power.how.value,
                "alone": power.alone,
                "from": belgian_day(power.period.start).isoformat(),
                "to": None if power.period.last_day is None else power.period.last_day.isoformat(),
                "suspended": None if power.why_suspended is None else power.why_suspended.value,
            }
            for power in powers
        ],
    }


def _words(told: dict[str, Any]) -> list[str]:
    known = f"as known on {told['asKnownOn']} (extract {told['extractNumber']:04d})"
    situation = f"situation {told['situation']} ({told['consequence']})"
    lines = [
        f"{told['enterpriseNumber']} on {told['at']}, {known}",
        f"  {told['state']}, {situation}, form {told['form'] or '-'}",
        *(f"  name: {name}" for name in told["names"]),
    ]
    for power in told["representatives"]:
        how = "alone" if power["alone"] else "jointly"
        mark = f", suspended: {power['suspended']}" if power["suspended"] else ""
        period = f"{power['from']} to {power['to'] or '-'}"
        lines.append(f"  represents: {power['code']} {how}, {period}{mark}, function {power['function']}")
    return lines
