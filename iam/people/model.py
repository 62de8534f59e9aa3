"""What is known of a person. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from iam.kernel.assurance import Assurance
from iam.kernel.decision import Refusal
from iam.kernel.email import normal_address
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.language import Language
from iam.kernel.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person. `revision` counts what happened to him; names are as the last login said them."""

    id: PersonId
    language: Language | None
    given_name: str | None
    family_name: str | None
    blocked: bool
    revision: int
    recognised_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A professional address, perhaps for one enterprise; unconfirmed while `verified_at` is None.

    The same mailbox given for two enterprises is two addresses, each confirmed by a link of its own.
    """

    id: UUID
    email: str
    entity: EntityId | None
    verified_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a rule must know of a person: whether he may act at all, and the addresses he has confirmed."""

    person: PersonId
    blocked: bool
    confirmed: tuple[Address, ...]
    language: Language | None
    given_name: str | None
    family_name: str | None


class Purpose(StrEnum):
    """What a single-use link is for. Values are permanent: they are stored."""

    ADDRESS = "address"
    APPOINTMENT = "appointment"


class RebindCause(StrEnum):
    """Why an account or a number came to a person who was known before. Values are permanent."""

    ACCOUNT_CHANGED = "account_changed"
    NUMBER_CHANGED = "number_changed"
    NUMBER_LEARNED = "number_learned"
    NUMBER_WINS = "number_wins"
    NUMBER_REPLACED = "number_replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of ours in one browser. Its cookie is not here: only a hash of it is kept."""

    id: UUID
    person: PersonId
    issuer: str
    keycloak_session: str
    assurance: Assurance
    seen_at: datetime
    expires_at: datetime


def normalise_address(text: str, today: date) -> str | Refusal:
    """The e-mail address in lower case, or EMAIL_INVALID; one that holds a national number is refused."""
    return normal_address(text, today) or Refusal(reason=Reason.EMAIL_INVALID, about="email")


def confirmed_for(addresses: Iterable[Address], entity: EntityId) -> frozenset[str]:
    """The addresses that count for this enterprise: given for it and confirmed (DOMAIN 7.3 nr 51).

    One confirmed for another enterprise, or for none, does not: that its person reads it was shown once,
    and that he reads it on behalf of this enterprise was not (ADR 0005).
    """
    return frozenset(each.email for each in addresses if each.entity == entity and each.verified_at)


def usual_address(addresses: Iterable[Address], entity: EntityId) -> str | None:
    """The confirmed address to use for an enterprise until another is named: to write to, or to propose.

    The one for this enterprise before one for none, before one for another; it gives no right there.
    """
    confirmed = [each for each in addresses if each.verified_at]
    nearest = sorted(confirmed, key=lambda each: (each.entity != entity, each.entity is not None, each.email))
    return next((each.email for each in nearest), None)
