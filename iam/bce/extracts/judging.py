"""Setting aside rows that cannot be believed: named by file, line, reason, and out of their table (nr 8)."""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from collections.abc import Sequence

from iam.bce.dialect import Check
from iam.bce.extracts.copying import Source
from iam.bce.extracts.space import Lane

ORPHAN = "orphan"
"""The reason of a row about something that the register does not hold: it concerns nobody."""


class Judge:
    """Looks at the rows of the files of one extract."""

    def __init__(self) -> None:
        """Begin with nothing looked at."""
        self._numbered: set[str] = set()

    async def judge(self, lane: Lane, source: Source) -> None:
        """Every row of the file that cannot be believed is in `@bad`, and no longer in its table."""
        if source.deletes:
            # A blank line of a file with one column is a row to COPY.
            await lane.run(f'DELETE FROM @{source.table} WHERE "{source.file.key}" IS NULL')
            await self._checked(lane, source, (source.file.key_check,))
            return
        await self._checked(lane, source, source.file.checks)
        if source.file.unique is not None:
            await self._once(lane, source)

    async def orphans(self, lane: Lane, source: Source, *, owners: str, with_branches: bool) -> int:
        """Rows about what the register will not hold (`owners` say what it will) are in `@bad`; how many.

        Those whose number is none are bad ones. What shares the fate of a bad row (`@ignored`) is left
        alone; so is what is about a branch where these are not wanted.
        """
        file, key = source.file, f's."{source.file.about}"'
        unwanted = "" if with_branches else f" AND {key} NOT LIKE '9%'"
        odd = f"orphan_{source.table}"
        found = await lane.make(
            odd,
            f"SELECT s.ctid AS place, {key} AS key, CASE WHEN coalesce({file.about_holds(key)}, false)"
            f" THEN '{ORPHAN}' ELSE 'number {file.about}' END AS reason FROM @{source.table} s"
            f" WHERE NOT EXISTS (SELECT FROM @{owners} o WHERE o.key = {key})"
            f" AND NOT EXISTS (SELECT FROM @ignored i WHERE i.key = {key}){unwanted}",
        )
        if found:
            await self._set_aside(lane, source, f"SELECT * FROM @{odd}")
        return found

    async def _checked(self, lane: Lane, source: Source, checks: Sequence[Check]) -> None:
        odd = f"odd_{source.table}"
        await lane.make_empty(odd, "place tid, key text, reason text, rank int")
        ranked = list(enumerate(checks))
        rows = [(rank, check) for rank, check in ranked if check.by_value is None]
        reasons, ranks = (
            " ".join(f"WHEN NOT coalesce({check.holds}, false) THEN {told}" for told, check in pairs)
            for pairs in (
                [(f"'{check.reason}'", check) for _, check in rows],
                [(str(rank), check) for rank, check in rows],
            )
        )
        all_hold = " AND ".join(f"({check.holds})" for _, check in rows)
        found = await lane.run(
            f"INSERT INTO @{odd} SELECT ctid, {_about(source)}, CASE {reasons} END, CASE {ranks} END"
            f" FROM @{source.table} WHERE NOT coalesce({all_hold}, false)"
        )
        for rank, check in ranked:
            if check.by_value is not None:
                found += await _by_value(lane, source, rank, check)
        if found:
            first = f"SELECT DISTINCT ON (place) place, key, reason FROM @{odd} ORDER BY place, rank"
            await self._set_aside(lane, source, first)

    async def _once(self, lane: Lane, source: Source) -> None:
        """No two rows have the same key: the first is taken. A second one that says the same is no fault."""
        key = f'"{source.file.unique}"'
        if not await lane.value(f"SELECT count({key}) - count(DISTINCT {key}) FROM @{source.table}"):
            return
        await self._number(lane, source)
        same = ", ".join(f'"{column}"' for column in source.file.columns)
        again = "SELECT *, ctid AS place, row_number() OVER (PARTITION BY {} ORDER BY ctid) > 1 AS again"
        await lane.run(
            f"DELETE FROM @{source.table} s USING ({again.format(same)} FROM @{source.table}) x"
            " WHERE x.again AND s.ctid = x.place"
        )
        await self._set_aside(
            lane,
            source,
            f"SELECT place, {_about(source)} AS key, 'twice' AS reason"
            f" FROM ({again.format(key)} FROM @{source.table}) x WHERE again",
        )

    async def _set_aside(self, lane: Lane, source: Source, odd: str) -> None:
        await self._number(lane, source)
        own = f's."{source.file.unique}"' if source.file.unique and not source.deletes else "NULL"
        await lane.run(
            f"WITH odd AS MATERIALIZED ({odd}),"
            f" gone AS (DELETE FROM @{source.table} s USING odd WHERE s.ctid = odd.place"
            f" RETURNING odd.place, odd.key, odd.reason, {own} AS own)"
            f" INSERT INTO @bad (file, line, key, own, reason)"
            f" SELECT '{source.csv}', l.line, g.key, g.own, g.reason"
            f" FROM gone g JOIN @line_{source.table} l USING (place)"
        )

    async def _number(self, lane: Lane, source: Source) -> None:
        """The line of each row is known: rows lie as they were copied, until the first is taken away."""
        if source.table in self._numbered:
            return
        self._numbered.add(source.table)
        await lane.make(
            f"line_{source.table}",
            "SELECT ctid AS place, coalesce(line, row_number() OVER (ORDER BY ctid) + 1) AS line"
            f" FROM @{source.table}",
        )


async def _by_value(lane: Lane, source: Source, rank: int, check: Check) -> int:
    column, values = check.by_value, f"value{rank}_{source.table}"
    bad = await lane.make(
        values,
        # A condition on groups would be asked of rows: it is, if it can be.
        f"SELECT {column} AS value FROM (SELECT {column} FROM @{source.table} GROUP BY {column} OFFSET 0) x"
        f" WHERE NOT coalesce({check.holds}, false)",
    )
    if not bad:
        return 0
    # No column holds an empty text, so it may stand for nothing.
    return await lane.run(
        f"INSERT INTO @odd_{source.table} SELECT s.ctid, {_about(source)}, '{check.reason}', {rank}"
        f" FROM @{source.table} s JOIN @{values} v ON coalesce(v.value, '') = coalesce(s.{column}, '')"
    )


def _about(source: Source) -> str:
    """The number of whom a row is about: a bad one holds him back."""
    return f'"{source.file.key}"' if source.deletes else f'"{source.file.about}"'
