"""The one door under concurrency, on the real PostgreSQL: what must never be true twice is not."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from iam.bce import queries as register
from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.events import TYPES
from iam.delegation.execute import Done
from iam.delegation.facts import grants_where, offices_of, requests_where
from iam.delegation.model import RequestState
from iam.delegation.tables import DelegationGrant, DelegationOffice, DelegationRequest
from iam.journal.model import Head, HeadKind
from iam.journal.queries import of_head
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import uuid4
from iam.kernel.reasons import Kind, Reason
from iam.storage import Database
from iam.storage.tables import core
from tests.support.acts import (
    DUPONT,
    SERVAIS,
    act,
    actor,
    appointed,
    appointment,
    deed,
    did,
    dump,
    gap,
    gift,
    given,
    in_turn,
    represents,
    requested,
    submission,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def dupont(town):
    return town.entity(DUPONT)


async def offices(town, entity):
    async with town.db.read() as conn:
        return (await offices_of(conn, [entity])).values()


async def grants(town, entity):
    async with town.db.read() as conn:
        return (await grants_where(conn, core(DelegationGrant).c.entity_id == entity)).values()


async def state_of(town, request):
    async with town.db.read() as conn:
        found = await requests_where(conn, core(DelegationRequest).c.request_id == request)
    return found[request].state


async def journal(town, entity):
    async with town.db.read() as conn:
        return await of_head(conn, Head(HeadKind.ENTERPRISE, entity))


class TestAppointing:
    """Two representatives of one enterprise."""

    async def test_inv_26_two_representatives_in_turn_one_wins_the_other_is_told_of_the_conflict(
        self, town, dupont, tmp_path
    ):
        await represents(town, tmp_path, ("sophie", DUPONT))

        first, second = await in_turn(
            town,
            deed(town, appointment(town, "jeanne"), "luc"),
            deed(town, appointment(town, "karim"), "sophie"),
        )

        assert isinstance(first, Done)
        assert second == Refusal(reason=Reason.APPOINTMENT_PENDING)
        assert second.reason.kind is Kind.CONFLICT
        [office] = await offices(town, dupont)
        assert office.person == town.person("jeanne")

    async def test_inv_26_two_representatives_at_once_exactly_one_wins(self, town, dupont, tmp_path):
        await represents(town, tmp_path, ("sophie", DUPONT))

        answers = await asyncio.gather(
            act(town, appointment(town, "jeanne"), "luc"), act(town, appointment(town, "karim"), "sophie")
        )

        assert sorted(type(answer).__name__ for answer in answers) == ["Done", "Refusal"]
        assert len(await offices(town, dupont)) == 1

    async def test_inv_26_two_who_name_themselves_at_once_are_never_both_in_office(
        self, town, dupont, tmp_path
    ):
        """Both acts are allowed one after the other: the second replaces the first in the same breath."""
        await represents(town, tmp_path, ("sophie", DUPONT))

        answers = await asyncio.gather(
            act(town, appointment(town, "luc"), "luc"), act(town, appointment(town, "sophie"), "sophie")
        )

        assert all(isinstance(answer, Done) for answer in answers)
        found = await offices(town, dupont)
        assert sum(office.is_active(town.clock()) for office in found) == 1
        assert len(found) == 2

    async def test_inv_26_the_same_act_from_twenty_tasks_happens_once(self, town, dupont):
        answers = await asyncio.gather(*(act(town, appointment(town, "jeanne"), "luc") for _ in range(20)))

        refusals = [answer for answer in answers if isinstance(answer, Refusal)]
        assert Counter(refusal.reason for refusal in refusals) == {Reason.APPOINTMENT_PENDING: 19}
        assert [entry.kind for entry in await journal(town, dupont)] == [e.OfficeAppointed.KIND]

    async def test_inv_27_accepting_twice_at_once_activates_once(self, town, dupont):
        office = await appointed(town, "luc", "jeanne")
        accept = c.AcceptOffice(entity=dupont, office=office)

        first, second = await in_turn(town, deed(town, accept, "jeanne"), deed(town, accept, "jeanne"))

        assert isinstance(first, Done)
        assert second == Refusal(reason=Reason.APPOINTMENT_CLOSED)

    async def test_inv_27_accepting_and_cancelling_at_once_the_first_holds(self, town, dupont):
        office = await appointed(town, "luc", "jeanne")
        accept, cancel = (
            kind(entity=dupont, office=office) for kind in (c.AcceptOffice, c.CancelAppointment)
        )

        first, second = await in_turn(town, deed(town, accept, "jeanne"), deed(town, cancel, "luc"))

        assert isinstance(first, Done)
        assert second == Refusal(reason=Reason.APPOINTMENT_CLOSED)
        [found] = await offices(town, dupont)
        assert found.is_active(town.clock())


class TestDeciding:
    """Two decisions on the same request."""

    @pytest.fixture
    async def asked(self, town):
        await gap(town, "luc", "jeanne")
        return await requested(town, "karim")

    async def test_inv_46_two_approvals_first_wins_second_sees_the_outcome(self, town, dupont, asked):
        approve = deed(town, c.ApproveRequest(entity=dupont, request=asked), "jeanne")

        first, second = await in_turn(town, approve, approve)

        assert isinstance(first, Done)
        assert second == Refusal(reason=Reason.REQUEST_NOT_OPEN, facts={"state": "approved"})
        assert len(await grants(town, dupont)) == 1

    @pytest.mark.parametrize("approval_first", [True, False])
    async def test_inv_46_approval_and_refusal_first_wins_second_sees_the_outcome(
        self, town, dupont, asked, approval_first
    ):
        approve = deed(town, c.ApproveRequest(entity=dupont, request=asked), "jeanne")
        refuse = deed(town, c.RefuseRequest(entity=dupont, request=asked, reason="Inconnu ici."), "jeanne")

        first, second = await in_turn(town, *((approve, refuse) if approval_first else (refuse, approve)))

        outcome = RequestState.APPROVED if approval_first else RequestState.REFUSED
        assert isinstance(first, Done)
        assert second == Refusal(reason=Reason.REQUEST_NOT_OPEN, facts={"state": outcome.value})
        assert await state_of(town, asked) is outcome
        assert len(await grants(town, dupont)) == approval_first

    async def test_inv_46_approval_and_withdrawal_first_wins(self, town, dupont, asked):
        approve = deed(town, c.ApproveRequest(entity=dupont, request=asked), "jeanne")
        withdraw = deed(town, c.WithdrawRequest(entity=dupont, request=asked), "karim")

        first, second = await in_turn(town, withdraw, approve)

        assert isinstance(first, Done)
        assert second == Refusal(reason=Reason.REQUEST_NOT_OPEN, facts={"state": "withdrawn"})
        assert not await grants(town, dupont)

    async def test_inv_41_46_twenty_approvals_and_refusals_at_once_never_two_grants(
        self, town, dupont, asked
    ):
        acts = [
            c.ApproveRequest(entity=dupont, request=asked),
            c.RefuseRequest(entity=dupont, request=asked, reason="Inconnu ici."),
        ]

        answers = await asyncio.gather(*(act(town, acts[i % 2], "jeanne") for i in range(20)))

        assert sum(isinstance(answer, Done) for answer in answers) == 1
        state = await state_of(town, asked)
        assert state in {RequestState.APPROVED, RequestState.REFUSED}
        assert len(await grants(town, dupont)) == (state is RequestState.APPROVED)

    async def test_inv_41_a_role_given_and_a_request_approved_at_once_is_one_grant(self, town, dupont, asked):
        approve = deed(town, c.ApproveRequest(entity=dupont, request=asked), "jeanne")
        give = deed(town, gift(town, "karim", "primes.deposer"), "jeanne")

        first, second = await in_turn(town, give, approve)

        assert isinstance(first, Done)
        assert second.reason is Reason.ALREADY_GRANTED
        assert await state_of(town, asked) is RequestState.UNDER_REVIEW
        assert len(await grants(town, dupont)) == 1

    async def test_inv_47_who_is_replaced_a_moment_before_decides_nothing(self, town, dupont, asked):
        office = await appointed(town, "luc", "sophie")
        accept = deed(town, c.AcceptOffice(entity=dupont, office=office), "sophie")
        approve = deed(town, c.ApproveRequest(entity=dupont, request=asked), "jeanne")

        first, second = await in_turn(town, accept, approve)

        assert isinstance(first, Done)
        assert second == Refusal(reason=Reason.NO_STANDING)
        assert await state_of(town, asked) is RequestState.UNDER_REVIEW
        assert not await grants(town, dupont)

    async def test_inv_27_47_who_decides_a_moment_before_being_replaced_has_decided(
        self, town, dupont, asked
    ):
        office = await appointed(town, "luc", "sophie")
        accept = deed(town, c.AcceptOffice(entity=dupont, office=office), "sophie")
        approve = deed(town, c.ApproveRequest(entity=dupont, request=asked), "jeanne")

        first, second = await in_turn(town, approve, accept)

        assert isinstance(first, Done)
        assert isinstance(second, Done)
        assert [event.KIND for event in second.events] == [e.OfficeEnded.KIND, e.OfficeActivated.KIND]
        assert len(await grants(town, dupont)) == 1

    @pytest.mark.parametrize("submission_first", [True, False])
    async def test_inv_44_a_request_sent_while_the_gap_accepts_reaches_the_gap(
        self, town, dupont, submission_first
    ):
        office = await appointed(town, "luc", "jeanne")
        accept = deed(town, c.AcceptOffice(entity=dupont, office=office), "jeanne")
        submit = deed(town, submission(town, "karim"), "karim")

        answers = await in_turn(town, *((submit, accept) if submission_first else (accept, submit)))

        assert all(isinstance(answer, Done) for answer in answers)
        async with town.db.read() as conn:
            found = await requests_where(conn, core(DelegationRequest).c.entity_id == dupont)
        assert [request.state for request in found.values()] == [RequestState.UNDER_REVIEW]

    async def test_inv_59_ending_a_grant_twice_at_once_ends_it_once(self, town, dupont, asked):
        grant = await given(town, "jeanne", "karim", "permis.deposer")
        end = c.EndGrant(entity=dupont, grant=grant, reason="Parti.")

        first, second = await in_turn(town, deed(town, end, "jeanne"), deed(town, end, "karim"))

        assert isinstance(first, Done)
        assert second == Refusal(reason=Reason.GRANT_ENDED)


class TestTheDatabaseItself:
    """What the rules refuse, PostgreSQL refuses too: by constraints that Alembic cannot compare."""

    CONSTRAINTS = (
        ("delegation_grant", "ex_delegation_grant_no_overlap"),
        ("delegation_grant", "ex_delegation_grant_one_record"),
        ("delegation_office", "ex_delegation_office_one_holder"),
        ("delegation_office", "ex_delegation_office_one_state"),
    )

    async def test_inv_26_41_the_exclusion_constraints_exist(self, db):
        async with db.read() as conn:
            rows = await conn.execute(
                text(
                    "SELECT conrelid::regclass::text AS place, conname FROM pg_constraint"
                    " WHERE contype = 'x' AND conrelid::regclass::text LIKE 'delegation%' ORDER BY 1, 2"
                )
            )
            assert tuple((row.place, row.conname) for row in rows) == self.CONSTRAINTS

    async def raw(self, town, model, constraint, **changes):
        """The current row of the model once more, with other keys; it must break that very constraint."""
        table = core(model)
        async with town.db.read() as conn:
            row = (
                (await conn.execute(table.select().where(table.c.recorded_until.is_(None)))).mappings().one()
            )
        with pytest.raises(IntegrityError) as broken:
            async with town.db.write() as conn:
                await conn.execute(insert(table).values({**row, "version_id": uuid4(), **changes}))
        assert broken.value.orig.diag.constraint_name == constraint

    @pytest.mark.parametrize("active", [True, False])
    async def test_inv_26_a_second_holder_cannot_be_written(self, town, active):
        await (gap if active else appointed)(town, "luc", "jeanne")
        async with town.db.write() as conn:
            # the stretch before the activation is another row: leave the one that counts
            await conn.execute(
                text("DELETE FROM delegation_office WHERE state <> :s"),
                {"s": "active" if active else "pending"},
            )

        await self.raw(
            town, DelegationOffice, "ex_delegation_office_one_holder",
            office_id=uuid4(), person_id=town.person("karim"),
        )  # fmt: skip

    async def test_inv_26_an_office_is_in_one_state_at_a_time(self, town):
        await appointed(town, "luc", "jeanne")
        await self.raw(town, DelegationOffice, "ex_delegation_office_one_state", state="active")

    async def test_inv_41_a_second_grant_of_the_same_role_cannot_be_written(self, town):
        await gap(town, "luc", "jeanne")
        await given(town, "jeanne", "karim", "primes.deposer")
        await self.raw(town, DelegationGrant, "ex_delegation_grant_no_overlap", grant_id=uuid4())

    async def test_inv_41_a_grant_has_one_record_at_a_time(self, town):
        await gap(town, "luc", "jeanne")
        await given(town, "jeanne", "karim", "primes.deposer")
        await self.raw(
            town, DelegationGrant, "ex_delegation_grant_one_record",
            role="permis.deposer", person_id=town.person("sophie"),
        )  # fmt: skip

    async def test_another_person_or_role_is_no_conflict(self, town):
        """The constraints refuse what is the same, not what is merely near."""
        await gap(town, "luc", "jeanne")
        await given(town, "jeanne", "karim", "primes.deposer")
        await given(town, "jeanne", "sophie", "primes.deposer")
        await given(town, "jeanne", "karim", "permis.deposer")
        assert len(await grants(town, town.entity(DUPONT))) == 3


class TestSeparateEnterprises:
    """Who waits for whom."""

    async def test_a_command_does_not_wait_for_another_enterprise(self, town):
        async with town.db.write() as conn:
            held = await town.door.execute(conn, appointment(town, "jeanne"), actor(town, "luc"))
            assert isinstance(held, Done)
            async with asyncio.timeout(5):
                done = await act(town, appointment(town, "paul", SERVAIS), "anne")
            assert isinstance(done, Done)
        assert len(await offices(town, town.entity(SERVAIS))) == 1

    async def test_one_person_asks_at_two_enterprises_at_once(self, town):
        async with town.db.write() as conn:
            held = await town.door.execute(conn, submission(town, "karim"), actor(town, "karim"))
            assert isinstance(held, Done)
            async with asyncio.timeout(5):
                done = await act(town, submission(town, "karim", SERVAIS), "karim")
            assert isinstance(done, Done)

    async def test_readers_do_not_wait_for_a_writer(self, town, dupont):
        async with town.db.write() as conn:
            await town.door.execute(conn, appointment(town, "jeanne"), actor(town, "luc"))
            async with asyncio.timeout(5):
                assert not await offices(town, dupont), "what is not committed is not seen"


class TestNothingHalfDone:
    """A refusal, or a failure, leaves every table and the journal as they were."""

    REFUSED = (
        ("anonymous", "karim", lambda t: gift(t, "karim", "primes.deposer"), Reason.NOT_GAP),
        ("unrelated", "nadia", lambda t: gift(t, "nadia", "primes.deposer"), Reason.NO_STANDING),
        ("not a representative", "jeanne", lambda t: appointment(t, "karim"), Reason.NOT_REPRESENTATIVE),
        ("own role of four eyes", "jeanne", lambda t: gift(t, "jeanne", "aides.signer"), Reason.FOUR_EYES),
        ("unknown role", "sophie", lambda t: submission(t, "sophie", roles=("x.y",)), Reason.ROLE_UNKNOWN),
        ("no motivation", "sophie", lambda t: submission(t, "sophie", motivation=" "), Reason.MOTIVATION_MISSING),
        ("unknown enterprise", "luc", lambda t: c.AppointGap(
            entity=uuid4(), appointee=t.person("luc"), email="luc@exemple.be", language="fr"
        ), Reason.NO_STANDING),
        ("ceased", "sophie", lambda t: submission(t, "sophie", "1900000960"), Reason.ENTERPRISE_CEASED),
        ("a system's word", "luc", lambda t: c.Reassess(entity=t.entity(DUPONT)), Reason.NO_STANDING),
    )  # fmt: skip

    @pytest.mark.parametrize(
        ("who", "command", "reason"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
    )
    async def test_a_refusal_leaves_all_tables_as_they_were(self, town, who, command, reason):
        await gap(town, "luc", "jeanne")
        await requested(town, "karim")
        before = await dump(town.db)

        refused = await act(town, command(town), who)

        assert isinstance(refused, Refusal)
        assert refused.reason is reason
        assert await dump(town.db) == before

    async def test_a_refusal_does_not_record_what_was_due(self, town, dupont):
        """Lapses are recorded with an act that takes effect; time decides on read meanwhile."""
        await gap(town, "luc", "jeanne")
        asked = await requested(town, "karim")
        town.clock.advance(days=61)
        before = await dump(town.db)

        refused = await act(town, c.ApproveRequest(entity=dupont, request=asked), "jeanne")

        assert refused == Refusal(reason=Reason.REQUEST_NOT_OPEN, facts={"state": "expired"})
        assert await dump(town.db) == before

    async def test_what_was_done_in_the_same_transaction_before_a_refusal_stays(self, town, dupont):
        async with town.db.write() as conn:
            first = await town.door.execute(conn, appointment(town, "jeanne"), actor(town, "luc"))
            second = await town.door.execute(conn, appointment(town, "karim"), actor(town, "luc"))
        assert isinstance(first, Done)
        assert isinstance(second, Refusal)
        assert len(await offices(town, dupont)) == 1

    async def test_a_failure_while_recording_leaves_all_tables_as_they_were(self, town):
        await gap(town, "luc", "jeanne")
        before = await dump(town.db)
        async with town.db.write() as conn:
            await conn.execute(
                text("ALTER TABLE journal_pending ADD CONSTRAINT broken CHECK (false) NOT VALID")
            )

        with pytest.raises(IntegrityError):
            await act(town, gift(town, "karim", "primes.deposer"), "jeanne")

        assert await dump(town.db) == before


class TestTheJournal:
    """Who, in which capacity, on which basis, how surely, when."""

    async def test_inv_65_66_every_event_is_attributable(self, town, dupont):
        office = await gap(town, "luc", "jeanne")
        asked = await requested(town, "karim")
        await did(town, c.ApproveRequest(entity=dupont, request=asked), "jeanne")
        refused = await requested(town, "sophie")
        await did(town, c.RefuseRequest(entity=dupont, request=refused, reason="Inconnue ici."), "jeanne")
        withdrawn = await requested(town, "sophie", roles=("permis.deposer",))
        await did(town, c.WithdrawRequest(entity=dupont, request=withdrawn), "sophie")
        [grant] = await grants(town, dupont)
        await did(town, c.EndGrant(entity=dupont, grant=grant.id, reason="Parti."), "jeanne")
        other = await appointed(town, "luc", "sophie")
        await did(town, c.DeclineOffice(entity=dupont, office=other), "sophie")
        async with town.db.read() as conn:
            [function] = {
                held.basis
                for held in await register.representatives(conn, dupont, town.clock())
                if held.alone
            }

        entries = await journal(town, dupont)

        luc = ("luc", "legal_representative", {"function": function, "code": "XADMI"})
        jeanne = ("jeanne", "chief_access_manager", {"office": str(office)})
        karim, sophie = ("karim", "requester", {}), ("sophie", "requester", {})
        told = [
            (entry.kind.removeprefix("delegation."), next(k for k, p in town.persons.items() if p == entry.actor_person),
             entry.capacity.value, dict(entry.basis))
            for entry in entries
        ]  # fmt: skip
        assert told == [
            ("office.appointed", *luc),
            ("office.activated", "jeanne", "appointee", {"office": str(office)}),
            *((kind, *karim) for kind in ("request.submitted", "request.confirmed", "request.routed")),
            ("request.approved", *jeanne),
            ("role.granted", *jeanne),
            *((kind, *sophie) for kind in ("request.submitted", "request.confirmed", "request.routed")),
            ("request.refused", *jeanne),
            *((kind, *sophie) for kind in ("request.submitted", "request.confirmed", "request.routed")),
            ("request.withdrawn", *sophie),
            ("grant.ended", *jeanne),
            ("office.appointed", *luc),
            ("office.ended", "sophie", "appointee", {"office": str(other)}),
        ]
        for entry in entries:
            assert entry.actor_kind == "person"
            assert entry.level == Level.EID
            assert entry.authenticated_at == town.clock() - timedelta(minutes=1)
            assert entry.at == town.clock()

    async def test_inv_65_each_command_has_one_revision_and_the_head_has_the_last(self, town, dupont):
        await gap(town, "luc", "jeanne")
        done = await did(town, submission(town, "karim"), "karim")

        entries = await journal(town, dupont)

        assert [(entry.revision, entry.ordinal) for entry in entries] == [
            (1, 0),
            (2, 0),
            (3, 0),
            (3, 1),
            (3, 2),
        ]
        assert done.revision == 3
        async with town.db.read() as conn:
            head = await conn.execute(
                text("SELECT revision FROM delegation_head WHERE entity_id = :e"), {"e": dupont}
            )
            assert head.scalar_one() == 3

    async def test_inv_66_what_time_brings_is_the_clocks_act_not_that_of_whoever_comes_next(
        self, town, dupont
    ):
        await gap(town, "luc", "jeanne")
        asked = await requested(town, "karim")
        town.clock.advance(days=61)

        done = await did(town, submission(town, "sophie"), "sophie")

        entries = (await journal(town, dupont))[-4:]
        assert [entry.kind for entry in entries][:2] == [e.RequestExpired.KIND, e.RequestSubmitted.KIND]
        expired, submitted = entries[:2]
        assert (expired.actor_kind, expired.actor_name, expired.level) == ("system", "clock", None)
        assert expired.data["request"] == str(asked)
        assert submitted.actor_person == town.person("sophie")
        assert (expired.revision, submitted.revision) == (done.revision - 1, done.revision)

    async def test_inv_66_a_system_act_names_its_trigger(self, town, dupont):
        await did(town, c.MigrateGap(entity=dupont, person=town.person("jeanne"), email=None))

        [entry] = await journal(town, dupont)

        assert (entry.actor_kind, entry.actor_name, entry.capacity.value) == ("system", "test", "system")
        assert entry.basis == {"feed": "test"}

    async def test_time_never_runs_backwards_on_an_enterprise(self, town, dupont):
        """A machine whose clock stands behind appends nothing before what is there."""
        await gap(town, "luc", "jeanne")
        before = town.clock()
        town.clock.advance(hours=-3)

        done = await did(town, submission(town, "karim"), "karim")
        asked = done.events[0].request
        await did(town, c.ApproveRequest(entity=dupont, request=asked), "jeanne")

        entries = await journal(town, dupont)
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
        assert done.at == before
        assert all(TYPES.decode(entry).at == entry.at for entry in entries)
        elsewhere = await did(town, appointment(town, "paul", SERVAIS), "anne")
        assert elsewhere.at == town.clock(), "another enterprise has its own time"

    async def test_two_processes_share_the_order_of_a_head(self, town, town_url, dupont):
        """Replicas of the service have nothing in common but the database."""
        other = Database(town_url, pool_size=1)
        try:
            await gap(town, "luc", "jeanne")

            async def elsewhere():
                async with other.write() as conn:
                    return await town.door.execute(conn, submission(town, "sophie"), actor(town, "sophie"))

            answers = await asyncio.gather(elsewhere(), act(town, submission(town, "karim"), "karim"))
        finally:
            await other.close()
        assert sorted(answer.revision for answer in answers) == [3, 4]
