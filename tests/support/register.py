"""The small Wallonia in a database: imported by the real importers, with the personas known."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
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


async def settle(db: Database, clock, folder: Path, settings: Settings) -> None:
    """The register, the functions and the catalogue of the demo are in the database."""
    made = write(folder, clock().replace(microsecond=0))
    for extract in made.extracts:
        report = await apply_extract(db, extract, clock)
        assert Status.APPLIED is report.status, report
    feed = await apply_feed(db, made.functions, settings.fingerprint_keys, clock)
    assert Status.APPLIED is feed.status, feed
    roles = catalogue.read(REPOSITORY / "demo" / "catalogue.toml")
    async with db.write() as conn:
        await catalogue.apply(conn, roles, clock)


@dataclass
class Town:
    """The people and enterprises of the small Wallonia, by key and number."""

    db: Database
    clock: object
    settings: Settings
    door: Door
    persons: dict = field(default_factory=dict)
    entities: dict = field(default_factory=dict)

    @classmethod
    async def open(cls, db: Database, clock) -> "Town":
        """Every persona is known by number and has confirmed his address for every enterprise."""
        settings = some_settings()
        town = cls(db=db, clock=clock, settings=settings, door=Door(settings, clock))
        for key, persona in personas().items():
            await town._meet(key, persona)
        async with db.read() as conn:
            for number in await _numbers(conn):
                found = await register.find_by_number(conn, EnterpriseNumber(number))
                town.entities[number] = found.entity
        await town._confirm_everywhere()
        return town

    async def _meet(self, key: str, persona: dict) -> None:
        now: datetime = self.clock()
        context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=now)
        async with self.db.write() as conn:
            self.persons[key] = await expect(
                conn, self.fingerprints(key), Language(persona["language"]), context
            )

    async def _confirm_everywhere(self) -> None:
        """As if each had used a link for each enterprise; in one statement, for there are many of both."""
        now, found = self.clock(), personas()
        rows = [
            {
                "id": uuid4(), "person_id": person, "email": found[key]["email"], "purpose": "professional",
                "entity_id": entity, "claimed_at": now, "verified_at": now,
            }
            for key, person in self.persons.items()
            for entity in self.entities.values()
        ]  # fmt: skip
        async with self.db.write() as conn:
            await conn.execute(core(PeopleAddress).insert(), rows)

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
        ssin = Ssin(personas()[key]["ssin"], belgian_day(self.clock()))
        return self.settings.fingerprint_keys.of(ssin)

    def person(self, key: str) -> PersonId:
        return self.persons[key]

    def entity(self, number: str) -> EntityId:
        return self.entities[number]


async def _numbers(conn) -> list[str]:
    from sqlalchemy import text

    rows = await conn.execute(text("SELECT number FROM bce_enterprise_view ORDER BY number"))
    return [row.number for row in rows]
