"""The partitions of the record of tokens are there before they are needed, and an alarm if not."""

from datetime import date, timedelta

import pytest
import structlog

from iam.tokens.partitions import days_left, ensure_partitions

pytestmark = pytest.mark.anyio
TODAY = date(2026, 11, 24)


async def ensure(db, today):
    with structlog.testing.capture_logs() as logs:
        async with db.write() as conn:
            made = await ensure_partitions(conn, today)
    return made, [each["event"] for each in logs if each["log_level"] == "error"]


async def left(db, today):
    async with db.read() as conn:
        return await days_left(conn, today)


async def test_yesterday_today_and_a_fortnight(db):
    assert await left(db, TODAY) == -1
    assert await ensure(db, TODAY) == (16, [])
    assert await left(db, TODAY) == 14
    assert await ensure(db, TODAY) == (0, [])


async def test_every_day_one_more(db):
    await ensure(db, TODAY)
    for day in range(1, 40):
        assert await ensure(db, TODAY + timedelta(days=day)) == (1, [])


@pytest.mark.parametrize(
    ("days", "alarms"), [(8, []), (9, ["tokens.partitions.low"]), (10, ["tokens.partitions.low"])]
)
async def test_an_alarm_before_they_run_out(db, days, alarms):
    await ensure(db, TODAY)
    assert (await ensure(db, TODAY + timedelta(days=days)))[1] == alarms
    assert await left(db, TODAY + timedelta(days=days)) == 14


async def test_two_at_once(db):
    import asyncio

    made = await asyncio.gather(ensure(db, TODAY), ensure(db, TODAY))
    assert sorted(each[0] for each in made) == [0, 16]
