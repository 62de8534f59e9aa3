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
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.ssin import Fingerprint, Ssin
from iam.people.commands import claim_address, verify_address
from iam.people.links import Minter, intent
from iam.people.model import Purpose
from iam.people.recognise import expect
from iam.settings import Settings
from iam.storage import Database
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
    async def open(cls, db: Database, clock, *, verified: bool = True) -> "Town":
        """Every persona is known by number and, if wanted, has a confirmed address."""
        settings = some_settings()
        town = cls(db=db, clock=clock, settings=settings, door=Door(settings, clock))
        for key, persona in personas().items():
            await town._meet(key, persona, verified=verified)
        async with db.read() as conn:
            for number in await _numbers(conn):
                found = await register.find_by_number(conn, EnterpriseNumber(number))
                town.entities[number] = found.entity
        return town

    async def _meet(self, key: str, persona: dict, *, verified: bool) -> None:
        now: datetime = self.clock()
        context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=now)
        async with self.db.write() as conn:
            person = await expect(conn, self.fingerprints(key), Language(persona["language"]), context)
            self.persons[key] = person
            if verified:
                address = await claim_address(conn, person, persona["email"], None, context)
                secret = await Minter.of(self.settings.policy, self.clock)(
                    conn, intent(Purpose.ADDRESS, person, address.id)
                )
                await verify_address(conn, secret, person, context)

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
