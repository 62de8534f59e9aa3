"""Dossiers on a real PostgreSQL: two reviewers, one representative, documents that can be destroyed."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from iam.bce import queries as register
from iam.bce.model import Basis
from iam.bce.reference import rulebook
from iam.delegation import commands as delegation
from iam.delegation.queries import gap_of
from iam.dossiers import commands as c
from iam.dossiers import queries
from iam.dossiers.duties import let_time_pass
from iam.dossiers.execute import Done, DossierDoor
from iam.dossiers.facts import reviewing
from iam.dossiers.model import Stage, State
from iam.dossiers.rules.checks import capacities
from iam.dossiers.tables import DossiersDocument, DossiersDossier
from iam.dossiers.vault import LostKey, UnreadableDocument, Vault
from iam.journal.model import Context, Head, HeadKind
from iam.journal.queries import of_head
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.assurance import Level
from iam.kernel.clock import belgian_day, end_of_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import DocumentId, uuid4
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.people.commands import block
from iam.storage.tables import core
from tests.support.acts import (
    DUPONT,
    act,
    actor,
    appointed,
    appointment,
    did,
    dump,
    in_turn,
    represents,
    requested,
)
from tests.support.canary import Scanner
from tests.support.dossiers import FABRIQUE, JPEG, PDF, SCRIPT, Desk, why
from tests.support.register import STAFF, personas

pytestmark = pytest.mark.anyio
_dossier = core(DossiersDossier)
_document = core(DossiersDocument)
CHORALE = "1900001257"


@pytest.fixture
async def desk(town) -> Desk:
    return await Desk.open(town)


async def known(town, who="agathe", number=FABRIQUE):
    """Who represents the enterprise among the representations of this person."""
    async with town.db.read() as conn:
        return await register.representations_of(
            conn, town.fingerprints(who), town.clock(), person=town.person(who)
        )


async def entries(town, dossier):
    async with town.db.read() as conn:
        return await of_head(conn, Head(HeadKind.DOSSIER, dossier))


async def seen(town, dossier):
    async with town.db.read() as conn:
        return await queries.view(conn, dossier)


# -- the whole way


async def test_two_acceptances_make_a_representative_who_appoints(town, desk):
    found = await desk.submitted()
    assert why(await act(town, appointment(town, "luc", FABRIQUE), "agathe")) is Reason.NO_STANDING
    await desk.half(found)
    assert await known(town) == []
    assert why(await act(town, appointment(town, "luc", FABRIQUE), "agathe")) is Reason.NO_STANDING

    await desk.started(found, "ruben", Stage.SECOND)
    await desk.did(desk.acceptance(found, Stage.SECOND), "ruben")

    [held] = await known(town)
    assert (held.how, held.alone, held.suspended) == (Basis.MANUAL_DOSSIER, True, False)
    assert (held.entity, held.holder) == (town.entity(FABRIQUE), town.person("agathe"))
    assert held.basis == str(found)
    assert held.period.end == end_of_day(belgian_day(town.clock()) + timedelta(days=200))
    async with town.db.read() as conn:
        everybody = await register.representatives(conn, town.entity(FABRIQUE), town.clock())
    assert [each.holder for each in everybody] == [town.person("agathe")], "by the same query as all others"

    done = await did(town, appointment(town, "luc", FABRIQUE), "agathe")
    office = done.events[0].office
    await did(town, delegation.AcceptOffice(entity=town.entity(FABRIQUE), office=office), "luc")
    async with town.db.read() as conn:
        journal = await of_head(conn, Head(HeadKind.ENTERPRISE, town.entity(FABRIQUE)))
        active, _ = await gap_of(conn, town.entity(FABRIQUE), town.clock())
    assert active.holder.person == town.person("luc")
    appointed = next(each for each in journal if each.kind == "delegation.office.appointed")
    assert appointed.basis == {"dossier": str(found), "code": "XPOUV"}


async def test_it_represents_one_enterprise_and_makes_nobody_representative_of_another(town, desk):
    await desk.accepted()

    assert why(await act(town, appointment(town, "sophie"), "agathe")) is Reason.NO_STANDING
    assert why(await act(town, appointment(town, "sophie", FABRIQUE), "sophie")) is Reason.NO_STANDING


async def test_it_ends_by_itself_on_its_day_and_what_was_done_by_it_stays(town, desk):
    today = belgian_day(town.clock())
    found = await desk.accepted(until=today + timedelta(days=3))
    office = (await did(town, appointment(town, "luc", FABRIQUE), "agathe")).events[0].office
    await did(town, delegation.AcceptOffice(entity=town.entity(FABRIQUE), office=office), "luc")

    town.clock.now = end_of_day(today + timedelta(days=3)) - timedelta(microseconds=1)
    assert len(await known(town)) == 1
    town.clock.advance(microseconds=1)
    assert await known(town) == [], "with no worker at all"
    assert why(await act(town, appointment(town, "sophie", FABRIQUE), "agathe")) is Reason.NO_STANDING

    assert await let_time_pass(town.db, desk.door, town.clock) == 1
    assert (await seen(town, found)).dossier.state is State.EXPIRED
    assert (await entries(town, found))[-1].kind == "dossiers.dossier.expired"
    assert await let_time_pass(town.db, desk.door, town.clock) == 0
    async with town.db.read() as conn:
        active, _ = await gap_of(conn, town.entity(FABRIQUE), town.clock())
    assert active.holder.person == town.person("luc")


@pytest.mark.parametrize("by", ["agathe", "ines"])
async def test_it_ends_at_once_when_it_is_given_up_or_taken_back(town, desk, by):
    found = await desk.accepted()
    command = c.Withdraw(dossier=found) if by == "agathe" else c.Revoke(dossier=found, reason="Annulée.")
    await desk.did(command, by)

    assert await known(town) == []
    assert why(await act(town, appointment(town, "luc", FABRIQUE), "agathe")) is Reason.NO_STANDING
    assert (await seen(town, found)).answer == (None if by == "agathe" else "Annulée.")
    await desk.opened()


async def test_a_refusal_ends_it_and_another_dossier_may_follow(town, desk):
    found = await desk.submitted()
    await desk.started(found, "ines")
    await desk.did(c.Refuse(dossier=found, stage=Stage.FIRST, reason="Il manque la décision."), "ines")

    after = await seen(town, found)
    assert (after.dossier.state, after.answer) == (State.REFUSED, "Il manque la décision.")
    assert await known(town) == []
    assert why(await desk.act(c.StartReview(dossier=found, stage=Stage.FIRST), "ruben")) is (
        Reason.DOSSIER_CLOSED
    )
    await desk.submitted()


async def test_the_second_review_may_refuse_what_the_first_accepted(town, desk):
    found = await desk.submitted()
    await desk.half(found)
    await desk.started(found, "ruben", Stage.SECOND)
    await desk.did(c.Refuse(dossier=found, stage=Stage.SECOND, reason="Le document est ancien."), "ruben")

    assert await known(town) == []


async def test_a_joint_signature_does_not_stand_in_the_way_and_a_register_that_knows_somebody_does(
    town, desk
):
    joint = await desk.act(desk.opening("agathe", CHORALE), "agathe")
    assert isinstance(joint, Done)
    assert why(await desk.act(desk.opening("agathe", DUPONT), "agathe")) is Reason.REPRESENTATIVE_KNOWN


async def test_what_the_register_learns_meanwhile_is_looked_at_by_the_second_reviewer(town, desk, tmp_path):
    """nr 47: everything is checked anew at the decision."""
    found = await desk.submitted()
    await desk.half(found)
    await desk.started(found, "ruben", Stage.SECOND)
    await represents(town, tmp_path, ("sophie", FABRIQUE))

    refused = await desk.act(desk.acceptance(found, Stage.SECOND), "ruben")

    assert why(refused) is Reason.REPRESENTATIVE_KNOWN
    assert [each.holder for each in await known(town)] == []


async def test_two_persons_may_represent_one_enterprise_by_a_dossier_each_and_one_may_end(town, desk):
    first = await desk.accepted("agathe")
    await desk.accepted("sophie")
    assert len(await known(town, "agathe")) == len(await known(town, "sophie")) == 1

    await desk.did(c.Withdraw(dossier=first), "agathe")

    assert await known(town, "agathe") == []
    assert len(await known(town, "sophie")) == 1


async def test_a_full_feed_of_functions_says_nothing_about_dossiers(town, desk, tmp_path):
    await desk.accepted()
    await represents(town, tmp_path, ("sophie", CHORALE))

    assert len(await known(town)) == 1


async def test_a_stale_feed_does_not_make_a_dossier_stale(town, desk):
    """nr 23 is about what the feed says: an accepted dossier says it itself."""
    await desk.accepted()
    town.clock.advance(days=30)

    [held] = await known(town)
    assert not held.is_stale(town.clock(), timedelta(hours=72))


# -- who may


async def test_reviewing_is_a_role_of_the_administration_and_asks_for_a_strong_login(town, desk):
    found = await desk.submitted()
    start = c.StartReview(dossier=found, stage=Stage.FIRST)

    for who in ("hugo", "claire", "luc", "agathe", "sophie"):
        assert why(await desk.act(start, who)) is Reason.NOT_STAFF, who
    assert why(await desk.act(start, "ines", Level.ITSME)) is Reason.LEVEL_TOO_LOW
    await desk.did(start, "ines")


async def test_a_reviewer_whose_role_has_ended_decides_nothing_more(town, desk):
    found = await desk.submitted()
    await desk.started(found, "ines")
    async with town.db.read() as conn:
        grant = await reviewing(conn, actor(town, "ines"), town.clock(), desk.door.outside.staff)
    await appointed(town, "claire", "claire", STAFF)
    await did(
        town,
        delegation.EndGrant(entity=town.entity(STAFF), grant=grant, reason="Elle part."),
        "claire",
    )

    assert why(await desk.act(desk.acceptance(found), "ines")) is Reason.NOT_STAFF


async def test_a_reviewer_who_claims_something_himself_is_a_claimant_there(town, desk):
    found = await desk.submitted("ines")

    for command in (c.StartReview(dossier=found, stage=Stage.FIRST), c.Read(dossier=found)):
        assert why(await desk.act(command, "ines")) is Reason.OWN_DOSSIER
    async with town.db.read() as conn:
        assert await queries.to_review(conn, town.person("ines"), town.clock()) == []
        assert len(await queries.to_review(conn, town.person("ruben"), town.clock())) == 1


async def has_a_role(town, desk, tmp_path):
    role = delegation.MigrateRole(
        entity=town.entity(FABRIQUE), person=town.person("ines"), role="primes.deposer", ends_at=None
    )
    await did(town, role)


async def asks_for_a_role(town, desk, tmp_path):
    await requested(town, "ines", FABRIQUE)


async def has_a_dossier(town, desk, tmp_path):
    await desk.opened("ines")


async def represents_it(town, desk, tmp_path):
    await represents(town, tmp_path, ("ines", FABRIQUE), code="XADMI")


async def is_proposed(town, desk, tmp_path):
    await desk.accepted("claire")
    await appointed(town, "claire", "ines", FABRIQUE)


@pytest.mark.parametrize("becomes", [has_a_role, asks_for_a_role, has_a_dossier, represents_it, is_proposed])
async def test_whoever_is_somebody_in_the_enterprise_does_not_review_for_it(town, desk, tmp_path, becomes):
    found = await desk.submitted()
    [document] = (await seen(town, found)).dossier.documents
    await desk.started(found, "ines")
    await becomes(town, desk, tmp_path)

    for command in (
        c.StartReview(dossier=found, stage=Stage.FIRST),
        c.Read(dossier=found),
        desk.acceptance(found),
        c.Refuse(dossier=found, stage=Stage.FIRST, reason="Il manque une page."),
    ):
        assert why(await desk.act(command, "ines")) is Reason.INVOLVED_REVIEWER
    async with town.db.write() as conn:
        look = c.Read(dossier=found, document=document.id)
        opened = await desk.door.open_document(conn, look, actor(town, "ines"))
    assert why(opened) is Reason.INVOLVED_REVIEWER
    await desk.started(found, "ruben")


async def without_a_number(town, who):
    """His login tells none: the register can know nothing of him."""
    async with town.db.write() as conn:
        await conn.execute(
            text("DELETE FROM people_fingerprint WHERE person_id = :id"), {"id": town.person(who)}
        )


async def test_the_role_of_reviewer_alone_lets_one_review_for_the_administration_itself(town, desk):
    await without_a_number(town, "agathe")
    role = delegation.MigrateRole(
        entity=town.entity(STAFF), person=town.person("ruben"), role="staff.helpdesk", ends_at=None
    )
    await did(town, role)
    async with town.db.read() as conn:
        enterprise = (await register.load(conn, [town.entity(STAFF)]))[town.entity(STAFF)]
        [code, *_] = capacities(enterprise, await rulebook(conn), belgian_day(town.clock()))
    found = await desk.submitted(number=STAFF, code=code)

    assert isinstance(await desk.act(c.StartReview(dossier=found, stage=Stage.FIRST), "ines"), Done)
    answer = await desk.act(c.StartReview(dossier=found, stage=Stage.FIRST), "ruben")
    assert why(answer) is Reason.INVOLVED_REVIEWER


async def test_a_blocked_claimant_gets_nothing(town, desk):
    found = await desk.submitted()
    await desk.started(found, "ines")
    async with town.db.write() as conn:
        context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.OPERATOR, at=town.clock())
        await block(conn, town.person("agathe"), context)

    assert why(await desk.act(desk.acceptance(found), "ines")) is Reason.CLAIMANT_BLOCKED
    assert why(await desk.act(c.Withdraw(dossier=found), "agathe")) is Reason.PERSON_BLOCKED


async def test_the_acceptance_of_a_reviewer_who_is_blocked_since_does_not_count(town, desk):
    found = await desk.submitted()
    await desk.half(found, "ines")
    await desk.started(found, "ruben", Stage.SECOND)
    async with town.db.write() as conn:
        context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.OPERATOR, at=town.clock())
        await block(conn, town.person("ines"), context)

    answer = await desk.act(desk.acceptance(found, Stage.SECOND), "ruben")
    assert why(answer) is Reason.FIRST_REVIEWER_BLOCKED
    assert await known(town) == []


async def test_a_dossier_or_enterprise_that_is_not_there_is_unknown(town, desk):
    nothing = replace(desk.opening(), entity=uuid4())
    for command in (c.Submit(dossier=uuid4()), nothing):
        assert why(await desk.act(command, "agathe")) is Reason.DOSSIER_UNKNOWN


# -- at once


async def test_two_reviewers_at_once_one_wins_and_the_other_is_told(town, desk):
    found = await desk.submitted()
    for who in ("ines", "ruben"):
        await desk.started(found, who)

    def decides(who, command):
        async def deed(conn):
            return await desk.door.execute(conn, command, actor(town, who))

        return deed

    first, second = await in_turn(
        town,
        decides("ines", desk.acceptance(found)),
        decides("ruben", c.Refuse(dossier=found, stage=Stage.FIRST, reason="Il manque tout.")),
    )

    assert isinstance(first, Done)
    assert why(second) is Reason.REVIEW_OVERTAKEN
    after = (await seen(town, found)).dossier
    assert (after.state, after.first_reviewer) == (State.SECOND_REVIEW, town.person("ines"))


async def test_the_same_reviewer_twice_at_once_is_one_review(town, desk):
    found = await desk.submitted()
    await desk.started(found, "ines")

    async def accepts(conn):
        return await desk.door.execute(conn, desk.acceptance(found), actor(town, "ines"))

    _, second = await in_turn(town, accepts, accepts)

    assert why(second) is Reason.REVIEW_OVERTAKEN


async def test_one_who_withdraws_while_the_second_accepts_withdraws(town, desk):
    found = await desk.submitted()
    await desk.half(found)
    await desk.started(found, "ruben", Stage.SECOND)

    async def withdraws(conn):
        return await desk.door.execute(conn, c.Withdraw(dossier=found), actor(town, "agathe"))

    async def accepts(conn):
        return await desk.door.execute(conn, desk.acceptance(found, Stage.SECOND), actor(town, "ruben"))

    _, second = await in_turn(town, withdraws, accepts)

    assert why(second) is Reason.DOSSIER_CLOSED
    assert await known(town) == []


async def test_of_many_at_once_one_is_opened_and_the_limit_of_a_person_holds(town, desk):
    answers = await asyncio.gather(*(desk.act(desk.opening(), "agathe") for _ in range(4)))

    assert sum(isinstance(each, Done) for each in answers) == 1
    assert {why(each) for each in answers} == {None, Reason.DOSSIER_UNDER_WAY}


async def test_two_dossiers_of_one_enterprise_that_are_accepted_at_once_both_count(town, desk):
    async def ready(who):
        found = await desk.submitted(who)
        await desk.half(found)
        await desk.started(found, "ruben", Stage.SECOND)
        return found

    ours = [await ready("agathe"), await ready("sophie")]

    def accepts(found):
        async def deed(conn):
            return await desk.door.execute(conn, desk.acceptance(found, Stage.SECOND), actor(town, "ruben"))

        return deed

    answers = await in_turn(town, *(accepts(each) for each in ours))

    assert all(isinstance(each, Done) for each in answers)
    async with town.db.read() as conn:
        held = await register.representatives(conn, town.entity(FABRIQUE), town.clock())
    assert {each.holder for each in held} == {town.person("agathe"), town.person("sophie")}


# -- the tables hold what the rules hold


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"first_reviewer": "agathe", "first_until": "day"}, "claimant_reviews"),
        (
            {"first_reviewer": "ines", "first_until": "day", "second_reviewer": "agathe"},
            "claimant_reviews",
        ),
        ({"first_reviewer": "ines", "first_until": "day", "second_reviewer": "ines"}, "two_reviewers"),
        ({"second_reviewer": "ines"}, "two_reviewers"),
        ({"first_reviewer": "ines"}, "first_review"),
        ({"state": "accepted"}, "accepted"),
        ({"state": "done"}, "state"),
    ],
)
async def test_no_row_says_what_must_never_be(town, desk, values, name):
    found = await desk.submitted()
    made = {
        key: belgian_day(town.clock()) if value == "day" else town.persons.get(value, value)
        for key, value in values.items()
    }
    statement = update(_dossier).where(_dossier.c.dossier_id == found).values(**made)

    with pytest.raises(IntegrityError, match=f"ck_dossiers_dossier_{name}"):
        async with town.db.write() as conn:
            await conn.execute(statement)


async def test_one_person_has_one_open_dossier_an_enterprise_whatever_the_code_does(town, desk):
    found = await desk.submitted()
    again = text(
        "INSERT INTO dossiers_dossier"
        " SELECT (jsonb_populate_record(d, jsonb_build_object('dossier_id', CAST(:new AS text)))).*"
        " FROM dossiers_dossier d WHERE dossier_id = :id"
    )
    with pytest.raises(IntegrityError, match="uq_dossiers_dossier_under_way"):
        async with town.db.write() as conn:
            await conn.execute(again, {"id": found, "new": str(uuid4())})


# -- the journal


async def test_every_act_is_in_the_journal_with_who_in_which_capacity_how_strongly_and_why(town, desk):
    found = await desk.accepted()
    await desk.did(c.Revoke(dossier=found, reason="Annulée."), "ines")
    async with town.db.read() as conn:
        grants = {
            who: str(await reviewing(conn, actor(town, who), town.clock(), desk.door.outside.staff))
            for who in ("ines", "ruben")
        }

    told = await entries(town, found)

    assert [
        (each.kind.removeprefix("dossiers."), each.actor_person, str(each.capacity)) for each in told
    ] == [
        ("dossier.opened", town.person("agathe"), "citizen"),
        ("document.added", town.person("agathe"), "citizen"),
        ("dossier.submitted", town.person("agathe"), "citizen"),
        ("review.started", town.person("ines"), "staff"),
        ("review.accepted", town.person("ines"), "staff"),
        ("review.started", town.person("ruben"), "staff"),
        ("dossier.accepted", town.person("ruben"), "staff"),
        ("dossier.revoked", town.person("ines"), "staff"),
    ]
    assert {each.level for each in told} == {int(Level.EID)}
    assert all(each.authenticated_at == town.clock() - timedelta(minutes=1) for each in told)
    assert {each.trace_id for each in told} == {"t-1"}
    assert [each.revision for each in told] == list(range(1, 9))
    for each in told[3:]:
        who = "ines" if each.actor_person == town.person("ines") else "ruben"
        assert each.basis == {"grant": grants[who]}
    assert told[0].details == {"motivation": "Nommée par le conseil.", "email": personas()["agathe"]["email"]}
    assert told[4].details == {"note": "Le procès-verbal la nomme."}
    assert told[-1].details == {"reason": "Annulée."}
    assert not any("note" in each.data or "motivation" in each.data for each in told)


async def test_the_register_says_that_a_representation_began_and_ended(town, desk):
    found = await desk.accepted()
    town.clock.advance(minutes=1)
    await desk.did(c.Withdraw(dossier=found), "agathe")

    async with town.db.read() as conn:
        told = await of_head(conn, Head(HeadKind.REGISTER, town.entity(FABRIQUE)))
    assert [each.kind for each in told if each.kind.startswith("bce.representation")] == [
        "bce.representation.began",
        "bce.representation.ended",
    ]
    assert told[-1].data["function"] == str(found)
    assert str(town.person("agathe")) not in str(told[-1].data), (
        "ids and codes: whose it is, the dossier says"
    )


async def test_what_is_refused_leaves_no_trace(town, desk):
    found = await desk.submitted()
    await desk.started(found, "ines")
    before = await dump(town.db)

    for command, who in (
        (desk.acceptance(found, note="Elle est 71.00.00-003.33"), "ines"),
        (desk.acceptance(found), "ruben"),
        (desk.acceptance(found), "agathe"),
        (c.Refuse(dossier=found, stage=Stage.FIRST, reason=""), "ines"),
        (c.AddDocument(dossier=found, content=PDF), "agathe"),
        (desk.opening(motivation="71000000333"), "agathe"),
    ):
        assert isinstance(await desk.act(command, who), Refusal)

    assert await dump(town.db) == before


# -- documents


async def test_a_document_is_stored_as_noise_and_opened_for_the_reviewer_alone_with_an_entry(town, desk):
    found = await desk.submitted()
    [document] = (await seen(town, found)).dossier.documents
    command = c.Read(dossier=found, document=document.id)
    stored = "\n".join(line for lines in (await dump(town.db)).values() for line in lines)
    assert PDF[:20].hex() not in stored
    assert PDF.decode() not in stored

    async def opens(who):
        async with town.db.write() as conn:
            return await desk.door.open_document(conn, command, actor(town, who))

    assert why(await opens("ines")) is Reason.DOSSIER_UNKNOWN, "not taken up yet"
    await desk.started(found, "ines")
    opened, content = await opens("ines")
    assert (opened.id, content) == (document.id, PDF)
    for who, wanted in (("ruben", Reason.DOSSIER_UNKNOWN), ("agathe", Reason.NOT_STAFF)):
        assert why(await opens(who)) is wanted

    looked = [each for each in await entries(town, found) if each.kind == "dossiers.dossier.read"]
    assert [(each.actor_person, each.data["document"]) for each in looked] == [
        (town.person("ines"), str(document.id))
    ]


async def test_a_document_that_is_taken_out_is_gone(town, desk):
    found = (await desk.did(desk.opening(), "agathe")).dossier
    for content in (PDF, JPEG):
        await desk.did(c.AddDocument(dossier=found, content=content), "agathe")
    first, second = (await seen(town, found)).dossier.documents
    await desk.did(c.RemoveDocument(dossier=found, document=first.id), "agathe")

    assert (await seen(town, found)).dossier.documents == (second,)
    async with town.db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM dossiers_document"))).scalar_one() == 1
    assert why(
        await desk.act(c.RemoveDocument(dossier=found, document=DocumentId(uuid4())), "agathe")
    ) is Reason.DOSSIER_UNKNOWN  # fmt: skip
    assert why(await desk.act(c.AddDocument(dossier=found, content=SCRIPT), "agathe")) is Reason.DOCUMENT_KIND


@pytest.mark.parametrize("end", ["refused", "accepted", "withdrawn", "undecided", "unsent"])
async def test_documents_are_destroyed_on_their_day_while_the_decision_stays(town, desk, end):
    """What opens them is deleted, and what is left of them opens with nothing."""
    days = town.settings.policy.dossier_retention_days
    if end == "accepted":
        found = await desk.accepted()
    elif end == "unsent":
        found = await desk.opened()
        days = 0
        town.clock.advance(days=town.settings.policy.dossier_unsent_days)
    else:
        found = await desk.submitted()
        await desk.started(found, "ines")
    if end == "refused":
        await desk.did(c.Refuse(dossier=found, stage=Stage.FIRST, reason="Non."), "ines")
    elif end == "withdrawn":
        await desk.did(c.Withdraw(dossier=found), "agathe")
    elif end == "undecided":
        town.clock.advance(days=town.settings.policy.dossier_days)
    [document] = (await seen(town, found)).dossier.documents
    async with town.db.read() as conn:
        kept = await queries.sealed(conn, found, document.id)
    await let_time_pass(town.db, desk.door, town.clock)
    if days:
        town.clock.advance(days=days, microseconds=-1)
        await let_time_pass(town.db, desk.door, town.clock)
        async with town.db.read() as conn:
            assert await queries.sealed(conn, found, document.id) == kept, "not before its day"
        town.clock.advance(microseconds=1)

    await let_time_pass(town.db, desk.door, town.clock)

    async with town.db.read() as conn:
        assert await queries.sealed(conn, found, document.id) is None
        row = (await conn.execute(_document.select())).one()
    assert (row.content, row.wrapped_key, row.key_id) == (None, None, None)
    assert row.destroyed_at == town.clock()
    with pytest.raises(UnreadableDocument):
        Vault.of(town.settings).open(replace(kept, wrapped_key=b""), document.id, found)
    after = await seen(town, found)
    assert [each.destroyed for each in after.dossier.documents] == [True]
    assert after.dossier.state is {
        "refused": State.REFUSED, "accepted": State.ACCEPTED, "withdrawn": State.WITHDRAWN,
        "undecided": State.EXPIRED, "unsent": State.EXPIRED,
    }[end]  # fmt: skip
    told = await entries(town, found)
    assert [(each.kind, each.data["documents"]) for each in told if "destroyed" in each.kind] == [
        ("dossiers.documents.destroyed", 1)
    ]
    assert len(await known(town)) == (1 if end == "accepted" else 0)
    again = await dump(town.db)
    assert await let_time_pass(town.db, desk.door, town.clock) == 0
    assert await dump(town.db) == again


async def test_a_document_that_was_cut_in_the_database_is_not_shown(town, desk):
    found = await desk.submitted()
    await desk.started(found, "ines")
    [document] = (await seen(town, found)).dossier.documents
    async with town.db.write() as conn:
        await conn.execute(
            text("UPDATE dossiers_document SET content = substring(content FROM 1 FOR 20) || content")
        )
    with pytest.raises(UnreadableDocument):
        async with town.db.write() as conn:
            await desk.door.open_document(
                conn, c.Read(dossier=found, document=document.id), actor(town, "ines")
            )


async def test_the_service_does_not_start_without_a_key_under_which_documents_are_kept(town, desk):
    await desk.submitted()
    own = town.settings.secrets
    new = {"dossier_key_id": "2", "dossier_key": SecretStr("n" * 32)}
    rotated = {**new, "dossier_previous_key_id": "1", "dossier_previous_key": own.dossier_key}
    swapped = {"dossier_key": SecretStr("n" * 32)}

    async def starts(changes):
        settings = town.settings.model_copy(update={"secrets": own.model_copy(update=changes)})
        await DossierDoor(settings, town.clock, Vault.of(settings)).prepare(town.db)

    await starts({})
    await starts(rotated)
    for lost in (new, swapped):
        with pytest.raises(LostKey, match=r"dossier key 1$"):
            await starts(lost)
    town.clock.advance(days=town.settings.policy.dossier_days)
    await let_time_pass(town.db, desk.door, town.clock)
    town.clock.advance(days=town.settings.policy.dossier_retention_days)
    await let_time_pass(town.db, desk.door, town.clock)
    await starts(new)


# -- numbers


async def test_inv_6_no_row_of_a_dossier_holds_a_national_number(town, desk):
    await desk.accepted()
    scanner = Scanner(each["ssin"] for each in personas().values())

    for table, rows in (await dump(town.db)).items():
        if table.startswith(("dossiers_", "journal_")):
            assert rows or table not in {"dossiers_dossier", "journal_entry"}
            assert scanner.find("\n".join(rows).encode()) == [], table


async def test_somebody_whom_no_register_can_know_claims_beside_a_known_representative(town, desk):
    await without_a_number(town, "sophie")
    opening = replace(desk.opening("sophie", DUPONT), code="XADMI", language=Language.FR)

    assert isinstance(await desk.act(opening, "sophie"), Done)
