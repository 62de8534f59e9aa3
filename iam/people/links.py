"""Single-use links in mails: a random secret, kept as a hash, for one person and one thing.

A secret is minted when the mail is sent, so that none lies about before. A mail may be sent twice
(after a crash), and then two secrets live; using one ends both (DOMAIN 7.3 nr 48, 70).
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, insert, select, update

from iam.kernel.clock import Clock
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId
from iam.kernel.reasons import Reason
from iam.people.model import Purpose
from iam.people.tables import PeopleLink
from iam.settings import Policy
from iam.storage import ReadConnection, WriteConnection
from iam.storage.tables import core

_link = core(PeopleLink)
_SECRET_BYTES = 32
_LONGEST_SECRET = 64


def intent(purpose: Purpose, person: PersonId, subject: UUID) -> dict[str, str]:
    """What a message says of a link whose secret does not exist yet: codes and ids only."""
    return {"purpose": purpose.value, "person": str(person), "subject": str(subject)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Minter:
    """Makes the secret of a link at the moment its mail leaves (`iam.notify.Mint`)."""

    clock: Clock
    lifetime: timedelta

    @classmethod
    def of(cls, policy: Policy, clock: Clock) -> "Minter":
        """With the operator's lifetime of links."""
        return cls(clock=clock, lifetime=timedelta(hours=policy.link_hours))

    async def __call__(self, conn: WriteConnection, meant: Mapping[str, str]) -> str:
        """A secret for what is meant works until it expires or the link is used; only its hash is kept.

        A link that was used already gets a dead secret. Raises ValueError or KeyError for an intent
        that is none of ours.
        """
        now = self.clock()
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        row = {
            "purpose": Purpose(meant["purpose"]).value,
            "person_id": UUID(meant["person"]),
            "subject": UUID(meant["subject"]),
        }
        used = await conn.execute(
            select(exists().where(_same(row["purpose"], row["person_id"], row["subject"]), _used()))
        )
        await conn.execute(
            insert(_link).values(
                **row,
                digest=_digest(secret),
                made_at=now,
                expires_at=now + self.lifetime,
                used_at=now if used.scalar_one() else None,
            )
        )
        return secret


def _used() -> ColumnElement[bool]:
    return _link.c.used_at.is_not(None)


def _same(purpose: object, person: object, subject: object) -> ColumnElement[bool]:
    return and_(_link.c.purpose == purpose, _link.c.person_id == person, _link.c.subject == subject)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(b"link:" + secret.encode()).digest()


def _live(secret: str, purpose: Purpose, person: PersonId, now: datetime) -> ColumnElement[bool]:
    return and_(
        _link.c.digest == _digest(secret[:_LONGEST_SECRET]),
        _link.c.purpose == purpose.value,
        _link.c.person_id == person,
        _link.c.used_at.is_(None),
        _link.c.expires_at > now,
    )


async def peek(
    conn: ReadConnection, secret: str, purpose: Purpose, person: PersonId, now: datetime
) -> UUID | Refusal:
    """What the link is about, without using it: a mail scanner that opens links must not consume them."""
    found = await conn.execute(select(_link.c.subject).where(_live(secret, purpose, person, now)))
    subject: UUID | None = found.scalar_one_or_none()
    return Refusal(reason=Reason.LINK_INVALID) if subject is None else subject


async def redeem(
    conn: WriteConnection, secret: str, purpose: Purpose, person: PersonId, now: datetime
) -> UUID | Refusal:
    """The link is used, for good, and this was the person it was for; returns what it is about.

    LINK_INVALID when it is unknown, used, expired, for something else or for somebody else: which of
    these is not told. Of many uses at once one succeeds (STANDARDS 5 nr 22, 42).
    """
    won = await conn.execute(
        update(_link)
        .where(_live(secret, purpose, person, now))
        .values(used_at=now)
        .returning(_link.c.subject)
    )
    subject: UUID | None = won.scalar_one_or_none()
    if subject is None:
        return Refusal(reason=Reason.LINK_INVALID)
    twins = and_(_same(purpose.value, person, subject), _link.c.used_at.is_(None))
    await conn.execute(update(_link).where(twins).values(used_at=now))
    return subject
