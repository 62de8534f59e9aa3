"""From the queue to a real mail server, on a real PostgreSQL."""

import asyncio
import logging
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from demo.mailbox.catcher import Fault
from iam.kernel.language import Language
from iam.notify.deliver import CLAIM, MOST_ATTEMPTS, SERVER_PAUSE, deliver, pause
from iam.notify.model import NationalNumberInMail, State
from iam.notify.queue import counts, erase_old, next_due, queue
from iam.notify.smtp import SmtpMailer
from iam.notify.tables import NotifyMessage
from iam.settings import MailSettings
from iam.storage.tables import core
from tests.support.mail import LETTERHEAD, Minted, link, mail_server, message, minted, rows

pytestmark = pytest.mark.anyio

NUMBER = "71.00.00-003.33"


@pytest.fixture
async def server(tmp_path):
    async with mail_server(tmp_path / "mails") as running:
        yield running


@pytest.fixture
async def mint(db):
    one = Minted()
    await one.prepare(db)
    return one


@pytest.fixture
def post(db, server, mint, clock):
    """Deliver what is due."""

    async def run(**options):
        chosen = {
            "mailer": server.mailer(),
            "mint": mint,
            "clock": clock,
            "letterhead": LETTERHEAD,
            **options,
        }
        return await deliver(
            db,
            chosen.pop("mailer"),
            chosen.pop("mint"),
            chosen.pop("clock"),
            chosen.pop("letterhead"),
            **chosen,
        )

    return run


@pytest.fixture
def put(db, clock):
    """Queue messages in one transaction."""

    async def run(*messages):
        async with db.write() as conn:
            return [await queue(conn, each, clock()) for each in messages]

    return run


async def test_a_queued_message_arrives_whole(db, put, post, server, clock):
    await put(message())

    assert await post() == 1

    [mail] = server.mails
    [row] = await rows(db)
    assert mail.recipients == ("karim@exemple.be",)
    assert mail.subject == "Votre demande de rôle est acceptée"
    assert "Jeanne Dupont a accepté votre demande." in mail.text
    assert "Jeanne Dupont a accepté votre demande." in mail.html
    assert (State.SENT, clock(), row.message_id) == (row.state, row.sent_at, mail.message["Message-ID"])


async def test_inv_70_the_same_event_sends_one_mail(put, post, server, clock):
    assert await put(message(), message()) == [True, False]
    await post()
    assert await put(message(subject="Autre objet")) == [False]
    clock.advance(days=1)

    assert await post() == 0
    assert len(server.mails) == 1


async def test_another_recipient_or_kind_is_another_mail(put, post, server):
    await put(message("event:karim:accepted"), message("event:jeanne:accepted", address="jeanne@exemple.be"))

    await post()

    assert {"karim@exemple.be", "jeanne@exemple.be"} == {mail.recipients[0] for mail in server.mails}
    assert len({str(mail.message["Message-ID"]) for mail in server.mails}) == 2


async def test_inv_70_two_transactions_with_one_key_leave_one_message(db, clock, put):
    """The second waits for the first and then finds the key taken; rolled back, it is free again."""

    async def fails():
        async with db.write() as conn:
            assert await queue(conn, message(), clock())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert await rows(db) == []

    answers = await asyncio.gather(*(put(message()) for _ in range(4)))

    assert sorted(answers) == [[False], [False], [False], [True]]
    assert len(await rows(db)) == 1


@pytest.mark.parametrize(
    "changes",
    [{"subject": f"Pour {NUMBER}"}, {"paragraphs": (f"Motif : {NUMBER}",)}, {"facts": (("NISS", NUMBER),)}],
)
async def test_inv_70_a_national_number_is_refused_and_leaves_no_trace(db, clock, changes):
    async with db.write() as conn:
        with pytest.raises(NationalNumberInMail) as refused:
            await queue(conn, message(**changes), clock())

    assert NUMBER not in repr(refused.value)
    assert await rows(db) == []


async def test_inv_70_the_link_is_minted_when_the_mail_is_sent_and_is_stored_nowhere_here(
    db, put, post, server, mint
):
    await put(message(link=link(kind="verify", person="p1")))
    assert await minted(db) == []

    await post()

    [secret] = await minted(db)
    [mail] = server.mails
    assert mint.intents == [{"kind": "verify", "person": "p1"}]
    assert [f"http://127.0.0.1:8600/liens?link={secret}"] == mail.links
    assert secret not in str(await rows(db))


async def test_a_message_without_an_intent_mints_nothing(db, put, post):
    await put(message())

    await post()

    assert await minted(db) == []


async def test_the_secret_is_committed_before_the_mail_leaves(db, put, post):
    """A mail never holds a link that does not exist."""
    await put(message(link=link()))
    seen = []

    class Watching:
        async def send(self, sender, recipient, mail):
            seen.extend(await minted(db))

    await post(mailer=Watching())

    assert seen == ["s3cret-1-of-the-test"]


async def test_inv_69_each_reader_is_written_to_in_his_language(put, post, server):
    await put(*(message(f"event:{each}", language=each) for each in Language))

    assert await post() == 4

    assert {each.value for each in Language} == {mail.language for mail in server.mails}
    assert {"Bonjour,", "Guten Tag,", "Dag,", "Hello,"} == {
        mail.text.splitlines()[0] for mail in server.mails
    }


async def test_concurrent_deliverers_never_send_one_twice(put, post, server, mint):
    await put(*(message(f"event:{n}", link=link()) for n in range(30)))

    sent = await asyncio.gather(*(post() for _ in range(5)))

    keys = [str(mail.message["Message-ID"]) for mail in server.mails]
    assert 30 == sum(sent) == len(keys) == len(set(keys)) == len(mint.intents)
    assert sum(1 for each in sent if each) > 1, "the test needs more than one at work"


async def test_no_more_than_asked_for_are_tried(put, post, server):
    await put(*(message(f"event:{n}") for n in range(5)))

    assert await post(most=2) == 2
    assert await post(most=10) == 3
    assert len(server.mails) == 5


async def test_the_server_down_and_up_again_loses_nothing(db, put, post, server, clock):
    await put(*(message(f"event:{n}", link=link()) for n in range(3)))
    await server.down()

    for _ in range(2 * MOST_ATTEMPTS):
        assert await post() == 0
        clock.advance(seconds=SERVER_PAUSE.total_seconds())
    assert await _counts(db) == {State.QUEUED: 3, State.SENDING: 0, State.SENT: 0, State.FAILED: 0}

    await server.up()
    assert await post() == 3
    assert len(server.mails) == 3


async def test_while_the_server_is_down_everything_waits_for_it(put, post, server, clock, mint):
    await put(*(message(f"event:{n}", link=link()) for n in range(3)))
    await server.down()
    await post()

    assert await post() == 0
    assert len(mint.intents) == 1
    clock.advance(seconds=SERVER_PAUSE.total_seconds() / 2 - 1)
    await post(jitter=lambda: 0.0)
    assert len(mint.intents) == 1


async def test_a_refusal_for_now_is_tried_again_later(db, put, post, server, clock):
    server.catcher.faults.set(Fault.REFUSE_TEMPORARILY, 1)
    await put(message())

    assert await post(jitter=lambda: 1.0) == 0
    assert await post() == 0
    [row] = await rows(db)
    assert (State.QUEUED, 1, clock() + timedelta(minutes=1)) == (row.state, row.attempts, row.retry_at)

    clock.advance(minutes=1)
    assert await post() == 1
    assert len(server.mails) == 1


async def test_the_deliverer_knows_when_a_message_is_due_next(db, put, post, server, clock):
    async def due():
        async with db.read() as conn:
            return await next_due(conn)

    assert await due() is None
    await put(message("a"), message("b"))
    assert await due() == clock()

    server.catcher.faults.set(Fault.REFUSE_TEMPORARILY, 1)
    assert await post(jitter=lambda: 0.0) == 1
    assert await due() == clock() + pause(1, 0.0)

    clock.advance(hours=1)
    assert await post() == 1
    assert await due() is None


async def test_a_refusal_for_good_fails_at_once_with_an_alarm(db, put, post, server):
    server.catcher.faults.set(Fault.REFUSE_PERMANENTLY, None)
    await put(message(), message("other", address="luc@exemple.be"))

    with capture_logs() as logs:
        assert await post() == 0

    [row, other] = await rows(db)
    assert (row.state, other.state, row.attempts) == (State.FAILED, State.FAILED, 1)
    alarms = [each for each in logs if each.get("alarm")]
    assert {str(row.id), str(other.id)} == {each["message"] for each in alarms}
    assert {"notify.mail.failed"} == {each["event"] for each in alarms}
    assert {550} == {each["code"] for each in alarms}


async def test_one_that_is_refused_holds_up_no_other(put, post, server):
    server.catcher.faults.set(Fault.REFUSE_PERMANENTLY, 1)
    await put(message("event:1"), message("event:2"))

    assert await post() == 1
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("tries", "state"), [(MOST_ATTEMPTS - 1, State.QUEUED), (MOST_ATTEMPTS, State.FAILED)]
)
async def test_it_gives_up_after_so_many_tries_and_not_one_before(db, put, post, server, clock, tries, state):
    server.catcher.faults.set(Fault.REFUSE_TEMPORARILY, None)
    await put(message())

    with capture_logs() as logs:
        for _ in range(tries):
            await post()
            clock.advance(hours=4)

    [row] = await rows(db)
    assert (state, tries) == (row.state, row.attempts)
    assert (state is State.FAILED) == any(each.get("alarm") for each in logs)


def test_the_pauses_grow_and_are_bounded():
    pauses = [pause(attempts, 1.0) for attempts in range(1, 100)]

    assert [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)] == pauses[:3]
    assert pauses == sorted(pauses)
    assert timedelta(hours=4) == pauses[-1]
    assert timedelta(seconds=30) == pause(1, 0.0)
    assert timedelta(days=4) < sum(pauses[: MOST_ATTEMPTS - 1], timedelta()) < timedelta(days=6)


async def test_a_mint_that_fails_sends_no_mail_and_is_tried_again(db, put, post, server, clock):
    async def broken(conn, intent):
        raise LookupError("karim@exemple.be")

    await put(message(link=link()))

    with capture_logs() as logs:
        assert await post(mint=broken) == 0
    assert "karim" not in str(logs)
    assert server.mails == []
    clock.advance(minutes=1)
    assert await post() == 1


async def test_nothing_sensitive_is_logged(put, post, server, clock, caplog):
    """Ids only: no address, no words, no secret, whatever goes well or badly."""
    caplog.set_level(logging.DEBUG)
    whole = message(link=link(), subject="Objet confidentiel", paragraphs=("Motif confidentiel",))
    with capture_logs() as logs:
        for fault in (Fault.REFUSE_TEMPORARILY, Fault.DROP_AFTER_DATA, Fault.NONE):
            server.catcher.faults.set(fault, 1)
            await put(whole)
            await post()
            clock.advance(hours=1)
        server.catcher.faults.set(Fault.REFUSE_PERMANENTLY, 1)
        await put(message("other", address="karim@exemple.be", subject="Objet confidentiel"))
        await post()
        await server.down()
        await put(message("third", address="karim@exemple.be", subject="Objet confidentiel"))
        await post()

    events = {each["event"] for each in logs}
    assert {
        "notify.mail.delayed",
        "notify.mail.sent",
        "notify.mail.failed",
        "notify.server.unavailable",
    } == events
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("iam", "aiosmtplib"))]
    for word in ("karim", "exemple.be", "confidentiel", "s3cret"):
        assert word not in str(logs).lower()
        assert word not in str(ours).lower()


async def test_addresses_and_words_are_erased_and_the_key_still_counts(db, put, post, clock, server):
    await put(message())
    await post()
    clock.advance(days=30)
    await put(message("waiting"))

    async with db.write() as conn:
        assert await erase_old(conn, clock(), timedelta(days=30)) == 0
    clock.advance(seconds=1)
    async with db.write() as conn:
        assert await erase_old(conn, clock(), timedelta(days=30)) == 1
        assert await erase_old(conn, clock(), timedelta(days=30)) == 0

    [old, waiting] = await rows(db)
    assert (old.address, old.body, old.state) == (None, None, State.SENT)
    assert waiting.address == "karim@exemple.be"
    assert await put(message()) == [False]
    assert await post() == 1
    assert len(server.mails) == 2


async def test_a_failed_message_is_erased_too(db, put, post, clock, server):
    server.catcher.faults.set(Fault.REFUSE_PERMANENTLY, 1)
    await put(message())
    await post()
    clock.advance(days=31)

    async with db.write() as conn:
        assert await erase_old(conn, clock(), timedelta(days=30)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"state": "unknown"}, {"address": None}, {"body": None}, {"retry_at": None}, {"state": "sending"},
        {"state": "sent"},
    ],
)  # fmt: skip
async def test_the_table_itself_refuses_a_row_that_makes_no_sense(db, put, change):
    await put(message())

    with pytest.raises(IntegrityError):
        async with db.write() as conn:
            await conn.execute(update(core(NotifyMessage)).values(**change))


async def test_the_identifier_stays_when_the_senders_domain_changes(db, put, post, server, clock):
    server.catcher.faults.set(Fault.DROP_AFTER_DATA, 1)
    await put(message())
    await post()
    async with db.write() as conn:
        await conn.execute(text("UPDATE notify_message SET message_id = '<kept@ancien.test>'"))
    clock.advance(hours=1)

    assert await post() == 1

    assert server.mails[-1].message["Message-ID"] == "<kept@ancien.test>"


async def test_a_claim_is_not_taken_over_before_it_runs_out(db, put, post, clock, server):
    await put(message())
    async with db.write() as conn:
        await conn.execute(
            text("UPDATE notify_message SET state = 'sending', claim = gen_random_uuid(), retry_at = :at"),
            {"at": clock() + CLAIM},
        )
    clock.advance(seconds=CLAIM.total_seconds() - 1)
    assert await post() == 0
    clock.advance(seconds=1)
    assert await post() == 1


async def test_who_lost_his_claim_records_nothing(db, put, post, clock, server):
    await put(message())

    class Slow:
        async def send(self, sender, recipient, mail):
            clock.advance(seconds=CLAIM.total_seconds())
            assert await post() == 1
            raise ConnectionError

    with capture_logs() as logs:
        assert await post(mailer=Slow()) == 0

    [row] = await rows(db)
    assert (row.state, row.attempts) == (State.SENT, 2)
    assert "notify.claim.lost" in {each["event"] for each in logs}


def test_a_password_is_not_sent_in_clear_over_a_network():
    with pytest.raises(ValueError, match="START_TLS"):
        SmtpMailer(MailSettings(host="mail.exemple.be", username="u"))
    assert SmtpMailer(MailSettings(host="mail.exemple.be", username="u", start_tls=True))
    assert SmtpMailer(MailSettings(host="127.0.0.1", username="u"))


async def _counts(db):
    async with db.read() as conn:
        return await counts(conn)
