"""What differs between the rows that an extract wants and those of the register, of what is in question.

Of each table there is `@diff_...`: a row that is to begin has `begins`, the key of its entity, one that is to
end has `ends`, and the key by which it is found; one that changes has both. Nothing is written to the
register yet: what is the same is never written (nr 11).

Rows of a full extract that may be about anything are compared by owner and digest alone. The rest of a row is
fetched where it differs, which of a month's extract are few.
"""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from iam.bce.extracts.parts import Part
from iam.bce.extracts.plan import Plan
from iam.bce.extracts.space import Lane


async def compare(lane: Lane, part: Part, plan: Plan) -> None:
    """`@diff_...` of the table is there. Waits for `owners`."""
    async with lane.joining():
        if plan.update or part.file is None:
            await _compare_rows(lane, part, plan)
        else:
            await _compare_keys(lane, part, plan)
    await lane.look_at(f"diff_{part.table}")


async def _compare_rows(lane: Lane, part: Part, plan: Plan) -> None:
    wanted, current = (", ".join(f"{alias}.{name}" for name in part.compared) for alias in ("w", "t"))
    changed = f" OR ROW({wanted}) IS DISTINCT FROM ROW({current})" if part.compared else ""
    columns = ", ".join(f"w.{name}" for name in part.columns)
    await lane.make(f"diff_{part.table}", _apart(part, plan, part.wanted_rows(plan), columns) + changed)


async def _compare_keys(lane: Lane, part: Part, plan: Plan) -> None:
    apart = f"@apart_{part.table}"
    await lane.make(f"apart_{part.table}", _apart(part, plan, part.placed, "w.digest, w.unit, w.place"))
    await lane.look_at(f"apart_{part.table}")
    was = ", ".join(f"d.was_{name}" for name in part.key)
    content = ", ".join(f"{what} AS {name}" for name, what in part.content.items())
    await lane.make(
        f"diff_{part.table}",
        f"SELECT d.begins, d.ends, {was}, d.digest, d.unit, {content}"
        f" FROM {apart} d LEFT JOIN @{part.file} s ON s.ctid = d.place",
    )


def _apart(part: Part, plan: Plan, wanted: str, columns: str) -> str:
    """The rows that are on one side only, with these columns of the side of the extract."""
    same = " AND ".join(f"t.{name} = w.{name}" for name in part.key)
    was = ", ".join(f"t.{name} AS was_{name}" for name in part.key)
    return (
        f"SELECT w.entity_id AS begins, t.entity_id AS ends, {was}, {columns}"
        f" FROM ({wanted}) w FULL JOIN ({part.current(plan)}) t ON {same}"
        " WHERE w.entity_id IS NULL OR t.entity_id IS NULL"
    )
