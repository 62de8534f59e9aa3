"""What a message is before it becomes a mail. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from email.errors import MessageError
from email.headerregistry import Address
from enum import StrEnum

from iam.kernel.language import Language
from iam.kernel.ssin import holds_ssin

_LONGEST_KEY = 200
_LONGEST_ADDRESS = 254
# C0 and C1 controls, line and paragraph separators, bidirectional overrides, lone surrogates
_UNPRINTABLE = "\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_BREAKS_A_LINE = re.compile(f"[{_UNPRINTABLE}]")
_ADDRESS = re.compile(rf"[^\s@<>()\[\],;:\\\"{_UNPRINTABLE}]{{1,64}}@[^\s@<>()\[\],;:\\\"{_UNPRINTABLE}]+")
_LOCAL_PATH = re.compile(rf"/(?![/\\])[^\s\\#{_UNPRINTABLE}]*")
_UUID = re.compile(r"(?i)(?<![0-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f])")


class UnfitMessage(ValueError):
    """A message cannot become a mail; `part` names what is wrong, its text is left out on purpose."""

    def __init__(self, part: str) -> None:
        """Keep the name of the part."""
        super().__init__(part)
        self.part = part


class NationalNumberInMail(ValueError):
    """A message holds a national number; neither the number nor the text is repeated."""

    def __init__(self) -> None:
        """Say so without the number."""
        super().__init__("a mail holds no national number")


class State(StrEnum):
    """How far a message has come. Values are permanent: they are stored."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way into the service: a local path, and what a single-use secret is for, if it needs one.

    With an `intent`, the secret is made when the mail is sent and travels as the parameter `link`.
    """

    label: str
    path: str
    intent: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Refuse a label of several lines and a path that could lead out of the service."""
        one_line("link", self.label)
        if not _LOCAL_PATH.fullmatch(self.path):
            raise UnfitMessage("path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one person is told about one event, already in his language.

    `key` names event, recipient and kind: of the same key one mail is sent (DOMAIN 7.3 nr 70).
    Paragraphs and the values of facts may hold line breaks, the rest is one line each.
    """

    key: str
    address: str
    language: Language
    subject: str
    paragraphs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    link: Link | None = None
    closing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse whatever could end a header line early or be another address than it seems."""
        one_line("key", self.key)
        if len(self.key) > _LONGEST_KEY:
            raise UnfitMessage("key")
        one_address("address", self.address)
        one_line("subject", self.subject)
        for label, _ in self.facts:
            one_line("facts", label)

    def holds_national_number(self, today: date) -> bool:
        """Whether any text of the message holds a valid national number (DOMAIN 7.3 nr 6, 70)."""
        # identifiers of ours are hexadecimal: a run of digits in one is no number of anybody
        return any(holds_ssin(_UUID.sub("*", text), today) for text in self._texts())

    def _texts(self) -> Iterator[str]:
        yield from (self.key, self.address, self.subject, *self.paragraphs, *self.closing)
        for fact in self.facts:
            yield from fact
        if self.link is not None:
            yield from (self.link.label, self.link.path)
            for pair in (self.link.intent or {}).items():
                yield from pair


def one_line(part: str, text: str) -> None:
    """The text can stand in a header. Raises `UnfitMessage` naming the part."""
    if not text.strip() or _BREAKS_A_LINE.search(text):
        raise UnfitMessage(part)


def one_address(part: str, text: str) -> None:
    """The text is one mail address and nothing else. Raises `UnfitMessage` naming the part."""
    try:
        fits = len(wire_address(text)) <= _LONGEST_ADDRESS and Address(addr_spec=wire_address(text))
    except (ValueError, IndexError, MessageError):
        fits = False
    if not fits or not _ADDRESS.fullmatch(text):
        raise UnfitMessage(part)


def wire_address(text: str) -> str:
    """The address with its domain in ASCII (RFC 5890), as servers know it. Raises `ValueError`."""
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"
