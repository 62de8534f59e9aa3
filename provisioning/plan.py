"""The difference between what should be in a group directory and what is, as steps. Pure.

Every step is idempotent; those that take away come before those that give (DOMAIN 7.3 nr 64).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from iam.kernel.ids import EntityId

# The group of all who act for the enterprise; the others are one per role code.
Role = str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person's own entry, where the directory has one: what it shows."""

    member: str
    common_name: str
    surname: str
    given_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """The groups of one enterprise as they should be; `groups` is empty when none should exist.

    Members are named by the target's own key for a person. `persons` is empty where people are not ours
    to keep.
    """

    entity: EntityId
    number: str | None
    groups: Mapping[Role, frozenset[str]]
    persons: Mapping[str, Person] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualGroup:
    """A group of ours as it was found. `damaged`: its name or mark is not what we gave it."""

    handle: str
    members: frozenset[str]
    damaged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualState:
    """What was found of one enterprise, ours alone.

    `strays` are groups with our mark that have no place any more. `shared`: something that is not ours lives
    inside the enterprise's group, so that the group itself must stay. `persons` are entries of ours among the
    people concerned.
    """

    groups: Mapping[Role, ActualGroup]
    strays: Mapping[str, frozenset[str]] = field(default_factory=dict)
    shared: bool = False
    persons: Mapping[str, Person] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveMember:
    """The person is not in the group."""

    role: Role
    handle: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteGroup:
    """The group is not there, and with it nobody is in it."""

    role: Role
    handle: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePerson:
    """The person has no entry of ours unless he is still in some group."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPerson:
    """The person has an entry of ours that shows this."""

    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairGroup:
    """The group has its own name and mark again."""

    role: Role
    handle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGroup:
    """The group is there. `first` are members it is made with, where a group cannot be empty."""

    role: Role
    first: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMember:
    """The person is in the group."""

    role: Role
    member: str


Operation = RemoveMember | DeleteGroup | ReleasePerson | KeepPerson | RepairGroup | CreateGroup | AddMember
Removal = RemoveMember | DeleteGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a target differs: whether a group may be empty, and whether people have entries of ours."""

    empty_groups: bool
    keeps_persons: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps in the order in which they are taken."""

    operations: tuple[Operation, ...]

    @property
    def removals(self) -> int:
        """How many memberships it takes away: what the deletion guard counts."""
        return sum(removed(operation) for operation in self.operations)


def removed(operation: Operation) -> int:
    """How many memberships a step takes away."""
    match operation:
        case RemoveMember():
            return 1
        case DeleteGroup():
            return len(operation.members)
        case _:
            return 0


def plan(desired: DesiredState, actual: ActualState, habits: Habits) -> Plan:
    """The steps after which the target shows what is desired.

    Order: people out, groups away, people's own entries, groups repaired and made, people in. A group
    that may not be empty and keeps none of its members is made anew: nobody stays in it meanwhile.
    """
    wanted = {
        role: members
        for role, members in desired.groups.items()
        if habits.empty_groups or members
    }  # fmt: skip
    out: list[Operation] = []
    away: list[Operation] = [
        DeleteGroup(role=None, handle=handle, members=members)
        for handle, members in sorted(actual.strays.items())
    ]
    kept: dict[Role, frozenset[str]] = {}
    for role in _inner_first(actual.groups):
        group = actual.groups[role]
        stays = _stays(role, wanted, actual, habits)
        if not stays:
            away.append(DeleteGroup(role=role, handle=group.handle, members=group.members))
            continue
        target = wanted.get(role, frozenset())
        out.extend(
            RemoveMember(role=role, handle=group.handle, member=member)
            for member in sorted(group.members - target)
        )
        kept[role] = group.members & target
    mended: list[Operation] = [
        RepairGroup(role=role, handle=actual.groups[role].handle)
        for role in _outer_first(kept)
        if actual.groups[role].damaged and role in wanted
    ]
    made: list[Operation] = []
    into: list[Operation] = []
    for role in _outer_first(wanted):
        present = kept.get(role)
        if present is None:
            first = frozenset() if habits.empty_groups else wanted[role]
            made.append(CreateGroup(role=role, first=first))
            present = first
        into.extend(AddMember(role=role, member=member) for member in sorted(wanted[role] - present))
    keep, release = _persons(desired, actual, wanted, habits)
    return Plan(operations=(*out, *away, *release, *keep, *mended, *made, *into))


def _stays(role: Role, wanted: Mapping[Role, frozenset[str]], actual: ActualState, habits: Habits) -> bool:
    if role not in wanted:
        # Keycloak deletes the whole subtree: never with somebody else's group inside.
        return role is None and actual.shared
    return habits.empty_groups or bool(actual.groups[role].members & wanted[role])


def _persons(
    desired: DesiredState, actual: ActualState, wanted: Mapping[Role, frozenset[str]], habits: Habits
) -> tuple[Sequence[Operation], Sequence[Operation]]:
    if not habits.keeps_persons:
        return (), ()
    inside: frozenset[str] = frozenset().union(*wanted.values())
    before: frozenset[str] = frozenset().union(
        *(group.members for group in actual.groups.values()), *actual.strays.values()
    )
    keep = [
        KeepPerson(person=desired.persons[member])
        for member in sorted(inside)
        if actual.persons.get(member) != desired.persons[member]
    ]
    return keep, [ReleasePerson(member=member) for member in sorted(before - inside)]


def _outer_first(roles: Mapping[Role, object]) -> list[Role]:
    return sorted(roles, key=lambda role: (role is not None, role or ""))


def _inner_first(roles: Mapping[Role, object]) -> list[Role]:
    return _outer_first(roles)[::-1]
