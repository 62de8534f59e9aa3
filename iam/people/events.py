"""What happens to a person. Ids and codes; names and addresses are erasable details. Pure."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from iam.journal.codec import EventTypes
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.language import Language
from iam.people.model import RebindCause


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecognised:
    """A person logged in for the first time; `expected` when somebody had named him before."""

    KIND: ClassVar[str] = "people.person.recognised"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    person: PersonId
    expected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonExpected:
    """Somebody was named by his national number before he ever logged in."""

    KIND: ClassVar[str] = "people.person.expected"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRenamed:
    """A login said other names than the one before."""

    KIND: ClassVar[str] = "people.person.renamed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"given_name", "family_name"})

    person: PersonId
    given_name: str | None = None
    family_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLinked:
    """An account is this person's from now on. `link` is our id of the tie."""

    KIND: ClassVar[str] = "people.identity.linked"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    person: PersonId
    link: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRebound:
    """A known person came with another account or another number and stays the same person.

    `link` is the new tie, `former_link` the one it replaces; `former_person` is set when the account
    was somebody else's until now.
    """

    KIND: ClassVar[str] = "people.identity.rebound"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    person: PersonId
    cause: RebindCause
    link: UUID | None = None
    former_link: UUID | None = None
    former_person: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityUnlinked:
    """An account is no longer this person's: it came with the number of another."""

    KIND: ClassVar[str] = "people.identity.unlinked"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    person: PersonId
    link: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressClaimed:
    """A person named a professional address; it is nobody's proof until confirmed."""

    KIND: ClassVar[str] = "people.address.claimed"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset({"email"})

    person: PersonId
    address: UUID
    entity: EntityId | None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressVerified:
    """A person showed that he reads the mail of an address."""

    KIND: ClassVar[str] = "people.address.verified"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    person: PersonId
    address: UUID
    entity: EntityId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChosen:
    """A person chose the language in which he is addressed."""

    KIND: ClassVar[str] = "people.language.chosen"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    person: PersonId
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonBlocked:
    """A person may not act until unblocked; his sessions ended."""

    KIND: ClassVar[str] = "people.person.blocked"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonUnblocked:
    """A blocked person may act again."""

    KIND: ClassVar[str] = "people.person.unblocked"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintKeyRetired:
    """A key is used no more, and nothing made with it is kept. `left_behind` persons hung on it alone."""

    KIND: ClassVar[str] = "people.key.retired"
    VERSION: ClassVar[int] = 1
    DETAILS: ClassVar[frozenset[str]] = frozenset()

    key: str
    fingerprints: int
    left_behind: int


Event = (
    PersonRecognised
    | PersonExpected
    | PersonRenamed
    | IdentityLinked
    | IdentityRebound
    | IdentityUnlinked
    | AddressClaimed
    | AddressVerified
    | LanguageChosen
    | PersonBlocked
    | PersonUnblocked
)

TYPES = EventTypes(
    [
        PersonRecognised,
        PersonExpected,
        PersonRenamed,
        IdentityLinked,
        IdentityRebound,
        IdentityUnlinked,
        AddressClaimed,
        AddressVerified,
        LanguageChosen,
        PersonBlocked,
        PersonUnblocked,
        FingerprintKeyRetired,
    ]
)
