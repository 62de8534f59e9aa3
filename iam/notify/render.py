"""A message becomes a mail: headers, a text part and an HTML part (RFC 5322, RFC 2045 to 2047). Pure.

The message is in the reader's language already; only the frame's own words are found here.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from iam.kernel.language import Language
from iam.notify.letterhead import Letterhead
from iam.notify.model import Link, Message, wire_address
from iam.texts import translator

LINK_PARAMETER = "link"
_LONGEST_SUBJECT = 200


def message_id(key: str, domain: str) -> str:
    """The identifier of the mail for this key: the same whenever it is sent (RFC 5322 §3.6.4)."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def address_of(link: Link, secret: str | None, public_url: str) -> str:
    """The link as one can open it, with its single-use secret if it has one."""
    whole = f"{public_url.rstrip('/')}{link.path}"
    if secret is None:
        return whole
    mark = "&" if "?" in link.path else "?"
    return f"{whole}{mark}{LINK_PARAMETER}={quote(secret, safe='')}"


def render(
    message: Message, secret: str | None, letterhead: Letterhead, *, identifier: str, now: datetime
) -> EmailMessage:
    """The mail, ready to leave. `secret` is that of its link, made a moment ago.

    It says that a machine wrote it (RFC 3834 §5) and asks for no answer; it loads nothing from
    anywhere, so that nobody learns when it is read.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(letterhead.product, addr_spec=letterhead.sender)
    mail["To"] = Address(addr_spec=wire_address(message.address))
    mail["Subject"] = _shortened(message.subject)
    mail["Date"] = now
    mail["Message-ID"] = identifier
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    words = _Words.of(message.language, letterhead)
    url = None if message.link is None else address_of(message.link, secret, letterhead.public_url)
    mail.set_content(_text(message, words, url), cte="quoted-printable")
    mail.add_alternative(_html(message, words, url, letterhead), subtype="html", cte="quoted-printable")
    # last: setting a content takes the headers of the one before with it
    mail["Content-Language"] = message.language.value
    return mail


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The frame's own sentences, in one language."""

    language: Language
    greeting: str
    address: str
    once: str
    help: str
    no_reply: str

    @classmethod
    def of(cls, language: Language, letterhead: Letterhead) -> "_Words":
        _ = translator(language).gettext
        return cls(
            language=language,
            greeting=_("Bonjour,"),
            address=_("Si le bouton ne s'ouvre pas, copiez cette adresse dans votre navigateur :"),
            once=_("Ce lien vous est destiné et ne sert qu'une fois. Ne le transmettez à personne."),
            help=_(
                "Besoin d'aide ? Téléphonez au %(telephone)s ou écrivez à %(mail)s.",
                telephone=letterhead.telephone,
                mail=letterhead.mail,
            ),
            no_reply=_(
                "%(product)s a envoyé ce message automatiquement. Ne répondez pas à ce message :"
                " personne ne lirait votre réponse.",
                product=letterhead.product,
            ),
        )

    def fact(self, label: str, value: str) -> str:
        return translator(self.language).gettext("%(label)s : %(value)s", label=label, value=value)


def _shortened(subject: str) -> str:
    return subject if len(subject) <= _LONGEST_SUBJECT else f"{subject[: _LONGEST_SUBJECT - 1]}…"


def _text(message: Message, words: _Words, url: str | None) -> str:
    blocks = [words.greeting, *message.paragraphs]
    if message.facts:
        blocks.append("\n".join(words.fact(label, value) for label, value in message.facts))
    if message.link is not None and url is not None:
        blocks.append(f"{message.link.label}\n{url}")
        if message.link.intent is not None:
            blocks.append(words.once)
    # "-- " begins a signature: mail programs set it apart (RFC 3676 §4.3)
    blocks.extend((*message.closing, f"-- \n{words.help}\n{words.no_reply}"))
    return "\n\n".join(blocks) + "\n"


def _lines(text: str) -> Markup:
    return Markup("<br>\n").join(escape(line) for line in text.split("\n"))


_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["lines"] = _lines


def _html(message: Message, words: _Words, url: str | None, letterhead: Letterhead) -> str:
    link = message.link
    return _templates.get_template("mail.html").render(
        language=message.language.value,
        subject=message.subject,
        product=letterhead.product,
        words=words,
        paragraphs=message.paragraphs,
        facts=message.facts,
        url=url,
        label=None if link is None else link.label,
        once=link is not None and link.intent is not None,
        closing=message.closing,
    )
