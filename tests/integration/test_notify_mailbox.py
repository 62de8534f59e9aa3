"""The mail catcher of the demo as it runs there: a process of its own."""

import os
import re
import smtplib
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from demo.parts.ports import accepts, free_ports
from iam.kernel.language import Language
from iam.notify.render import message_id, render
from tests.support.mail import LETTERHEAD, link, message

REPOSITORY = Path(__file__).parents[2]
SECRET = "a-control-secret-for-tests"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Mailbox:
    """The process, and a client of it."""

    def __init__(self, state: Path) -> None:
        self.smtp_port, self.http_port = free_ports(2)
        self.state = state
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.http_port}")
        self.process = None

    def environment(self):
        return {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "MAILBOX_SMTP_PORT": str(self.smtp_port),
            "MAILBOX_HTTP_PORT": str(self.http_port),
            "MAILBOX_STATE_DIR": str(self.state),
            "MAILBOX_PERSONAS": str(REPOSITORY / "demo" / "personas.toml"),
            "MAILBOX_CONTROL_SECRET": SECRET,
        }

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo.mailbox"],
            cwd=REPOSITORY, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while not (accepts(self.smtp_port) and accepts(self.http_port)):
            assert self.process.poll() is None, self.process.stdout.read()
            assert time.monotonic() < deadline, "it did not start in time"
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        return self.process.communicate(timeout=20)[0].decode()

    def send(self, what, secret=None):
        mail = render(what, secret, LETTERHEAD, identifier=message_id(what.key, "habilis.test"), now=NOW)
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10) as client:
            client.send_message(mail)

    def messages(self, to=None):
        answer = self.http.get("/api/messages", params={} if to is None else {"to": to})
        return answer.json()["messages"]

    def control(self, secret=SECRET, **wish):
        return self.http.post("/control", json=wish, headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def mailbox(tmp_path):
    one = Mailbox(tmp_path)
    one.start()
    yield one
    if one.process.poll() is None:
        one.stop()
    one.http.close()


def test_a_mail_is_shown_as_text_and_as_html(mailbox):
    mailbox.send(message(link=link(), paragraphs=("Bonjour <script>alert(1)</script>",)), "s3cret")

    [mail] = mailbox.messages("karim@exemple.be")
    assert mail["links"] == ["http://127.0.0.1:8600/liens?link=s3cret"]
    assert (mail["language"], mail["messageId"]) == (
        "fr",
        message_id("event-1:karim:accepted", "habilis.test"),
    )
    assert mailbox.messages("luc@exemple.be") == []

    page = mailbox.http.get(f"/messages/{mail['id']}")
    assert '<a href="http://127.0.0.1:8600/liens?link=s3cret">' in page.text
    assert "<script" not in page.text
    assert 'sandbox="allow-top-navigation-by-user-activation"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"

    frame = mailbox.http.get(f"/messages/{mail['id']}/html")
    assert "<script" not in frame.text
    assert '<head><base target="_top">' in frame.text
    assert frame.headers["content-security-policy"].startswith("sandbox ")
    assert "allow-scripts" not in frame.headers["content-security-policy"]


def test_each_persona_has_a_box_and_so_has_every_other_address(mailbox):
    mailbox.send(message("one"))
    mailbox.send(message("two", subject="Un deuxième"))
    mailbox.send(message("three", address="k.benali@menuiserie.example"))

    home = mailbox.http.get("/").text
    assert home.index("Karim Benali") < home.index("2 messages") < home.index("Luc Dupont")
    assert "k.benali@menuiserie.example" in home
    box = mailbox.http.get("/boxes/karim").text
    assert box.index("Un deuxième") < box.index("Votre demande de rôle est acceptée")
    assert mailbox.http.get("/boxes/k.benali@menuiserie.example").text.count('<li>\n<a href="/messages/') == 1
    assert "Cette boîte est vide" in mailbox.http.get("/boxes/luc").text


@pytest.mark.parametrize("language", [each.value for each in Language])
def test_the_pages_speak_the_chosen_language_and_remember_it(mailbox, language):
    titles = {
        "fr": "Les boîtes de la démonstration",
        "de": "Die Postfächer der Demonstration",
        "nl": "De postvakken van de demonstratie",
        "en": "The mailboxes of the demonstration",
    }
    assert titles["fr"] in mailbox.http.get("/").text

    for path in (f"/?lang={language}", "/"):
        page = mailbox.http.get(path).text
        assert f'<html lang="{language}">' in page
        assert f"<h1>{titles[language]}</h1>" in page
        assert re.search(r'<a class="skip" href="#content">', page)


def test_a_name_of_another_site_is_refused(mailbox):
    """A page elsewhere that lets its name point to this machine reads nothing."""
    assert mailbox.http.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert mailbox.http.get("/api/messages", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "path", ["/nothing", "/boxes/nobody", "/messages/000000000000000000000000", "/messages/x/html"]
)
def test_what_is_not_there_says_so_in_words(mailbox, path):
    answer = mailbox.http.get(path)

    assert answer.status_code == 404
    assert "Cette page n'existe pas" in answer.text.replace("&#39;", "'")


def test_only_who_knows_the_secret_makes_it_misbehave(mailbox):
    assert mailbox.http.post("/control", json={"fault": "refusePermanently"}).status_code == 401
    assert mailbox.control("wrong", fault="refusePermanently").status_code == 401
    assert mailbox.http.get("/control").status_code == 405
    mailbox.send(message())
    assert len(mailbox.messages()) == 1


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"fault": "unknown"},
        {"fault": "none", "times": 0},
        {"fault": "none", "times": "1"},
        {"fault": "none", "times": True},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(mailbox, wish):
    assert mailbox.control(**wish).status_code == 400


def test_a_wish_that_is_too_large_or_no_document_is_refused(mailbox):
    headers = {"Authorization": f"Bearer {SECRET}"}

    assert mailbox.http.post("/control", content=b"x" * 2000, headers=headers).status_code == 413
    assert mailbox.http.post("/control", content=b"[]", headers=headers).status_code == 400
    assert mailbox.http.post("/control", content=b"{", headers=headers).status_code == 400


def test_it_misbehaves_as_often_as_told(mailbox):
    assert mailbox.control(fault="refuseTemporarily", times=1).status_code == 204
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        mailbox.send(message())
    assert refused.value.recipients["karim@exemple.be"][0] == 451
    assert mailbox.control(fault="refusePermanently", times=1).status_code == 204
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        mailbox.send(message())
    assert refused.value.recipients["karim@exemple.be"][0] == 550
    assert mailbox.messages() == []

    assert mailbox.control(fault="dropAfterData", times=1).status_code == 204
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        mailbox.send(message())
    mailbox.send(message())
    assert len(mailbox.messages()) == 2


def test_it_finds_its_mails_again_and_writes_nothing_of_them_to_its_log(mailbox):
    mailbox.send(message(link=link()), "s3cret")
    [before] = mailbox.messages()
    output = mailbox.stop()

    mailbox.start()

    assert mailbox.messages() == [before]
    for word in ("karim", "s3cret", "acceptée"):
        assert word not in output


def test_it_listens_on_loopback_only(mailbox):
    listening = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(name).read_text(encoding="ascii").splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, port = local.split(":")
            if state == "0A" and int(port, 16) in {mailbox.smtp_port, mailbox.http_port}:
                listening.add(address)

    assert listening == {"0100007F"}


@pytest.mark.parametrize(
    "missing", ["MAILBOX_SMTP_PORT", "MAILBOX_HTTP_PORT", "MAILBOX_STATE_DIR", "MAILBOX_PERSONAS"]
)
def test_it_names_what_its_environment_lacks(tmp_path, missing):
    environment = Mailbox(tmp_path).environment()
    del environment[missing]

    ended = subprocess.run(
        [sys.executable, "-m", "demo.mailbox"],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert ended.returncode == 2
    assert missing in ended.stderr
