"""Which event of a dossier tells its claimant what, in his language (DOMAIN 7.3 nr 42, 69, 70).

No reviewer is named, in no mail. A consumer of the journal: what it queues and its place in the journal are
one transaction, so one event makes one mail.
"""

from dataclasses import replace
from typing import Any

from iam.bce import queries as register
from iam.dossiers import events as e
from iam.dossiers import queries
from iam.dossiers.mails import words
from iam.dossiers.mails.words import Told, Words
from iam.dossiers.queries import DossierView
from iam.journal.model import Context, Entry
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.decision import Refusal
from iam.kernel.language import Language
from iam.notify.model import Link, Message
from iam.notify.queue import queue
from iam.people import queries as people
from iam.people.commands import claim_address
from iam.people.links import intent
from iam.people.model import Purpose, usual_address
from iam.storage import WriteConnection


class DossierMails:
    """The consumer."""

    def __init__(self, default_language: Language) -> None:
        """Remember which language to fall back on."""
        self._default = default_language

    async def handle(self, conn: WriteConnection, entry: Entry) -> None:
        """The mail of an entry is queued; entries that say nothing to a claimant are passed over."""
        if not e.TYPES.knows(entry):
            return
        event: Any = e.TYPES.decode(entry)
        say = words.WORDS.get(type(event))
        seen = None if say is None else await queries.view(conn, event.dossier)
        if say is None or seen is None:
            return
        language = seen.claimant.language or self._default
        told = await _told(conn, event, seen, language)
        said = say(told)
        address = await _address(conn, seen)
        if said is None or address is None:
            return
        await queue(conn, await _message(conn, entry, event, said, address, language), entry.at)


async def _told(conn: WriteConnection, event: Any, seen: DossierView, language: Language) -> Told[Any]:
    enterprise = (await register.load(conn, [seen.dossier.entity]))[seen.dossier.entity]
    name = register.display_name(enterprise, language)
    return Told(
        event=event,
        enterprise=f"{name} ({enterprise.number.dotted})",
        number=enterprise.number,
        language=language,
    )


async def _address(conn: WriteConnection, seen: DossierView) -> str | None:
    """The claimant's confirmed address for the enterprise, or the nearest; else the one he gave."""
    known = await people.addresses(conn, seen.dossier.claimant)
    return usual_address(known, seen.dossier.entity) or seen.email


async def _message(
    conn: WriteConnection, entry: Entry, event: Any, said: Words, address: str, language: Language
) -> Message:
    return Message(
        key=f"{entry.id}:dossier:{event.person}",
        address=address,
        language=language,
        subject=said.subject,
        paragraphs=said.paragraphs,
        facts=said.facts,
        link=await _link(conn, entry, event, said.link, address),
    )


async def _link(conn: WriteConnection, entry: Entry, event: Any, link: Link, address: str) -> Link:
    """Who opens the receipt's link, logged in, reads the address: he will need it there (nr 51)."""
    if not isinstance(event, e.DossierSubmitted):
        return link
    context = Context(actor=SystemActor(trigger=f"entry {entry.id}"), capacity=Capacity.SYSTEM, at=entry.at)
    claimed = await claim_address(conn, event.person, address, event.entity, context)
    if isinstance(claimed, Refusal):
        return link
    return replace(link, intent=intent(Purpose.ADDRESS, event.person, claimed.id))
