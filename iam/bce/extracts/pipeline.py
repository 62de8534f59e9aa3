"""The way of an extract through the register: which pieces of work there are, and what each waits for.

`stage` lays everything out and changes nothing; `merge` writes what differs into the register, in the one
transaction; `change_places` puts new tables in the place of empty ones. An extract that is not to be applied
stops on the way, as a `Stop`.
"""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from secrets import token_hex

from iam.bce import labels
from iam.bce.archive import ExtractFiles
from iam.bce.extracts import building, merging
from iam.bce.extracts.building import Building
from iam.bce.extracts.comparing import compare
from iam.bce.extracts.copying import BAD, Copier, Source, sources
from iam.bce.extracts.judging import ORPHAN, Judge
from iam.bce.extracts.parts import ACTIVITY, Part, parts_of
from iam.bce.extracts.plan import Plan
from iam.bce.extracts.progress import Phase, Watcher
from iam.bce.extracts.resolving import Resolver, believed
from iam.bce.extracts.space import Lane, Space
from iam.bce.extracts.steps import Step, do
from iam.bce.extracts.verdicts import Limits, Stop, too_many

_SHOWN = 1000
_MUCH = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Instants:
    """From when on the facts of an extract hold, when we believe them, and its number."""

    now: datetime
    day: datetime
    extract: int


@dataclass(slots=True)
class Found:
    """What was found on the way."""

    read: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    bad_rows: int = 0
    orphans: int = 0
    bad: tuple[tuple[str, int, str], ...] = ()
    present: int = 0
    vanishing_count: int = 0
    vanishing_watched: int = 0
    vanishing: tuple[str, ...] = ()
    written: dict[str, dict[str, int]] = field(default_factory=dict)


class Pipeline:
    """One extract on its way. `present` is how many enterprises the register holds before."""

    def __init__(
        self,
        space: Space,
        files: ExtractFiles,
        plan: Plan,
        limits: Limits,
        watcher: Watcher,
        *,
        present: int,
        confirmed: bool,
    ) -> None:
        """Raises `MissingFile`, `HeaderMismatch`, `UnreadableExtract`."""
        self.found = Found(present=present)
        self.space = space
        self._plan = plan
        self._limits = limits
        self._watcher = watcher
        self._confirmed = confirmed
        self._sources = sources(plan.files, update=plan.update)
        self._copier = Copier(files, self._sources, watcher)
        self._judge = Judge()
        self._resolver = Resolver(plan)
        self._made: dict[str, Building] = {}
        self._build: frozenset[str] = frozenset()

    @property
    def is_first(self) -> bool:
        """Whether the register is made as a whole, because there is none yet."""
        return "bce_entity" in self._build

    async def stage(self, instants: Instants) -> None:
        """All that is to be written is laid out. Raises `Stop`, and what `Copier` raises."""
        self._build = await self._to_build()
        lane = self.space.side[0] if self.space.apart else self.space.main
        await lane.make_empty("bad", BAD)
        await lane.make_empty("instant", "now timestamptz, day timestamptz, extract int, secret text")
        async with lane.raw.cursor() as cursor:
            statement = lane.names.sql("INSERT INTO @instant VALUES (%s, %s, %s, %s)")
            await cursor.execute(
                statement.encode(), (instants.now, instants.day, instants.extract, token_hex(16))
            )
        await do(self._steps(), self.space, self._watcher)
        self.found.read = {
            source.name: self._copier.copied.rows[source.name]
            for source in self._sources
            if source.name in self._copier.copied.rows
        }
        self.found.warnings = sorted([*self.found.warnings, *self._copier.copied.warnings])

    async def _to_build(self) -> frozenset[str]:
        """The tables that are made beside the empty ones: all of them at a first load, else activities."""
        if self._plan.update or not self.space.apart:
            return frozenset()
        lane = self.space.main
        tables = ["bce_entity", "bce_number", *(part.table for part in parts_of(self._plan))]
        if all([await building.may_build(lane, table) for table in tables]):
            return frozenset(tables)
        wanted = self._plan.activities and await building.may_build(lane, ACTIVITY.table)
        return frozenset({ACTIVITY.table}) if wanted else frozenset()

    def _steps(self) -> list[Step]:
        """What others wait for longest comes first: who there is, then what is said of them."""
        judged = {source.table: f"judge {source.csv}" for source in self._sources}
        own = {judged[source.table] for source in self._sources if source.file.unique}
        steps = [step for source in self._sources if source.file.unique for step in self._read(source)]
        rest = [step for source in self._sources if not source.file.unique for step in self._read(source)]
        rest.append(_step("bad rows", Phase.JUDGE, self._stop_if_bad, *judged.values()))
        if self._plan.update:
            # What an update puts in question is asked of all its files.
            steps, rest, own = [*steps, *rest], [], {"bad rows"}
        steps += [
            _step("hold", Phase.RESOLVE, self._resolver.hold, *own),
            _step("entities", Phase.RESOLVE, self._resolver.entities, "hold"),
            _step("gone", Phase.RESOLVE, self._resolver.gone, "entities"),
            _step("units", Phase.RESOLVE, self._resolver.units, "gone"),
            *rest,
        ]
        # Whom a bad row holds back matters to those we know; at a first load we know nobody.
        all_judged = () if self.is_first else ("bad rows",)
        steps += [
            _step("settle", Phase.RESOLVE, self._settle, "units", *all_judged),
            _step("vanishing", Phase.RESOLVE, self._stop_if_many_vanish, "settle", "bad rows"),
            _step("codes", Phase.RESOLVE, self._look_at_codes, "settle"),
        ]
        # Whom rights hang on is made in the transaction; what nobody comes to but by that, beside it.
        steps += [
            _truth(f"build {table}", Phase.BUILD, partial(self._build_anchor, table=table), "gone")
            for table in merging.ANCHORS
            if table in self._build
        ]
        found = []
        for part in parts_of(self._plan):
            if part.table in merging.ANCHORS and self.is_first:
                continue
            built = part.table in self._build
            does, phase = (self._build_part, Phase.BUILD) if built else (self._compare, Phase.COMPARE)
            found.append(f"{phase.value} {part.table}")
            waits = ("settle",) if part.file is None else ("settle", judged[part.file])
            # Where enterprises are known already, somebody may come to what is made: it is not there before.
            how = _truth if built and not self.is_first else _step
            steps.append(how(found[-1], phase, partial(does, part=part), *waits))
        steps.append(_truth("orphans", Phase.COMPARE, self._stop_if_orphaned, "settle", *found))
        return steps

    def _read(self, source: Source) -> tuple[Step, Step]:
        copied = f"copy {source.csv}"
        return (
            Step(name=copied, phase=Phase.COPY, work=partial(self._copier.copy, source=source)),
            Step(
                name=f"judge {source.csv}",
                phase=Phase.JUDGE,
                work=partial(self._judge.judge, source=source),
                after=frozenset({copied}),
            ),
        )

    async def _settle(self, lane: Lane) -> None:
        """Whom each row is about stands.

        Of a full extract it is settled while files are still being read, as if their rows were good: they
        nearly always are. Else it is settled anew.
        """
        if not self.is_first and await self._resolver.is_outdated(lane):
            await self._resolver.again(lane)
        units = [source for source in self._sources if source.table in {"establishment", "branch"}]
        staged = " + ".join(f"(SELECT count(*) FROM @{source.table})" for source in units)
        if await lane.value(f"SELECT {staged} - (SELECT count(*) FROM @unit)"):
            for source in units:
                await self._judge.orphans(lane, source, owners="parent", with_branches=self._plan.branches)
            # A unit of which the enterprise cannot be read may be one of somebody we know: he is held back.
            if not self.is_first and await self._resolver.is_outdated(lane):
                await self._resolver.again(lane)
        await self._resolver.owners(lane)

    async def _look_at_codes(self, lane: Lane) -> None:
        """Codes that the shipped code table does not know: shown as such, and treated with caution."""
        rows = await lane.rows("SELECT DISTINCT situation, form, form_cac FROM @entity")
        for column, category, codes in (
            ("JuridicalSituation", "JuridicalSituation", {row.situation for row in rows}),
            ("JuridicalForm", "JuridicalForm", {row.form for row in rows}),
            ("JuridicalFormCAC", "JuridicalForm", {row.form_cac for row in rows}),
        ):
            self.found.warnings += [
                f"unknown code {column} {code}" for code in codes - {None} if not labels.knows(category, code)
            ]

    async def _stop_if_bad(self, lane: Lane) -> None:
        await self._look_at_bad(lane)
        read = self._copier.copied.rows
        bad = self.found.bad_rows - self.found.orphans
        if too_many(bad, self._limits.bad_share, sum(read.values())):
            raise Stop("tooManyBadRows", str(bad))
        if not self._plan.update and not read["enterprise"]:
            raise Stop("empty", "enterprise.csv")

    async def _stop_if_orphaned(self, lane: Lane) -> None:
        await self._stop_if_bad(lane)
        if too_many(self.found.orphans, self._limits.orphan_share, sum(self._copier.copied.rows.values())):
            raise Stop("tooManyOrphans", str(self.found.orphans))

    async def _look_at_bad(self, lane: Lane) -> None:
        count = f"SELECT count(*) AS bad, count(*) FILTER (WHERE reason = '{ORPHAN}') AS orphans FROM @bad"
        ((self.found.bad_rows, self.found.orphans),) = await lane.rows(count)
        rows = await lane.rows(f"SELECT file, line, reason FROM @bad ORDER BY file, line LIMIT {_SHOWN}")
        self.found.bad = tuple((row.file, row.line, row.reason) for row in rows)

    async def _stop_if_many_vanish(self, lane: Lane) -> None:
        """Halts when too many are absent and nobody has confirmed (nr 14), or when any may not be."""
        found, limits = self.found, self._limits
        counted = await lane.rows(
            "SELECT count(*) AS gone, count(w.entity_id) AS watched FROM @gone g"
            " LEFT JOIN bce_watch w ON w.entity_id = g.entity_id"
        )
        ((found.vanishing_count, found.vanishing_watched),) = counted
        if not found.vanishing_count:
            return
        rows = await lane.rows(
            f"SELECT n.number FROM @gone g JOIN bce_number n ON n.entity_id = g.entity_id AND {believed('n')}"
            " LEFT JOIN bce_watch w ON w.entity_id = g.entity_id"
            f" ORDER BY w.entity_id IS NULL, n.number LIMIT {_SHOWN}"
        )
        found.vanishing = tuple(row.number for row in rows)
        floor, share = limits.vanish_floor, limits.vanish_watched_share
        many = too_many(found.vanishing_count, limits.vanish_share, found.present, floor=floor)
        if not many and found.vanishing_watched > floor:
            watched = await lane.value(
                "SELECT count(*) FROM bce_watch JOIN bce_entity USING (entity_id) WHERE vanished_at IS NULL"
            )
            many = too_many(found.vanishing_watched, share, watched, floor=floor)
        # A row whose number cannot be read may be any of those that seem absent.
        unreadable = await lane.value(
            "SELECT count(*) FROM @bad b WHERE b.file IN ('enterprise.csv', 'enterprise_insert.csv')"
            " AND b.reason IN ('row', 'number EnterpriseNumber') AND NOT EXISTS"
            f" (SELECT FROM bce_number n WHERE n.number = replace(b.key, '.', '') COLLATE \"default\""
            f" AND {believed('n')})"
        )
        if (many or unreadable) and not self._confirmed:
            raise Stop("tooManyVanish", str(found.vanishing_count), halts=True)

    async def _compare(self, lane: Lane, part: Part) -> None:
        await compare(lane, part, self._plan)
        if part.file is not None:
            unowned = f"SELECT EXISTS (SELECT FROM @diff_{part.table} WHERE begins IS NULL AND ends IS NULL)"
            if await lane.value(unowned):
                await self._look_for_orphans(lane, part)

    async def _look_for_orphans(self, lane: Lane, part: Part) -> None:
        source = next(each for each in self._sources if each.table == part.file)
        await self._judge.orphans(lane, source, owners="owner", with_branches=self._plan.branches)

    async def _build_anchor(self, lane: Lane, table: str) -> None:
        made = await building.fill(lane, table, *merging.ANCHORS[table])
        await building.finish(lane, made)
        self._made[table] = made

    async def _build_part(self, lane: Lane, part: Part) -> None:
        columns = {name: f"w.{name}" for name in ("entity_id", *part.columns)}
        columns |= merging.FROM_NOW_ON if part.dated else {}
        rows = part.wanted
        if part is ACTIVITY:
            # So much is said twice that it is dearer to find out later. What has no owner comes first.
            rows = (
                f"SELECT DISTINCT ON (entity_id, digest) * FROM ({rows}) x"
                " ORDER BY entity_id NULLS FIRST, digest"
            )
        elif part.file is not None:
            rows = f"SELECT * FROM ({rows}) x WHERE entity_id IS NOT NULL"
        async with lane.joining():
            made = await building.fill(lane, part.table, columns, f"({rows}) w")
        if part.file is not None and await self._leaves_some(lane, part, made):
            await self._look_for_orphans(lane, part)
        await building.finish(lane, made)
        self._made[part.table] = made

    async def _leaves_some(self, lane: Lane, part: Part, made: Building) -> bool:
        """Whether the file has rows that did not find an owner."""
        if part is ACTIVITY:
            made.rows -= (unowned := await lane.run(f"DELETE FROM {made.new} WHERE entity_id IS NULL"))
            return unowned > 0
        source = next(each for each in self._sources if each.table == part.file)
        bad = await lane.value(f"SELECT count(*) FROM @bad WHERE file = '{source.csv}'")
        return made.rows < self._copier.copied.rows[source.name] - int(bad)

    async def merge(self) -> None:
        """What differs is written to the register, and counted."""
        lane, written = self.space.main, self.found.written
        if self.is_first:
            made = {table: each.rows for table, each in self._made.items()}
            written["bce_entity"] = {"began": made["bce_entity"], "ended": 0, "returned": 0}
        else:
            began = await merging.appear(lane)
            written["bce_entity"] = {"began": began, **await merging.come_and_go(lane)}
        self.found.present += written["bce_entity"]["began"] + written["bce_entity"]["returned"]
        self.found.present -= written["bce_entity"]["ended"]
        for part in parts_of(self._plan):
            if part.table in self._build:
                written[part.table] = {"began": self._made[part.table].rows, "ended": 0}
            else:
                written[part.table] = dict(await merging.merge(lane, part))
        if not self._plan.update and not self._plan.activities:
            await self._forget_activities()
        await self._analyse()

    @property
    def touched(self) -> str:
        """The statement that selects the enterprises of which something was written; after `touch`."""
        return self.space.names.sql("SELECT entity_id FROM @touched")

    async def touch(self) -> int:
        """Those enterprises are known; says how many they are."""
        changed = [
            "SELECT entity_id FROM @entity WHERE fresh OR is_back",
            "SELECT entity_id FROM @gone",
            *(
                f"SELECT unnest(ARRAY[begins, ends]) FROM @diff_{part.table}"
                for part in parts_of(self._plan)
                if part.table not in self._build
            ),
        ]
        rows = f"SELECT DISTINCT entity_id FROM ({' UNION ALL '.join(changed)}) x WHERE entity_id IS NOT NULL"
        touched = await self.space.main.make("touched", rows)
        await self.space.main.look_at("touched")
        return touched

    async def _forget_activities(self) -> None:
        """Activities that nobody wants any more are not kept as they were."""
        forgotten = await self.space.main.run(f"DELETE FROM {ACTIVITY.table}")
        if forgotten:
            self.found.written[ACTIVITY.table] = {"began": 0, "ended": forgotten}

    async def _analyse(self) -> None:
        """The planner knows of tables of which much has changed; of the rest, autovacuum tells it."""
        for table, counts in self.found.written.items():
            if table in self._build or not sum(counts.values()):
                continue
            rows = await self.space.main.value(
                f"SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = '{table}'::regclass"
            )
            if sum(counts.values()) > _MUCH * rows:
                more = ", bce_number" if table == "bce_entity" else ""
                await self.space.main.run(f"ANALYZE {table}{more}")

    async def change_places(self) -> None:
        """The tables that were made are the register's. Raises `Occupied`; then commit at once."""
        if self._made:
            await self.space.flush()
            await building.take_their_places(self.space.main, list(self._made.values()))


def _step(name: str, phase: Phase, work: Callable[[Lane], Awaitable[None]], *after: str) -> Step:
    return Step(name=name, phase=phase, work=work, after=frozenset(after))


def _truth(name: str, phase: Phase, work: Callable[[Lane], Awaitable[None]], *after: str) -> Step:
    return replace(_step(name, phase, work, *after), in_truth=True)
