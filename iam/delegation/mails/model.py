"""What a mail is made of: whom it reaches, what it may speak of, what it says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from iam.delegation import events as e
from iam.kernel.ids import PersonId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.notify.model import Link

E = TypeVar("E", bound=e.Event)
Named = Mapping[Language, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whom a mail goes to."""

    person: PersonId
    address: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Generic[E]):
    """What the mails about an event may speak of, with names in every language.

    `person` is the name of the one whom the event is about. `roles` are the labels of the roles given or
    asked for, `allowed` what those of them that the catalogue knows allow; `wished` is the period of a
    request. `url` is where the service is, for an address that stands in running text.
    """

    event: E
    enterprise: Named
    number: EnterpriseNumber
    person: str
    url: str
    roles: tuple[Named, ...] = ()
    allowed: tuple[Named, ...] = ()
    wished: Period | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a mail says, in one language. Its link proves nothing yet."""

    subject: str
    paragraphs: tuple[str, ...]
    link: Link
    facts: tuple[tuple[str, str], ...] = ()
    closing: tuple[str, ...] = ()
