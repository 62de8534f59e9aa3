"""The register at scale: loads, extracts that change nothing or little, the importer's memory, its readers.

    BENCH_ENTERPRISES=200000 python -m bench.register [rounds]

A made-up country of so many enterprises, and one a tenth of its size, in the official files without
activities; they are kept in `.cache/bench`, which git ignores. PostgreSQL is as it comes, and writes its
commits to disk. Rates are rows of the files a second:

- `load`: the first full extract, from the zip to the commit: judged, typed, keyed, constrained, analysed. Its
  floor is `COPY` of the same files out of the same zip, on one connection, into tables of text without keys;
- `unchanged`: the same files again under the next number, of which not one row is written. Its rival writes
  blindly: it copies the same files and then upserts every row of the register, typed and with its owner
  known beforehand, by a unique index, on as many connections as an import has. `unchanged_against_upsert` is
  the same against the upsert alone, to which even the copying is given;
- `update`: 15,000 rows about 2,500 enterprises onto the country, against the same onto the small one;
- `proportion`: those 15,000 rows, against 1,500.

Memory is the peak of a process `habilis bce import` that loads each of the countries. Meanwhile, and during
an unchanged extract and an update, somebody reads one enterprise after the other, and whether there is an
extract: told is the slowest answer, how many there were, and how many of them did not belong together.
"""

import asyncio
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
from pathlib import Path

import psycopg
from alembic import command

from bench.rounds import summary
from demo.parts.postgres import PostgresServer
from iam.bce import dialect
from iam.bce.extracts.progress import Phase
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
FILES = tuple(file.name for file in dialect.FILES)
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
    folder = REPOSITORY / ".cache" / "bench" / f"country_{enterprises}"
    if not (found := sorted(folder.glob("*_Full.zip"))):
        plan = Plan(enterprises=enterprises, seed=7, days=0, month=date(2026, 10, 1), activities=False)
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


def numbers_of(path, count):
    """Some enterprises of the extract, as the files write their numbers."""
    with zipfile.ZipFile(path).open("enterprise.csv") as file:
        next(file)
        return [line.split(b",")[0].decode().strip('"') for line in itertools.islice(file, count)]


async def copied(url, path, files, *, prefix, kind=""):
    """The files are in tables of text."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        with zipfile.ZipFile(path) as archive:
            for name in files:
                with archive.open(f"{name}.csv") as file:
                    columns = ", ".join(f"c{at} text" for at, _ in enumerate(file.readline().split(b",")))
                    await conn.execute(f"CREATE {kind} TABLE {prefix}_{name} ({columns})")
                    async with conn.cursor().copy(
                        f"COPY {prefix}_{name} FROM STDIN (FORMAT csv)"
                    ) as copy:  # fmt: skip
                        while chunk := file.read(_CHUNK):
                            await copy.write(chunk)


class Clock:
    """How long something takes; the server has nothing else to write meanwhile."""

    def __init__(self, url):
        self.url = url

    async def __call__(self, work):
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as conn:
            await conn.execute("CHECKPOINT")
        began = time.perf_counter()
        answer = await work()
        return time.perf_counter() - began, answer


@dataclass
class Register:
    """A database with the register of a country."""

    server: PostgresServer
    name: str
    path: Path
    size: int = 0
    committed: float = 0.0
    numbers: list = field(default_factory=list)

    @property
    def url(self):
        return self.server.url(self.name)

    def create(self):
        self.server.create_database(self.name, template="migrated")
        return self

    async def apply(self, path=None):
        """An extract is applied; returns what was written, and remembers when it was committed."""

        def watcher(moment):
            if moment.phase is Phase.COMMIT and moment.done:
                self.committed = time.perf_counter()

        db = Database(self.url, statement_timeout="0")
        try:
            report = await apply_extract(db, path or self.path, now, watcher=watcher)
        finally:
            await db.close()
        if report.status is not Status.APPLIED:
            raise RuntimeError(report)
        return sum(sum(each.values()) for each in report.written.values())

    async def copy(self):
        """The files are in tables of text, and nothing more."""
        await copied(self.url, self.path, FILES, prefix="raw")

    async def load(self):
        """The seconds until the first full extract was committed, and until it could be searched."""
        began = time.perf_counter()
        await self.apply()
        return self.committed - began, time.perf_counter() - began

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


async def run(server, folder, rounds):
    """The figures."""
    big, small = (
        Register(server, name, country(size)) for name, size in (("big", ENTERPRISES), ("small", SMALL))
    )
    for register in (big, small):
        register.size = rows_in(register.path)
        register.numbers = [
            each.replace(".", "") for each in numbers_of(register.path, max(10 * DELTA, SMALL))
        ]
    memory, readers = {}, {}
    for register, size in ((small, SMALL), (big, ENTERPRISES)):
        memory[str(size)], readers[f"load of {size}"] = await imported(register.create())
    clock = Clock(big.url)

    loads, whole = [], []
    for turn in range(rounds):
        fresh = Register(server, f"load{turn}", big.path)
        taken = {}
        for side in ("ours", "floor") if turn % 2 == 0 else ("floor", "ours"):
            fresh.create()
            if side == "ours":
                _, (taken[side], searchable) = await clock(fresh.load)
                whole.append(searchable)
            else:
                taken[side], _ = await clock(fresh.copy)
            server.drop_database(fresh.name)
        loads.append((big.size / taken["ours"], big.size / taken["floor"]))

    unchanged, alone, again = [], [], []
    blind = Blind(big)
    await blind.prepare()
    for turn in range(rounds):
        taken = {}
        for side in ("ours", "floor") if turn % 2 == 0 else ("floor", "ours"):
            if side == "ours":
                await big.forget_the_number()
                taken[side], _ = await clock(big.again)
            else:
                await blind.tidy()
                taken["copy"], _ = await clock(blind.copy)
                taken["upsert"], _ = await clock(blind.write)
        unchanged.append((big.size / taken["ours"], big.size / (taken["copy"] + taken["upsert"])))
        alone.append((big.size / taken["ours"], big.size / taken["upsert"]))
        again.append(taken["ours"])
    await big.forget_the_number()
    readers["unchanged"] = await reading(big, big.again)

    updates, proportion, seconds = [], [], []
    for turn in range(rounds):
        taken = {}
        sides = (("big", big, DELTA), ("small", small, DELTA), ("little", big, LITTLE))
        for side, register, enterprises in sides if turn % 2 == 0 else reversed(sides):
            path = await register.update(folder, enterprises, f"{turn} {side}")
            taken[side], _ = await clock(lambda register=register, path=path: register.apply(path))
        updates.append((6 * DELTA / taken["big"], 6 * DELTA / taken["small"]))
        proportion.append((6 * DELTA / taken["big"], 6 * LITTLE / taken["little"]))
        seconds.append(taken["big"])
    path = await big.update(folder, DELTA, "read")
    readers["update"] = await reading(big, lambda: big.apply(path))

    peaks = [memory[str(size)]["peak_mb"] for size in (SMALL, ENTERPRISES)]
    return {
        "bench": "register", "enterprises": ENTERPRISES, "small": SMALL, "rows": big.size, "rounds": rounds,
        "pairs": {
            "load": summary(loads), "unchanged": summary(unchanged),
            "unchanged_against_upsert": summary(alone), "update": summary(updates),
            "proportion": summary(proportion),
        },
        "seconds": {
            "load": middle(big.size / ours for ours, _ in loads), "load_and_search": middle(whole),
            "unchanged": middle(again), "update": middle(seconds),
        },
        "memory": {**memory, "growth": round(peaks[1] / peaks[0] - 1, 3)},
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
            return asyncio.run(run(server, Path(folder), rounds))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(sys.argv[2], sys.argv[3:])
    else:
        print(json.dumps(main(*map(int, sys.argv[1:])), indent=2))
