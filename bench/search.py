"""Searching the register by name and place, against a look-up by primary key and against one by number.

    BENCH_ENTERPRISES=20000 python -m bench.search [rounds] [seconds per measurement]

A made-up country of so many enterprises, imported from its official files as every extract is. Names are
drawn from those that the register has: whole, their beginnings, words in another order, with a letter wrong,
with the postcode of the seat. A search is called as a page calls it, within a read transaction, and answers
with a page of enterprises in full; its floor is one row by its primary key, in the same way. What each kind
takes is told in milliseconds besides: an indication of this machine.
"""

import asyncio
import itertools
import json
import os
import random
import sys
import time

from alembic import command
from sqlalchemy import text

from bench.register import country
from bench.rounds import Pair, measure
from demo.parts.postgres import PostgresServer
from iam.bce.importer import Status, apply_extract
from iam.bce.queries import find_by_number
from iam.bce.search import asked, search
from iam.kernel.clock import system_clock as now
from iam.kernel.numbers import EnterpriseNumber
from iam.migrations import config
from iam.storage import Database

ENTERPRISES = int(os.environ.get("BENCH_ENTERPRISES", "20000"))
QUESTIONS = 200
_SAMPLE = text(
    "SELECT s.entity_id, s.number, s.text, s.postcode FROM bce_search s WHERE length(s.text) BETWEEN 9 AND 90"
    " ORDER BY md5(s.entity_id::text || s.text) LIMIT :limit"
)
_BY_KEY = text("SELECT * FROM bce_entity WHERE entity_id = :entity")


def _beginning(row, _draw):
    return {"name": row.text[:6]}


def _whole(row, _draw):
    return {"name": row.text}


def _reversed(row, _draw):
    return {"name": " ".join(reversed(row.text.split()))}


def _wrong(row, draw):
    words = row.text.split()
    longest = max(range(len(words)), key=lambda at: len(words[at]))
    at = draw.randrange(1, max(2, len(words[longest]) - 1))
    words[longest] = words[longest][:at] + "q" + words[longest][at + 1 :]
    return {"name": " ".join(words)}


def _placed(row, _draw):
    return {"name": row.text.split()[0], "postcode": row.postcode or ""}


def _place(row, _draw):
    return {"postcode": row.postcode or "5000"}


KINDS = {
    "whole name": _whole, "beginning": _beginning, "words in another order": _reversed,
    "one letter wrong": _wrong, "word and postcode": _placed, "postcode": _place,
}  # fmt: skip


class Side:
    """The register, and questions that it can answer."""

    def __init__(self, db, rows):
        draw = random.Random(7)
        self.db = db
        self.questions = {kind: [asked(**make(row, draw)) for row in rows] for kind, make in KINDS.items()}
        self.by_number = itertools.cycle([EnterpriseNumber(row.number) for row in rows])
        self.by_key = itertools.cycle([{"entity": row.entity_id} for row in rows])
        self.turns = {kind: itertools.cycle(questions) for kind, questions in self.questions.items()}

    def searching(self, kind):
        async def ask():
            async with self.db.read() as conn:
                return await search(conn, next(self.turns[kind]))

        return ask

    async def key(self):
        async with self.db.read() as conn:
            return (await conn.execute(_BY_KEY, next(self.by_key))).one()

    async def number(self):
        async with self.db.read() as conn:
            return await find_by_number(conn, next(self.by_number))

    async def milliseconds(self):
        """Each question once: the median, the 95th of a hundred, the longest."""
        told = {}
        for kind, questions in self.questions.items():
            taken = []
            for question in questions:
                began = time.perf_counter()
                async with self.db.read() as conn:
                    await search(conn, question)
                taken.append((time.perf_counter() - began) * 1000)
            taken.sort()
            told[kind] = {
                "p50": round(taken[len(taken) // 2], 1),
                "p95": round(taken[len(taken) * 95 // 100], 1),
                "max": round(taken[-1], 1),
            }
        return told


async def run(url, rounds, seconds):
    """The figures, in a database at the newest revision."""
    db = Database(url, statement_timeout="0")
    report = await apply_extract(db, country(ENTERPRISES), now)
    if report.status is not Status.APPLIED:
        raise RuntimeError(report)
    async with db.read() as conn:
        rows = (await conn.execute(_SAMPLE, {"limit": QUESTIONS})).all()
        names = (await conn.execute(text("SELECT count(*) FROM bce_search"))).scalar_one()
    side = Side(db, rows)
    pairs = [
        Pair(kind, side.searching(kind), side.key, f"a page of answers: {kind}; against a row by primary key")
        for kind in KINDS
    ]
    pairs.append(
        Pair("number", side.number, side.key, "an enterprise by number; against a row by primary key")
    )
    measured = await measure(pairs, rounds, seconds)
    taken = await side.milliseconds()
    await db.close()
    return {
        "bench": "search", "enterprises": ENTERPRISES, "names": names, "pairs": measured,
        "milliseconds": taken,
    }  # fmt: skip


def main(rounds=5, seconds=0.4):
    """The figures, from a PostgreSQL of its own that is gone afterwards."""
    with PostgresServer.throwaway() as server:
        server.create_database("bench")
        command.upgrade(config(server.url("bench")), "head")
        return asyncio.run(run(server.url("bench"), rounds, seconds))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    print(
        json.dumps(
            main(int(arguments[0]) if arguments else 5, float(arguments[1]) if arguments[1:] else 0.4),
            indent=2,
        )
    )
