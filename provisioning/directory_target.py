"""An LDAP directory as a group directory: people, and one group per enterprise and role (ADR 0009).

A group cannot be empty (`groupOfNames`), so it goes with its last member; a person's entry goes when
he is in no group any more. Only entries with our classes are ever changed.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from uuid import UUID

from iam.delegation.desired import DesiredEnterprise, Member
from iam.kernel.ids import EntityId, PersonId
from iam.realms.projection import Target
from provisioning.directory import Change, Directory, Entry
from provisioning.errors import ConflictError, ForeignError, UnreachableError
from provisioning.escape import filter_value, name
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
    Role,
)

Answer = TypeVar("Answer")

_GROUP: Final = "habilisEnterpriseGroup"
_PERSON: Final = "habilisPerson"
_ENTITY: Final = "habilisEntity"
_NUMBER: Final = "habilisEnterpriseNumber"
_ROLE: Final = "habilisRole"
_AT_ONCE: Final = 50
_LONGEST_WAIT: Final = 20.0


class DirectoryTarget:
    """The projection into one directory.

    One enterprise at a time: a person's entry is shared by his enterprises, and whether he is in none of
    them must not change between the question and the deletion.
    """

    target = Target.DIRECTORY
    habits = Habits(empty_groups=False, keeps_persons=True)
    parallel = 1

    def __init__(self, directory: Directory, *, base_dn: str, names: bool) -> None:
        """Nothing is read or written yet. `names`: people's names are shown, not only their opaque ids."""
        self._directory = directory
        self._people = f"ou=people,{base_dn}"
        self._groups = f"ou=groups,{base_dn}"
        self._names = names
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="directory")

    def state(
        self,
        entity: EntityId,
        desired: DesiredEnterprise | None,
        members: Mapping[PersonId, Member],
    ) -> DesiredState:
        """Every holder is in, logged in or not: the directory knows people by our own id."""
        if desired is None or not desired.roles:
            return DesiredState(entity=entity, number=None, groups={})
        groups: dict[Role, frozenset[str]] = {
            role: frozenset(members[person].uid for person in persons if person in members)
            for role, persons in desired.roles.items()
        }
        groups[None] = frozenset().union(*groups.values())
        persons = {member.uid: self._shown(member) for member in members.values()}
        return DesiredState(
            entity=entity,
            number=desired.number,
            groups=groups,
            persons={uid: persons[uid] for uid in groups[None]},
        )

    async def read(self, desired: DesiredState) -> ActualState:
        """The entries with the enterprise's mark, and the entries of the people who should be in them."""
        entries = await self._call(self._marked, str(desired.entity))
        places = {self._place(desired, role).casefold(): role for role in desired.groups}
        groups: dict[Role, ActualGroup] = {}
        strays: dict[str, frozenset[str]] = {}
        for entry in entries:
            members = frozenset(self._member(dn) for dn in entry.all("member"))
            if entry.dn.casefold() in places:
                role = places[entry.dn.casefold()]
                shown = (entry.first(_NUMBER), *entry.all(_ROLE))
                right = (desired.number, *(() if role is None else (role,)))
                groups[role] = ActualGroup(handle=entry.dn, members=members, damaged=shown != right)
            else:
                strays[entry.dn] = members
        people = await self._call(self._present, desired)
        return ActualState(groups=groups, strays=strays, persons=people)

    async def apply(self, desired: DesiredState, operation: Operation) -> None:
        """The step is done in the directory."""
        match operation:
            case RemoveMember(handle=handle, member=member):
                await self._change(handle, "member", Change.DELETE, self._dn(member))
            case DeleteGroup(handle=handle):
                await self._call(self._directory.delete, handle)
            case ReleasePerson(member=member):
                await self._call(self._release, member)
            case KeepPerson(person=person):
                await self._call(self._keep, person)
            case RepairGroup(role=role, handle=handle):
                await self._call(self._repair, desired, role, handle)
            case CreateGroup(role=role, first=first):
                await self._call(self._create, desired, role, first)
            case AddMember(role=role, member=member):
                await self._change(self._place(desired, role), "member", Change.ADD, self._dn(member))

    async def known(self) -> Sequence[EntityId]:
        """The enterprises whose mark some group bears."""
        return await self._call(self._all_marks)

    async def leftovers(self) -> Sequence[str]:
        """The people who have an entry of ours, and perhaps no group any more."""
        return await self._call(self._all_people)

    async def tidy(self, member: str) -> None:
        """The person has no entry of ours unless he is in some group."""
        await self._call(self._release, member)

    def close(self) -> None:
        """No connection is open and no thread is waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._directory.close()

    async def _call(self, ask: Callable[..., Answer], *arguments: object) -> Answer:
        running = asyncio.get_running_loop().run_in_executor(self._pool, ask, *arguments)
        try:
            return await asyncio.wait_for(running, _LONGEST_WAIT)
        except TimeoutError:
            raise UnreachableError("hang") from None

    async def _change(self, dn: str, attribute: str, how: Change, value: str) -> None:
        await self._call(self._directory.change, dn, [(attribute, how, [value])])

    def _shown(self, member: Member) -> Person:
        if not self._names:
            return Person(member=member.uid, common_name=member.uid, surname=member.uid)
        whole = " ".join(part for part in (member.given_name, member.family_name) if part)
        # cn and sn are compulsory (RFC 4519 §3.12): who has no name yet shows his opaque id.
        return Person(
            member=member.uid,
            common_name=whole or member.uid,
            surname=member.family_name or member.uid,
            given_name=member.given_name or None,
        )

    def _dn(self, member: str) -> str:
        """The name of a member: of a person by his id, of anything else that is in a group by itself."""
        return member if "=" in member else name(("uid", member), base=self._people)

    def _member(self, dn: str) -> str:
        attribute, _, rest = dn.partition("=")
        uid, _, base = rest.partition(",")
        if attribute.lower() == "uid" and base.casefold() == self._people.casefold() and _is_uuid(uid):
            return uid
        return dn

    def _place(self, desired: DesiredState, role: Role) -> str:
        number = desired.number or ""
        return name(("cn", number if role is None else f"{number}:{role}"), base=self._groups)

    def _marked(self, entity: str) -> list[Entry]:
        condition = f"(&(objectClass={_GROUP})({_ENTITY}={filter_value(entity)}))"
        return self._directory.search(self._groups, condition, ["member", _NUMBER, _ROLE])

    def _all_marks(self) -> list[EntityId]:
        condition = f"(&(objectClass={_GROUP})({_ENTITY}=*))"
        marks = {entry.first(_ENTITY) for entry in self._directory.pages(self._groups, condition, [_ENTITY])}
        return sorted(EntityId(UUID(mark)) for mark in marks if mark is not None and _is_uuid(mark))

    def _all_people(self) -> list[str]:
        found = self._directory.pages(self._people, f"(objectClass={_PERSON})", ["uid"])
        return [uid for entry in found if (uid := entry.first("uid")) is not None]

    def _present(self, desired: DesiredState) -> dict[str, Person]:
        found: dict[str, Person] = {}
        for some in _chunks(sorted(desired.persons)):
            condition = "".join(f"(uid={filter_value(uid)})" for uid in some)
            wanted = ["objectClass", "uid", "cn", "sn", "givenName"]
            for entry in self._directory.search(self._people, f"(|{condition})", wanted):
                uid = entry.first("uid") or ""
                found[uid] = _person(entry, uid)
                if not _is_ours(entry) and uid in desired.persons:
                    # Somebody else keeps this person's entry: it is right as it is.
                    found[uid] = desired.persons[uid]
        return found

    def _keep(self, person: Person) -> None:
        dn = self._dn(person.member)
        attributes = {
            "cn": [person.common_name],
            "sn": [person.surname],
            "givenName": [] if person.given_name is None else [person.given_name],
        }
        classes = ["inetOrgPerson", _PERSON]
        present = {key: values for key, values in attributes.items() if values}
        try:
            self._directory.add(dn, {"objectClass": classes, "uid": [person.member], **present})
        except ConflictError:
            self._directory.change(dn, [(key, Change.REPLACE, values) for key, values in attributes.items()])

    def _release(self, member: str) -> None:
        dn = self._dn(member)
        ours = self._directory.search(dn, f"(objectClass={_PERSON})", ["uid"], whole_entry=True)
        if ours and not self._directory.search(self._groups, f"(member={filter_value(dn)})", ["cn"]):
            self._directory.delete(dn)

    def _create(self, desired: DesiredState, role: Role, first: frozenset[str]) -> None:
        dn = self._place(desired, role)
        number = desired.number or ""
        try:
            self._directory.add(
                dn,
                {
                    "objectClass": ["groupOfNames", _GROUP],
                    "cn": [number if role is None else f"{number}:{role}"],
                    "member": [self._dn(member) for member in sorted(first)],
                    _ENTITY: [str(desired.entity)],
                    _NUMBER: [number],
                    **({} if role is None else {_ROLE: [role]}),
                },
            )
        except ConflictError:
            mark = self._directory.search(dn, "(objectClass=*)", [_ENTITY], whole_entry=True)
            if not mark or mark[0].first(_ENTITY) != str(desired.entity):
                raise ForeignError("name") from None
            # It appeared under our hands: the next look will see it.
            raise

    def _repair(self, desired: DesiredState, role: Role, handle: str) -> None:
        self._directory.change(
            handle,
            [
                (_NUMBER, Change.REPLACE, [desired.number or ""]),
                (_ROLE, Change.REPLACE, [] if role is None else [role]),
            ],
        )


def _person(entry: Entry, uid: str) -> Person:
    return Person(
        member=uid,
        common_name=entry.first("cn") or "",
        surname=entry.first("sn") or "",
        given_name=entry.first("givenName"),
    )


def _is_ours(entry: Entry) -> bool:
    return _PERSON.casefold() in {value.casefold() for value in entry.all("objectClass")}


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _chunks(texts: Sequence[str]) -> Iterable[Sequence[str]]:
    return (texts[at : at + _AT_ONCE] for at in range(0, len(texts), _AT_ONCE))
