"""Builders of facts for rules: a small enterprise with the people around it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.evolve import fold
from iam.delegation.facts_model import EntityFacts, Facts, Limits, PersonFacts, RepresentationFacts
from iam.delegation.model import (
    Delegation,
    GrantOrigin,
    OfficeKind,
    OfficeOrigin,
    Relation,
    Role,
    RoleContext,
)
from iam.delegation.rules import decide, due
from iam.kernel.actor import PersonActor, SystemActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.clock import end_of_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, GrantId, OfficeId, PersonId, RequestId, uuid4
from iam.kernel.language import Language

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)
ENTITY = EntityId(UUID(int=0xE))

LIMITS = Limits(
    appointment_level=Level.EID,
    appointment_fresh=timedelta(minutes=10),
    decision_level=Level.ITSME,
    activation_level=Level.ITSME,
    activation=timedelta(days=30),
    request_lapse=timedelta(days=60),
    requests_per_day=20,
)


def role(code: str, **changes) -> Role:
    base = Role(
        code=code,
        context=RoleContext.ENTERPRISE,
        labels=dict.fromkeys(Language, code),
        allows=dict.fromkeys(Language, code),
        grantable_by=frozenset({OfficeKind.GAP}),
        longest_days=730,
        minimum_level=Level.TOTP,
    )
    return replace(base, **changes)


CATALOGUE = {
    r.code: r
    for r in (
        role("primes.deposer"),
        role("permis.suivre"),
        role("comptes.signer", four_eyes=True),
        role("ancien.role", retired_at=NOW - timedelta(days=1)),
        role("nul.ne.donne", grantable_by=frozenset()),
        role("staff.helpdesk", context=RoleContext.STAFF),
    )
}


def person() -> PersonId:
    return PersonId(uuid4())


def login(
    who: PersonId, level: Level = Level.EID, age: timedelta = timedelta(minutes=1), now=NOW
) -> PersonActor:
    return PersonActor(person=who, assurance=Assurance(level, now - age))


@dataclass
class World:
    """One enterprise: its state, its people, its register, and a clock."""

    state: Delegation = field(default_factory=Delegation)
    people: dict = field(default_factory=dict)
    representatives: dict = field(default_factory=dict)
    now: datetime = NOW
    operating: bool = True
    staff: bool = False
    register_fresh: bool = True
    recent: int = 0
    journal: list = field(default_factory=list)

    def known(self, *, verified: bool = True, blocked: bool = False) -> PersonId:
        who = person()
        addresses = frozenset({f"{who.hex[:8]}@exemple.be"}) if verified else frozenset()
        self.people[who] = PersonFacts(id=who, blocked=blocked, verified=addresses)
        return who

    def address(self, who: PersonId) -> str:
        return f"{who.hex[:8]}@exemple.be"

    def representative(self, *, alone: bool = True, suspended: bool = False) -> PersonId:
        who = self.known()
        self.representatives[who] = (
            RepresentationFacts(basis="f-1", code="administrateur", alone=alone, suspended=suspended),
        )
        return who

    def gap(self) -> PersonId:
        who = self.known()
        self.happened(
            e.OfficeActivated(
                office=OfficeId(uuid4()), entity=ENTITY, kind=OfficeKind.GAP, person=who,
                origin=OfficeOrigin.MIGRATED, at=self.now,
            )
        )  # fmt: skip
        return who

    def holder(
        self, code: str = "primes.deposer", ends_at: datetime | None = None
    ) -> tuple[PersonId, GrantId]:
        who, grant = self.known(), GrantId(uuid4())
        self.happened(
            e.RoleGranted(
                grant=grant, entity=ENTITY, person=who, role=code, starts_at=self.now, ends_at=ends_at,
                origin=GrantOrigin.MIGRATED, by=None, to_oneself=False, at=self.now,
            )
        )  # fmt: skip
        return who, grant

    def request(
        self, who: PersonId | None = None, *, confirmed: bool = True, codes=("primes.deposer",)
    ) -> RequestId:
        who = who or self.known()
        made = RequestId(uuid4())
        self.happened(
            e.RequestSubmitted(
                request=made, entity=ENTITY, person=who, roles=codes, relation=Relation.EMPLOYEE,
                language=Language.FR, starts_at=self.now, ends_at=end_of_day(TODAY + timedelta(days=100)),
                at=self.now, lapses_at=self.now + timedelta(days=60), motivation="m", email=self.address(who),
            )
        )  # fmt: skip
        if confirmed:
            self.happened(e.RequestConfirmed(request=made, entity=ENTITY, person=who, at=self.now))
            office = self.state.gap(self.now)
            if office:
                self.happened(
                    e.RequestRouted(request=made, entity=ENTITY, person=who, office=office.id, at=self.now)
                )
        return made

    def happened(self, *events) -> None:
        self.state = fold(events, self.state)
        self.journal.extend(events)

    def facts(self, actor, command=None) -> Facts:
        named = self.state.requests.get(getattr(command, "request", None))
        me = getattr(actor, "person", None)
        return Facts(
            now=self.now, actor=actor,
            entity=EntityFacts(id=ENTITY, operating=self.operating, staff=self.staff),
            state=self.state, catalogue=CATALOGUE, limits=LIMITS, people=self.people,
            representations=self.representatives.get(me, ()), register_fresh=self.register_fresh,
            recent_requests=self.recent, make_id=uuid4,
            request_email=None if named is None else self.address(named.person),
        )  # fmt: skip

    def do(self, command, actor):
        """Decide as the door does: what is due lapses first; a refusal changes nothing."""
        facts = self.facts(actor, command)
        lapsed = due(facts)
        outcome = decide(command, replace(facts, state=fold(lapsed, facts.state)))
        if not isinstance(outcome, Refusal):
            self.happened(*lapsed, *outcome.events)
        return outcome


SYSTEM = SystemActor(trigger="test")


def submit(world: World, who: PersonId, **changes) -> c.SubmitRequest:
    base = {
        "entity": ENTITY, "roles": ("primes.deposer",), "relation": Relation.EMPLOYEE,
        "motivation": "Je prépare les dossiers.", "email": world.address(who), "first": TODAY,
        "last": TODAY + timedelta(days=100), "language": Language.FR,
    }  # fmt: skip
    return c.SubmitRequest(**{**base, **changes})


LADDER = (
    "anonymous", "unrelated", "requester", "holder", "foreign_gap", "gap", "representative",
    "past_representative", "portal",
)  # fmt: skip


def ladder(world: World) -> dict:
    """The same actors in the same order, for every verb."""
    from iam.kernel.actor import PortalActor

    requester = world.known()
    world.request(requester)
    holder, _ = world.holder("permis.suivre")
    gap_office = world.state.gap(world.now)
    actors = {
        "anonymous": SYSTEM,
        "unrelated": login(world.known()),
        "requester": login(requester),
        "holder": login(holder),
        "foreign_gap": login(world.known()),  # a GAP elsewhere is nobody here: facts are per enterprise
        "representative": login(world.representative()),
        "past_representative": login(world.known()),  # the register no longer tells it
        "portal": PortalActor(client_id="portail-wallonie"),
    }
    if gap_office is not None:
        actors["gap"] = login(gap_office.person)
    return actors
