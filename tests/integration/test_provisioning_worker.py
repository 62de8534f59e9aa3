"""The worker's book-keeping on a real PostgreSQL, with a directory in memory (DOMAIN 7.3 nr 63, 64)."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from iam.journal.model import Entry, Head, HeadKind
from iam.kernel.actor import Capacity
from iam.kernel.ids import EntryId, uuid4
from iam.realms import projection
from iam.realms.projection import Target
from provisioning.errors import BrokenError, TargetError, ThrottledError, UnreachableError, UnsettledError
from provisioning.follow import consumer, time_passes
from provisioning.plan import ActualGroup, ActualState, DesiredState, Habits, Operation
from provisioning.sweep import sweep
from provisioning.worker import LEASE, Outcome
from tests.support.provisioning import SmallTruth, converge, mark, worker
from tests.unit.provisioning.test_plan import Model

pytestmark = pytest.mark.anyio

KEYCLOAK = [Target.KEYCLOAK]


class InMemory:
    """A directory as the plan's own tests have it, which notes who is at what."""

    def __init__(self, target: Target = Target.KEYCLOAK, parallel: int = 4) -> None:
        self.target = target
        self.parallel = parallel
        self.habits = Habits(empty_groups=True, keeps_persons=False)
        self.worlds: dict[UUID, Model] = {}
        self.reads: Counter[UUID] = Counter()
        self.inside: Counter[UUID] = Counter()
        self.most_inside = 0
        self.most_at_once = 0
        self.steps: list[Operation] = []
        self.fails: list[TargetError] = []
        self.meanwhile = None

    def state(self, entity, desired, members):
        if desired is None:
            return DesiredState(entity=entity, number=None, groups={})
        groups = {role: frozenset(map(str, people)) for role, people in desired.roles.items()}
        groups[None] = frozenset().union(*groups.values())
        return DesiredState(entity=entity, number=desired.number, groups=groups)

    async def read(self, desired):
        self.reads[desired.entity] += 1
        self.inside[desired.entity] += 1
        self.most_inside = max(self.most_inside, self.inside[desired.entity])
        self.most_at_once = max(self.most_at_once, sum(self.inside.values()))
        try:
            await asyncio.sleep(0)
            if self.fails:
                raise self.fails.pop(0)
            return self.world(desired.entity).state
        finally:
            self.inside[desired.entity] -= 1

    async def apply(self, desired, operation):
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        self.steps.append(operation)
        self.world(desired.entity).apply(operation)

    def world(self, entity):
        return self.worlds.setdefault(entity, Model(ActualState(groups={}), self.habits))

    def shown(self, entity):
        return {role: set(group.members) for role, group in self.world(entity).groups.items()}

    async def known(self):
        return ()

    async def leftovers(self):
        return ()

    async def tidy(self, member):
        raise AssertionError(member)

    def close(self):
        """Nothing is open."""


@pytest.fixture
def small():
    return SmallTruth()


@pytest.fixture
def directory():
    return InMemory()


@pytest.fixture
def one(db, directory, small, clock):
    return worker(db, directory, small, clock)


def given(small, count=1):
    entities = []
    for _ in range(count):
        entity = small.enterprise()
        small.grant(entity, "permits-file", small.person())
        entities.append(entity)
    return entities


async def row(db, entity, target=Target.KEYCLOAK):
    async with db.read() as conn:
        found = await conn.exec_driver_sql(
            "SELECT * FROM realms_sync WHERE entity_id = %s AND target = %s", (entity, target.value)
        )
        return found.mappings().one_or_none()


async def test_inv_64_one_enterprise_is_never_worked_on_twice_at_once(db, directory, small, clock):
    entities = given(small, 12)
    workers = [worker(db, directory, small, clock) for _ in range(3)]
    await mark(db, clock, *entities, targets=KEYCLOAK)

    await asyncio.gather(*(each.catch_up() for each in workers))

    assert directory.most_inside == 1
    assert directory.most_at_once > 1, "different enterprises do not wait for each other"
    assert set(directory.reads.values()) == {1}
    assert all(directory.shown(entity) for entity in entities)


async def test_inv_64_a_revocation_that_comes_during_the_work_is_not_lost(db, directory, small, clock, one):
    [entity] = given(small)
    person = next(iter(small.roles[entity]["permits-file"]))
    await mark(db, clock, entity, targets=KEYCLOAK)

    async def revoked():
        small.revoke(entity, "permits-file", person)
        await mark(db, clock, entity, targets=KEYCLOAK)

    directory.meanwhile = revoked
    await converge(db, one, clock)

    assert directory.shown(entity) == {}
    assert directory.reads[entity] == 2


async def test_a_worker_that_died_leaves_its_enterprise_to_the_next_after_the_lease(
    db, directory, small, clock, one
):
    [entity] = given(small)
    await mark(db, clock, entity, targets=KEYCLOAK)
    async with db.write() as conn:
        [dead] = await projection.claim(conn, Target.KEYCLOAK, clock(), lease=LEASE, most=9, make_id=uuid4)

    before = await one.pass_once()
    clock.now += LEASE
    after = await one.pass_once()
    async with db.write() as conn:
        late = await projection.complete(conn, dead, clock(), nothing=False)

    assert (before, after, late) == ([], [Outcome.DONE], False)


async def test_inv_64_whoever_lost_his_claim_makes_the_next_one_look_again(db, directory, small, clock, one):
    [entity] = given(small)
    await mark(db, clock, entity, targets=KEYCLOAK)

    async def lease_ends():
        clock.now += LEASE
        async with db.write() as conn:
            await projection.claim(conn, Target.KEYCLOAK, clock(), lease=LEASE, most=9, make_id=uuid4)

    directory.meanwhile = lease_ends
    await one.pass_once()
    found = await row(db, entity)
    clock.now += LEASE
    await converge(db, one, clock)

    assert found["wanted"] == found["synced"] + 2, "the lost work does not count, and it was marked anew"
    assert directory.reads[entity] == 2


async def test_inv_64_a_target_that_is_down_does_not_hold_up_the_other(db, small, clock):
    up, down = InMemory(Target.DIRECTORY), InMemory(Target.KEYCLOAK)
    entities = given(small, 5)
    down.fails = [UnreachableError("refused") for _ in range(50)]
    await mark(db, clock, *entities)

    await worker(db, up, small, clock).catch_up()
    suffering = worker(db, down, small, clock)
    await suffering.catch_up()
    calls = sum(down.reads.values())
    down.fails = []
    await converge(db, suffering, clock)

    assert calls == 4, "one round of questions, then it rests"
    assert all(up.shown(entity) == down.shown(entity) != {} for entity in entities)


async def test_inv_64_an_outage_loses_nothing_and_brings_nothing_back(db, directory, small, clock, one):
    granted, revoked = given(small, 2)
    await mark(db, clock, revoked, targets=KEYCLOAK)
    await converge(db, one, clock)
    directory.fails = [UnreachableError("refused") for _ in range(30)]
    small.revoke(revoked, "permits-file", *small.roles[revoked]["permits-file"])
    await mark(db, clock, granted, revoked, targets=KEYCLOAK)
    for _ in range(5):
        await one.catch_up()
        clock.advance(seconds=20)
    directory.fails = []

    await converge(db, one, clock)

    assert directory.shown(revoked) == {}
    assert directory.shown(granted)


async def test_a_target_is_asked_again_within_a_minute_of_its_return(db, directory, small, clock, one):
    entities = given(small, 3)
    directory.fails = [UnreachableError("refused") for _ in range(400)]
    await mark(db, clock, *entities, targets=KEYCLOAK)
    for _ in range(60):
        await one.catch_up()
        clock.advance(minutes=5)
    await one.catch_up()
    directory.fails = []

    for _ in range(60):
        clock.advance(seconds=1)
        await one.catch_up()

    assert all(directory.shown(entity) for entity in entities)


async def test_a_target_that_asks_for_a_pause_gets_it(db, directory, small, clock, one):
    [entity] = given(small)
    directory.fails = [ThrottledError("429", after=20)]
    await mark(db, clock, entity, targets=KEYCLOAK)

    await one.catch_up()
    clock.advance(seconds=19)
    early = await one.catch_up()
    clock.advance(seconds=2)

    assert early == 0
    assert await one.catch_up() == 1


async def test_one_enterprise_that_fails_does_not_hold_up_the_others_and_backs_off(
    db, directory, small, clock, one
):
    sick, *healthy = given(small, 4)
    real = directory.read

    async def read(desired):
        if desired.entity == sick:
            directory.reads[sick] += 1
            raise BrokenError("list")
        return await real(desired)

    directory.read = read
    await mark(db, clock, sick, *healthy, targets=KEYCLOAK)
    for _ in range(200):
        await one.catch_up()
        clock.advance(seconds=1)

    assert all(directory.shown(entity) for entity in healthy)
    assert 5 <= directory.reads[sick] <= 25
    found = await row(db, sick)
    assert (found["error"], found["claim"]) == ("bug:list", None)


async def test_a_fault_of_ours_in_one_enterprise_is_recorded_by_its_kind_alone(
    db, directory, small, clock, one
):
    sick, healthy = given(small, 2)
    real = directory.read

    async def read(desired):
        if desired.entity == sick:
            raise KeyError("a text that must reach no row")
        return await real(desired)

    directory.read = read
    await mark(db, clock, sick, healthy, targets=KEYCLOAK)

    assert set(await one.pass_once()) == {Outcome.FAILED, Outcome.DONE}
    assert (await row(db, sick))["error"] == "bug:KeyError"


async def test_a_later_change_does_not_wait_for_the_pause_of_the_one_before(db, directory, small, clock, one):
    [entity] = given(small)
    await mark(db, clock, entity, targets=KEYCLOAK)
    for _ in range(8):
        directory.fails = [BrokenError("list")]
        await one.catch_up()
        clock.advance(seconds=31)
    directory.fails = [BrokenError("list")]
    await one.catch_up()

    paused = await one.catch_up()
    await mark(db, clock, entity, targets=KEYCLOAK)

    assert paused == 0
    assert await one.catch_up() == 1


async def test_inv_64_an_unknown_outcome_is_looked_at_once_more_later(db, directory, small, clock, one):
    [entity] = given(small)
    person = next(iter(small.roles[entity]["permits-file"]))
    await mark(db, clock, entity, targets=KEYCLOAK)
    directory.fails = [UnsettledError("ReadTimeout")]
    await one.catch_up()
    small.revoke(entity, "permits-file", person)
    await mark(db, clock, entity, targets=KEYCLOAK)
    await one.catch_up()
    before = directory.reads[entity]
    # What was sent and never answered takes effect only now.
    stale = ActualGroup(handle="id-None", members=frozenset({str(person)}))
    directory.worlds[entity] = Model(ActualState(groups={None: stale}), directory.habits)

    clock.advance(seconds=61)
    await one.catch_up()

    assert before == 2
    assert directory.shown(entity) == {}


async def test_the_next_moment_of_work_is_known_without_looking_again_and_again(
    db, directory, small, clock, one
):
    async def due():
        async with db.read() as conn:
            return await projection.next_due(conn, Target.KEYCLOAK)

    assert await due() is None
    entity, other = small.enterprise(), small.enterprise()
    small.grant(entity, "permis.suivre", small.person())
    await mark(db, clock, entity, other, targets=KEYCLOAK)
    marked = clock()
    assert await due() == marked

    async with db.write() as conn:
        claims = await projection.claim(conn, Target.KEYCLOAK, clock(), lease=LEASE, most=2, make_id=uuid4)
    assert await due() == marked + LEASE, "a worker is at it, or died"
    async with db.write() as conn:
        for claim in claims:
            await projection.release(conn, claim)

    directory.fails.append(UnsettledError())
    await one.catch_up()
    retry = await due()
    clock.now = retry
    await one.catch_up()
    assert retry < await due() == marked + timedelta(seconds=60), "an unknown outcome is looked at once more"

    clock.now = marked + timedelta(seconds=60)
    await one.catch_up()
    assert await due() is None


async def test_a_change_goes_before_what_only_a_sweep_asks_for(db, directory, small, clock):
    swept, changed = given(small, 2)
    directory.parallel = 1
    async with db.write() as conn:
        await projection.mark(conn, [swept], KEYCLOAK, clock(), by_sweep=True)
    clock.advance(seconds=10)
    await mark(db, clock, changed, targets=KEYCLOAK)

    await worker(db, directory, small, clock).pass_once()

    assert list(directory.reads) == [changed]


async def test_revocations_of_an_act_go_on_while_the_guard_has_the_sweep_stopped(db, directory, small, clock):
    one = worker(db, directory, small, clock, guard=0)
    entities = given(small, 3)
    await mark(db, clock, *entities, targets=KEYCLOAK)
    await converge(db, one, clock)
    for entity in entities:
        small.revoke(entity, "permits-file", *small.roles[entity]["permits-file"])

    marked = await sweep(db, directory, small.truth, clock, timedelta(hours=1))
    outcomes = await one.pass_once()
    await mark(db, clock, entities[0], targets=KEYCLOAK)
    acted = await one.pass_once()

    assert marked == 3
    assert set(outcomes) == {Outcome.HELD}
    assert acted == [Outcome.DONE]
    assert directory.shown(entities[0]) == {}
    assert directory.shown(entities[1])


async def test_starting_again_and_again_does_not_get_round_the_guard(db, directory, small, clock):
    entities = given(small, 4)
    await mark(db, clock, *entities, targets=KEYCLOAK)
    await converge(db, worker(db, directory, small, clock), clock)
    for entity in entities:
        small.revoke(entity, "permits-file", *small.roles[entity]["permits-file"])

    for _ in range(4):
        await sweep(db, directory, small.truth, clock, timedelta(hours=1))
        await worker(db, directory, small, clock, guard=4).catch_up()
        clock.advance(seconds=30)

    left = [entity for entity in entities if directory.shown(entity)]
    assert len(left) == 2, "two memberships each: two enterprises within the limit of four"


def entry(kind, head, *, seq=1):
    return Entry(
        id=EntryId(uuid4()), seq=seq, head=head, revision=1, ordinal=0, kind=kind, version=1,
        at=datetime(2026, 11, 24, tzinfo=UTC), actor_kind="system", actor_person=None, actor_name="test",
        capacity=Capacity.SYSTEM, basis={}, level=None, authenticated_at=None, trace_id=None,
        data={"code": "permits-file"}, details=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "head_kind", "marks"),
    [
        ("delegation.grant.made", HeadKind.ENTERPRISE, True),
        ("bce.enterprise.ceased", HeadKind.REGISTER, True),
        ("people.identity.linked", HeadKind.PERSON, True),
        ("people.person.renamed", HeadKind.PERSON, True),
        ("people.language.chosen", HeadKind.PERSON, False),
        ("delegation.role.retired", HeadKind.CATALOGUE, True),
        ("delegation.role.defined", HeadKind.CATALOGUE, False),
        ("portals.portal.registered", HeadKind.PORTAL, False),
    ],
)
async def test_an_entry_marks_the_enterprises_it_may_concern(db, small, clock, kind, head_kind, marks):
    [entity] = given(small)
    [person] = small.roles[entity]["permits-file"]
    head = Head(head_kind, person if head_kind is HeadKind.PERSON else entity)
    following = consumer(small.truth, list(Target), clock)

    async with db.write() as conn:
        await following.handle(conn, entry(kind, head))

    assert [await row(db, entity, target) is not None for target in Target] == [marks, marks]


async def test_what_time_alone_changes_is_marked_once_also_after_a_pause(db, small, clock):
    early, late = given(small, 2)
    await time_passes(db, small.truth, KEYCLOAK, clock)
    small.due = {early: clock() + timedelta(minutes=5), late: clock() + timedelta(days=2)}

    counts = []
    for hours in (1, 1, 72):
        clock.advance(hours=hours)
        counts.append(await time_passes(db, small.truth, KEYCLOAK, clock))

    assert counts == [1, 0, 1]


async def test_a_clock_that_ran_ahead_and_came_back_is_made_up_for(db, small, clock):
    [entity] = given(small)
    await time_passes(db, small.truth, KEYCLOAK, clock)
    small.due = {entity: clock() + timedelta(minutes=5)}

    clock.advance(minutes=10)
    ahead = await time_passes(db, small.truth, KEYCLOAK, clock)
    clock.advance(minutes=-10)
    back = await time_passes(db, small.truth, KEYCLOAK, clock)
    clock.advance(minutes=6)
    due = await time_passes(db, small.truth, KEYCLOAK, clock)

    assert (ahead, back, due) == (1, 1, 1)
