"""The register at scale: loads, extracts that change nothing or little, the importer's memory, its readers.

    BENCH_ENTERPRISES=200000 python -m bench.register [rounds]
    BENCH_ENTERPRISES=2000000 BENCH_ACTIVITIES=1 python -m bench.register [rounds]

A made-up country of so many enterprises, and one a tenth of its size, in the official files without
activities; with them, which is four times as many rows, only the first load is measured. They are kept in
`.cache/bench`, which git ignores. PostgreSQL is as it comes, and writes its commits to disk. Rates are rows
of the files a second:

- `load`: the first full extract, from the zip to the commit: judged, typed, keyed, constrained, analysed. Its
  floor is `COPY` of the same files out of the same zip, on one connection, into tables of text without keys;
- `unchanged`: the same files again under the next number, of which not one row is written. Its rival writes
  blindly: it copies the same files and then upserts every row of the register, typed and with its owner
  known beforehand, by a unique index, on as many connections as an import has. `unchanged_against_upsert` is
  the same against the upsert alone, to which even the copying is given;
- `update`: 15,000 rows about 2,500 enterprises onto the country, against the same onto the small one;
- `proportion`: those 15,000 rows, against 1,500.

Seconds of processor are told besides: those of the server, checkpoints included, and of this process. On a
machine that does other things too they are steadier than time.

Memory is the peak of a process `habilis bce import` that loads each of the countries. Meanwhile, and during
an unchanged extract and an update, somebody reads one enterprise after the other, and whether there is an
extract: told is the slowest answer, how many there were, and how many of them did not belong together.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import select
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import psycopg
from alembic import command

from bench.rounds import summary
from demo.parts.postgres import PostgresServer
from iam.bce import dialect
from iam.bce.extracts.progress import Phase, nobody
from iam.bce.importer import Status, apply_extract
from iam.bce.synthetic import Plan, generate
from iam.kernel.clock import system_clock as now
from iam.migrations import config
from iam.storage import Database
from tests.integration.test_provisioning_process import environment
from tests.support.settings import some_settings

REPOSITORY = Path(__file__).parents[1]
ENTERPRISES = int(os.environ.get("BENCH_ENTERPRISES", "100000"))
SMALL = max(ENTERPRISES // 10, 2500)
DELTA, LITTLE = 2500, 250
ACTIVITIES = os.environ.get("BENCH_ACTIVITIES") == "1"
FILES = tuple(file.name for file in (*dialect.FILES, *([dialect.ACTIVITY] if ACTIVITIES else [])))
KEYS = {
    "bce_number": "number", "bce_snapshot": "entity_id", "bce_establishment": "number",
    "bce_name": "entity_id, digest", "bce_contact": "entity_id, digest", "bce_address": "entity_id, digest",
}  # fmt: skip
LANES = (("bce_address", "bce_snapshot"), ("bce_name", "bce_establishment", "bce_number", "bce_contact"))
COPIED = (("address", "enterprise", "contact"), ("denomination", "establishment", "branch"))
_CHUNK = 1 << 18
_PEAK = """
import atexit, sys
from pathlib import Path
from iam import cli
atexit.register(lambda: sys.stderr.write(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]))
sys.argv = ["habilis", *sys.argv[1:]]
cli.main()
"""
_ASK = """
SELECT EXISTS (SELECT FROM bce_extract WHERE status = 'applied') AS applied, v.names
  FROM (SELECT 1) one LEFT JOIN bce_enterprise_view v ON v.number = %s
"""


def country(enterprises):
    """The full extract of a country of this size."""
    folder = REPOSITORY / ".cache" / "bench" / f"{'activities' if ACTIVITIES else 'country'}_{enterprises}"
    if not (found := sorted(folder.glob("*_Full.zip"))):
        plan = Plan(enterprises=enterprises, seed=7, days=0, month=date(2026, 10, 1), activities=ACTIVITIES)
        found = generate(plan, folder).extracts
    return found[0]


def rows_in(path):
    """How many rows the files have."""
    with zipfile.ZipFile(path) as archive:
        return sum(
            sum(chunk.count(b"\n") for chunk in chunks(archive.open(f"{name}.csv"))) - 1 for name in FILES
        )


def chunks(file):
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


def numbers_of(path, enterprises):
    """Some enterprises from all over an extract of so many."""
    step = max(1, enterprises // (10 * DELTA))
    with zipfile.ZipFile(path).open("enterprise.csv") as file:
        lines = itertools.islice(file, 1, None, step)
        return [line.split(b",")[0].decode().strip('"').replace(".", "") for line in lines]


async def copied(url, path, files, *, prefix, kind=""):
    """The files are in tables of text."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        with zipfile.ZipFile(path) as archive:
            for name in files:
                with archive.open(f"{name}.csv") as file:
                    columns = ", ".join(f"c{at} text" for at, _ in enumerate(file.readline().split(b",")))
                    await conn.execute(f"CREATE {kind} TABLE {prefix}_{name} ({columns})")
                    statement = f"COPY {prefix}_{name} FROM STDIN (FORMAT csv)"
                    async with conn.cursor().copy(statement) as copy:
                        while chunk := file.read(_CHUNK):
                            await copy.write(chunk)


def burnt(server):
    """The seconds of processor that the server and this process have taken so far."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            after = stat.read_text().rpartition(")")[2].split()
            # Of those that have ended, whoever waited for them knows.
            parents[int(stat.parent.name)], spent[int(stat.parent.name)] = (
                int(after[1]),
                map(int, after[11:15]),
            )
    ours = {server.process.pid}
    while more := {each for each, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(sum(spent[each]) for each in ours) / os.sysconf("SC_CLK_TCK") + time.process_time()


@dataclass
class Stopwatch:
    """How long work takes, and how much of the processors; the server has nothing else to write meanwhile."""

    server: PostgresServer
    cpu: dict = field(default_factory=dict)

    async def __call__(self, what, work):
        async with await psycopg.AsyncConnection.connect(self.server.url(), autocommit=True) as conn:
            await conn.execute("CHECKPOINT")
        began, before = time.perf_counter(), burnt(self.server)
        await work()
        taken = time.perf_counter() - began
        self.cpu.setdefault(what, []).append(burnt(self.server) - before)
        return taken

    def burnt(self):
        """The medians."""
        return {what: middle(each) for what, each in self.cpu.items()}


@dataclass
class Register:
    """A database with the register of a country."""

    server: PostgresServer
    name: str
    path: Path
    size: int = 0
    numbers: list = field(default_factory=list)

    @property
    def url(self):
        return self.server.url(self.name)

    def create(self):
        self.server.create_database(self.name, template="migrated")
        return self

    async def apply(self, path=None, watcher=nobody):
        """An extract is applied; returns how much was written."""
        db = Database(self.url, statement_timeout="0")
        try:
            report = await apply_extract(db, path or self.path, now, activities=ACTIVITIES, watcher=watcher)
        finally:
            await db.close()
        if report.status is not Status.APPLIED:
            raise RuntimeError(report)
        return sum(sum(each.values()) for each in report.written.values())

    async def copy(self):
        """The files are in tables of text, and nothing more."""
        await copied(self.url, self.path, FILES, prefix="raw")

    async def load(self):
        """The first full extract is committed. What follows, that it can be searched, is left."""
        committed = asyncio.Event()

        def watcher(moment):
            if moment.phase is Phase.COMMIT and moment.done:
                committed.set()

        importing = asyncio.create_task(self.apply(watcher=watcher))
        waiting = asyncio.create_task(committed.wait())
        await asyncio.wait({importing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        for each in (importing, waiting):
            each.cancel()
        await asyncio.gather(importing, waiting, return_exceptions=True)
        if not committed.is_set():
            importing.result()

    async def forget_the_number(self):
        """What was applied last passes for the extract before: the same files are news under their number."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as conn:
            await conn.execute("DELETE FROM bce_extract WHERE number < (SELECT max(number) FROM bce_extract)")
            await conn.execute("UPDATE bce_extract SET number = number - 1")

    async def again(self):
        """The same extract, of which nothing is written."""
        if written := await self.apply():
            raise RuntimeError(f"{written} rows were written")

    async def update(self, folder, enterprises, seed):
        """An update about so many enterprises, six rows each, as the next extract."""
        async with await psycopg.AsyncConnection.connect(self.url) as conn:
            number = (await (await conn.execute("SELECT max(number) + 1 FROM bce_extract")).fetchone())[0]
            found = await conn.execute(
                "SELECT v.number, s.status, s.situation, s.kind, s.form, to_char(s.start_on, 'DD-MM-YYYY')"
                " FROM bce_enterprise_view v JOIN bce_snapshot s USING (entity_id)"
                " WHERE v.number = ANY(%s) AND s.recorded_until IS NULL AND s.ends_at IS NULL",
                (random.Random(seed).sample(self.numbers, enterprises),),
            )
            about = await found.fetchall()
        return written_update(folder / f"{self.name}_{number}.zip", number, about)


def written_update(path, number, about):
    """The zip of an update by which each of these begins on another day, is called and seated otherwise."""
    files = {name: [] for name in ("enterprise", "denomination", "address")}
    gone = []
    for ten, status, situation, kind, form, start in about:
        dotted = f"{ten[:4]}.{ten[4:7]}.{ten[7:]}"
        other = f"{1 + (int(start[:2]) + number) % 28:02d}{start[2:]}"
        gone.append(f'"{dotted}"')
        files["enterprise"].append(f'"{dotted}","{status}","{situation}","{kind}","{form or ""}",,{other}')
        files["denomination"].append(f'"{dotted}","1","001","Maison {number} {ten}"')
        files["address"].append(
            f'"{dotted}","REGO",,,"5000","Namen","Namur","Straat","Rue {number}","{ten[-2:]}",,,'
        )
    day = date(2026, 10, 2)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "meta.csv",
            f'"Variable","Value"\n"SnapshotDate","{day:%d-%m-%Y}"\n"ExtractType","update"\n'
            f'"ExtractTimestamp","{day:%d-%m-%Y} 08:00:00"\n"ExtractNumber","{number}"\n',
        )
        archive.writestr("code.csv", '"Category","Code","Language","Description"\n')
        for file in dialect.FILES:
            if lines := files.get(file.name):
                archive.writestr(f"{file.name}_delete.csv", "\n".join([file.key, *gone, ""]))
                archive.writestr(f"{file.name}_insert.csv", "\n".join([",".join(file.columns), *lines, ""]))
    return path


class Blind:
    """Whoever writes every row, whether it has changed or not."""

    def __init__(self, register):
        self.url, self.path = register.url, register.path

    async def prepare(self):
        """Its tables hold the rows of the register already; so does a table of what it is going to write."""
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as conn:
            for table, key in KEYS.items():
                await conn.execute(f"CREATE UNLOGGED TABLE typed_{table} AS SELECT * FROM {table}")
                await conn.execute(f"CREATE TABLE blind_{table} AS SELECT * FROM {table}")
                await conn.execute(f"CREATE UNIQUE INDEX ON blind_{table} ({key})")
            await conn.execute("VACUUM (ANALYZE)")

    async def tidy(self):
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as conn:
            for table in KEYS:
                await conn.execute(f"VACUUM blind_{table}")
            for name in FILES:
                await conn.execute(f"DROP TABLE IF EXISTS staged_{name}")

    async def copy(self):
        await asyncio.gather(
            *(copied(self.url, self.path, files, prefix="staged", kind="UNLOGGED") for files in COPIED)
        )

    async def write(self):
        await asyncio.gather(*(self._upsert(tables) for tables in LANES))

    async def _upsert(self, tables):
        async with await psycopg.AsyncConnection.connect(self.url) as conn:
            for table in tables:
                columns = [
                    name
                    for (name,) in await (
                        await conn.execute(
                            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass"
                            " AND attnum > 0 AND NOT attisdropped",
                            (f"typed_{table}",),
                        )
                    ).fetchall()
                ]
                every = ", ".join(f"{name} = excluded.{name}" for name in columns)
                await conn.execute(
                    f"INSERT INTO blind_{table} SELECT * FROM typed_{table}"
                    f" ON CONFLICT ({KEYS[table]}) DO UPDATE SET {every}"
                )


class Reader:
    """Somebody in a process of his own who reads, until he is told to stop."""

    def __init__(self, register):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.register", "--read", register.url, *register.numbers[:50]],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.process.stdout.readline()

    def stop(self):
        return json.loads(self.process.communicate()[0])


def read(url, numbers):
    """Reads until the input ends; tells how long answers took, in milliseconds."""
    taken, mixed = [], 0
    with psycopg.connect(url, autocommit=True) as conn:
        print("reading", flush=True)
        for number in itertools.cycle(numbers):
            began = time.perf_counter()
            applied, names = conn.execute(_ASK, (number,)).fetchone()
            taken.append((time.perf_counter() - began) * 1000)
            # Every enterprise that is asked for is in every extract.
            mixed += applied is (names is None)
            if select.select([sys.stdin], [], [], 0.002)[0]:
                break
    taken.sort()
    print(
        json.dumps(
            {
                "slowest_ms": round(taken[-1], 1), "p99_ms": round(taken[len(taken) * 99 // 100], 1),
                "median_ms": round(statistics.median(taken), 2), "answers": len(taken), "mixed": mixed,
            }
        )
    )  # fmt: skip


async def imported(register):
    """The peak of `habilis bce import` that loads the register, in MB, and what a reader met meanwhile."""
    reader = Reader(register)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PEAK, "bce", "import", str(register.path), "--json", "--progress", "none",
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONPATH": str(REPOSITORY),
            **environment(some_settings(), HABILIS_DATABASE_URL=register.url),
        },
    )  # fmt: skip
    said, peak = await process.communicate()
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(said.decode() + peak.decode())
    return {"peak_mb": round(int(peak.split()[-1]) / 1024, 1), "seconds": round(seconds, 1)}, reader.stop()


async def reading(register, work):
    """What a reader met while the work was done."""
    reader = Reader(register)
    try:
        await work()
    finally:
        met = reader.stop()
    return met


def sides(turn, *names):
    """The order of a round changes from one to the next."""
    return names if turn % 2 == 0 else names[::-1]


async def loads(watch, big, rounds):
    """Rows a second of each round: an import into an empty register, and a copy."""
    found = []
    for turn in range(rounds):
        taken = {}
        for side in sides(turn, "load", "copy"):
            fresh = Register(big.server, f"fresh{turn}", big.path).create()
            taken[side] = await watch(side, getattr(fresh, side))
            big.server.drop_database(fresh.name)
        found.append((big.size / taken["load"], big.size / taken["copy"]))
    return found


async def unchanged(watch, big, rounds):
    """Rows a second of each round: the same extract again, a blind upsert with and without its copying."""
    whole, upsert = [], []
    blind = Blind(big)
    await blind.prepare()
    for turn in range(rounds):
        for side in sides(turn, "ours", "floor"):
            if side == "ours":
                await big.forget_the_number()
                ours = await watch("unchanged", big.again)
            else:
                await blind.tidy()
                copied_in = await watch("copy of a blind upsert", blind.copy)
                written_in = await watch("blind upsert", blind.write)
        whole.append((big.size / ours, big.size / (copied_in + written_in)))
        upsert.append((big.size / ours, big.size / written_in))
    return whole, upsert


async def updates(watch, big, small, folder, rounds):
    """Rows a second of each round: on both sizes, and of an update of a tenth."""
    sizes, proportion = [], []
    cases = {
        "update": (big, DELTA), "update of the small one": (small, DELTA), "update of a tenth": (big, LITTLE)
    }  # fmt: skip
    for turn in range(rounds):
        rate = {}
        for side in sides(turn, *cases):
            register, enterprises = cases[side]
            path = await register.update(folder, enterprises, f"{turn} {side}")
            rate[side] = 6 * enterprises / await watch(side, partial(register.apply, path))
        sizes.append((rate["update"], rate["update of the small one"]))
        proportion.append((rate["update"], rate["update of a tenth"]))
    return sizes, proportion


async def of_loads_alone(server, rounds):
    """The figures of a country with activities."""
    watch, big = Stopwatch(server), Register(server, "big", country(ENTERPRISES))
    big.size = rows_in(big.path)
    found = await loads(watch, big, rounds)
    return {
        "bench": "register", "enterprises": ENTERPRISES, "activities": True, "rows": big.size,
        "rounds": rounds, "pairs": {"load": summary(found)},
        "seconds": {
            "load": middle(big.size / ours for ours, _ in found),
            "copy": middle(big.size / theirs for _, theirs in found),
        },
        "processor_seconds": watch.burnt(),
    }  # fmt: skip


async def run(server, folder, rounds):
    """The figures."""
    watch, memory, readers = Stopwatch(server), {}, {}
    big, small = (
        Register(server, name, country(of)) for name, of in (("big", ENTERPRISES), ("small", SMALL))
    )
    for register, of in ((small, SMALL), (big, ENTERPRISES)):
        register.size = rows_in(register.path)
        register.numbers = numbers_of(register.path, of)
        memory[of], readers[f"load of {of}"] = await imported(register.create())
    of_loads = await loads(watch, big, rounds)
    of_unchanged, of_upsert = await unchanged(watch, big, rounds)
    await big.forget_the_number()
    readers["unchanged"] = await reading(big, big.again)
    of_updates, of_proportion = await updates(watch, big, small, folder, rounds)
    path = await big.update(folder, DELTA, "read")
    readers["update"] = await reading(big, partial(big.apply, path))
    growth = memory[ENTERPRISES]["peak_mb"] / memory[SMALL]["peak_mb"] - 1
    return {
        "bench": "register", "enterprises": ENTERPRISES, "small": SMALL, "rows": big.size, "rounds": rounds,
        "pairs": {
            "load": summary(of_loads), "unchanged": summary(of_unchanged),
            "unchanged_against_upsert": summary(of_upsert), "update": summary(of_updates),
            "proportion": summary(of_proportion),
        },
        "seconds": {
            "load": middle(big.size / ours for ours, _ in of_loads),
            "unchanged": middle(big.size / ours for ours, _ in of_unchanged),
            "update": middle(6 * DELTA / ours for ours, _ in of_updates),
        },
        "processor_seconds": watch.burnt(),
        "memory": {**memory, "growth": round(growth, 3)},
        "readers": readers,
    }  # fmt: skip


def middle(found):
    return round(statistics.median(found), 2)


def main(rounds=5):
    """The figures, from a PostgreSQL of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="habilis-bench-") as folder:
        Path(folder).chmod(0o755)
        with PostgresServer(Path(folder) / "postgres") as server:
            server.create_database("migrated")
            command.upgrade(config(server.url("migrated")), "head")
            if ACTIVITIES:
                return asyncio.run(of_loads_alone(server, rounds))
            return asyncio.run(run(server, Path(folder), rounds))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(sys.argv[2], sys.argv[3:])
    else:
        print(json.dumps(main(*map(int, sys.argv[1:])), indent=2))
