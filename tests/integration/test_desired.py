"""What the group directories should show, read a page and a change of time at a time."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from iam.delegation import commands as c
from iam.delegation.desired import (
    desired,
    due_changes,
    entities_of,
    entities_with,
    live_entities,
    members,
)
from iam.kernel.clock import end_of_day, start_of_day
from tests.support.acts import DUPONT, SERVAIS, did, gap, given

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


@pytest.fixture
async def held(town):
    """Karim plays two roles at Dupont, one of them later on; Sophie one there, Karim one at Servais."""
    await gap(town, "luc", "jeanne")
    await gap(town, "anne", "paul", SERVAIS)
    await given(town, "jeanne", "karim", "primes.deposer")
    await given(town, "jeanne", "karim", "permis.deposer", first=date(2026, 12, 1), last=date(2026, 12, 24))
    await given(town, "jeanne", "sophie", "primes.deposer")
    return await given(town, "paul", "karim", "permis.deposer", SERVAIS)


async def read(town, query, *args, **named):
    async with town.db.read() as conn:
        return await query(conn, *args, **named)


async def test_inv_63_the_groups_are_the_roles_and_their_holders(town, held):
    wanted = await read(town, desired, town.entity(DUPONT), town.clock())

    assert wanted.number == DUPONT
    assert wanted.roles == {"primes.deposer": {town.person("karim"), town.person("sophie")}}
    assert await read(town, desired, town.entity("1900000267"), town.clock()) is None


async def test_inv_63_what_begins_or_ends_by_time_alone_is_due_once(town, held):
    begins, ends = start_of_day(date(2026, 12, 1)), end_of_day(date(2026, 12, 24))

    for instant in (begins, ends):
        assert await read(town, due_changes, instant - SECOND, instant) == [town.entity(DUPONT)]
        assert await read(town, due_changes, instant, instant + SECOND) == []
    later = await read(town, desired, town.entity(DUPONT), begins)
    assert later.roles["permis.deposer"] == {town.person("karim")}
    assert "permis.deposer" not in (await read(town, desired, town.entity(DUPONT), ends)).roles


async def test_inv_62_a_role_that_retires_is_due_once_wherever_it_is_held(town, held):
    instant = town.clock() + timedelta(days=2)
    both = sorted((town.entity(DUPONT), town.entity(SERVAIS)))
    async with town.db.write() as conn:
        await conn.execute(
            text("UPDATE delegation_role SET retired_at = :at WHERE code = 'permis.deposer'"), {"at": instant}
        )

    assert await read(town, due_changes, town.clock(), instant - SECOND) == []
    assert await read(town, due_changes, instant - SECOND, instant) == both
    assert await read(town, due_changes, instant, instant + SECOND) == []


async def test_inv_62_a_role_is_held_until_its_last_grant_is_over(town, held):
    both = {town.entity(DUPONT), town.entity(SERVAIS)}
    over = end_of_day(date(2026, 12, 24))

    assert set(await read(town, entities_with, "permis.deposer", town.clock())) == both
    assert await read(town, entities_with, "permis.deposer", over) == [town.entity(SERVAIS)]
    await did(town, c.EndGrant(entity=town.entity(SERVAIS), grant=held, reason="Parti."), "paul")
    assert await read(town, entities_with, "permis.deposer", over) == []


async def test_inv_64_an_ended_role_leaves_and_the_last_one_takes_the_enterprise_with_it(town, held):
    await did(town, c.EndGrant(entity=town.entity(SERVAIS), grant=held, reason="Parti."), "paul")

    assert await read(town, desired, town.entity(SERVAIS), town.clock()) is None
    assert await read(town, live_entities, None, 10, town.clock()) == [town.entity(DUPONT)]


async def test_the_enterprises_come_a_page_at_a_time_each_once(town, held):
    both = sorted((town.entity(DUPONT), town.entity(SERVAIS)))
    assert await read(town, live_entities, None, 10, town.clock()) == both
    assert await read(town, live_entities, None, 1, town.clock()) == both[:1]
    assert await read(town, live_entities, both[0], 1, town.clock()) == both[1:]
    assert await read(town, live_entities, both[1], 1, town.clock()) == []


async def test_inv_6_a_member_is_known_by_an_opaque_id_and_no_account_before_his_first_login(town, held):
    karim = town.person("karim")

    found = await read(town, members, [karim])

    assert found[karim].uid == str(karim)
    assert found[karim].keycloak_user is None
    assert set(await read(town, entities_of, karim)) == {town.entity(DUPONT), town.entity(SERVAIS)}
    assert await read(town, entities_of, town.person("luc")) == []
