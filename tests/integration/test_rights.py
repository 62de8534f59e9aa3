"""What a person may do for an enterprise now: every condition at its boundary, and three readers that agree."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import event, text

from iam.bce import queries as register
from iam.bce.model import Name
from iam.bce.rules import name_to_show
from iam.delegation import catalogue
from iam.delegation import commands as c
from iam.delegation.desired import desired
from iam.delegation.rights import Rights, choices, effective
from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, PersonId, uuid4
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from iam.people.commands import block, unblock
from tests.support.acts import DUPONT, SERVAIS, act, appointment, did, gap, given, requested
from tests.support.register import REPOSITORY

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)
NOEL = "1900000960"
ROLES = frozenset({"primes.deposer", "permis.deposer", "aides.signer"})


async def rights(town, who="karim", number=DUPONT, *, roles=ROLES, at=None, level=Level.EID):
    async with town.db.read() as conn:
        return await effective(
            conn,
            person=town.person(who) if isinstance(who, str) else who,
            number=None if number is None else EnterpriseNumber(number),
            roles=roles,
            at=at or town.clock(),
            level=level,
        )


def codes(answer) -> set[str]:
    return {role.code for role in answer.roles} if isinstance(answer, Rights) else set()


MISSING = Refusal(reason=Reason.ROLE_MISSING)

_GRANT = text(
    "INSERT INTO delegation_grant (version_id, grant_id, entity_id, person_id, role, starts_at, ends_at, origin,"
    " granted_at, to_oneself, ended, recorded_from) VALUES (:version, :grant, :entity, :person, :role,"
    " :starts, :ends, 'migrated', :starts, false, :ended, :starts)"
)


async def granted_before(conn, town, who, number, role, starts, ends, ended=None) -> None:
    """A grant as it would stand in the tables, made at a time when the rules allowed it."""
    entity = town.entity(number)
    head = "INSERT INTO delegation_head (entity_id, revision, at) VALUES (:e, 1, :at) ON CONFLICT DO NOTHING"
    await conn.execute(text(head), {"e": entity, "at": starts})
    await conn.execute(
        _GRANT,
        {
            "version": uuid4(), "grant": uuid4(), "entity": entity, "person": town.person(who), "role": role,
            "starts": starts, "ends": ends, "ended": ended,
        },
    )  # fmt: skip


async def set_catalogue(town, *, without: str | None = None) -> None:
    roles = catalogue.read(REPOSITORY / "demo" / "catalogue.toml")
    roles.pop(without, None)
    async with town.db.write() as conn:
        await catalogue.apply(conn, roles, town.clock)


def context(town) -> Context:
    return Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=town.clock())


@pytest.fixture
async def manager(town):
    await gap(town, "luc", "jeanne")


class TestTime:
    """A right holds from the first instant of its period to the last; nothing need be written for it to end."""

    @pytest.mark.parametrize(("seconds", "holds"), [(-1, False), (0, True), (1, True)])
    async def test_inv_62_it_begins_at_its_start(self, town, seconds, holds):
        starts = town.clock()
        async with town.db.write() as conn:
            await granted_before(conn, town, "karim", DUPONT, "primes.deposer", starts, None)

        answer = await rights(town, at=starts + seconds * SECOND)

        assert codes(answer) == ({"primes.deposer"} if holds else set())
        assert holds or answer == MISSING

    @pytest.mark.parametrize(("seconds", "holds"), [(-1, True), (0, False), (1, False)])
    async def test_inv_59_62_it_is_over_at_its_end(self, town, seconds, holds):
        ends = town.clock()
        async with town.db.write() as conn:
            await granted_before(
                conn, town, "karim", DUPONT, "primes.deposer", ends - timedelta(days=9), ends
            )

        answer = await rights(town, at=ends + seconds * SECOND)

        assert codes(answer) == ({"primes.deposer"} if holds else set())
        assert not holds or answer.until == ends

    @pytest.mark.parametrize(
        ("day", "first_instant", "hours"),
        [
            (date(2027, 3, 28), datetime(2027, 3, 27, 23, 0, tzinfo=UTC), 23),
            (date(2027, 10, 31), datetime(2027, 10, 30, 22, 0, tzinfo=UTC), 25),
            (date(2027, 6, 1), datetime(2027, 5, 31, 22, 0, tzinfo=UTC), 24),
            (date(2027, 1, 1), datetime(2026, 12, 31, 23, 0, tzinfo=UTC), 24),
        ],
    )
    async def test_inv_71_a_day_is_a_belgian_day_also_when_the_clock_changes(
        self, town, manager, day, first_instant, hours
    ):
        await given(town, "jeanne", "karim", "primes.deposer", first=day, last=day)
        end = first_instant + timedelta(hours=hours)

        held = {
            instant: bool(codes(await rights(town, at=instant)))
            for instant in (
                *(first_instant + n * SECOND for n in (-1, 0, 1)),
                *(end + n * SECOND for n in (-1, 0, 1)),
            )
        }

        assert list(held.values()) == [False, True, True, True, False, False]

    async def test_inv_71_the_last_day_counts_in_full(self, town, manager):
        today = date(2026, 11, 24)
        await given(town, "jeanne", "karim", "primes.deposer", first=today, last=date(2027, 3, 31))

        answer = await rights(town, at=datetime(2027, 3, 31, 21, 59, 59, tzinfo=UTC))

        assert answer.until == datetime(2027, 3, 31, 22, 0, tzinfo=UTC)

    async def test_inv_59_a_role_that_was_ended_gives_nothing_from_that_instant(self, town, manager):
        grant = await given(town, "jeanne", "karim", "primes.deposer")
        assert codes(await rights(town)) == {"primes.deposer"}

        await did(town, c.EndGrant(entity=town.entity(DUPONT), grant=grant, reason="Parti."), "jeanne")

        assert await rights(town) == MISSING

    async def test_inv_59_an_ended_role_is_over_also_where_the_clock_stands_behind(self, town, manager):
        """One machine's clock was ahead once: the enterprise's time is later than ours for a while."""
        grant = await given(town, "jeanne", "karim", "primes.deposer")
        town.clock.advance(hours=2)
        await given(town, "jeanne", "sophie", "primes.deposer")
        town.clock.advance(hours=-2, minutes=10)

        await did(town, c.EndGrant(entity=town.entity(DUPONT), grant=grant, reason="Parti."), "jeanne")

        assert await rights(town) == MISSING

    async def test_inv_59_a_role_ended_before_it_began_never_begins(self, town, manager):
        first = date(2026, 12, 1)
        grant = await given(town, "jeanne", "karim", "primes.deposer", first=first)
        await did(town, c.EndGrant(entity=town.entity(DUPONT), grant=grant, reason="Parti."), "jeanne")

        for days in (0, 7, 8, 30):
            assert await rights(town, at=town.clock() + timedelta(days=days)) == MISSING


class TestConditions:
    """Each condition alone takes the right away, from the very set-up in which it was there."""

    @pytest.fixture
    async def held(self, town, manager):
        await given(town, "jeanne", "karim", "primes.deposer")
        answer = await rights(town)
        assert codes(answer) == {"primes.deposer"}
        assert (answer.number.digits, answer.name) == (DUPONT, "Menuiserie Dupont SRL")
        assert answer.capacity is Capacity.ROLE_HOLDER

    async def test_inv_62_a_retired_role(self, town, held):
        await set_catalogue(town, without="primes.deposer")
        assert await rights(town) == MISSING

    @pytest.mark.parametrize(("seconds", "holds"), [(-1, True), (0, False), (1, False)])
    async def test_inv_62_a_role_is_retired_from_an_instant_on(self, town, held, seconds, holds):
        town.clock.advance(hours=1)
        await set_catalogue(town, without="primes.deposer")
        assert bool(codes(await rights(town, at=town.clock() + seconds * SECOND))) is holds

    async def test_inv_62_a_role_that_comes_back_gives_what_it_gave(self, town, held):
        await set_catalogue(town, without="primes.deposer")
        await set_catalogue(town)
        assert codes(await rights(town)) == {"primes.deposer"}

    async def test_inv_62_an_enterprise_that_has_ceased(self, town):
        async with town.db.write() as conn:
            await granted_before(conn, town, "olivier", NOEL, "primes.deposer", town.clock(), None)
        assert await rights(town, "olivier", NOEL) == Refusal(reason=Reason.ENTERPRISE_CEASED)

    async def test_inv_62_a_blocked_person_and_one_unblocked(self, town, held):
        async with town.db.write() as conn:
            await block(conn, town.person("karim"), context(town))
        assert await rights(town) == Refusal(reason=Reason.PERSON_BLOCKED)
        async with town.db.write() as conn:
            await unblock(conn, town.person("karim"), context(town))
        assert codes(await rights(town)) == {"primes.deposer"}

    async def test_inv_62_a_person_nobody_knows(self, town, held):
        assert await rights(town, PersonId(uuid4())) == Refusal(reason=Reason.PERSON_UNKNOWN)

    @pytest.mark.parametrize("number", ["0000000097", "1900099940", "0202239951"])
    async def test_inv_62_an_unknown_number_reads_like_a_missing_role(self, town, held, number):
        """A portal learns nothing of the register from it."""
        assert await rights(town, number=EnterpriseNumber.parse(number).digits) == MISSING

    async def test_inv_58_outside_what_the_portal_may_see(self, town, held):
        assert await rights(town, roles=frozenset({"permis.deposer"})) == MISSING
        assert await rights(town, roles=frozenset()) == MISSING

    async def test_inv_58_the_role_of_another_enterprise_never_leaks(self, town, held):
        await gap(town, "anne", "paul", SERVAIS)
        await given(town, "paul", "karim", "permis.deposer", SERVAIS)

        assert codes(await rights(town)) == {"primes.deposer"}
        assert codes(await rights(town, number=SERVAIS)) == {"permis.deposer"}

    async def test_inv_58_the_role_of_another_person_never_leaks(self, town, held):
        assert await rights(town, "sophie") == MISSING

    async def test_an_office_or_a_function_is_no_role(self, town, held):
        for who in ("jeanne", "luc"):
            assert await rights(town, who) == MISSING

    async def test_inv_58_a_citizen_has_no_roles_whatever_he_holds(self, town, held):
        answer = await rights(town, number=None)
        assert answer.capacity is Capacity.CITIZEN
        assert (answer.entity, answer.number, answer.roles, answer.until) == (None, None, (), None)

    async def test_a_request_gives_nothing_before_it_is_approved(self, town, manager):
        asked = await requested(town, "karim")
        assert await rights(town) == MISSING
        await did(town, c.ApproveRequest(entity=town.entity(DUPONT), request=asked), "jeanne")
        assert codes(await rights(town)) == {"primes.deposer"}


class TestLevel:
    """A role that wants a stronger login is dropped, and the login that would do is told (nr 60)."""

    @pytest.fixture(autouse=True)
    async def both(self, town, manager):
        await given(town, "jeanne", "karim", "primes.deposer")
        await given(town, "jeanne", "karim", "aides.signer")

    @pytest.mark.parametrize(
        ("level", "strong", "weak"),
        [
            (Level.EID, {"primes.deposer", "aides.signer"}, set()),
            (Level.ITSME, {"primes.deposer"}, {"aides.signer"}),
            (Level.TOTP, {"primes.deposer"}, {"aides.signer"}),
        ],
    )
    async def test_inv_60_weaker_than_one_of_the_roles(self, town, level, strong, weak):
        answer = await rights(town, level=level)
        assert codes(answer) == strong
        assert {role.code for role in answer.too_weak} == weak

    @pytest.mark.parametrize("level", [Level.NONE, Level.PASSWORD])
    async def test_inv_60_weaker_than_all_of_them(self, town, level):
        """The hint is the least that opens something."""
        assert await rights(town, level=level) == Refusal(reason=Reason.LEVEL_TOO_LOW, level=Level.TOTP)

    async def test_inv_60_the_hint_is_about_what_the_portal_may_see(self, town):
        answer = await rights(town, roles=frozenset({"aides.signer"}), level=Level.ITSME)
        assert answer == Refusal(reason=Reason.LEVEL_TOO_LOW, level=Level.EID)

    async def test_until_is_when_the_first_of_the_roles_ends(self, town):
        answer = await rights(town)
        ends = {role.code: role.until for role in answer.roles}
        assert answer.until == ends["aides.signer"] < ends["primes.deposer"]


class TestRevision:
    """Every change that may alter an answer is seen in its revision."""

    async def revision(self, town):
        answer = await rights(town, number=DUPONT)
        assert isinstance(answer, Rights)
        return answer.revision

    async def test_it_grows_with_each_change(self, town, manager):
        await given(town, "jeanne", "karim", "primes.deposer")

        async def another_role():
            await given(town, "jeanne", "karim", "permis.deposer")

        async def somebody_elses():
            await given(town, "jeanne", "sophie", "primes.deposer")

        async def the_catalogue():
            await set_catalogue(town, without="staff.helpdesk")

        async def blocked_and_back():
            async with town.db.write() as conn:
                await block(conn, town.person("karim"), context(town))
                await unblock(conn, town.person("karim"), context(town))

        for change in (another_role, somebody_elses, the_catalogue, blocked_and_back):
            before = await self.revision(town)
            await change()
            after = await self.revision(town)
            assert after.covers(before), change
            assert not before.covers(after), change

    async def test_a_refusal_and_a_repetition_leave_it(self, town, manager):
        await given(town, "jeanne", "karim", "primes.deposer")
        before = await self.revision(town)

        assert isinstance(await act(town, appointment(town, "karim"), "karim"), Refusal)
        await set_catalogue(town)
        await did(town, c.Lapse(entity=town.entity(DUPONT)))

        assert await self.revision(town) == before

    async def test_it_tells_the_extract_it_stands_on(self, town, manager):
        await given(town, "jeanne", "karim", "primes.deposer")
        async with town.db.read() as conn:
            assert (await self.revision(town)).extract == await register.extract_number(conn) == 2


PERIODS = {
    "not yet": (timedelta(days=1), timedelta(days=9), None),
    "now": (timedelta(days=-1), timedelta(days=1), None),
    "open": (timedelta(days=-1), None, None),
    "over": (timedelta(days=-9), timedelta(0), None),
    "ended": (timedelta(days=-9), timedelta(hours=1), "revoked"),
    "last second": (timedelta(days=-9), SECOND, None),
}


async def test_inv_62_63_token_choice_and_group_agree_in_every_case(town):
    """All combinations of the conditions: whoever has a right can choose it and is in the group, and nobody else."""
    now, who, code = town.clock(), "karim", "primes.deposer"
    held = 0
    async with town.db.write() as conn:
        for number, period, retired, blocked, ceiling in product(
            (DUPONT, NOEL), PERIODS, (False, True), (False, True), (ROLES, ROLES - {code}, frozenset())
        ):
            starts, ends, ended = PERIODS[period]
            case = await conn.begin_nested()
            until = None if ends is None else now + ends
            await granted_before(conn, town, who, number, code, now + starts, until, ended)
            if retired:
                await conn.execute(
                    text("UPDATE delegation_role SET retired_at = :n WHERE code = :c"), {"n": now, "c": code}
                )
            if blocked:
                await conn.execute(
                    text("UPDATE people_person SET blocked_at = :n WHERE id = :p"),
                    {"n": now, "p": town.person(who)},
                )

            right = await effective(
                conn,
                person=town.person(who),
                number=EnterpriseNumber(number),
                roles=ceiling,
                at=now,
                level=Level.EID,
            )
            offered = await choices(conn, town.person(who), ceiling=sorted(ceiling), at=now)
            group = await desired(conn, EntityId(town.entity(number)), now)
            await case.rollback()

            expected = (
                number == DUPONT and period in {"now", "open", "last second"} and not retired and not blocked
            )
            named = (number, period, retired, blocked, sorted(ceiling))
            assert (codes(right) == {code}) is (expected and code in ceiling), named
            assert [(o.number.digits, o.roles) for o in offered] == (
                [(number, (code,))] if codes(right) else []
            ), named
            assert (group is not None) is expected, named
            assert group is None or group.roles == {code: frozenset({town.person(who)})}, named
            held += expected
    assert held == 9, "the cases hold something at all"


_NAME = text(
    "INSERT INTO bce_name (entity_id, digest, unit, language, kind, text, starts_at, ends_at, recorded_from,"
    " recorded_until) VALUES (:entity, :digest, :unit, :language, :kind, :text, :at, :ends, :at, :until)"
)


async def test_inv_07_the_name_is_the_one_that_the_rule_picks_of_those_of_today(town, manager):
    """Names made at random, of every kind and language, of units too, ended and corrected ones among them."""
    await given(town, "jeanne", "karim", "primes.deposer")
    entity, now, picks = town.entity(DUPONT), town.clock(), random.Random(7)
    shown = set()
    async with town.db.write() as conn:
        for _ in range(60):
            await conn.execute(text("DELETE FROM bce_name WHERE entity_id = :e"), {"e": entity})
            names = []
            for _ in range(picks.randrange(7)):
                name = Name(
                    text=picks.choice(["Écluse", "Zèbre", "abeille", "Abeille", "a", "Übung"]),
                    language=picks.choice("012349"),
                    kind=picks.choice(["001", "001", "002", "003", "004", "005"]),
                )
                unit, ends, until = (
                    picks.choice([None, None, None, other]) for other in ("2000000034", now, now)
                )
                values = {"text": name.text, "language": name.language, "kind": name.kind, "unit": unit}
                times = {"at": now - timedelta(days=9), "ends": ends, "until": until}
                await conn.execute(
                    _NAME, {"entity": entity, "digest": picks.getrandbits(60), **values, **times}
                )
                if unit is ends is until is None:
                    names.append(name)

            answer = await effective(
                conn, person=town.person("karim"), number=EnterpriseNumber(DUPONT), roles=ROLES, at=now,
                level=Level.EID,
            )  # fmt: skip

            assert answer.name == name_to_show(names, EnterpriseNumber(DUPONT), Language.FR), names
            shown.add(answer.name)
    assert len(shown) > 4, "the cases are different ones"


async def test_a_check_is_one_statement(town, manager):
    await given(town, "jeanne", "karim", "primes.deposer")
    sent = []
    async with town.db.read() as conn:
        event.listen(conn.sync_connection, "before_cursor_execute", lambda *args: sent.append(args[2]))
        answer = await effective(
            conn, person=town.person("karim"), number=EnterpriseNumber(DUPONT), roles=ROLES, at=town.clock(),
            level=Level.EID,
        )  # fmt: skip
    assert (codes(answer), answer.name) == ({"primes.deposer"}, "Menuiserie Dupont SRL")
    assert len(sent) == 1


async def test_inv_58_choices_name_each_enterprise_once_in_order_of_number(town, manager):
    await gap(town, "anne", "paul", SERVAIS)
    await given(town, "paul", "karim", "permis.deposer", SERVAIS)
    await given(town, "jeanne", "karim", "primes.deposer")
    await given(town, "jeanne", "karim", "permis.deposer")

    async with town.db.read() as conn:
        offered = await choices(conn, town.person("karim"), ceiling=sorted(ROLES), at=town.clock())
        other = await choices(conn, town.person("sophie"), ceiling=sorted(ROLES), at=town.clock())

    assert [(o.number.digits, o.roles) for o in offered] == [
        (DUPONT, ("permis.deposer", "primes.deposer")),
        (SERVAIS, ("permis.deposer",)),
    ]
    assert other == []
