"""Acts in the small Wallonia: each command in a transaction of its own, as pages and worker give them."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import text

from demo.wallonia.write import function_lines
from iam.bce.functions import Limits, apply_feed
from iam.bce.importer import Status
from iam.bce.queries import feed_state
from iam.delegation import commands as c
from iam.delegation.execute import Done
from iam.delegation.model import Relation
from iam.duties import consumers
from iam.kernel.actor import Actor, PersonActor, SystemActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.clock import belgian_day
from iam.kernel.ids import OfficeId, RequestId
from iam.kernel.language import Language
from iam.storage import Database
from iam.worker import relay_all, seal_all
from tests.support.register import Town, personas

DUPONT = "1900000069"
SERVAIS = "1900000168"
WAITING_SECONDS = 10.0


def actor(
    town: Town, who: str | None, level: Level = Level.EID, age: timedelta = timedelta(minutes=1)
) -> Actor:
    if who is None:
        return SystemActor(trigger="test")
    return PersonActor(person=town.person(who), assurance=Assurance(level, town.clock() - age))


async def act(town: Town, command: c.Command, who: str | None = None, level: Level = Level.EID):
    """The command, committed."""
    async with town.db.write() as conn:
        return await town.door.execute(conn, command, actor(town, who, level))


async def did(town: Town, command: c.Command, who: str | None = None) -> Done:
    """The command, which must take effect."""
    done = await act(town, command, who)
    assert isinstance(done, Done), done
    return done


def submission(town: Town, who: str, number: str = DUPONT, **changes) -> c.SubmitRequest:
    today = belgian_day(town.clock())
    base = {
        "entity": town.entity(number), "roles": ("primes.deposer",), "relation": Relation.EMPLOYEE,
        "motivation": "Je prépare les dossiers.", "email": personas()[who]["email"], "first": today,
        "last": today + timedelta(days=100), "language": Language(personas()[who]["language"]),
    }  # fmt: skip
    return c.SubmitRequest(**{**base, **changes})


def appointment(town: Town, whom: str, number: str = DUPONT) -> c.AppointGap:
    return c.AppointGap(
        entity=town.entity(number), appointee=town.person(whom), email=personas()[whom]["email"],
        language=Language(personas()[whom]["language"]),
    )  # fmt: skip


def gift(
    town: Town,
    whom: str,
    code: str,
    number: str = DUPONT,
    *,
    first: date | None = None,
    last: date | None = None,
):
    return c.GrantRole(
        entity=town.entity(number), person=town.person(whom), role=code,
        first=first or belgian_day(town.clock()), last=last,
    )  # fmt: skip


async def appointed(town: Town, by: str, whom: str, number: str = DUPONT) -> OfficeId:
    return (await did(town, appointment(town, whom, number), by)).events[0].office


async def gap(town: Town, by: str, whom: str, number: str = DUPONT) -> OfficeId:
    """Appointed by a representative and accepted."""
    office = await appointed(town, by, whom, number)
    await did(town, c.AcceptOffice(entity=town.entity(number), office=office), whom)
    return office


async def requested(town: Town, who: str, number: str = DUPONT, **changes) -> RequestId:
    return (await did(town, submission(town, who, number, **changes), who)).events[0].request


async def given(town: Town, by: str, whom: str, code: str, number: str = DUPONT, **days):
    """A role given directly; its grant."""
    return (await did(town, gift(town, whom, code, number, **days), by)).events[0].grant


async def represents(
    town: Town, folder: Path, *held: tuple[str, str], code: str = "XADMI", since: str = "2020-01-01"
):
    """The register's newest feed says that these (person, enterprise) hold a function, beside all it said."""
    header, *lines = function_lines(town.clock().replace(microsecond=0))
    for who, number in held:
        line = {"enterpriseNumber": number, "function": code, "holder": {"ssin": personas()[who]["ssin"]}}
        lines.append(json.dumps({**line, "from": since, "to": None}))
    said = {**json.loads(header), "functions": len(lines)}
    said["number"] += 1
    path = folder / "functions.jsonl"
    path.write_text("\n".join([json.dumps(said), *lines]) + "\n", encoding="utf-8")
    report = await apply_feed(town.db, path, town.settings.fingerprint_keys, town.clock)
    assert report.status is Status.APPLIED, report


async def functions_are(town, folder, number, *functions):
    """The enterprise has these functions and no other, by an update onto the newest feed."""
    header = json.loads(function_lines(town.clock().replace(microsecond=0))[0])
    async with town.db.read() as conn:
        newest = (await feed_state(conn)).number
    town.clock.advance(minutes=1)
    header |= {
        "kind": "update", "number": newest + 1, "functions": 1, "producedAt": town.clock().isoformat(),
    }  # fmt: skip
    path = folder / "update.jsonl"
    lines = (header, {"enterpriseNumber": number, "functions": list(functions)})
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    keys = town.settings.fingerprint_keys
    report = await apply_feed(town.db, path, keys, town.clock, limits=Limits(loss_floor=9))
    assert report.status is Status.APPLIED, report
    return report


async def relay(town):
    """Everything in the journal has reached its consumers."""
    await seal_all(town.db, town.clock)
    return await relay_all(town.db, consumers(town.settings, town.door), town.clock)


async def dump(db: Database) -> Mapping[str, list[str]]:
    """Every row of every table, as text."""
    async with db.read() as conn:
        tables = (
            await conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        ).scalars()
        return {
            table: sorted((await conn.execute(text(f'SELECT t::text FROM "{table}" t'))).scalars())
            for table in sorted(tables)
        }


Deed = Callable[..., Awaitable[object]]


def deed(town: Town, command: c.Command, who: str | None, level: Level = Level.EID) -> Deed:
    async def done(conn):
        return await town.door.execute(conn, command, actor(town, who, level))

    return done


async def in_turn(town: Town, first: Deed, second: Deed) -> tuple[object, object]:
    """The second is begun while the first is not committed, and waits for it; the answers of both."""

    async def whole():
        async with town.db.write() as conn:
            return await second(conn)

    async with asyncio.TaskGroup() as tasks:
        async with town.db.write() as conn:
            answer = await first(conn)
            other = tasks.create_task(whole())
            await until_somebody_waits(town.db)
    return answer, other.result()


async def until_somebody_waits(db: Database) -> None:
    """A connection of this database waits for a lock."""
    deadline = time.monotonic() + WAITING_SECONDS
    while time.monotonic() < deadline:
        async with db.read() as conn:
            waiting = await conn.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            )
            if waiting.scalar_one():
                return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waited for a lock")
