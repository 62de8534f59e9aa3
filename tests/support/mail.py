"""Messages, a letterhead and a mail server inside the test's own process."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text

from demo.mailbox.catcher import Catcher
from demo.mailbox.store import Mail, Store
from demo.parts.ports import free_port
from iam.kernel.language import Language
from iam.notify.letterhead import Letterhead
from iam.notify.model import Link, Message
from iam.notify.smtp import SmtpMailer
from iam.settings import MailSettings
from iam.storage import Database, WriteConnection

LETTERHEAD = Letterhead(
    sender="ne-pas-repondre@habilis.test",
    product="Mon Espace",
    public_url="http://127.0.0.1:8600",
    telephone="0800 00 000",
    mail="aide@habilis.test",
)


def message(key: str = "event-1:karim:accepted", **changes: Any) -> Message:
    whole: dict[str, Any] = {
        "key": key,
        "address": "karim@exemple.be",
        "language": Language.FR,
        "subject": "Votre demande de rôle est acceptée",
        "paragraphs": ("Jeanne Dupont a accepté votre demande.",),
        "facts": (("Rôle", "Déposer une demande"),),
        "closing": ("Vous pouvez déjà vous en servir.",),
    }
    return Message(**{**whole, **changes})


def link(**intent: str) -> Link:
    return Link(label="Confirmer mon adresse", path="/liens", intent=intent or {"kind": "test"})


@dataclass(slots=True)
class Minted:
    """A mint that writes its secrets' intents into a table of the test, in the transaction it is given."""

    intents: list[Mapping[str, str]] = field(default_factory=list)

    @staticmethod
    async def prepare(db: Database) -> None:
        async with db.write() as conn:
            await conn.execute(text("CREATE TABLE minted (secret text PRIMARY KEY)"))

    async def __call__(self, conn: WriteConnection, intent: Mapping[str, str]) -> str:
        self.intents.append(intent)
        secret = f"s3cret-{len(self.intents)}-of-the-test"
        await conn.execute(text("INSERT INTO minted VALUES (:s)"), {"s": secret})
        return secret


async def minted(db: Database) -> list[str]:
    async with db.read() as conn:
        return list((await conn.execute(text("SELECT secret FROM minted ORDER BY secret"))).scalars())


async def rows(db: Database) -> list[Any]:
    async with db.read() as conn:
        return list((await conn.execute(text("SELECT * FROM notify_message ORDER BY queued_at, id"))).all())


@dataclass(slots=True)
class MailServer:
    """A real SMTP server that can go away and come back on its port."""

    catcher: Catcher
    port: int

    @property
    def mails(self) -> list[Mail]:
        """What arrived, the oldest first."""
        return list(reversed(self.catcher.store.all()))

    def mailer(self) -> SmtpMailer:
        return SmtpMailer(MailSettings(port=self.port), seconds=5)

    async def up(self) -> None:
        await self.catcher.start(self.port)

    async def down(self) -> None:
        await self.catcher.stop()


@contextlib.asynccontextmanager
async def mail_server(folder: Path) -> AsyncIterator[MailServer]:
    server = MailServer(Catcher(Store(folder)), free_port())
    await server.up()
    try:
        yield server
    finally:
        await server.down()
