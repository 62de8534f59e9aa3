"""Two stages on which the same scenario is played: the rules alone on paper, and the whole door on PostgreSQL.

A scenario (tests/scenarios/*.yaml) says what is so, what happens later, and what is then expected of
whom. Both stages take the same commands; each expectation is played from the same situation and undone.
"""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from demo.wallonia.source import Enterprise as Source
from demo.wallonia.source import Function as SourceFunction
from demo.wallonia.source import enterprises
from demo.wallonia.write import function_lines
from iam.bce import reference
from iam.bce.functions import apply_feed
from iam.bce.importer import Status
from iam.bce.model import Enterprise, EnterpriseKind, Function, FunctionId, RegisterState
from iam.bce.rules import Rulebook, represent
from iam.delegation import catalogue
from iam.delegation import commands as c
from iam.delegation.execute import Done
from iam.delegation.execute import limits as limits_of
from iam.delegation.facts_model import EntityFacts, PersonFacts, RepresentationFacts
from iam.delegation.model import OfficeKind, Role
from iam.delegation.rights import Rights, choices, effective
from iam.journal.model import Context, Head, HeadKind
from iam.journal.queries import of_head
from iam.kernel.actor import Actor, Capacity, PersonActor, SystemActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId, uuid4
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.ssin import Fingerprint
from iam.people.commands import block
from iam.web.problems import of_refusal
from tests.support.register import REPOSITORY, Town, personas
from tests.support.settings import some_settings
from tests.support.worlds import ENTITY, World

PERSONAS = personas()
BEGINNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SYSTEM = SystemActor(trigger="scenario")
UNCHANGED = "unchanged"  # permitted, and there was nothing left to do
REFERENCE = reference.read()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of an act: permitted under which hat with which events, or refused for which reason."""

    permitted: bool
    because: str
    events: tuple[Any, ...] = ()

    @classmethod
    def no(cls, refusal: Refusal) -> "Answer":
        assert of_refusal(refusal).status >= 400
        return cls(permitted=False, because=refusal.reason.value)


def login(who: PersonId, level: Level, age: timedelta, now: datetime) -> Actor:
    return PersonActor(person=who, assurance=Assurance(level, now - age))


def source(key: str) -> Source:
    return next(each for each in enterprises() if each.key == key)


def roles_of(extra: dict[str, dict[str, Any]]) -> dict[str, Role]:
    """The demo's catalogue and the roles that the scenario adds, each made like an existing one."""
    found = catalogue.read(REPOSITORY / "demo" / "catalogue.toml")
    for code, changes in extra.items():
        made = dict(changes)
        if "grantable_by" in made:
            made["grantable_by"] = frozenset(OfficeKind(kind) for kind in made["grantable_by"])
        found[code] = replace(found["primes.deposer"], code=code, **made)
    return found


def held(function: dict[str, Any]) -> SourceFunction:
    """A function as the feed would tell it."""
    who = function.get("who")
    permanent = function.get("permanent")
    return SourceFunction(
        code=function["function"],
        ssin=None if who is None else PERSONAS[who]["ssin"],
        enterprise=function.get("enterprise"),
        permanent=None if permanent is None else PERSONAS[permanent]["ssin"],
        first_day=str(function["from"]),
        last_day=str(function["to"]) if "to" in function else None,
    )


class _Paper(World):
    """The small world of the rules, with this scenario's register and catalogue."""

    register: Any = None
    roles: dict[str, Role]
    fresh: bool = True

    def facts(self, actor, command=None):
        me = getattr(actor, "person", None)
        return replace(
            super().facts(actor, command),
            entity=EntityFacts(id=ENTITY, operating=self.register.enterprise.operating),
            catalogue=self.roles,
            limits=limits_of(some_settings().policy),
            representations=self.register.of(me, self.now),
            register_fresh=self.fresh,
        )


@dataclass(slots=True)
class PaperRegister:
    """The register on paper: an enterprise and who holds which function in it."""

    enterprise: Enterprise
    functions: list[Function]

    def of(self, who: PersonId | None, now: datetime) -> tuple[RepresentationFacts, ...]:
        book = Rulebook(rules=REFERENCE.rules, types={code.code: code.type for code in REFERENCE.functions})
        return tuple(
            RepresentationFacts(basis=each.basis, code=each.code, alone=each.alone, suspended=each.suspended)
            for each in represent(self.enterprise, self.functions, book, now)
            if who is not None and each.holder == _mark(who)
        )


def _mark(who: PersonId) -> Fingerprint:
    return Fingerprint("paper", who.bytes)


@dataclass(slots=True)
class Paper:
    """The rules alone: no database, no clock."""

    persons: dict[str, PersonId] = field(default_factory=lambda: {key: PersonId(uuid4()) for key in PERSONAS})
    world: _Paper = field(default_factory=_Paper)
    entity: Any = ENTITY

    async def settle(self, case: dict[str, Any]) -> None:
        self.world.now = BEGINNING
        self.world.roles = roles_of(case.get("roles", {}))
        self.world.people = {
            who: PersonFacts(id=who, blocked=False, verified=frozenset({PERSONAS[key]["email"]}))
            for key, who in self.persons.items()
        }
        self.world.register = PaperRegister(_enterprise(source(case["enterprise"]), "000"), [])

    async def register(self, key: str, functions: list[dict[str, Any]], situation: str) -> None:
        self.world.register = PaperRegister(
            _enterprise(source(key), situation), [self._function(each) for each in functions]
        )
        self.world.fresh = True

    def _function(self, function: dict[str, Any]) -> Function:
        told = held(function)
        return Function(
            id=FunctionId(uuid4()),
            entity=ENTITY,
            code=told.code,
            holder=_mark(self.persons[function["who"]]) if "who" in function else None,
            holder_number=None
            if told.enterprise is None
            else EnterpriseNumber(source(told.enterprise).number),
            permanent_representative=_mark(self.persons[function["permanent"]])
            if "permanent" in function
            else None,
            period=Period.of_days(
                date.fromisoformat(told.first_day),
                None if told.last_day is None else date.fromisoformat(told.last_day),
            ),
        )

    @property
    def now(self) -> datetime:
        return self.world.now

    async def pass_time(self, delta: timedelta) -> None:
        self.world.now += delta

    async def silence(self, hours: int) -> None:
        """The source of functions is not heard for so long."""
        self.world.now += timedelta(hours=hours)
        self.world.fresh = hours <= some_settings().policy.representation_stale_hours

    async def block(self, key: str) -> None:
        who = self.persons[key]
        self.world.people = {**self.world.people, who: replace(self.world.people[who], blocked=True)}

    async def unverify(self, key: str) -> None:
        who = self.persons[key]
        self.world.people = {**self.world.people, who: replace(self.world.people[who], verified=frozenset())}

    async def leave_confirmed_elsewhere(self, key: str) -> None:
        """On paper there is one enterprise: what is confirmed for others does not exist."""
        await self.unverify(key)

    async def retire(self, code: str) -> None:
        self.world.roles = {**self.world.roles, code: replace(self.world.roles[code], retired_at=self.now)}

    async def do(self, command: c.Command, actor: Actor, *, undo: bool) -> Answer:
        self.world.recent = 0
        before = self.world.state
        outcome = self.world.do(command, actor)
        if isinstance(outcome, Refusal):
            return Answer.no(outcome)
        if undo:
            self.world.state = before
        because = outcome.capacity.value if outcome.events else UNCHANGED
        return Answer(permitted=True, because=because, events=outcome.events)

    async def use(self, who: PersonId, code: str, level: Level) -> Answer:
        """What the model says of a right, in its own words."""
        known, role, now = self.world.people[who], self.world.roles.get(code), self.now
        grants = [
            grant for grant in self.world.state.grants.values()
            if (grant.person, grant.role) == (who, code) and grant.is_live(now) and grant.period.holds(now)
        ]  # fmt: skip
        for refused, why in (
            (known.blocked, "personBlocked"),
            (not self.world.register.enterprise.operating, "enterpriseCeased"),
            (not grants or role is None or role.is_retired(now), "roleMissing"),
            (role is not None and level < role.minimum_level, "levelTooLow"),
        ):
            if refused:
                return Answer(permitted=False, because=why)
        return Answer(permitted=True, because="role_holder")


def _enterprise(told: Source, situation: str) -> Enterprise:
    unheard = REFERENCE.situations["*"]
    day, month, year = (int(part) for part in told.start.split("-"))
    return Enterprise(
        entity=ENTITY,
        number=EnterpriseNumber(told.number),
        kind=EnterpriseKind(int(told.type)),
        form=told.form_cac or told.form or None,
        situation=situation,
        consequence=REFERENCE.situations.get(situation, unheard),
        state=RegisterState.ACTIVE,
        start_on=date(year, month, day),
        names=(),
    )


class _Undone(Exception):
    """Leaves a transaction so that it is undone."""


@dataclass(slots=True)
class Real:
    """The small Wallonia on PostgreSQL, through the register's importers and the one door."""

    town: Town
    folder: Path
    feeds: int = 0
    key: str = ""

    @property
    def persons(self) -> dict[str, PersonId]:
        return self.town.persons

    @property
    def entity(self) -> Any:
        return self.town.entity(source(self.key).number)

    @property
    def now(self) -> datetime:
        return self.town.clock()

    async def settle(self, case: dict[str, Any]) -> None:
        self.key = case["enterprise"]
        async with self.town.db.write() as conn:
            await catalogue.apply(conn, roles_of(case.get("roles", {})), self.town.clock)

    async def register(self, key: str, functions: list[dict[str, Any]], situation: str) -> None:
        header, *lines = function_lines(self.now.replace(microsecond=0))
        number = source(key).number
        told = [line for line in lines if json.loads(line)["enterpriseNumber"] != number]
        for function in functions:
            each = held(function)
            holder: dict[str, Any] = {"ssin": each.ssin}
            if each.enterprise is not None:
                holder = {"enterpriseNumber": source(each.enterprise).number}
                if each.permanent is not None:
                    holder["permanentRepresentative"] = {"ssin": each.permanent}
            line = {"enterpriseNumber": number, "function": each.code, "holder": holder}
            told.append(json.dumps({**line, "from": each.first_day, "to": each.last_day}))
        self.feeds += 1
        said = {**json.loads(header), "functions": len(told)}
        said["number"] += self.feeds
        path = self.folder / f"functions-{self.feeds}.jsonl"
        path.write_text("\n".join([json.dumps(said), *told]) + "\n", encoding="utf-8")
        report = await apply_feed(self.town.db, path, self.town.settings.fingerprint_keys, self.town.clock)
        assert report.status is Status.APPLIED, report
        async with self.town.db.write() as conn:
            await conn.execute(
                text(
                    "UPDATE bce_snapshot SET situation = :s WHERE entity_id = :e AND recorded_until IS NULL"
                ),
                {"s": situation, "e": self.entity},
            )

    async def pass_time(self, delta: timedelta) -> None:
        self.town.clock.now += delta

    async def silence(self, hours: int) -> None:
        await self.pass_time(timedelta(hours=hours))

    async def block(self, key: str) -> None:
        context = Context(actor=SYSTEM, capacity=Capacity.SYSTEM, at=self.now)
        async with self.town.db.write() as conn:
            await block(conn, self.persons[key], context)

    async def unverify(self, key: str) -> None:
        async with self.town.db.write() as conn:
            await conn.execute(
                text("UPDATE people_address SET verified_at = NULL WHERE person_id = :p"),
                {"p": self.persons[key]},
            )

    async def leave_confirmed_elsewhere(self, key: str) -> None:
        async with self.town.db.write() as conn:
            await conn.execute(
                text("DELETE FROM people_address WHERE person_id = :p AND entity_id = :e"),
                {"p": self.persons[key], "e": self.entity},
            )

    async def retire(self, code: str) -> None:
        async with self.town.db.write() as conn:
            roles = await catalogue.load(conn)
            await catalogue.apply(conn, {k: r for k, r in roles.items() if k != code}, self.town.clock)

    async def do(self, command: c.Command, actor: Actor, *, undo: bool) -> Answer:
        foreseen = None
        async with self.town.db.read() as conn:
            foreseen = await self.town.door.foresee(conn, command, actor)
        answer = Answer(permitted=False, because="")
        try:
            async with self.town.db.write() as conn:
                done = await self.town.door.execute(conn, command, actor)
                answer = await self._answer(conn, done)
                if undo:
                    raise _Undone  # noqa: TRY301 - a transaction is undone by leaving it so
        except _Undone:
            pass
        # What a page says beforehand is what then happens.
        assert (foreseen is None) == answer.permitted
        assert foreseen is None or foreseen.reason.value == answer.because
        return answer

    async def _answer(self, conn, done: Done | Refusal) -> Answer:
        if isinstance(done, Refusal):
            return Answer.no(done)
        if not done.events:
            return Answer(permitted=True, because=UNCHANGED)
        entries = await of_head(conn, Head(HeadKind.ENTERPRISE, self.entity))
        own = [entry for entry in entries if entry.revision == done.revision]
        assert [entry.kind for entry in own] == [event.KIND for event in done.events]
        return Answer(permitted=True, because=own[0].capacity.value, events=done.events)

    async def use(self, who: PersonId, code: str, level: Level) -> Answer:
        """What a token and a decision are made of, and what the choice of enterprises shows."""
        number = EnterpriseNumber(source(self.key).number)
        async with self.town.db.read() as conn:
            found = await effective(
                conn, person=who, number=number, roles=frozenset({code}), at=self.now, level=level
            )  # fmt: skip
            offered = await choices(conn, who, ceiling=[code], at=self.now)
        in_force = isinstance(found, Rights) or found.reason.value == "levelTooLow"
        assert [choice.number for choice in offered] == [number] * in_force
        if isinstance(found, Refusal):
            return Answer.no(found)
        return Answer(permitted=True, because=found.capacity.value)


Stage = Paper | Real


def language_of(key: str) -> Language:
    return Language(PERSONAS[key]["language"])
