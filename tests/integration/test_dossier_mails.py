"""A claimant is told each decision on his dossier, in his language, once, and never who took it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from iam.dossiers import commands as c
from iam.dossiers.duties import let_time_pass
from iam.dossiers.model import Stage
from iam.duties import consumers
from iam.kernel.clock import belgian_day
from iam.kernel.language import Language
from iam.notify.codec import message_of
from iam.notify.tables import NotifyMessage
from iam.storage.tables import core
from iam.worker import relay_all, seal_all
from tests.support.canary import Scanner
from tests.support.dossiers import FABRIQUE, Desk
from tests.support.register import personas

pytestmark = pytest.mark.anyio
_message = core(NotifyMessage)


@pytest.fixture
async def desk(town) -> Desk:
    desk = await Desk.open(town)
    await mails(town)
    return desk


async def mails(town) -> list:
    """The messages that are queued, once the journal is at rest; those of before are forgotten."""
    while await seal_all(town.db, town.clock) or await relay_all(
        town.db, consumers(town.settings, town.door), town.clock
    ):
        pass
    async with town.db.write() as conn:
        rows = (await conn.execute(_message.select().order_by(_message.c.queued_at))).all()
        await conn.execute(text("DELETE FROM notify_message"))
    return [message_of(row.key, row.address, row.language, row.body) for row in rows]


def words(message) -> str:
    facts = [f"{label}: {value}" for label, value in message.facts]
    return "\n".join((message.subject, *message.paragraphs, *facts, message.link.label))


async def one(town):
    [message] = await mails(town)
    assert message.address == "agathe@exemple.be"
    return message


async def test_each_decision_tells_the_claimant_what_and_what_next(town, desk):
    found = await desk.submitted()
    sent = await one(town)
    assert sent.subject == "Votre dossier est envoyé"
    assert "Fabrique d'église Saint-Hubert (1900.002.247)" in words(sent)

    await desk.started(found, "ines")
    assert await mails(town) == [], "that it is being read is nobody's business"
    await desk.did(desk.acceptance(found), "ines")
    half = await one(town)
    assert half.subject == "Votre dossier passe au deuxième examen"
    assert "procès-verbal" not in words(half), "what a reviewer notes is for reviewers"

    await desk.started(found, "ruben", Stage.SECOND)
    await desk.did(desk.acceptance(found, Stage.SECOND), "ruben")
    accepted = await one(town)
    assert accepted.subject == "Votre dossier est accepté"
    assert "jusqu'au 12 juin 2027" in words(accepted)
    assert accepted.link.path == f"/represent/{FABRIQUE}"

    await desk.did(c.Revoke(dossier=found, reason="La nomination est annulée."), "ines")
    revoked = await one(town)
    assert revoked.subject == "Vous ne représentez plus une entreprise"
    assert "La nomination est annulée." in words(revoked)


async def test_a_refusal_tells_its_reason_and_a_withdrawal_nothing_he_did_not_do_himself(town, desk):
    found = await desk.submitted()
    await mails(town)
    await desk.started(found, "ines")
    await desk.did(c.Refuse(dossier=found, stage=Stage.FIRST, reason="Il manque la décision."), "ines")
    refused = await one(town)
    assert (refused.subject, "Il manque la décision." in words(refused)) == ("Votre dossier est refusé", True)

    again = await desk.submitted()
    await mails(town)
    await desk.did(c.Withdraw(dossier=again), "agathe")
    assert await mails(town) == []


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("unsent", None),
        ("undecided", "Votre dossier est clos"),
        ("over", "Vous ne représentez plus une entreprise"),
    ],
)
async def test_the_end_by_time_is_told_once_except_of_what_was_never_sent(town, desk, how, wanted):
    if how == "unsent":
        await desk.opened()
    elif how == "undecided":
        await desk.submitted()
    else:
        await desk.accepted(until=belgian_day(town.clock()))
    await mails(town)
    town.clock.advance(days=61)
    for _ in range(2):
        await let_time_pass(town.db, desk.door, town.clock)

    assert [message.subject for message in await mails(town)] == ([] if wanted is None else [wanted])


async def everything(town, desk, until) -> list:
    """A mail of each kind."""
    refused = await desk.submitted()
    await desk.started(refused, "ines")
    await desk.did(c.Refuse(dossier=refused, stage=Stage.FIRST, reason="Refused."), "ines")
    revoked = await desk.accepted()
    await desk.did(c.Revoke(dossier=revoked, reason="Revoked."), "ines")
    await desk.accepted(until=until)
    town.clock.advance(days=2)
    await let_time_pass(town.db, desk.door, town.clock)
    await desk.submitted()
    town.clock.advance(days=61)
    await let_time_pass(town.db, desk.door, town.clock)
    return await mails(town)


@pytest.mark.parametrize("language", Language)
async def test_inv_69_every_mail_speaks_the_claimants_language_and_names_no_reviewer(town, desk, language):
    async with town.db.write() as conn:
        await conn.execute(
            text("UPDATE people_person SET language = :language WHERE id = :id"),
            {"language": language.value, "id": town.person("agathe")},
        )
        for who in ("ines", "ruben"):
            await conn.execute(
                text("UPDATE people_person SET given_name = :given, family_name = :family WHERE id = :id"),
                {
                    "given": personas()[who]["given_name"],
                    "family": personas()[who]["family_name"],
                    "id": town.person(who),
                },
            )

    told = await everything(town, desk, belgian_day(town.clock()))

    assert {message.language for message in told} == {language}
    assert len({message.subject for message in told}) == 6
    french = {"Votre dossier", "Voir mon dossier", "Raison"}
    scanner = Scanner(each["ssin"] for each in personas().values())
    for message in told:
        said = words(message)
        if language is not Language.FR:
            assert not any(each in said for each in french), said
        for who in ("ines", "ruben"):
            assert personas()[who]["given_name"] not in said
            assert personas()[who]["family_name"] not in said
            assert str(town.person(who)) not in said
        assert scanner.find(said.encode()) == []


async def test_the_link_of_the_receipt_confirms_the_address_for_the_enterprise(town, desk):
    """nr 51: a representative gives an address that he reads; nothing of it is in the mail's address line."""
    await town.forget_addresses("agathe")
    await desk.submitted()
    sent = await one(town)

    assert sent.link.intent is not None
    assert sent.link.path.startswith("/dossiers/")


async def test_a_confirmed_address_is_written_to_before_one_that_was_typed(town, desk):
    await town.forget_addresses("agathe")
    await town.confirm("agathe", "bureau@exemple.be", FABRIQUE)
    town.clock.advance(seconds=1)
    await desk.submitted(email="autre@exemple.be")

    [message] = await mails(town)
    assert message.address == "bureau@exemple.be"


async def test_a_mail_of_before_an_outage_is_queued_once(town, desk):
    """Its key is the entry's: an entry that is handled twice makes one message."""
    await desk.submitted()
    await seal_all(town.db, town.clock)
    await relay_all(town.db, consumers(town.settings, town.door), town.clock)
    async with town.db.write() as conn:
        before = (await conn.execute(_message.select())).all()
        await conn.execute(text("UPDATE journal_cursor SET seq = 0 WHERE consumer = 'dossierMails'"))
    await relay_all(town.db, consumers(town.settings, town.door), town.clock)

    async with town.db.read() as conn:
        assert (await conn.execute(_message.select())).all() == before
    assert len(before) == 1
    assert timedelta(0) == before[0].queued_at - town.clock()
