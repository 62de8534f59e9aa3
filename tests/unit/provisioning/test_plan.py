"""The plan: the difference between desired and actual, revocations first."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam.kernel.ids import EntityId
from provisioning.plan import (
    ActualGroup,
    ActualState,
    AddMember,
    CreateGroup,
    DeleteGroup,
    DesiredState,
    Habits,
    KeepPerson,
    Operation,
    Person,
    ReleasePerson,
    RemoveMember,
    RepairGroup,
    plan,
)

ENTITY = EntityId(UUID(int=1))
KEYCLOAK = Habits(empty_groups=True, keeps_persons=False)
DIRECTORY = Habits(empty_groups=False, keeps_persons=True)
WORLDS = st.sampled_from([KEYCLOAK, DIRECTORY])

people = st.sampled_from(["anna", "bert", "carla", "dirk"])
roles = st.sampled_from(["aids-file", "permits-file", "permits-sign"])


def person(member: str, surname: str = "X") -> Person:
    return Person(member=member, common_name=member, surname=surname)


def wanting(roles_of: Mapping[str, set[str]]) -> DesiredState:
    """As a target makes it: the enterprise's own group holds everybody."""
    groups = {role: frozenset(members) for role, members in roles_of.items()}
    everybody = frozenset().union(*groups.values())
    if groups:
        groups[None] = everybody
    return DesiredState(
        entity=ENTITY,
        number="1900000069" if groups else None,
        groups=groups,
        persons={member: person(member) for member in everybody},
    )


@st.composite
def desired_states(draw: st.DrawFn) -> DesiredState:
    return wanting(draw(st.dictionaries(roles, st.sets(people), max_size=3)))


@st.composite
def actual_states(draw: st.DrawFn, habits: Habits) -> ActualState:
    some = st.sets(people, min_size=0 if habits.empty_groups else 1)
    groups = draw(st.dictionaries(st.none() | roles, st.tuples(some, st.booleans()), max_size=4))
    strays = draw(st.dictionaries(st.sampled_from(["stray-1", "stray-2"]), some, max_size=2))
    present = draw(st.dictionaries(people, st.sampled_from(["X", "Y"]), max_size=4))
    shared = habits.empty_groups and None in groups and draw(st.booleans())
    return ActualState(
        groups={
            role: ActualGroup(handle=f"id-{role}", members=frozenset(members), damaged=damaged)
            for role, (members, damaged) in groups.items()
        },
        strays={handle: frozenset(members) for handle, members in strays.items()},
        shared=shared,
        persons={member: person(member, surname) for member, surname in present.items()},
    )


class Model:
    """A directory in memory that obeys the steps and refuses what a real one refuses."""

    def __init__(self, actual: ActualState, habits: Habits) -> None:
        self.groups = dict(actual.groups)
        self.strays = dict(actual.strays)
        self.persons = dict(actual.persons)
        self.shared = actual.shared
        self.habits = habits

    def apply(self, operation: Operation) -> None:
        match operation:
            case RemoveMember(role=role, member=member):
                self._set(role, self.groups[role].members - {member})
            case AddMember(role=role, member=member):
                self._set(role, self.groups[role].members | {member})
            case DeleteGroup(handle=handle):
                self.strays.pop(handle, None)
                for role, group in list(self.groups.items()):
                    if group.handle == handle:
                        assert role is not None or not self.shared, "somebody else's group would go with it"
                        if self.habits.empty_groups and role is None:
                            assert set(self.groups) == {None}, "groups of roles would go with it, unseen"
                        del self.groups[role]
            case CreateGroup(role=role, first=first):
                assert role not in self.groups
                assert role is None or None in self.groups, "the parent first"
                self.groups[role] = ActualGroup(handle=f"id-{role}", members=frozenset())
                self._set(role, first)
            case RepairGroup(role=role):
                self.groups[role] = replace(self.groups[role], damaged=False)
            case KeepPerson(person=kept):
                self.persons[kept.member] = kept
            case ReleasePerson(member=member):
                inside = {each for group in self.groups.values() for each in group.members}
                if member not in inside:
                    self.persons.pop(member, None)

    def _set(self, role: str | None, members: frozenset[str]) -> None:
        assert members or self.habits.empty_groups, "a group of names is never empty"
        self.groups[role] = replace(self.groups[role], members=members)

    @property
    def state(self) -> ActualState:
        return ActualState(groups=self.groups, strays=self.strays, shared=self.shared, persons=self.persons)


@given(st.data(), WORLDS, desired_states())
def test_inv_63_after_a_plan_the_target_shows_what_is_desired_and_the_next_plan_is_empty(
    data, habits, desired
):
    actual = data.draw(actual_states(habits))
    model = Model(actual, habits)

    for step in plan(desired, actual, habits).operations:
        model.apply(step)

    wanted = {role: members for role, members in desired.groups.items() if members or habits.empty_groups}
    shown = {role: group.members for role, group in model.groups.items()}
    if actual.shared:
        shown, wanted = {None: frozenset(), **shown}, {None: frozenset(), **wanted}
    assert wanted == shown
    assert not model.strays
    assert plan(desired, model.state, habits).operations == ()


@given(st.data(), WORLDS, desired_states())
def test_inv_64_revocations_precede_grants(data, habits, desired):
    steps = plan(desired, data.draw(actual_states(habits)), habits).operations

    gives = [at for at, step in enumerate(steps) if isinstance(step, AddMember | CreateGroup)]
    takes = [at for at, step in enumerate(steps) if isinstance(step, RemoveMember | DeleteGroup)]
    assert not gives or not takes or max(takes) < min(gives)


@given(st.data(), WORLDS, desired_states())
def test_inv_64_a_step_may_be_repeated_and_a_plan_begun_again_after_any_step(data, habits, desired):
    actual = data.draw(actual_states(habits))
    model = Model(actual, habits)
    steps = plan(desired, actual, habits).operations
    interrupted = data.draw(st.integers(0, len(steps)))
    for step in steps[:interrupted]:
        model.apply(step)

    for step in plan(desired, model.state, habits).operations:
        model.apply(step)

    assert plan(desired, model.state, habits).operations == ()


@given(st.data(), WORLDS, desired_states())
def test_inv_63_a_full_projection_from_empty_equals_the_incremental_one(data, habits, desired):
    incremental = Model(ActualState(groups={}), habits)
    for each in (*data.draw(st.lists(desired_states(), max_size=3)), desired):
        for step in plan(each, incremental.state, habits).operations:
            incremental.apply(step)
    full = Model(ActualState(groups={}), habits)
    for step in plan(desired, full.state, habits).operations:
        full.apply(step)

    assert {role: group.members for role, group in incremental.groups.items()} == {
        role: group.members for role, group in full.groups.items()
    }
    inside = {member for members in desired.groups.values() for member in members}
    if habits.keeps_persons:
        assert set(incremental.persons) == inside


@given(st.data(), WORLDS, desired_states())
def test_the_guard_counts_each_membership_that_a_plan_takes_away(data, habits, desired):
    actual = data.draw(actual_states(habits))
    model = Model(actual, habits)
    lost = 0
    steps = plan(desired, actual, habits)
    for step in steps.operations:
        before = _memberships(model)
        model.apply(step)
        lost += max(0, before - _memberships(model))

    assert lost == steps.removals


def _memberships(model: Model) -> int:
    groups = [group.members for group in model.groups.values()]
    return sum(len(members) for members in (*groups, *model.strays.values()))


def test_a_shared_group_is_emptied_and_never_deleted():
    actual = ActualState(groups={None: ActualGroup(handle="id", members=frozenset({"anna"}))}, shared=True)

    assert plan(wanting({}), actual, KEYCLOAK).operations == (
        RemoveMember(role=None, handle="id", member="anna"),
    )


def test_a_group_of_names_whose_members_all_change_is_made_anew():
    actual = ActualState(groups={"permits-file": ActualGroup(handle="dn", members=frozenset({"anna"}))})

    steps = plan(wanting({"permits-file": {"bert"}}), actual, DIRECTORY).operations

    kinds = [type(step) for step in steps]
    assert kinds == [DeleteGroup, ReleasePerson, KeepPerson, CreateGroup, CreateGroup]


@pytest.mark.parametrize("habits", [KEYCLOAK, DIRECTORY])
def test_nothing_desired_and_nothing_there_needs_nothing(habits):
    assert plan(wanting({}), ActualState(groups={}), habits).operations == ()
