"""Which event tells whom what: every mail of the house about delegation, one line each."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from iam.delegation import events as e
from iam.delegation.mails import words
from iam.delegation.mails.model import E, Reader, Told, Words
from iam.delegation.mails.readers import Readers
from iam.delegation.model import GrantEnd, GrantOrigin, OfficeEnd
from iam.kernel.language import Language


def _always(_event: object) -> bool:
    return True


def _nothing(_event: object) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail(Generic[E]):
    """A kind of mail: the event that brings it about, who reads it, and its words.

    `what` stands in the key of the message, by which it is sent once: it never changes. `when` passes over
    events that need none. `proves` is the address that its link confirms for the enterprise, if any.
    """

    event: type[E]
    what: str
    to: Callable[[Readers, E], Awaitable[list[Reader]]]
    words: Callable[[Told[E], Language], Words]
    when: Callable[[E], bool] = _always
    proves: Callable[[E], str | None] = _nothing


_ENDED_BY_OTHERS = frozenset({OfficeEnd.REPLACED, OfficeEnd.CANCELLED})

ALL: tuple[Mail[Any], ...] = (
    Mail(event=e.RequestSubmitted, what="sent", to=Readers.confirmed_requester, words=words.sent),
    Mail(
        event=e.RequestSubmitted, what="confirm", to=Readers.unconfirmed_requester, words=words.confirm,
        proves=lambda event: event.email,
    ),
    Mail(event=e.RequestConfirmed, what="waits", to=Readers.representatives_without_gap, words=words.waits),
    Mail(event=e.RequestRouted, what="decide", to=Readers.office_holder, words=words.decide),
    Mail(event=e.RequestApproved, what="approved", to=Readers.requester, words=words.approved),
    Mail(event=e.RequestApproved, what="decided", to=Readers.decider, words=words.accepted_by_you),
    Mail(event=e.RequestRefused, what="refused", to=Readers.requester, words=words.refused),
    Mail(event=e.RequestRefused, what="decided", to=Readers.decider, words=words.refused_by_you),
    Mail(event=e.RequestExpired, what="lapsed", to=Readers.requester, words=words.expired),
    Mail(event=e.RequestVoided, what="lapsed", to=Readers.requester, words=words.voided),
    Mail(
        # who names herself is told by the activation
        event=e.OfficeAppointed, what="appointed", to=Readers.appointee, words=words.appointed,
        when=lambda event: event.by != event.person, proves=lambda event: event.email,
    ),
    Mail(
        event=e.OfficeActivated, what="active", to=Readers.office_holder, words=words.active,
        proves=lambda event: event.email,
    ),
    Mail(event=e.OfficeActivated, what="accepted", to=Readers.appointer, words=words.accepted),
    Mail(
        event=e.OfficeEnded, what="office-ended", to=Readers.office_holder, words=words.office_ended,
        when=lambda event: event.why in _ENDED_BY_OTHERS,
    ),
    Mail(
        event=e.OfficeEnded, what="office-ended", to=Readers.appointer, words=words.office_ended,
        when=lambda event: event.why not in _ENDED_BY_OTHERS,
    ),
    Mail(
        # an approval has its own mail, and who acts himself sees the receipt
        event=e.RoleGranted, what="granted", to=Readers.role_holder, words=words.granted,
        when=lambda event: event.origin is GrantOrigin.DIRECT and not event.to_oneself,
    ),
    Mail(
        event=e.GrantEnded, what="grant-ended", to=Readers.role_holder, words=words.revoked,
        when=lambda event: event.why is GrantEnd.REVOKED,
    ),
    Mail(
        event=e.GrantEnded, what="grant-ended", to=Readers.gap, words=words.renounced,
        when=lambda event: event.why is GrantEnd.RENOUNCED,
    ),
)  # fmt: skip

TABLE: Mapping[type[Any], tuple[Mail[Any], ...]] = {
    kind: tuple(mail for mail in ALL if mail.event is kind) for kind in {mail.event for mail in ALL}
}
