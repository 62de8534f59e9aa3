"""The mails that were caught: one private file each, so many and no more."""

import base64
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from demo.parts.private import write_private

_MOST = 1000
_LINK = re.compile(r"https?://[^\s<>\"]+")
_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as it arrived."""

    id: str
    received_at: datetime
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """Its subject in readable characters."""
        return str(self.message["Subject"] or "")

    @property
    def sender(self) -> str:
        """Who it says it is from."""
        return str(self.message["From"] or "")

    @property
    def language(self) -> str:
        """Its language tag; empty when it has none."""
        return str(self.message["Content-Language"] or "")

    @property
    def text(self) -> str:
        """The text part; empty when there is none."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part; empty when there is none."""
        return self._part("html")

    @property
    def links(self) -> list[str]:
        """The addresses in the text part, in order."""
        return _LINK.findall(self.text)

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content())

    def document(self) -> dict[str, Any]:
        """The mail for programs."""
        return {
            "id": self.id,
            "receivedAt": self.received_at.isoformat(),
            "to": list(self.recipients),
            "from": self.sender,
            "subject": self.subject,
            "messageId": str(self.message["Message-ID"] or ""),
            "language": self.language,
            "headers": [[name, str(value)] for name, value in self.message.items()],
            "text": self.text,
            "html": self.html,
            "links": self.links,
        }


class Store:
    """Mails in a folder, the newest `most` of them."""

    def __init__(self, folder: Path, *, most: int = _MOST, now: Callable[[], int] = time.time_ns) -> None:
        """Read what is there. `now` tells nanoseconds since 1970."""
        self._folder = folder
        self._most = most
        self._now = now
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        self._mails = {mail.id: mail for mail in map(_read, sorted(folder.glob("*.json")))}

    def add(self, recipients: list[str], octets: bytes) -> Mail:
        """The mail is on the disk; the oldest gives way to it when the store is full."""
        nanoseconds = self._now()
        self._count = (self._count + 1) & 0xFFFF
        name = f"{nanoseconds:016x}{self._count:04x}{os.getpid() & 0xFFFF:04x}"
        document = {
            "received": nanoseconds,
            "recipients": recipients,
            "octets": base64.b64encode(octets).decode(),
        }
        path = self._folder / f"{name}.json"
        write_private(path, json.dumps(document))
        self._mails[name] = _read(path)
        for oldest in sorted(self._mails)[: max(0, len(self._mails) - self._most)]:
            del self._mails[oldest]
            (self._folder / f"{oldest}.json").unlink(missing_ok=True)
        return self._mails[name]

    def find(self, name: str) -> Mail | None:
        """The mail of this id."""
        return self._mails.get(name) if _ID.fullmatch(name) else None

    def all(self) -> list[Mail]:
        """Every mail, the newest first."""
        return [self._mails[name] for name in sorted(self._mails, reverse=True)]

    def to(self, address: str) -> list[Mail]:
        """The mails to this address, the newest first."""
        wanted = address.casefold()
        return [mail for mail in self.all() if wanted in (each.casefold() for each in mail.recipients)]


def _read(path: Path) -> Mail:
    document = json.loads(path.read_text(encoding="utf-8"))
    octets = base64.b64decode(document["octets"])
    return Mail(
        id=path.stem,
        received_at=datetime.fromtimestamp(document["received"] / 1e9, UTC),
        recipients=tuple(document["recipients"]),
        message=message_from_bytes(octets, policy=default),
    )
