"""Whose login it is: the number first, then the account; never the e-mail (ADR 0005). Pure."""

from dataclasses import dataclass
from enum import StrEnum

from iam.kernel.ids import PersonId
from iam.kernel.ssin import Fingerprint
from iam.people.model import RebindCause


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What we know before a login is answered.

    `by_number` is the person of the login's number, `by_account` the person of its account, whose
    fingerprints are `of_account`; `has_account` says whether `by_number` has another account here.
    """

    by_number: PersonId | None
    by_account: PersonId | None
    of_account: frozenset[Fingerprint]
    has_account: bool


class Account(StrEnum):
    """What is to be done with the tie between account and person."""

    KEEP = "keep"
    LINK = "link"
    REPLACE = "replace"
    MOVE = "move"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """Who it is (None: somebody new), what becomes of the account's tie, and what is to be told."""

    person: PersonId | None
    account: Account
    cause: RebindCause | None
    number_changed: bool = False


def recognise(fingerprints: tuple[Fingerprint, ...], known: Known) -> Recognition:
    """Whose login it is.

    The number wins over the account. Without a number, or with one nobody has, the account tells. An
    account that comes with a number nobody has keeps its person: his number changed (BIS to NRN).
    Two persons are never merged.
    """
    if fingerprints and known.by_number is not None:
        return _by_number(known.by_number, known)
    if known.by_account is None:
        return Recognition(person=None, account=Account.LINK, cause=None)
    if not fingerprints:
        return Recognition(person=known.by_account, account=Account.KEEP, cause=None)
    keys = {fingerprint.key_id for fingerprint in fingerprints}
    changed = any(fingerprint.key_id in keys for fingerprint in known.of_account)
    cause = RebindCause.NUMBER_CHANGED if changed else RebindCause.NUMBER_LEARNED
    return Recognition(person=known.by_account, account=Account.KEEP, cause=cause, number_changed=changed)


def _by_number(person: PersonId, known: Known) -> Recognition:
    if known.by_account == person:
        return Recognition(person=person, account=Account.KEEP, cause=None)
    if known.by_account is not None:
        return Recognition(person=person, account=Account.MOVE, cause=RebindCause.NUMBER_WINS)
    if known.has_account:
        return Recognition(person=person, account=Account.REPLACE, cause=RebindCause.ACCOUNT_CHANGED)
    return Recognition(person=person, account=Account.LINK, cause=None)
