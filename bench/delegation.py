"""Delegation: the check query and a write through the door, each against what it cannot do without.

    python -m bench.delegation [rounds] [seconds per measurement]

20,000 enterprises with a chief access manager and three roles each, on a real PostgreSQL that writes its
commits to disk. The check is measured as tokens and decisions call it, by one shot, and as pages call it,
within a read transaction; its rival is a look-up by primary key in the table of grants, each time in the
same way, and once on a bare connection of the driver. The write gives a role through the one door (lock,
facts, rule, rows, journal); its rival inserts the same row and commits.
"""

import asyncio
import itertools
import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
from alembic import command
from sqlalchemy import text

from bench.rounds import Pair, measure
from demo.parts.postgres import PostgresServer
from iam.bce import reference
from iam.delegation import catalogue
from iam.delegation import commands as c
from iam.delegation.execute import Door
from iam.delegation.rights import _RIGHTS, Rights, effective, holding, rights_of
from iam.kernel.actor import PersonActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import uuid4, uuid7
from iam.kernel.numbers import EnterpriseNumber
from iam.migrations import config
from iam.storage import Database, Read
from tests.support.settings import some_settings

ENTERPRISES = 20_000
ROLES = ("aides.signer", "permis.deposer", "primes.deposer")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
CATALOGUE = Path(__file__).parents[1] / "demo" / "catalogue.toml"
PORTAL = frozenset({*ROLES, "autre.role", "encore.un"})


def number(place):
    first = 10_000_000 + place
    return f"{first:08d}{97 - first % 97:02d}"


def key(kind, place):
    """The id of the enterprise, manager or employee at a place: the statement below makes the same."""
    return UUID(f"{kind:08x}-0000-4000-8000-{place:012x}")


def _keys(kind, place="n"):
    return f"('{kind:08x}-0000-4000-8000-' || lpad(to_hex({place}), 12, '0'))::uuid"


ENTITY, MANAGER, EMPLOYEE = 1, 2, 3
_SERIES = "generate_series(0, :last) n"
# Everybody has a confirmed address for the enterprise before his own: there he is given a role.
_BEFORE = "(n + :last) % (:last + 1)"
_FILL = f"""
INSERT INTO bce_entity (entity_id, revision, first_extract)
SELECT {_keys(ENTITY)}, 0, 1 FROM {_SERIES};

INSERT INTO bce_number (entity_id, number, starts_at, recorded_from)
SELECT {_keys(ENTITY)}, (10000000 + n)::text || lpad((97 - (10000000 + n) % 97)::text, 2, '0'),
       :before, :before
  FROM {_SERIES};

INSERT INTO bce_snapshot (entity_id, status, kind, situation, form, start_on, starts_at,
                          recorded_from)
SELECT {_keys(ENTITY)}, 'AC', 2, '000', '610', '2000-01-01', :before, :before
  FROM {_SERIES};

INSERT INTO bce_name (entity_id, digest, language, kind, text, starts_at, recorded_from)
SELECT {_keys(ENTITY)}, n, '1', '001', 'Entreprise ' || n, :before, :before FROM {_SERIES};

INSERT INTO people_person (id, language, revision, created_at)
SELECT {_keys(MANAGER)}, 'fr', 1, :before FROM {_SERIES} UNION ALL
SELECT {_keys(EMPLOYEE)}, 'fr', 1, :before FROM {_SERIES};

INSERT INTO people_address (id, person_id, email, purpose, entity_id, claimed_at, verified_at)
SELECT gen_random_uuid(), {_keys(EMPLOYEE)}, 'e' || n || '@exemple.be', 'professional',
       {_keys(ENTITY, _BEFORE)}, :before, :before
  FROM {_SERIES};

INSERT INTO delegation_head (entity_id, revision, at) SELECT {_keys(ENTITY)}, 1, :before FROM {_SERIES};

INSERT INTO delegation_office (version_id, office_id, entity_id, kind, person_id, state, origin, starts_at,
                               recorded_from)
SELECT gen_random_uuid(), gen_random_uuid(), {_keys(ENTITY)}, 'gap', {_keys(MANAGER)}, 'active', 'migrated',
       :before, :before
  FROM {_SERIES};

INSERT INTO delegation_grant (version_id, grant_id, entity_id, person_id, role, starts_at, ends_at, origin,
                              granted_at, to_oneself, recorded_from)
SELECT gen_random_uuid(), gen_random_uuid(), {_keys(ENTITY)}, {_keys(EMPLOYEE)}, r, :before, :after,
       'migrated', :before, false, :before
  FROM {_SERIES}, unnest(CAST(:roles AS text[])) r
"""


async def fill(url, enterprises=ENTERPRISES):
    """The rows, made by the database itself; then vacuumed, as a running PostgreSQL does by itself."""
    values = {
        "last": enterprises - 1, "before": NOW - timedelta(days=30), "after": NOW + timedelta(days=300),
        "roles": list(ROLES),
    }  # fmt: skip
    db = Database(url, pool_size=1, statement_timeout="120s")
    async with db.write() as conn:
        await catalogue.apply(conn, catalogue.read(CATALOGUE), lambda: NOW - timedelta(days=31))
        await reference.store(conn, reference.read())
        for statement in _FILL.split(";\n"):
            wanted = {name: value for name, value in values.items() if f":{name}" in statement}
            await conn.execute(text(statement), wanted)
    await db.close()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as bare:
        await bare.execute("VACUUM (ANALYZE)")


def checks(conn, grants):
    """(ours, floor) of reading, on one connection in one transaction."""
    places = itertools.cycle(range(0, ENTERPRISES, 7919))
    keys = itertools.cycle(grants)
    by_key = text("SELECT * FROM delegation_grant WHERE version_id = :key")

    async def whole():
        place = next(places)
        found = await effective(
            conn, person=key(EMPLOYEE, place), number=EnterpriseNumber(number(place)), roles=PORTAL, at=NOW,
            level=Level.EID,
        )  # fmt: skip
        if not (isinstance(found, Rights) and len(found.roles) == len(ROLES)):
            raise RuntimeError(str(found))

    async def query():
        place = next(places)
        wanted = {"person": key(EMPLOYEE, place), "number": number(place), "at": NOW}
        [row] = (await conn.execute(_RIGHTS.clause, wanted)).all()
        if row.held is None:
            raise RuntimeError("a right is missing")

    async def floor():
        if len((await conn.execute(by_key, {"key": next(keys)})).all()) != 1:
            raise RuntimeError("a grant is missing")

    return [
        Pair(
            "check_query_against_primary_key", query, floor, "the one statement of a check, a row by its key"
        ),
        Pair(
            "whole_check_against_primary_key",
            whole,
            floor,
            "the check with name and extract, a row by its key",
        ),
    ]


_INSERT = text(
    """
    INSERT INTO delegation_grant (version_id, grant_id, entity_id, person_id, role, starts_at, ends_at,
                                  origin, granted_at, to_oneself, recorded_from)
    VALUES (:version, :grant, :entity, :person, 'primes.deposer', :at, :end, 'direct', :at, false, :at)
    """
)


def one_shots(db, bare, grants):
    """(ours, floor) of reading as the hot routes do: one statement, no transaction around it."""
    places = itertools.cycle(range(0, ENTERPRISES, 7919))
    keys = itertools.cycle(grants)
    by_key = Read("SELECT * FROM delegation_grant WHERE version_id = :key")
    unnamed = Read(holding(person=":person", number=":number", at=":at", named=False))

    async def check(statement):
        place = next(places)
        person, of = key(EMPLOYEE, place), EnterpriseNumber(number(place))
        [row] = await db.ask(statement, {"person": person, "number": of.digits, "at": NOW})
        found = rights_of(row, person=person, number=of, roles=PORTAL, level=Level.EID)
        if not (isinstance(found, Rights) and len(found.roles) == len(ROLES)):
            raise RuntimeError(str(found))

    async def of_a_decision():
        await check(unnamed)

    async def of_a_token():
        await check(_RIGHTS)

    async def floor():
        if len(await db.ask(by_key, {"key": next(keys)})) != 1:
            raise RuntimeError("a grant is missing")

    async def driver():
        found = await bare.execute(by_key.driver, {"key": next(keys)}, prepare=True)
        if len(await found.fetchall()) != 1:
            raise RuntimeError("a grant is missing")

    return [
        Pair(
            "one_shot_decision_against_primary_key", of_a_decision, floor, "without a name, a row by its key"
        ),
        Pair(
            "one_shot_check_against_primary_key", of_a_token, floor, "as a token needs it, a row by its key"
        ),
        Pair(
            "one_shot_check_against_bare_driver", of_a_token, driver, "the same, a row on a bare connection"
        ),
    ]


def writes(db):
    """(ours, floor) of writing, a transaction each, every time another enterprise."""
    door = Door(some_settings(), lambda: NOW)
    mine, others = itertools.count(), itertools.count()
    first = belgian_day(NOW)

    async def ours():
        place = next(mine) % ENTERPRISES
        give = c.GrantRole(
            entity=key(ENTITY, place), person=key(EMPLOYEE, (place + 1) % ENTERPRISES), role="primes.deposer",
            first=first, last=None,
        )  # fmt: skip
        actor = PersonActor(person=key(MANAGER, place), assurance=Assurance(Level.EID, NOW))
        async with db.write() as conn:
            done = await door.execute(conn, give, actor)
        if isinstance(done, Refusal):
            raise RuntimeError(str(done))  # noqa: TRY004 - a refusal is no wrong type

    async def floor():
        place = next(others) % ENTERPRISES
        row = {
            "version": uuid7(), "grant": uuid4(), "entity": key(ENTITY, place),
            "person": key(MANAGER, (place + 1) % ENTERPRISES), "at": NOW, "end": NOW + timedelta(days=9),
        }  # fmt: skip
        async with db.write() as conn:
            await conn.execute(_INSERT, row)

    return [
        Pair("door_against_insert_and_commit", ours, floor, "a role given through the door, its bare row")
    ]


async def run(url, rounds, seconds):
    db = Database(url, pool_size=2)
    bare = await psycopg.AsyncConnection.connect(url, autocommit=True)
    try:
        await fill(url)
        async with db.read() as conn:
            grants = list(
                (await conn.execute(text("SELECT version_id FROM delegation_grant LIMIT 4001"))).scalars()
            )
            found = await measure(checks(conn, grants) + one_shots(db, bare, grants), rounds, seconds)
        found |= await measure(writes(db), rounds, seconds)
    finally:
        await bare.close()
        await db.close()
    return {
        "bench": "delegation",
        "enterprises": ENTERPRISES,
        "rounds": rounds,
        "seconds": seconds,
        "goals": {
            "one_shot_decision_against_primary_key": ">= 0.5",
            "one_shot_check_against_primary_key": ">= 0.5",
        },
        "results": found,
    }


def main(rounds=5, seconds=0.8):
    """The figures, from a PostgreSQL of its own that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="habilis-bench-"))
    folder.chmod(0o755)
    server = PostgresServer(folder)
    try:
        with server:
            server.create_database("bench")
            command.upgrade(config(server.url("bench")), "head")
            return asyncio.run(run(server.url("bench"), rounds, seconds))
    finally:
        server.erase()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    print(
        json.dumps(
            main(int(arguments[0]) if arguments else 5, float(arguments[1]) if arguments[1:] else 0.8),
            indent=2,
        )
    )
