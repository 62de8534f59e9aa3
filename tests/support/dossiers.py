"""Dossiers for tests: a case for the rules alone, and acts in the small Wallonia."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

from iam.bce.model import (
    Basis,
    Consequence,
    Enterprise,
    EnterpriseKind,
    RegisterState,
    Representation,
)
from iam.bce.reference import read
from iam.bce.rules import Rulebook
from iam.delegation import commands as delegation
from iam.dossiers import commands as c
from iam.dossiers.execute import Done, DossierDoor
from iam.dossiers.facts_model import Claimant, Facts, Limits
from iam.dossiers.model import Document, Dossier, Kind, Stage, State
from iam.dossiers.rules import decide
from iam.dossiers.vault import Vault
from iam.kernel.assurance import Level
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import DocumentId, DossierId, EntityId, GrantId, PersonId, uuid4
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.reasons import Reason
from tests.support.acts import actor, did
from tests.support.register import STAFF, Town, personas
from tests.support.worlds import NOW, TODAY, login, person

FABRIQUE = "1900002247"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00 a photograph \xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n a scan \x00\x00\x00\x00IEND\xaeB`\x82"
SCRIPT = b"<html><script>alert(1)</script></html>"

_SHIPPED = read()
BOOK = Rulebook(rules=_SHIPPED.rules, types={each.code: each.type for each in _SHIPPED.functions})
LIMITS = Limits(
    level=Level.EID,
    fresh=timedelta(minutes=10),
    unsent=timedelta(days=14),
    undecided=timedelta(days=60),
    longest_days=365,
    retention=timedelta(days=90),
    documents=2,
    document_bytes=1 << 20,
    open_at_once=3,
    per_day=5,
)
CHURCH = Enterprise(
    entity=EntityId(UUID(int=0xE)),
    number=EnterpriseNumber(FABRIQUE),
    kind=EnterpriseKind.LEGAL,
    form="128",
    situation="000",
    consequence=Consequence.NORMAL,
    state=RegisterState.ACTIVE,
    start_on=date(1809, 12, 30),
    names=(),
)
GRANT = GrantId(UUID(int=0x6))


def document(**changes) -> Document:
    return replace(Document(id=DocumentId(uuid4()), kind=Kind.PDF, size=70), **changes)


@dataclass
class Case:
    """One dossier at the rules, with what is around it; change what you like before you ask."""

    now: object = NOW
    claimant: PersonId = field(default_factory=person)
    blocked: bool = False
    has_number: bool = True
    enterprise: Enterprise = CHURCH
    limits: Limits = LIMITS
    representations: tuple = ()
    own: tuple = ()
    open: int = 0
    recent: int = 0
    under_way: bool = False
    reviewer: object = GRANT
    involved: bool = False
    first_reviewer_blocked: bool = False
    actor_blocked: bool = False
    dossier: Dossier | None = None

    def __post_init__(self) -> None:
        if self.dossier is None:
            self.dossier = Dossier(
                id=DossierId(uuid4()),
                entity=self.enterprise.entity,
                claimant=self.claimant,
                code="XPOUV",
                since=date(2020, 1, 1),
                state=State.OPENED,
                opened_at=NOW - timedelta(days=1),
                lapses_at=NOW + timedelta(days=30),
                documents=(document(),),
            )

    def is_(self, state: State, **changes) -> "Case":
        """The dossier is in this state."""
        self.dossier = replace(self.dossier, state=state, **changes)
        return self

    def facts(self, who) -> Facts:
        return Facts(
            now=self.now,
            actor=who,
            limits=self.limits,
            enterprise=self.enterprise,
            book=BOOK,
            claimant=Claimant(id=self.claimant, blocked=self.blocked, has_number=self.has_number),
            actor_blocked=self.actor_blocked,
            reviewer=self.reviewer,
            involved=self.involved,
            first_reviewer_blocked=self.first_reviewer_blocked,
            representations=self.representations,
            own=self.own,
            dossier=self.dossier,
            open=self.open,
            recent=self.recent,
            under_way=self.under_way,
            make_id=uuid4,
        )

    def by(self, who: PersonId, command, level: Level = Level.EID, age: timedelta = timedelta(minutes=1)):
        """What the rules say when this person gives the command."""
        return decide(command, self.facts(login(who, level, age, self.now)))

    def claims(self, command, **strength):
        return self.by(self.claimant, command, **strength)


def event(outcome):
    """The one event of a yes."""
    assert not isinstance(outcome, Refusal), outcome
    [only] = outcome.events
    return only


def why(outcome) -> Reason | None:
    return outcome.reason if isinstance(outcome, Refusal) else None


def opening(**changes) -> c.OpenDossier:
    base = {
        "entity": CHURCH.entity, "code": "XPOUV", "since": date(2020, 1, 1), "email": "agathe@exemple.be",
        "motivation": "Nommée par le conseil.", "language": Language.FR,
    }  # fmt: skip
    return c.OpenDossier(**{**base, **changes})


def representation(holder, **changes) -> Representation:
    base = Representation(
        entity=CHURCH.entity,
        holder=holder,
        basis="f",
        how=Basis.FUNCTION,
        code="XADMI",
        alone=True,
        period=Period(NOW - timedelta(days=9), None),
    )
    return replace(base, **changes)


@dataclass
class Desk:
    """The small Wallonia with two reviewers: acts on dossiers, each in a transaction of its own."""

    town: Town
    door: DossierDoor

    @classmethod
    async def open(cls, town: Town, *reviewers: str) -> "Desk":
        for who in reviewers or ("ines", "ruben"):
            await did(
                town,
                delegation.MigrateRole(
                    entity=town.entity(STAFF), person=town.person(who), role="staff.reviewer", ends_at=None
                ),
            )
        return cls(town, DossierDoor(town.settings, town.clock, Vault.of(town.settings)))

    async def act(self, command, who: str | None, level: Level = Level.EID):
        async with self.town.db.write() as conn:
            return await self.door.execute(conn, command, actor(self.town, who, level), trace_id="t-1")

    async def did(self, command, who: str | None) -> Done:
        done = await self.act(command, who)
        assert isinstance(done, Done), done
        return done

    def opening(self, who: str = "agathe", number: str = FABRIQUE, **changes) -> c.OpenDossier:
        found = personas()[who]
        base = {
            "entity": self.town.entity(number), "email": found["email"],
            "language": Language(found["language"]),
        }  # fmt: skip
        return opening(**{**base, **changes})

    async def opened(self, who: str = "agathe", number: str = FABRIQUE, **changes) -> DossierId:
        done = await self.did(self.opening(who, number, **changes), who)
        await self.did(c.AddDocument(dossier=done.dossier, content=PDF), who)
        return done.dossier

    async def submitted(self, who: str = "agathe", number: str = FABRIQUE, **changes) -> DossierId:
        found = await self.opened(who, number, **changes)
        await self.did(c.Submit(dossier=found), who)
        return found

    async def started(self, found: DossierId, who: str, stage: Stage = Stage.FIRST) -> None:
        await self.did(c.StartReview(dossier=found, stage=stage), who)

    def acceptance(
        self, found: DossierId, stage: Stage = Stage.FIRST, until: date | None = None, **changes
    ) -> c.Accept:
        base = {"note": "Le procès-verbal la nomme."}
        day = until or belgian_day(self.town.clock()) + timedelta(days=200)
        return c.Accept(dossier=found, stage=stage, until=day, **{**base, **changes})

    async def half(self, found: DossierId, who: str = "ines", until: date | None = None) -> None:
        """The first review has accepted it."""
        await self.started(found, who)
        await self.did(self.acceptance(found, until=until), who)

    async def accepted(
        self, who: str = "agathe", number: str = FABRIQUE, until: date | None = None
    ) -> DossierId:
        """Opened, sent, and accepted by both."""
        found = await self.submitted(who, number)
        await self.half(found, until=until)
        await self.started(found, "ruben", Stage.SECOND)
        await self.did(self.acceptance(found, Stage.SECOND, until), "ruben")
        return found


__all__ = [
    "BOOK", "CHURCH", "FABRIQUE", "GRANT", "JPEG", "LIMITS", "NOW", "PDF", "PNG", "SCRIPT", "TODAY", "Case",
    "Desk", "document", "event", "opening", "representation", "why",
]  # fmt: skip
