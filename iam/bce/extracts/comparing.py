"""What differs between the rows that an extract wants and those of the register, of what is in question.

Of each table there is `@diff_...`: a row that is to begin has `begins`, the key of its entity, one that is to
end has `ends`, and the key by which it is found; one that changes has both. Nothing is written to the
register yet: what is the same is never written (nr 11).
"""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from iam.bce.extracts.parts import Part
from iam.bce.extracts.plan import Plan
from iam.bce.extracts.space import Lane


async def compare(lane: Lane, part: Part, plan: Plan) -> None:
    """`@diff_...` of the table is there. Waits for `owners`."""
    same = " AND ".join(f"t.{name} = w.{name}" for name in part.key)
    wanted, current = (", ".join(f"{alias}.{name}" for name in part.compared) for alias in ("w", "t"))
    changed = f" OR ROW({wanted}) IS DISTINCT FROM ROW({current})" if part.compared else ""
    was = ", ".join(f"t.{name} AS was_{name}" for name in part.key)
    columns = ", ".join(f"w.{name}" for name in part.columns)
    async with lane.joining():
        await lane.make(
            f"diff_{part.table}",
            f"SELECT w.entity_id AS begins, t.entity_id AS ends, {was}, {columns}"
            f" FROM ({part.wanted_rows(plan)}) w FULL JOIN ({part.current(plan)}) t ON {same}"
            f" WHERE w.entity_id IS NULL OR t.entity_id IS NULL{changed}",
        )
    await lane.run(f"ANALYZE @diff_{part.table}")
