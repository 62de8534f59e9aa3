"""A deliverer dies between two steps, or the server hangs up: the mail is sent again, as the same mail."""

import asyncio
import os
import signal
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from demo.mailbox.catcher import Fault
from iam.notify.deliver import CLAIM, deliver
from iam.notify.mailer import MailRefused
from iam.notify.model import State
from iam.notify.queue import queue
from tests.support.mail import LETTERHEAD, Minted, link, mail_server, message, minted, rows

pytestmark = pytest.mark.anyio

REPOSITORY = Path(__file__).parents[2]

# A deliverer of its own: it stops itself for good at the step that it is told, as kill -9 would.
_DYING = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from iam.notify.deliver import deliver
from iam.storage import Database
from tests.support.mail import LETTERHEAD, Minted, SmtpMailer, MailSettings

url, port, step = sys.argv[1:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Mint(Minted):
    async def __call__(self, conn, intent):
        if step == "claimed":
            die()
        return await super().__call__(conn, intent)

class Mailer:
    async def send(self, sender, recipient, mail):
        if step == "minted":
            die()
        await SmtpMailer(MailSettings(port=int(port))).send(sender, recipient, mail)
        if step == "sent":
            die()

async def main():
    now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    print(await deliver(Database(url), Mailer(), Mint(), lambda: now, LETTERHEAD), flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def server(tmp_path):
    async with mail_server(tmp_path / "mails") as running:
        yield running


@pytest.fixture
async def queued(db, clock):
    await Minted.prepare(db)
    async with db.write() as conn:
        await queue(conn, message(link=link()), clock())


async def _deliver_and_die(database_url, server, step):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DYING, database_url, str(server.port), step,
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        answer, errors = await process.communicate()
    return process.returncode, answer.decode(), errors.decode()


async def _again(db, server, clock, first_secrets):
    mint = Minted()
    mint.intents.extend({} for _ in range(first_secrets))
    return await deliver(db, server.mailer(), mint, clock, LETTERHEAD)


@pytest.mark.parametrize(
    ("step", "arrived", "secrets"), [("claimed", 0, 0), ("minted", 0, 1), ("sent", 1, 1)]
)
async def test_inv_70_after_a_crash_the_same_mail_is_sent_again(
    db, database_url, server, clock, queued, step, arrived, secrets
):
    code, _, errors = await _deliver_and_die(database_url, server, step)
    assert code == -signal.SIGKILL, errors
    assert len(server.mails) == arrived
    assert len(await minted(db)) == secrets
    [row] = await rows(db)
    assert (row.state, row.sent_at) == (State.SENDING, None)

    assert await _again(db, server, clock, secrets) == 0, "the claim still stands"
    clock.advance(seconds=CLAIM.total_seconds())
    assert await _again(db, server, clock, secrets) == 1

    [row] = await rows(db)
    assert row.state == State.SENT
    assert {str(mail.message["Message-ID"]) for mail in server.mails} == {row.message_id}
    assert len(server.mails) == arrived + 1
    # each of the two mails works: its reader may see only one of them
    assert {mail.links[0].rpartition("=")[2] for mail in server.mails} <= set(await minted(db))
    clock.advance(days=1)
    assert await _again(db, server, clock, secrets + 1) == 0


async def test_the_deliverer_of_these_tests_lives_when_it_is_not_told_to_die(
    db, database_url, server, queued
):
    """So the deaths above are the ones they say."""
    code, answer, errors = await _deliver_and_die(database_url, server, "never")

    assert (code, answer.splitlines()[-1]) == (0, "1"), errors
    assert len(server.mails) == 1


async def test_inv_70_a_server_that_hangs_up_after_the_mail_gets_it_again_as_the_same(
    db, server, clock, queued
):
    server.catcher.faults.set(Fault.DROP_AFTER_DATA, 1)

    assert await _again(db, server, clock, 0) == 0
    [row] = await rows(db)
    assert (row.state, row.attempts) == (State.QUEUED, 1)
    clock.advance(minutes=1)
    assert await _again(db, server, clock, 1) == 1

    [first, second] = server.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.links != second.links


async def _scripted(answers):
    """A server that says these lines, one for each line it hears, and then hangs up."""

    async def serve(reader, writer):
        try:
            for answer in answers:
                writer.write(answer.encode() + b"\r\n")
                await writer.drain()
                if answer.startswith("354"):
                    await reader.readuntil(b"\r\n.\r\n")
                else:
                    await reader.readline()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


HELLO = ["220 ready", "250 hello"]
UP_TO_DATA = [*HELLO, "250 sender", "250 recipient", "354 go on"]


@pytest.mark.parametrize(
    ("answers", "state", "attempts"),
    [
        (["554 no service here"], State.QUEUED, 0),
        (["421 closing"], State.QUEUED, 0),
        (["220 ready", "550 hello refused", "550 hello refused"], State.QUEUED, 0),
        (["220 ready"], State.QUEUED, 0),
        ([*HELLO, "550 sender unknown", "250 reset"], State.QUEUED, 0),
        ([*HELLO, "250 sender", "421 closing"], State.QUEUED, 0),
        ([*HELLO, "250 sender", "450 busy", "250 reset"], State.QUEUED, 1),
        ([*HELLO, "250 sender", "550 unknown", "250 reset"], State.FAILED, 1),
        ([*UP_TO_DATA, "451 local error", "250 reset"], State.QUEUED, 1),
        ([*UP_TO_DATA, "554 not this", "250 reset"], State.FAILED, 1),
        (UP_TO_DATA, State.QUEUED, 1),
        ([*UP_TO_DATA, "250 taken"], State.SENT, 1),
        ([*UP_TO_DATA, "250 taken", "500 no goodbye"], State.SENT, 1),
    ],
)
async def test_each_answer_of_a_server_has_its_consequence(
    db, server, clock, queued, answers, state, attempts
):
    """A server that takes nothing costs no message a try; a mail that is taken is taken, whatever comes after."""
    scripted, port = await _scripted(answers)
    server.port = port

    async with scripted:
        await _again(db, server, clock, 0)

    [row] = await rows(db)
    assert (row.state, row.attempts) == (state, attempts)


async def test_a_message_that_takes_its_process_with_it_fails_in_the_end(db, server, clock, queued):
    """Every claim is counted before anything is done with it."""

    class Dying(BaseException):
        pass

    class Deadly:
        sends = 0

        async def send(self, sender, recipient, mail):
            self.sends += 1
            raise Dying

    deadly, mint = Deadly(), Minted()
    for _ in range(100):
        try:
            await deliver(db, deadly, mint, clock, LETTERHEAD)
        except Dying:
            clock.advance(seconds=CLAIM.total_seconds())
            continue
        break

    [row] = await rows(db)
    assert row.state == State.FAILED
    assert 10 < deadly.sends < 100


async def test_a_refusal_never_repeats_the_words_of_the_server(server):
    """They may hold the address, and a log may hold them."""
    server.catcher.faults.set(Fault.REFUSE_PERMANENTLY, 1)

    with pytest.raises(MailRefused) as refused:
        await server.mailer().send("a@exemple.be", "karim@exemple.be", EmailMessage())

    assert "karim" not in repr(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
