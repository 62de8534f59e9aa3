"""What a mail looks like when it leaves."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP
from email.policy import default as parsing
from html.parser import HTMLParser

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from iam.kernel.language import Language
from iam.notify.codec import body_of, message_of
from iam.notify.model import Link, UnfitMessage
from iam.notify.render import message_id, render
from tests.support.mail import LETTERHEAD, link, message

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
    "MIME-Version", "Content-Type", "Content-Language",
}  # fmt: skip


def sent(what, secret=None):
    """The mail as a reader's program finds it, after the wire."""
    mail = render(what, secret, LETTERHEAD, identifier=message_id(what.key, LETTERHEAD.domain), now=NOW)
    return message_from_bytes(mail.as_bytes(policy=SMTP), policy=parsing)


def part(mail, kind):
    return mail.get_body((kind,)).get_content().replace("\r\n", "\n")


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_headers_say_what_it_is():
    mail = sent(message())

    assert set(mail.keys()) == HEADERS
    assert len(mail.keys()) == len(HEADERS)
    assert str(mail["From"]) == "Mon Espace <ne-pas-repondre@habilis.test>"
    assert str(mail["To"]) == "karim@exemple.be"
    assert mail["Subject"] == "Votre demande de rôle est acceptée"
    assert mail["Date"].datetime == NOW
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "fr"


def test_it_is_seven_bit_and_its_lines_are_short():
    """RFC 5322 §2.1.1: at most 998 octets a line; RFC 2047: headers are ASCII."""
    long = message(subject="Ünïcödé " * 20, paragraphs=("é" * 5000, "mot " * 3000))
    octets = render(long, None, LETTERHEAD, identifier="<a@b>", now=NOW).as_bytes(policy=SMTP)

    assert octets.isascii()
    assert max(len(line) for line in octets.split(b"\r\n")) <= 998
    assert b"\n" not in octets.replace(b"\r\n", b"")


def test_inv_70_the_same_key_is_the_same_identifier():
    one, other = message_id("a:b:c", "habilis.test"), message_id("a:b:d", "habilis.test")

    assert (
        one
        == message_id("a:b:c", "habilis.test")
        == "<b0ee04f880c4ff4261479e2e7822b7410aee4c71@habilis.test>"
    )
    assert one != other


def test_both_parts_say_everything():
    what = message(link=Link(label="Ouvrir la demande", path="/demandes/7?a=1"))
    mail = sent(what)

    for kind in ("plain", "html"):
        text = part(mail, kind).replace("&amp;", "&").replace("&#39;", "'")
        for words in (
            "Bonjour,", *what.paragraphs, *what.closing, "Rôle", "Déposer une demande",
            "Ouvrir la demande", "http://127.0.0.1:8600/demandes/7?a=1", "0800 00 000", "aide@habilis.test",
            "Ne répondez pas à ce message", "Mon Espace",
        ):  # fmt: skip
            assert words in text, (kind, words)


def test_the_secret_stands_in_the_link_and_cannot_leave_its_place():
    text = part(sent(message(link=link()), 'a/b&c="x"\r\n'), "plain")

    assert "http://127.0.0.1:8600/liens?link=a%2Fb%26c%3D%22x%22%0D%0A\n" in text
    assert "ne sert qu'une fois" in text


def test_the_secret_joins_the_parameters_that_are_there():
    text = part(sent(message(link=Link(label="Ouvrir", path="/x?a=1", intent={})), "s3"), "plain")

    assert "http://127.0.0.1:8600/x?a=1&link=s3\n" in text


def test_a_link_without_a_secret_does_not_speak_of_one():
    mail = sent(message(link=Link(label="Ouvrir", path="/x")))

    assert "ne sert qu'une fois" not in part(mail, "plain") + part(mail, "html").replace("&#39;", "'")
    assert "link=" not in part(mail, "plain")


def test_inv_69_the_frame_speaks_the_readers_language():
    greetings = {
        Language.FR: "Bonjour,",
        Language.DE: "Guten Tag,",
        Language.NL: "Dag,",
        Language.EN: "Hello,",
    }
    french = sent(message(link=link()), "s")
    own = set(part(french, "plain").split("\n")) - set(message().paragraphs) - set(message().closing)

    for language, greeting in greetings.items():
        mail = sent(message(language=language, link=link()), "s")
        text = part(mail, "plain")
        assert mail["Content-Language"] == language.value
        assert ("html", {"lang": language.value}) in Tags(part(mail, "html")).found
        assert greeting in text
        if language is not Language.FR:
            shared = own & set(text.split("\n"))
            assert shared == {"", "-- ", "Confirmer mon adresse", "http://127.0.0.1:8600/liens?link=s"}


def test_the_html_loads_nothing_and_runs_nothing():
    html = part(sent(message(link=link()), "s"), "html")
    tags = Tags(html).found

    assert {tag for tag, _ in tags} <= {
        "html", "head", "meta", "title", "style", "body", "main", "p", "h1", "dl", "dt", "dd", "a", "br", "footer",
    }  # fmt: skip
    assert not {name for _, attributes in tags for name in attributes} & {
        "src",
        "style",
        "onclick",
        "background",
    }
    assert "url(" not in html
    assert "@import" not in html
    assert {a["href"] for tag, a in tags if tag == "a"} == {"http://127.0.0.1:8600/liens?link=s"}


def test_words_of_people_stay_words():
    hostile = '<img src="http://evil.example/x"> & "quotes"'
    what = message(
        subject=f"Objet {hostile}", paragraphs=(hostile,), facts=((hostile, hostile),), closing=(hostile,)
    )
    html = part(sent(what), "html")

    assert "<img" not in html
    assert html.count("&lt;img src=&#34;http://evil.example/x&#34;&gt;") == 6


def test_line_breaks_of_people_are_kept():
    mail = sent(message(paragraphs=("une\ndeux",)))

    assert "une\ndeux" in part(mail, "plain")
    assert "une<br>\ndeux" in part(mail, "html")


def test_a_very_long_subject_is_shortened_in_the_header_alone():
    what = message(subject="x" * 1000)
    mail = sent(what)

    assert mail["Subject"] == "x" * 199 + "…"
    assert "x" * 1000 in part(mail, "html")


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_its_colours_can_be_read_by_day_and_by_night():
    """WCAG 2.2 SC 1.4.3: 4.5 to 1 for every text on its ground."""
    style = re.search(r"<style>(.*?)</style>", part(sent(message()), "html"), re.DOTALL)[1]
    day, night = style.split("@media")

    for sheet in (day, night):
        ground = re.search(r"body \{.*?background: (#\w+)", sheet)[1]
        rules = re.findall(r"([^{}\n]+) \{([^}]*)\}", sheet)
        seen = 0
        for selector, rule in rules:
            ink = re.search(r"(?<![-\w])color: (#\w+)", rule)
            if ink is None:
                continue
            own = re.search(r"background: (#\w+)", rule)
            assert _contrast(ink[1], own[1] if own else ground) >= 4.5, selector
            seen += 1
        assert seen >= 4


HEADER_TEXT = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from('\r\n\t :;,<>@"=?_\x00\u2028')), min_size=1
)


@given(subject=HEADER_TEXT, local=HEADER_TEXT, key=HEADER_TEXT)
def test_no_text_whatsoever_adds_a_header_or_a_recipient(subject, local, key):
    try:
        what = message(key=key[:200], subject=subject, address=f"{local}@exemple.be")
    except UnfitMessage:
        what = None
        try:
            what = message(subject=subject)
        except UnfitMessage:
            return
    mail = sent(what)

    assert set(mail.keys()) == HEADERS
    assert len(mail.keys()) == len(HEADERS)
    assert len(mail["To"].addresses) == 1
    assert mail["To"].addresses[0].addr_spec == what.address
    assert len(mail["From"].addresses) == 1
    assert not mail.defects


@given(st.text(min_size=1, max_size=300))
def test_a_subject_arrives_as_it_was_written(subject):
    try:
        what = message(subject=subject)
    except UnfitMessage:
        return
    expected = subject if len(subject) <= 200 else subject[:199] + "…"

    assert "".join(str(sent(what)["Subject"]).split()) == "".join(expected.split())


@given(st.lists(st.text(), max_size=4), st.text(min_size=1), st.text())
def test_any_words_at_all_can_be_queued_and_leave(paragraphs, label, value):
    try:
        what = message(paragraphs=tuple(paragraphs), facts=((label, value),))
    except UnfitMessage:
        what = message(paragraphs=tuple(paragraphs))
    stored = msgspec.json.decode(msgspec.json.encode(body_of(what)))

    mail = sent(message_of(what.key, what.address, what.language, stored))

    assert [each.get_content_type() for each in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "\x00" not in part(mail, "plain")


def test_what_is_stored_comes_back():
    what = message(link=link(kind="verify", person="p1"))

    assert what == message_of(what.key, what.address, what.language.value, body_of(what))
