"""Who is told what by which event, in his own language, once, and never more than he may know."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from iam.delegation import commands as c
from iam.delegation.mails import Mails
from iam.duties import consumers
from iam.journal.relay import Consumer
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.notify.codec import message_of
from iam.notify.tables import NotifyMessage
from iam.storage.tables import core
from iam.worker import relay_all, seal_all
from tests.support.acts import (
    DUPONT,
    SERVAIS,
    act,
    appointed,
    did,
    gap,
    gift,
    given,
    represents,
    requested,
    submission,
)
from tests.support.canary import Scanner
from tests.support.register import Town, personas

pytestmark = pytest.mark.anyio

NOEL = "1900000960"
_message = core(NotifyMessage)
_WHAT = re.compile(r":([a-z-]+):")


class Post:
    """The worker's part: seals, relays, and says which messages were queued since the last time."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.seen: set = set()
        self.readers = consumers(town.settings, town.door)

    async def run(self) -> None:
        for _ in range(10):
            await seal_all(self.town.db, self.town.clock)
            if not await relay_all(self.town.db, self.readers, self.town.clock):
                return
        raise AssertionError("the journal never came to rest")

    async def new(self) -> list:
        await self.run()
        async with self.town.db.read() as conn:
            rows = (await conn.execute(_message.select().order_by(_message.c.queued_at, _message.c.id))).all()
        fresh = [row for row in rows if row.id not in self.seen]
        self.seen.update(row.id for row in rows)
        return [message_of(row.key, row.address, row.language, row.body) for row in fresh]

    async def told(self) -> set[tuple[str, str]]:
        """To whom and which kind of message, for the new ones."""
        return {(message.address.partition("@")[0], _what(message)) for message in await self.new()}


def _what(message) -> str:
    return _WHAT.search(message.key).group(1)


def words(message) -> str:
    facts = [f"{label}: {value}" for label, value in message.facts]
    link = "" if message.link is None else message.link.label
    return "\n".join((message.subject, *message.paragraphs, *facts, link, *message.closing))


@pytest.fixture
async def post(town):
    one = Post(town)
    await one.new()
    return one


@pytest.fixture
async def managed(town, post):
    await gap(town, "luc", "jeanne")
    await post.new()


class TestWhoIsTold:
    """Each event, its readers, and nobody else."""

    async def test_inv_44_a_request_without_a_gap_tells_the_requester_and_the_representative(
        self, town, post
    ):
        await requested(town, "karim")
        assert await post.told() == {("karim", "sent"), ("luc", "waits")}

    async def test_a_representative_whose_powers_are_suspended_is_not_told(self, town, post):
        await requested(town, "karim", "1900000861")
        assert await post.told() == {("karim", "sent"), ("vincent", "waits")}

    async def test_an_appointment_tells_the_appointee(self, town, post):
        await appointed(town, "luc", "jeanne")
        assert await post.told() == {("jeanne", "appointed")}

    async def test_who_names_herself_is_told_once(self, town, post):
        await appointed(town, "luc", "luc")
        assert await post.told() == {("luc", "active")}

    async def test_inv_44_an_acceptance_tells_both_and_brings_what_waited(self, town, post):
        office = await appointed(town, "luc", "jeanne")
        await requested(town, "karim")
        await post.new()

        await did(town, c.AcceptOffice(entity=town.entity(DUPONT), office=office), "jeanne")

        assert await post.told() == {("jeanne", "active"), ("luc", "accepted"), ("jeanne", "decide")}

    @pytest.mark.parametrize(("command", "by", "reader"), [
        (c.DeclineOffice, "jeanne", "luc"), (c.CancelAppointment, "luc", "jeanne"),
    ])  # fmt: skip
    async def test_an_appointment_that_comes_to_nothing_tells_the_other_side(
        self, town, post, command, by, reader
    ):
        office = await appointed(town, "luc", "jeanne")
        await post.new()
        await did(town, command(entity=town.entity(DUPONT), office=office), by)
        assert await post.told() == {(reader, "office-ended")}

    async def test_inv_32_an_appointment_nobody_answered_tells_the_representative(self, town, post):
        await appointed(town, "luc", "jeanne")
        await post.new()
        town.clock.advance(days=30)
        await did(town, c.Lapse(entity=town.entity(DUPONT)))
        assert await post.told() == {("luc", "office-ended")}

    async def test_inv_27_a_replacement_tells_the_old_and_the_new(self, town, post, managed):
        office = await appointed(town, "luc", "sophie")
        await post.new()
        await did(town, c.AcceptOffice(entity=town.entity(DUPONT), office=office), "sophie")
        assert await post.told() == {("jeanne", "office-ended"), ("sophie", "active"), ("luc", "accepted")}

    async def test_a_request_with_a_gap_tells_the_requester_and_the_gap(self, town, post, managed):
        await requested(town, "karim")
        assert await post.told() == {("karim", "sent"), ("jeanne", "decide")}

    async def test_inv_42_an_approval_tells_both(self, town, post, managed):
        asked = await requested(town, "karim")
        await post.new()
        await did(town, c.ApproveRequest(entity=town.entity(DUPONT), request=asked), "jeanne")
        assert await post.told() == {("karim", "approved"), ("jeanne", "decided")}

    async def test_inv_42_a_refusal_tells_both_with_the_reason_to_the_requester(self, town, post, managed):
        asked = await requested(town, "karim")
        await post.new()
        refuse = c.RefuseRequest(
            entity=town.entity(DUPONT), request=asked, reason="Vous n'êtes pas du service."
        )
        await did(town, refuse, "jeanne")

        messages = {message.address.partition("@")[0]: message for message in await post.new()}

        assert {who: _what(m) for who, m in messages.items()} == {"karim": "refused", "jeanne": "decided"}
        assert ("Raison", "Vous n'êtes pas du service.") in messages["karim"].facts

    async def test_inv_45_a_request_nobody_decided_tells_the_requester(self, town, post, managed):
        await requested(town, "karim")
        await post.new()
        town.clock.advance(days=60)
        await did(town, c.Lapse(entity=town.entity(DUPONT)))
        assert await post.told() == {("karim", "lapsed")}

    async def test_a_withdrawal_tells_nobody(self, town, post, managed):
        asked = await requested(town, "karim")
        await post.new()
        await did(town, c.WithdrawRequest(entity=town.entity(DUPONT), request=asked), "karim")
        assert await post.told() == set()

    async def test_a_role_given_and_taken_back_tells_its_holder(self, town, post, managed):
        grant = await given(town, "jeanne", "karim", "primes.deposer")
        assert await post.told() == {("karim", "granted")}
        await did(town, c.EndGrant(entity=town.entity(DUPONT), grant=grant, reason="Fini."), "jeanne")
        assert await post.told() == {("karim", "grant-ended")}

    async def test_a_role_given_up_tells_the_gap(self, town, post, managed):
        grant = await given(town, "jeanne", "karim", "primes.deposer")
        await post.new()
        await did(town, c.EndGrant(entity=town.entity(DUPONT), grant=grant, reason=""), "karim")
        assert await post.told() == {("jeanne", "grant-ended")}

    async def test_inv_35_a_role_given_to_oneself_is_no_mail(self, town, post, managed):
        await given(town, "jeanne", "jeanne", "primes.deposer")
        assert await post.told() == set()

    async def test_a_refused_command_tells_nobody(self, town, post, managed):
        refused = await act(town, gift(town, "karim", "aides.signer"), "sophie")
        assert refused.reason is Reason.NO_STANDING
        assert await post.told() == set()

    @pytest.mark.parametrize(("first", "last", "shorter"), [
        (None, None, False), (None, date(2027, 1, 31), True), (date(2026, 12, 1), None, True),
    ])  # fmt: skip
    async def test_a_shorter_period_is_told_as_such(self, town, post, managed, first, last, shorter):
        asked = await requested(town, "karim")
        await post.new()
        approve = c.ApproveRequest(entity=town.entity(DUPONT), request=asked, first=first, last=last)
        await did(town, approve, "jeanne")
        [told] = [m for m in await post.new() if _what(m) == "approved"]
        assert any("plus courte" in paragraph for paragraph in told.paragraphs) is shorter


class TestBeforeTheAddressIsConfirmed:
    """A request counts once its address is confirmed; until then nobody else knows of it (nr 51)."""

    OTHER = "karim.benali@menuiserie-dupont.test"

    async def test_inv_51_only_the_requester_hears_and_the_link_proves_his_mailbox(self, town, post, managed):
        await requested(town, "karim", email=self.OTHER)

        [message] = await post.new()

        assert (message.address, _what(message)) == (self.OTHER, "confirm")
        assert message.link.path == "/address/confirm"
        assert message.link.intent["person"] == str(town.person("karim"))

    async def test_inv_51_confirmed_it_reaches_the_gap(self, town, post, managed):
        from iam.journal.model import Context
        from iam.kernel.actor import Capacity
        from iam.people.commands import verify_address
        from iam.people.links import Minter

        await requested(town, "karim", email=self.OTHER)
        [message] = await post.new()
        async with town.db.write() as conn:
            secret = await Minter.of(town.settings.policy, town.clock)(conn, message.link.intent)
            context = Context(actor=town_actor(town), capacity=Capacity.REQUESTER, at=town.clock())
            await verify_address(conn, secret, town.person("karim"), context)

        assert await post.told() == {("jeanne", "decide")}

    async def test_inv_49_no_request_of_many_tells_of_a_gap(self, town, post, managed):
        """With and without a chief access manager the requester reads the same but for name and number."""
        await gap(town, "anne", "paul", SERVAIS)
        await post.new()
        without = ("1900000267", "Lejeune Toitures")
        for email in (None, self.OTHER):
            texts = []
            for number, name in (
                (DUPONT, "Menuiserie Dupont SRL"),
                (SERVAIS, "Imprimerie Servais SA"),
                without,
            ):
                changes = {} if email is None else {"email": email, "roles": ("permis.deposer",)}
                await requested(town, "karim", number, **changes)
                [told] = [m for m in await post.new() if m.address == (email or "karim@exemple.be")]
                dotted = f"{number[:4]}.{number[4:7]}.{number[7:]}"
                texts.append(words(told).replace(name, "E").replace(dotted, "N").replace(number, "N"))
                assert "/represent?enterprise=" in told.closing[0]
            assert texts[0] == texts[1] == texts[2]


def town_actor(town):
    from tests.support.acts import actor

    return actor(town, "karim")


class TestLanguage:
    """Everybody reads his own (nr 69)."""

    @pytest.mark.parametrize("language", Language)
    async def test_inv_69_every_mail_of_the_journey_is_in_the_readers_language(self, town, post, language):
        """One language for all: the same journey, and no French sentence in the others."""
        await speak(town, language)
        spoken = {"language": language}
        entity = town.entity(DUPONT)
        await requested(town, "karim", **spoken)
        waiting = await post.new()
        office = (await did(town, replaced(town, "jeanne", language), "luc")).events[0].office
        await did(town, c.AcceptOffice(entity=entity, office=office), "jeanne")
        asked = await requested(town, "sophie", **spoken)
        await did(town, c.ApproveRequest(entity=entity, request=asked), "jeanne")
        asked = await requested(town, "sophie", roles=("permis.deposer",), **spoken)
        await did(town, c.RefuseRequest(entity=entity, request=asked, reason="X"), "jeanne")
        grant = await given(town, "jeanne", "karim", "permis.deposer")
        await did(town, c.EndGrant(entity=entity, grant=grant, reason="X"), "jeanne")
        office = (await did(town, replaced(town, "hugo", language), "luc")).events[0].office
        await did(town, c.DeclineOffice(entity=entity, office=office), "hugo")
        town.clock.advance(days=61)
        await did(town, c.Lapse(entity=entity))

        messages = [*waiting, *await post.new()]

        assert {_what(message) for message in messages} == {
            "sent", "waits", "appointed", "active", "accepted", "decide", "approved", "decided", "refused",
            "granted", "grant-ended", "office-ended", "lapsed",
        }  # fmt: skip
        assert {message.language for message in messages} == {language}
        french = french_sentences()
        for message in messages:
            said = [message.subject, message.link.label, *(label for label, _ in message.facts)]
            alike = [sentence for sentence in said if sentence in french]
            assert (alike == said) if language is Language.FR else not alike, (language, message.subject)

    async def test_inv_69_the_labels_of_roles_and_the_name_are_the_readers_too(self, town, post):
        """Eupen: a German reader of an enterprise with a German name."""
        number = "1900000762"
        await did(town, c.MigrateGap(entity=town.entity(number), person=town.person("katrin"), email=None))
        await post.new()
        await requested(town, "karim", number)

        [decide] = [message for message in await post.new() if _what(message) == "decide"]

        assert decide.language is Language.DE
        assert "Holzbau Schumacher" in decide.paragraphs[0]
        assert "Verwaltung der Investitionsprämien" in dict(decide.facts).values()


def french_sentences() -> set[str]:
    from iam.texts import tools

    return {use.message for use in tools.uses()} - set(tools_same())


def tools_same() -> list[str]:
    import tomllib

    from tests.support.register import REPOSITORY

    document = tomllib.loads((REPOSITORY / "iam" / "texts" / "same.toml").read_text(encoding="utf-8"))
    return [text for texts in document.values() for text in texts]


def replaced(town, whom, language) -> c.AppointGap:
    from dataclasses import replace

    from tests.support.acts import appointment

    return replace(appointment(town, whom), language=language)


async def speak(town, language) -> None:
    async with town.db.write() as conn:
        await conn.execute(text("UPDATE people_person SET language = :l"), {"l": language.value})


class TestOnce:
    """One event, one mail, whatever crashes (nr 70)."""

    async def test_inv_70_a_journal_read_again_sends_nothing_again(self, town, post, managed):
        asked = await requested(town, "karim")
        await did(town, c.ApproveRequest(entity=town.entity(DUPONT), request=asked), "jeanne")
        first = await post.new()
        assert first
        async with town.db.write() as conn:
            await conn.execute(text("UPDATE journal_cursor SET seq = 0 WHERE consumer = 'mails'"))

        assert await post.new() == []
        assert len({message.key for message in first}) == len(first)

    async def test_inv_70_a_consumer_that_dies_after_queueing_queues_once(self, town, post, managed):
        """Message and cursor are one transaction: the failed try leaves no message."""
        await requested(town, "karim")
        mails, failed = Mails(town.settings.issuer, Language.FR), []

        async def dies_once(conn, entry):
            await mails.handle(conn, entry)
            if entry.kind == "delegation.request.routed" and not failed:
                failed.append(entry.id)
                raise RuntimeError

        post.readers = [Consumer(name="mails", handle=dies_once)]
        before = {_what(message) for message in await post.new()}
        town.clock.advance(minutes=1)
        after = {_what(message) for message in await post.new()}

        assert failed
        assert (before, after) == ({"sent"}, {"decide"})


async def test_inv_6_70_no_mail_of_any_kind_holds_a_national_number(town, post, tmp_path):
    """Also where somebody tries to send one in a free text."""
    scanner = Scanner([persona["ssin"] for persona in personas().values()])
    number = personas()["karim"]["ssin"]
    await represents(town, tmp_path, ("sophie", DUPONT))
    await gap(town, "luc", "jeanne")
    asked = await requested(town, "karim")
    for command, who in (
        (submission(town, "hugo", motivation=f"Je suis {number}."), "hugo"),
        (submission(town, "hugo", email=f"{number}@exemple.be"), "hugo"),
        (
            c.RefuseRequest(entity=town.entity(DUPONT), request=asked, reason=f"{number[:6]} {number[6:]}"),
            "jeanne",
        ),
    ):
        refused = await act(town, command, who)
        assert refused.reason in {Reason.TEXT_HOLDS_NATIONAL_NUMBER, Reason.EMAIL_INVALID}
    await did(town, c.ApproveRequest(entity=town.entity(DUPONT), request=asked), "jeanne")

    messages = await post.new()

    assert len(messages) >= 6
    assert not [finding for message in messages for finding in scanner.find(repr(message).encode())]


async def test_links_lead_to_pages_of_ours_and_say_nothing(town, post, managed):
    await requested(town, "karim")
    town.clock.advance(days=1)
    await given(town, "jeanne", "sophie", "primes.deposer", last=date(2026, 11, 25) + timedelta(days=9))
    for message in await post.new():
        assert message.link.path.startswith("/")
        assert "?" not in message.link.path
        assert not any(word in message.link.path for word in ("karim", "sophie", "primes"))
