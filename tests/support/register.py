"""The small Wallonia in a database: imported by the real importers, with the personas known."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from demo.wallonia import write
from iam.bce import queries as register
from iam.bce.functions import apply_feed
from iam.bce.importer import Status, apply_extract
from iam.delegation import catalogue
from iam.delegation.execute import Door
from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import belgian_day
from iam.kernel.ids import EntityId, PersonId, uuid4
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import Fingerprint, Ssin
from iam.people.commands import claim_address, verify_address
from iam.people.links import Minter, intent
from iam.people.model import Purpose
from iam.people.recognise import expect
from iam.people.tables import PeopleAddress
from iam.settings import Settings
from iam.storage import Database
from iam.storage.tables import core
from tests.support.settings import some_settings

REPOSITORY = Path(__file__).parents[2]
STAFF = "1900001356"


def personas() -> Mapping[str, dict]:
    document = tomllib.loads((REPOSITORY / "demo" / "personas.toml").read_text(encoding="utf-8"))
    return {persona["key"]: persona for persona in document["persona"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A database with the small Wallonia in it, to be cloned: its name, and who and what is in it."""

    database: str
    persons: Mapping[str, PersonId]
    entities: Mapping[str, EntityId]


async def settle(db: Database, clock, folder: Path, settings: Settings, name: str) -> Settled:
    """The register, the functions, the catalogue and the people of the demo are in the database of this name.

    Every persona is known by number and has confirmed his address for every enterprise.
    """
    made = write(folder, clock().replace(microsecond=0))
    for extract in made.extracts:
        report = await apply_extract(db, extract, clock)
        assert Status.APPLIED is report.status, report
    feed = await apply_feed(db, made.functions, settings.fingerprint_keys, clock)
    assert Status.APPLIED is feed.status, feed
    roles = catalogue.read(REPOSITORY / "demo" / "catalogue.toml")
    async with db.write() as conn:
        await catalogue.apply(conn, roles, clock)
    async with db.read() as conn:
        numbers = await _numbers(conn)
        found = {number: await register.find_by_number(conn, EnterpriseNumber(number)) for number in numbers}
    settled = Settled(
        database=name,
        persons={key: await _meet(db, clock(), settings, key) for key in personas()},
        entities={number: enterprise.entity for number, enterprise in found.items()},
    )
    await _confirm_everywhere(db, clock(), settled)
    return settled


async def _meet(db: Database, now: datetime, settings: Settings, key: str) -> PersonId:
    context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=now)
    language = Language(personas()[key]["language"])
    async with db.write() as conn:
        return await expect(conn, _fingerprints(settings, key, now), language, context)


async def _confirm_everywhere(db: Database, now: datetime, settled: Settled) -> None:
    """As if each had used a link for each enterprise; in one statement, for there are many of both."""
    found = personas()
    rows = [
        {
            "id": uuid4(), "person_id": person, "email": found[key]["email"], "purpose": "professional",
            "entity_id": entity, "claimed_at": now, "verified_at": now,
        }
        for key, person in settled.persons.items()
        for entity in settled.entities.values()
    ]  # fmt: skip
    async with db.write() as conn:
        await conn.execute(core(PeopleAddress).insert(), rows)


def _fingerprints(settings: Settings, key: str, now: datetime) -> tuple[Fingerprint, ...]:
    return settings.fingerprint_keys.of(Ssin(personas()[key]["ssin"], belgian_day(now)))


@dataclass
class Town:
    """The people and enterprises of the small Wallonia, by key and number."""

    db: Database
    clock: object
    settings: Settings
    door: Door
    persons: Mapping[str, PersonId]
    entities: Mapping[str, EntityId]

    @classmethod
    def of(cls, settled: "Settled", db: Database, clock) -> "Town":
        """The town in a copy of the database that was settled."""
        settings = some_settings()
        door = Door(settings, clock)
        return cls(db, clock, settings, door, settled.persons, settled.entities)

    async def secret(self, who: str, email: str, number: str | None) -> str:
        """The person has named the address for the enterprise, or for none; what a mail would carry there."""
        now, person = self.clock(), self.person(who)
        context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=now)
        entity = None if number is None else self.entity(number)
        async with self.db.write() as conn:
            address = await claim_address(conn, person, email, entity, context)
            mint = Minter.of(self.settings.policy, self.clock)
            return await mint(conn, intent(Purpose.ADDRESS, person, address.id))

    async def confirm(self, who: str, email: str, number: str | None) -> None:
        """The person has confirmed the address, for the enterprise or for none."""
        secret = await self.secret(who, email, number)
        context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=self.clock())
        async with self.db.write() as conn:
            await verify_address(conn, secret, self.person(who), context)

    async def forget_addresses(self, who: str) -> None:
        """The person has named no address yet."""
        async with self.db.write() as conn:
            await conn.execute(
                core(PeopleAddress).delete().where(core(PeopleAddress).c.person_id == self.person(who))
            )

    def fingerprints(self, key: str) -> tuple[Fingerprint, ...]:
        return _fingerprints(self.settings, key, self.clock())

    def person(self, key: str) -> PersonId:
        return self.persons[key]

    def entity(self, number: str) -> EntityId:
        return self.entities[number]


async def _numbers(conn) -> list[str]:
    from sqlalchemy import text

    rows = await conn.execute(text("SELECT number FROM bce_enterprise_view ORDER BY number"))
    return [row.number for row in rows]
