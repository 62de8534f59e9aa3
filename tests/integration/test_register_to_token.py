"""From the zip to the token: what an extract says of an enterprise decides the next exchange and introspection.

Dupont is represented by Luc, its chief access manager is Jeanne, Karim may file for it and holds a token, and
Sophie's request waits. An extract, full or update, then speaks of Dupont.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import pytest
from habilis_portal import Denied, Rejected
from sqlalchemy import text

from demo.wallonia.write import extract
from iam.bce import queries as register
from iam.bce.importer import Limits, Status, apply_extract
from iam.bce.record import replace_number
from iam.delegation import commands as c
from iam.delegation.execute import Done
from iam.delegation.queries import gap_of
from iam.delegation.rights import Rights, effective
from iam.kernel.assurance import Level
from iam.kernel.clock import start_of_day
from iam.kernel.decision import Refusal
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from tests.support.acts import (
    DUPONT,
    SERVAIS,
    act,
    appointed,
    appointment,
    functions_are,
    gap,
    gift,
    given,
    relay,
    requested,
)
from tests.support.extract import HEADERS, Extract, Update, dotted, number
from tests.support.oauth_side import open_side

pytestmark = pytest.mark.anyio
DOTTED = "1900.000.069"
NEW = 777
DELEGATION = ("delegation_office", "delegation_grant", "delegation_request")


def wallonia(place, change):
    """The small Wallonia of today in an extract of this number, each line of it changed."""
    files = extract(2)
    lines = {name: [change(line) for line in files.get(name, "").splitlines()[1:]] for name in HEADERS}
    kept = {name: [line for line in lines[name] if line is not None] for name in HEADERS}
    return Extract(number=place, snapshot=f"{place + 10}-11-2026", lines=kept)


def as_ever(line):
    return line


def without_dupont(line):
    """Of its units the extract still speaks: what goes with it goes all the same."""
    return None if line.startswith(f'"{DOTTED}"') else line


def in_situation(code):
    def change(line):
        return line.replace(f'"{DOTTED}","AC","000"', f'"{DOTTED}","AC","{code}"')

    return change


def under(place):
    def change(line):
        return in_situation("003")(line).replace(DOTTED, dotted(place))

    return change


@dataclass
class World:
    """The town, its portal, what was given, the token, and a register that learns."""

    side: object
    folder: object
    update: bool
    grant: object
    office: object
    mandate: object = None
    told: Extract | None = None

    @property
    def town(self):
        return self.side.town

    async def learn(self, change):
        before = self.told or wallonia(2, as_ever)
        self.told = wallonia(before.number + 1, change)
        files = Update.between(before, self.told) if self.update else self.told
        # A wave of orphans is no news here: an update that takes an enterprise away leaves its units unsaid.
        limits = Limits(vanish_floor=9, orphan_share=1)
        self.town.clock.advance(seconds=10)
        report = await apply_extract(self.town.db, files.zip(self.folder), self.town.clock, limits=limits)
        assert report.status is Status.APPLIED, report
        await relay(self.town)
        return report

    async def journal(self, head):
        """What was written of Dupont by the register's and by delegation's door since the extracts came."""
        statement = text(
            "SELECT kind, actor_kind, actor_name, capacity, data FROM journal_entry"
            " WHERE head_kind = :head AND head_id = :entity AND actor_name LIKE 'extract %'"
            " ORDER BY revision, ordinal"
        )
        async with self.town.db.read() as conn:
            asked = {"head": head, "entity": self.town.entity(DUPONT)}
            return [tuple(row) for row in await conn.execute(statement, asked)]

    async def rows(self):
        async with self.town.db.read() as conn:
            return {
                table: sorted((await conn.execute(text(f"SELECT t::text FROM {table} t"))).scalars())
                for table in DELEGATION
            }

    async def why(self, digits=DUPONT):
        """What the person concerned is told; a portal is told `noRight`."""
        async with self.town.db.read() as conn:
            return await effective(
                conn, person=self.town.person("karim"), number=EnterpriseNumber(digits),
                roles=frozenset({"primes.deposer"}), at=self.town.clock(), level=Level.EID,
            )  # fmt: skip

    async def says_no(self, digits=DUPONT):
        with pytest.raises(Denied) as refused:
            await self.side.exchange(digits)
        assert refused.value.code == "noRight"
        assert not (
            await self.side.habilis.evaluate(self.mandate.subject, "primes.deposer", digits)
        ).permitted

    async def says_yes(self, digits=DUPONT):
        mandate = await self.side.exchange(digits)
        assert [(role.code, role.grant) for role in mandate.roles] == [("primes.deposer", str(self.grant))]
        assert (await self.side.habilis.evaluate(mandate.subject, "primes.deposer", digits)).permitted
        return mandate

    async def is_active(self, mandate=None):
        return (await self.side.habilis.introspect((mandate or self.mandate).token)).active


@pytest.fixture(params=["full", "update"])
async def world(request, town, tmp_path):
    async with open_side(town) as side:
        office = await gap(town, "luc", "jeanne")
        grant = await given(town, "jeanne", "karim", "primes.deposer")
        await requested(town, "sophie")
        await relay(town)
        made = World(side, tmp_path, request.param == "update", grant, office)
        made.mandate = await made.says_yes()
        assert await made.is_active()
        yield made


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (without_dupont, "vanished"),
        (in_situation("014"), "situationChanged"),
        (in_situation("051"), "situationChanged"),
        (in_situation("023"), "situationChanged"),
    ],
    ids=["vanished", "liquidation closed", "bankruptcy closed", "split"],
)
async def test_inv_36_an_enterprise_that_has_ceased_gets_no_token_and_its_tokens_are_over(
    world, change, event
):
    """Nothing is taken away: it is in force no longer (nr 37: nor is anything transferred)."""
    before = await world.rows()

    report = await world.learn(change)

    assert report.events == {f"bce.enterprise.{event}": 1}
    await world.says_no()
    assert not await world.is_active()
    assert await world.why() == Refusal(reason=Reason.ENTERPRISE_CEASED)
    refused = await act(world.town, gift(world.town, "paul", "primes.deposer"), "jeanne")
    assert refused.reason is Reason.ENTERPRISE_CEASED
    after = await world.rows()
    assert {table for table in DELEGATION if after[table] != before[table]} == {"delegation_request"}


async def test_inv_66_what_follows_went_through_the_door_and_names_the_extract(world):
    await world.learn(without_dupont)

    [register_entry] = await world.journal("register")
    [entry] = await world.journal("enterprise")

    assert register_entry[:4] == ("bce.enterprise.vanished", "system", "extract 0003", "system")
    assert entry[:4] == ("delegation.request.voided", "system", "extract 0003", "system")
    assert entry[4]["person"] == str(world.town.person("sophie"))
    await relay(world.town)
    assert [await world.journal("enterprise")] == [[entry]], "once, however often the journal is read"


async def test_inv_13_an_enterprise_that_returns_has_its_offices_grants_and_tokens_again(world):
    await world.learn(without_dupont)
    await world.says_no()

    report = await world.learn(as_ever)

    assert report.events == {"bce.enterprise.reactivated": 1}
    await world.says_yes()
    assert await world.is_active()
    assert isinstance(await act(world.town, gift(world.town, "sophie", "primes.deposer"), "jeanne"), Done)


async def test_inv_24_in_a_bankruptcy_rights_go_on_and_the_curator_takes_over(world):
    town = world.town
    report = await world.learn(in_situation("050"))
    curator = {"function": "XCURA", "holder": {"ssin": "90000000839"}, "from": "2026-11-24"}
    luc = {"function": "XADMI", "holder": {"ssin": "58000000549"}, "from": "2015-04-01"}
    await functions_are(town, world.folder, DUPONT, luc, curator)

    assert report.events == {"bce.enterprise.situationChanged": 1}
    [(_, _, _, _, told)] = await world.journal("register")
    assert (told["consequence_before"], told["consequence_after"]) == ("normal", "controlled")
    assert await world.journal("enterprise") == [], "nothing is voided: the enterprise operates"
    await world.says_yes()
    assert await world.is_active()
    refused = await act(town, appointment(town, "paul"), "luc")
    assert refused.reason is Reason.REPRESENTATION_SUSPENDED
    office = await appointed(town, "sophie", "paul")
    accepted = c.AcceptOffice(entity=town.entity(DUPONT), office=office)
    assert isinstance(await act(town, accepted, "paul"), Done)
    assert (await act(town, gift(town, "luc", "primes.deposer"), "jeanne")).reason is Reason.NO_STANDING
    await world.says_yes()


async def test_inv_05_another_number_keeps_offices_grants_and_the_token_its_entity(world):
    town, entity = world.town, world.town.entity(DUPONT)
    before = await world.rows()
    async with town.db.write() as conn:
        new = EnterpriseNumber(number(NEW))
        since = start_of_day(date(2026, 11, 12))
        await replace_number(conn, entity, new, since=since, now=town.clock())

    report = await world.learn(under(NEW))

    assert (report.vanishing_count, report.written["bce_entity"]["began"]) == (0, 0)
    assert report.events == {"bce.enterprise.situationChanged": 1}
    assert await world.rows() == before
    await world.says_no(DUPONT)
    assert await world.why(DUPONT) == Refusal(reason=Reason.ROLE_MISSING)
    mandate = await world.says_yes(number(NEW))
    assert mandate.enterprise_number == number(NEW)
    assert await world.is_active(), "the token that was given out before is for the same entity"
    rights = await world.why(number(NEW))
    assert isinstance(rights, Rights)
    assert rights.entity == entity
    async with town.db.read() as conn:
        active, _ = await gap_of(conn, entity, town.clock())
        issued = await conn.execute(text("SELECT DISTINCT entity_id FROM tokens_issue"))
        assert [UUID(str(each)) for each in issued.scalars()] == [entity]
        assert (await register.find_by_number(conn, EnterpriseNumber(number(NEW)))).entity == entity
    assert active.office.id == world.office


async def test_inv_05_who_comes_to_a_number_that_was_given_up_has_nothing_of_who_had_it(world):
    """The number of the token is another's by now: it is neither his token nor a token for him."""
    town, entity = world.town, world.town.entity(DUPONT)
    async with town.db.write() as conn:
        new = EnterpriseNumber(number(NEW))
        since = start_of_day(date(2026, 11, 12))
        await replace_number(conn, entity, new, since=since, now=town.clock())
    await world.learn(under(NEW))

    await world.learn(with_newcomer)

    async with town.db.read() as conn:
        other = await register.find_by_number(conn, EnterpriseNumber(DUPONT))
    assert other.entity != entity
    await world.says_no(DUPONT)
    introspected = await world.side.habilis.introspect(world.mandate.token)
    assert introspected.active


def with_newcomer(line):
    """As `under`, and the old number is there again, as the name of another one."""
    changed = under(NEW)(line)
    if line.startswith(f'"{DOTTED}","AC"'):
        return f'{changed}\n"{DOTTED}","AC","000","2","610",,01-11-2026'
    if line.startswith(f'"{DOTTED}"') and ',"001",' in line:
        return f'{changed}\n"{DOTTED}","1","001","Une autre"'
    return changed


@pytest.mark.parametrize("digits", ["2900000087", "9900000055", "1900000068"])
async def test_inv_02_no_token_and_no_decision_for_a_number_that_is_no_enterprises(town, digits):
    async with open_side(town) as side:
        await gap(town, "luc", "jeanne")
        await given(town, "jeanne", "karim", "primes.deposer")
        mandate = await side.exchange(DUPONT)
        with pytest.raises(Rejected) as refused:
            await side.exchange(digits)
        assert refused.value.code == "invalid_authorization_details"
        assert not (await side.habilis.evaluate(mandate.subject, "primes.deposer", digits)).permitted
        with pytest.raises(Denied):
            await side.exchange(SERVAIS)
