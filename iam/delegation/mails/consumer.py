"""The consumer of the journal that makes the mails.

What it queues and its place in the journal are one transaction, so one event makes one mail for each
reader, whatever crashes.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from iam.delegation import events as e
from iam.delegation.mails.facts import gather
from iam.delegation.mails.model import Reader, Told
from iam.delegation.mails.readers import Readers
from iam.delegation.mails.table import TABLE, Mail
from iam.journal.model import Context, Entry
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.decision import Refusal
from iam.kernel.language import Language
from iam.notify.model import Message
from iam.notify.queue import queue
from iam.people.commands import claim_address
from iam.people.links import intent
from iam.people.model import Purpose
from iam.storage import WriteConnection


class Mails:
    """The consumer. `public_url` makes the links that stand in running text."""

    def __init__(self, public_url: str, default_language: Language) -> None:
        """Remember where the service is and which language to fall back on."""
        self._public_url = public_url
        self._default = default_language

    async def handle(self, conn: WriteConnection, entry: Entry) -> None:
        """The mails of an entry are queued; entries that concern nobody are passed over."""
        if not e.TYPES.knows(entry):
            return
        for message in await self._messages(conn, entry, e.TYPES.decode(entry)):
            await queue(conn, message, entry.at)

    async def _messages(self, conn: WriteConnection, entry: Entry, event: Any) -> list[Message]:
        readers = Readers(conn, entry.at, self._default)
        addressed = [
            (mail, reader)
            for mail in TABLE.get(type(event), ())
            if mail.when(event)
            for reader in await mail.to(readers, event)
        ]
        if not addressed:
            return []
        told = await gather(conn, event, self._public_url)
        return [await _message(conn, entry, mail, reader, told) for mail, reader in addressed]


async def _message(
    conn: WriteConnection, entry: Entry, mail: Mail[Any], reader: Reader, told: Told[Any]
) -> Message:
    said = mail.words(told, reader.language)
    address = mail.proves(told.event)
    meant = None if address is None else await _proof(conn, entry, told.event, address)
    return Message(
        key=f"{entry.id}:{mail.what}:{reader.person}",
        address=reader.address,
        language=reader.language,
        subject=said.subject,
        paragraphs=said.paragraphs,
        facts=said.facts,
        link=replace(said.link, intent=meant),
        closing=said.closing,
    )


async def _proof(conn: WriteConnection, entry: Entry, event: Any, address: str) -> Mapping[str, str] | None:
    """What the single-use link stands for: who opens it, logged in as the person, reads this mailbox."""
    context = Context(actor=SystemActor(trigger=f"entry {entry.id}"), capacity=Capacity.SYSTEM, at=entry.at)
    claimed = await claim_address(conn, event.person, address, event.entity, context)
    if isinstance(claimed, Refusal):
        return None
    return intent(Purpose.ADDRESS, event.person, claimed.id)
