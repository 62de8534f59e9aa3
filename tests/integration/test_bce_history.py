"""Questions as of a day reach what they need by a key, however large the register and its past are."""

from datetime import date

import pytest
from sqlalchemy import event, text

from iam.bce import history
from iam.bce.importer import Limits, apply_extract
from iam.bce.model import AsOf
from iam.kernel.numbers import EnterpriseNumber
from tests.support.extract import Extract, number

pytestmark = pytest.mark.anyio


async def test_every_table_of_the_register_is_reached_by_an_index(db, clock, tmp_path):
    await apply_extract(db, Extract.of(0, 1).zip(tmp_path), clock)
    changed = Extract.of(1, number=2, snapshot="30-10-2026")
    await apply_extract(db, changed.zip(tmp_path), clock, limits=Limits(vanish_floor=9))
    then = AsOf(day=date(2026, 10, 15), known_on=clock.now)
    asked = []
    async with db.read() as conn:
        event.listen(conn.sync_connection, "before_cursor_execute", lambda *said: asked.append(said[2:4]))
        told = await history.profile_then(conn, EnterpriseNumber(number(0)), then)
        await history.representatives_then(conn, told.enterprise, then)
        statements = [(said, values) for said, values in asked if "recorded_from" in said]
        await conn.execute(text("SET LOCAL enable_seqscan = off"))
        plans = []
        for said, values in statements:
            rows = await conn.exec_driver_sql(f"EXPLAIN {said}", values)
            plans.append("\n".join(row[0] for row in rows))

    assert len(statements) >= 4
    assert "bce_snapshot" in "".join(plans)
    for table in ("number", "snapshot", "name", "establishment", "address", "function"):
        assert not [plan for plan in plans if f"Seq Scan on bce_{table} " in plan], table
