"""`habilis fingerprints`: what still hangs on a key of national numbers, and letting it go once nothing does.

Knows people and register, who do not know each other: the same key makes the fingerprints of both.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
import typer

from iam.bce.queries import functions_under_others
from iam.kernel.clock import Clock, system_clock
from iam.kernel.ssin import FingerprintKeys
from iam.people import keys as people
from iam.people.keys import UnfitKeys
from iam.settings import Settings, load
from iam.storage import Database, ReadConnection, WriteConnection

app = typer.Typer(help="The keys under which national numbers are hashed.", no_args_is_help=True)
Answer = TypeVar("Answer")
REMAINS = 3
AsJson = Annotated[bool, typer.Option("--json", help="Say it as JSON.")]


class Place(StrEnum):
    """Where a key stands in the settings."""

    CURRENT = "current"
    PREVIOUS = "previous"
    NOWHERE = "notInSettings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A key, and what is known under it and not under the key in use.

    A login makes a person anew, the next full feed a function. A number that somebody had before is told by
    nobody any more: it goes with its key.
    """

    key: str
    place: Place
    persons: int
    functions: int
    former_numbers: int

    @property
    def holds(self) -> bool:
        """Whether somebody or something would be lost with the key."""
        return self.place is not Place.CURRENT and bool(self.persons or self.functions)


class StillNeeded(RuntimeError):
    """A key may not be let go; `why` is a stable code."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


async def rests(conn: ReadConnection, keys: FingerprintKeys, at: datetime) -> Sequence[Rest]:
    """Every key that is in the settings or under which anything is known, the one in use first."""
    functions = await functions_under_others(conn, [keys.current_id], at)
    known = {keys.current_id, *await people.ids(conn), *functions}
    if keys.previous_id is not None:
        known.add(keys.previous_id)
    return [
        Rest(
            key=key,
            place=_place(key, keys),
            persons=0 if key == keys.current_id else await people.hanging(conn, key, [keys.current_id]),
            functions=functions.get(key, 0),
            former_numbers=await people.former_numbers(conn, key),
        )
        for key in sorted(known, key=lambda key: (key != keys.current_id, key))
    ]


def _place(key: str, keys: FingerprintKeys) -> Place:
    if key == keys.current_id:
        return Place.CURRENT
    return Place.PREVIOUS if key == keys.previous_id else Place.NOWHERE


async def prepare(settings: Settings, db: Database, clock: Clock) -> None:
    """Nothing hangs on a key that the settings do not have. Called before the first request.

    Raises `UnfitKeys`, naming the key's id.
    """
    keys, now = settings.fingerprint_keys, clock()
    ours = [keys.current_id, *(() if keys.previous_id is None else (keys.previous_id,))]
    async with db.write() as conn:
        await people.know(conn, keys, now)
        for key in set(await people.ids(conn)) - set(ours):
            if persons := await people.hanging(conn, key, ours):
                raise UnfitKeys(f"{persons} persons are known under the fingerprint key {key} alone")
        if functions := await functions_under_others(conn, ours, now):
            key, count = next(iter(functions.items()))
            raise UnfitKeys(f"{count} functions are known under the fingerprint key {key} alone")


async def retire(
    conn: WriteConnection, key: str, keys: FingerprintKeys, now: datetime, *, left_behind: int = 0
) -> int:
    """The key is gone with all that was made with it; says how many fingerprints of persons that were.

    Raises `StillNeeded`: while it is in the settings (every login would make it anew), while a function
    hangs on it, or other than `left_behind` persons do.
    """
    if key in {keys.current_id, keys.previous_id}:
        raise StillNeeded("inSettings")
    found = next((rest for rest in await rests(conn, keys, now) if rest.key == key), None)
    if found is None:
        raise StillNeeded("unknown")
    if found.functions:
        raise StillNeeded("functions")
    if found.persons != left_behind:
        raise StillNeeded("persons")
    return await people.let_go(conn, key, left_behind, now)


def _run(work: Callable[[Database, Settings], Awaitable[Answer]]) -> Answer:
    async def whole() -> Answer:
        settings = load()
        db = Database(settings.database_url.get_secret_value(), pool_size=1, statement_timeout="10min")
        try:
            return await work(db, settings)
        finally:
            await db.close()

    return asyncio.run(whole())


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Say what is known under each key and not under the one in use. Exit code 3 while anything is."""

    async def work(db: Database, settings: Settings) -> Sequence[Rest]:
        async with db.read() as conn:
            return await rests(conn, settings.fingerprint_keys, system_clock())

    found = _run(work)
    if as_json:
        documents = [{**msgspec.to_builtins(rest), "formerNumbers": rest.former_numbers} for rest in found]
        for document in documents:
            del document["former_numbers"]
        typer.echo(json.dumps(documents))
    else:
        for rest in found:
            typer.echo(
                f"{rest.key}\t{rest.place}\tpersons {rest.persons}\tfunctions {rest.functions}"
                f"\tformer numbers {rest.former_numbers}"
            )
    raise typer.Exit(REMAINS if any(rest.holds for rest in found) else 0)


_WHY = {
    "inSettings": "take it out of the settings first: while it is there, every login uses it anew",
    "unknown": "nothing is known under it",
    "functions": "functions are known under it alone: apply a full feed under the key in use",
    "persons": "persons are known under it alone: see `habilis fingerprints status`",
}


@app.command(name="retire")
def retire_key(
    key: Annotated[str, typer.Argument(help="The id of a key, as `habilis fingerprints status` names it.")],
    *,
    leave_behind: Annotated[
        int,
        typer.Option(
            min=0, help="So many persons, exactly, are lost until their account tells who they are."
        ),
    ] = 0,
) -> None:
    """Let a key go that nothing hangs on any more. Refused while something does."""

    async def work(db: Database, settings: Settings) -> int:
        async with db.write() as conn:
            return await retire(
                conn, key, settings.fingerprint_keys, system_clock(), left_behind=leave_behind
            )

    try:
        gone = _run(work)
    except StillNeeded as needed:
        typer.echo(f"{key}: {_WHY[needed.why]}", err=True)
        raise typer.Exit(REMAINS) from needed
    typer.echo(f"{key} is gone, with {gone} fingerprints")
