"""Keycloak as a group directory: parent / shard of two digits / enterprise / role (ADR 0009).

A group is found by the id we stored, never by listing or by path. The id is stored before anybody is put
in the group, and that we are about to make it is stored before it is made.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from iam.delegation.desired import DesiredEnterprise, Member
from iam.kernel.ids import EntityId, PersonId
from iam.realms import projection
from iam.realms.projection import StoredGroup, Target
from iam.storage import Database
from provisioning.errors import ForeignError, GoneError, UnreachableError
from provisioning.keycloak import Group, KeycloakGroups
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
    ReleasePerson,
    RemoveMember,
    RepairGroup,
    Role,
)

Answer = TypeVar("Answer")

# The mark of the groups that only hold others.
FOLDER_MARK: Final = "folder"
# A call that does not even fail: its thread is left alone and the target counts as unreachable.
_LONGEST_WAIT: Final = 20.0
_TRIES: Final = 3


class KeycloakTarget:
    """The projection into one realm."""

    target = Target.KEYCLOAK
    habits = Habits(empty_groups=True, keeps_persons=False)

    def __init__(self, groups: KeycloakGroups, db: Database, *, parent: str, parallel: int = 4) -> None:
        """Nothing is read or written yet."""
        self.parallel = parallel
        self._groups = groups
        self._db = db
        self._parent = parent
        self._pool = ThreadPoolExecutor(max_workers=parallel * 2, thread_name_prefix="keycloak")
        self._folders = asyncio.Lock()

    def state(
        self,
        entity: EntityId,
        desired: DesiredEnterprise | None,
        members: Mapping[PersonId, Member],
    ) -> DesiredState:
        """A role has its group as soon as it is held; who never logged in joins it at his first login."""
        if desired is None or not desired.roles:
            return DesiredState(entity=entity, number=None, groups={})
        groups: dict[Role, frozenset[str]] = {
            role: frozenset(
                account
                for person in persons
                if (member := members.get(person)) is not None
                and (account := member.keycloak_user) is not None
            )
            for role, persons in desired.roles.items()
        }
        groups[None] = frozenset().union(*groups.values())
        return DesiredState(entity=entity, number=desired.number, groups=groups)

    async def read(self, desired: DesiredState) -> ActualState:
        """The groups found by their stored ids, and what lies inside the enterprise's own."""
        stored = await self._stored(desired.entity)
        if not stored:
            return ActualState(groups={})
        whole = await self._whole(desired.entity, stored)
        if whole is None:
            rest = await self._misplaced(desired.entity, stored, {}, inside=frozenset())
            if not rest.strays:
                await self._forget(desired.entity, None)
            return rest
        number = desired.number or stored[None].number
        groups: dict[Role, ActualGroup] = {
            None: ActualGroup(
                handle=whole.id,
                members=await self._members(whole.id),
                damaged=whole.name != number or whole.mark != str(desired.entity),
            )
        }
        shared = False
        known = {group.group_id: role for role, group in stored.items() if group.group_id is not None}
        children = await self._call(self._groups.children, whole.id)
        for child in children:
            role = known.get(child.id)
            if role is None:
                role = await self._adopted(desired.entity, number, child)
            if role is None:
                shared = True
                continue
            groups[role] = ActualGroup(
                handle=child.id, members=await self._members(child.id), damaged=child.name != role
            )
        inside = frozenset(child.id for child in children)
        rest = await self._misplaced(desired.entity, stored, groups, inside=inside)
        return ActualState(groups=rest.groups, strays=rest.strays, shared=shared)

    async def apply(self, desired: DesiredState, operation: Operation) -> None:
        """The step is done in Keycloak and its ids are stored."""
        match operation:
            case RemoveMember(handle=handle, member=member):
                await self._call(self._groups.remove, member, handle)
            case DeleteGroup(handle=handle):
                await self._call(self._groups.delete, handle)
                await self._forget_id(desired.entity, handle)
            case RepairGroup(role=role, handle=handle):
                name = role if role is not None else _number(desired)
                await self._call(self._groups.write, handle, name, str(desired.entity))
            case CreateGroup(role=role):
                await self._create(desired, role)
            case AddMember(role=role, member=member):
                await self._add(desired, role, member)
            case KeepPerson() | ReleasePerson():
                # The accounts are not ours.
                return

    async def known(self) -> Sequence[EntityId]:
        """None: Keycloak is never listed; what we made is stored."""
        return ()

    async def leftovers(self) -> Sequence[str]:
        """None: the accounts are not ours."""
        return ()

    async def tidy(self, member: str) -> None:
        """The account stays: it is not ours."""

    def close(self) -> None:
        """No connection is open and no thread is waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._groups.close()

    async def _call(self, ask: Callable[..., Answer], *arguments: str | None) -> Answer:
        running = asyncio.get_running_loop().run_in_executor(self._pool, ask, *arguments)
        try:
            return await asyncio.wait_for(running, _LONGEST_WAIT)
        except TimeoutError:
            raise UnreachableError("hang") from None

    async def _stored(self, entity: EntityId) -> dict[Role, StoredGroup]:
        async with self._db.read() as conn:
            return {group.role: group for group in await projection.groups_of(conn, entity)}

    async def _forget(self, entity: EntityId, role: Role) -> None:
        async with self._db.write() as conn:
            await projection.forget_group(conn, entity, role)

    async def _store(self, entity: EntityId, number: str, role: Role, group_id: str | None) -> None:
        async with self._db.write() as conn:
            await projection.store_group(conn, entity, number, role, group_id)

    async def _forget_id(self, entity: EntityId, group_id: str) -> None:
        for role, group in (await self._stored(entity)).items():
            if group.group_id == group_id:
                await self._forget(entity, role)

    async def _whole(self, entity: EntityId, stored: Mapping[Role, StoredGroup]) -> Group | None:
        """The enterprise's own group: by its id, else by its name in the one place where it can be.

        A "not found" is not taken on trust: the group may hold people.
        """
        known = stored.get(None)
        if known is None:
            return None
        if known.group_id is not None:
            found = await self._call(self._groups.group, known.group_id)
            if found is not None:
                if found.mark not in {None, str(entity)}:
                    raise ForeignError("mark")
                return found
        shard = await self._known_folder(self._shard(known.number))
        if shard is None:
            return None
        try:
            found = await self._call(self._groups.find, shard, known.number)
        except GoneError:
            return None
        if found is None or found.mark != str(entity):
            return None
        await self._store(entity, known.number, None, found.id)
        return found

    async def _members(self, group_id: str) -> frozenset[str]:
        return await self._call(self._groups.members, group_id)

    async def _adopted(self, entity: EntityId, number: str, child: Group) -> str | None:
        """The role of a child whose id we do not know, if it has our mark: its making was interrupted."""
        whole = await self._call(self._groups.group, child.id)
        if whole is None or whole.mark != str(entity):
            return None
        await self._store(entity, number, child.name, child.id)
        return child.name

    async def _misplaced(
        self,
        entity: EntityId,
        stored: Mapping[Role, StoredGroup],
        groups: dict[Role, ActualGroup],
        *,
        inside: frozenset[str],
    ) -> ActualState:
        """Groups of roles that are not where we put them: strays if somebody moved them, else forgotten."""
        strays: dict[str, frozenset[str]] = {}
        for role, group in stored.items():
            if role is None or group.group_id in inside:
                continue
            moved = None if group.group_id is None else await self._call(self._groups.group, group.group_id)
            if moved is not None and moved.mark in {None, str(entity)}:
                strays[moved.id] = await self._members(moved.id)
            elif role not in groups:
                await self._forget(entity, role)
        return ActualState(groups=groups, strays=strays)

    async def _create(self, desired: DesiredState, role: Role) -> None:
        number = _number(desired)
        await self._store(desired.entity, number, role, None)
        if role is None:
            group_id = await self._create_in_shard(number, str(desired.entity))
        else:
            parent = (await self._stored(desired.entity)).get(None)
            if parent is None or parent.group_id is None:
                raise GoneError("parent")
            group_id = await self._call(self._groups.create, parent.group_id, role, str(desired.entity))
        await self._store(desired.entity, number, role, group_id)

    async def _create_in_shard(self, number: str, mark: str) -> str:
        for _ in range(_TRIES):
            shard = await self._folder(self._shard(number))
            try:
                return await self._call(self._groups.create, shard, number, mark)
            except GoneError:
                # Somebody deleted the folder: it is made again.
                await self._store_folder(self._shard(number), None)
        raise GoneError("shard")

    async def _add(self, desired: DesiredState, role: Role, member: str) -> None:
        group = (await self._stored(desired.entity)).get(role)
        if group is None or group.group_id is None:
            raise GoneError("group")
        await self._call(self._groups.add, member, group.group_id)

    def _shard(self, number: str) -> str:
        return f"{self._parent}/{number[-2:]}"

    async def _known_folder(self, name: str) -> str | None:
        async with self._db.read() as conn:
            return await projection.folder(conn, name)

    async def _store_folder(self, name: str, group_id: str | None) -> None:
        async with self._db.write() as conn:
            await projection.store_folder(conn, name, group_id)

    async def _folder(self, name: str) -> str:
        """The id of a folder, which is there: known, or found, or made. One at a time."""
        async with self._folders:
            known = await self._known_folder(name)
            if known is not None:
                return known
            outer, _, inner = name.rpartition("/")
            for _ in range(_TRIES):
                top = await self._top() if outer else None
                try:
                    made = await self._call(self._groups.create, top, inner, FOLDER_MARK)
                except GoneError:
                    await self._store_folder(outer, None)
                    continue
                await self._store_folder(name, made)
                return made
        raise GoneError("folder")

    async def _top(self) -> str:
        known = await self._known_folder(self._parent)
        if known is not None:
            return known
        made = await self._call(self._groups.create, None, self._parent, FOLDER_MARK)
        await self._store_folder(self._parent, made)
        return made


def _number(desired: DesiredState) -> str:
    if desired.number is None:
        message = "an enterprise with groups has a number"
        raise ValueError(message)
    return desired.number
