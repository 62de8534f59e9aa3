"""A small truth for the tests of provisioning, and a look at the directories with eyes of their own."""

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3

import httpx2

from demo.parts.directory import DirectoryServer
from iam.delegation.desired import DesiredEnterprise, Member
from iam.kernel.clock import Clock
from iam.kernel.ids import EntityId, PersonId, uuid4
from iam.realms import projection
from iam.realms.projection import Target
from iam.storage import Database
from provisioning.desired import Truth
from provisioning.directory import Directory
from provisioning.directory_target import DirectoryTarget
from provisioning.target import GroupDirectory
from provisioning.worker import Chances, Worker
from tests.support.realm import Keycloak, secret

WRITER = secret("directory writer")
READER = secret("directory reader")
NUMBER = "1900000069"


@dataclass(slots=True)
class SmallTruth:
    """Enterprises and who holds which role there, as a test says it."""

    numbers: dict[EntityId, str] = field(default_factory=dict)
    roles: dict[EntityId, dict[str, set[PersonId]]] = field(default_factory=dict)
    people: dict[PersonId, Member] = field(default_factory=dict)
    due: dict[EntityId, datetime] = field(default_factory=dict)

    def enterprise(self, number: str = NUMBER) -> EntityId:
        entity = EntityId(uuid4())
        self.numbers[entity] = number
        self.roles[entity] = {}
        return entity

    def person(
        self, given: str | None = "Karim", family: str | None = "Benali", *, account: str | None = None
    ) -> PersonId:
        person = PersonId(uuid4())
        self.people[person] = Member(
            uid=str(person), keycloak_user=account, given_name=given, family_name=family
        )
        return person

    def grant(self, entity: EntityId, role: str, *people: PersonId) -> None:
        self.roles[entity].setdefault(role, set()).update(people)

    def revoke(self, entity: EntityId, role: str, *people: PersonId) -> None:
        self.roles[entity][role] -= set(people)
        if not self.roles[entity][role]:
            del self.roles[entity][role]

    def logs_in(self, person: PersonId, account: str) -> None:
        old = self.people[person]
        self.people[person] = Member(
            uid=old.uid, keycloak_user=account, given_name=old.given_name, family_name=old.family_name
        )

    @property
    def truth(self) -> Truth:
        async def desired(_: Any, entity: EntityId, at: datetime) -> DesiredEnterprise | None:
            roles = self.roles.get(entity)
            if not roles:
                return None
            return DesiredEnterprise(
                entity_id=entity,
                number=self.numbers[entity],
                roles={role: frozenset(people) for role, people in roles.items()},
            )

        async def members(_: Any, people: Any) -> Mapping[PersonId, Member]:
            return {person: self.people[person] for person in people}

        async def live(_: Any, after: EntityId | None, limit: int, at: datetime) -> list[EntityId]:
            found = sorted(entity for entity, roles in self.roles.items() if roles)
            return [entity for entity in found if after is None or entity > after][:limit]

        async def due(_: Any, since: datetime, until: datetime) -> list[EntityId]:
            return [entity for entity, at in self.due.items() if since < at <= until]

        async def entities_with(_: Any, role: str, at: datetime) -> list[EntityId]:
            return [entity for entity, roles in self.roles.items() if role in roles]

        async def entities_of(_: Any, person: PersonId) -> list[EntityId]:
            return [
                entity
                for entity, roles in self.roles.items()
                if any(person in people for people in roles.values())
            ]

        return Truth(
            desired=desired,
            members=members,
            live_entities=live,
            due_changes=due,
            entities_with=entities_with,
            entities_of=entities_of,
        )


def worker(
    db: Database, directory: GroupDirectory, small: SmallTruth, clock: Clock, *, guard: int = 1000
) -> Worker:
    """A worker whose pauses are as short as they can be, and whose own time is the test's clock."""
    return Worker(
        db=db,
        directory=directory,
        truth=small.truth,
        deletion_guard=guard,
        by=Chances(clock=clock, monotonic=lambda: clock().timestamp(), chance=lambda: 0.0),
    )


async def mark(db: Database, clock: Clock, *entities: EntityId, targets: Any = tuple(Target)) -> None:
    async with db.write() as conn:
        await projection.mark(conn, entities, targets, clock())


async def converge(db: Database, one: Worker, clock: Any, *, most: int = 40) -> None:
    """Works and lets the clock run until nothing is behind; fails when that takes too many rounds."""
    for _ in range(most):
        await one.catch_up()
        async with db.read() as conn:
            left = await projection.backlog(conn, one.directory.target)
        if left.behind == 0:
            return
        clock.now += timedelta(seconds=16)
    raise AssertionError(f"still behind: {left}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ldap:
    """A directory server with the eyes of a reader and the hands of a meddler."""

    server: DirectoryServer

    def target(self, *, port: int | None = None, names: bool = True, seconds: float = 5.0) -> DirectoryTarget:
        url = self.server.url if port is None else f"ldap://127.0.0.1:{port}"
        directory = Directory(url=url, bind_dn=self.server.provisioner_dn, password=WRITER, seconds=seconds)
        return DirectoryTarget(directory, base_dn=self.server.base_dn, names=names)

    def directory(self) -> Directory:
        return Directory(url=self.server.url, bind_dn=self.server.provisioner_dn, password=WRITER)

    @contextmanager
    def hands(self) -> Iterator[Any]:
        connection = ldap3.Connection(
            ldap3.Server(self.server.url, get_info=ldap3.NONE),
            user=self.server.provisioner_dn,
            password=WRITER,
            auto_bind=True,
        )
        try:
            yield connection
        finally:
            plug = connection.socket
            with suppress(ldap3.core.exceptions.LDAPException):
                connection.unbind()
            # ldap3 leaves it open when the server was faster to end the session.
            plug.close()

    def empty(self) -> None:
        """Nobody and no group is left in it."""
        with self.hands() as connection:
            for base in (self.server.groups_dn, self.server.people_dn):
                connection.search(base, "(objectClass=*)", ldap3.LEVEL)
                for entry in list(connection.response):
                    connection.delete(entry["dn"])

    def groups(self) -> dict[str, set[str]]:
        """What an ordinary client sees: group name -> ids of members."""
        with self.hands() as connection:
            connection.search(
                self.server.groups_dn, "(objectClass=groupOfNames)", ldap3.LEVEL, attributes=["cn", "member"]
            )
            return {
                entry["attributes"]["cn"][0]: {_uid(dn) for dn in entry["attributes"]["member"]}
                for entry in connection.response
            }

    def people(self) -> dict[str, dict[str, Any]]:
        with self.hands() as connection:
            connection.search(
                self.server.people_dn,
                "(objectClass=person)",
                ldap3.LEVEL,
                attributes=["uid", "cn", "sn", "givenName"],
            )
            return {
                entry["attributes"]["uid"][0]: {
                    name: values[0] for name, values in entry["attributes"].items() if values
                }
                for entry in connection.response
            }


def _uid(dn: str) -> str:
    return dn.partition(",")[0].partition("=")[2]


@contextmanager
def running_ldap() -> Iterator[Ldap]:
    with DirectoryServer.throwaway(provisioner_password=WRITER, reader_password=READER) as server:
        yield Ldap(server=server)


@dataclass(slots=True, kw_only=True)
class KeycloakEyes:
    """What an administrator of Keycloak sees."""

    keycloak: Keycloak
    _http: httpx2.Client | None = None
    _since: float = 0.0

    @property
    def http(self) -> httpx2.Client:
        # An administrator's token lives for a minute.
        if self._http is None or time.monotonic() - self._since > 30:
            self.close()
            self._http, self._since = self.keycloak.administrator(), time.monotonic()
        return self._http

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def account(self) -> str:
        """A new account, as a first login makes one."""
        name = f"user-{uuid4().hex}"
        answer = self.http.post("/users", json={"username": name, "enabled": True})
        assert answer.status_code == 201, answer.text
        return str(answer.headers["location"].rsplit("/", 1)[1])

    def find(self, number: str, parent: str = "enterprises") -> list[dict[str, Any]]:
        """The groups of this name below the parent's shards."""
        found = []
        for top in self._all("/groups", search=parent, exact="true"):
            if top["name"] != parent:
                continue
            for shard in self._all(f"/groups/{top['id']}/children"):
                found += [
                    {**each, "shard": shard["name"]}
                    for each in self._all(f"/groups/{shard['id']}/children")
                    if each["name"] == number
                ]
        return found

    def groups(self, number: str, parent: str = "enterprises") -> dict[str | None, set[str]]:
        """Role (None: the enterprise's own group) -> accounts in it; empty when there is no group."""
        found = self.find(number, parent)
        if not found:
            return {}
        assert len(found) == 1, f"doubled: {found}"
        group = found[0]["id"]
        shown: dict[str | None, set[str]] = {None: self.members(group)}
        children = self._all(f"/groups/{group}/children")
        names = [child["name"] for child in children]
        assert len(names) == len(set(names)), f"doubled: {names}"
        for child in children:
            shown[child["name"]] = self.members(child["id"])
        return shown

    def members(self, group: str) -> set[str]:
        return {each["id"] for each in self._all(f"/groups/{group}/members")}

    def _all(self, path: str, **parameters: str) -> list[Any]:
        answer = self.http.get(path, params={"first": "0", "max": "500", **parameters})
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()
        return found


def numbers() -> Iterator[str]:
    """Valid numbers of enterprises that do not exist, each once."""
    base = 19_000_001
    while True:
        yield f"{base}{97 - base % 97:02d}"
        base += 1


def entity_of(text: str) -> EntityId:
    return EntityId(UUID(text))
