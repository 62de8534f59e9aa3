"""One state machine for the whole delegation world: the model is `evolve`, the system is PostgreSQL.

After every command the tables say what the journal adds up to, and what must never be true is not.
"""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from iam.delegation import commands as c
from iam.delegation.events import TYPES
from iam.delegation.evolve import fold
from iam.delegation.execute import Done
from iam.delegation.facts import grants_where, offices_of, requests_where
from iam.delegation.model import Delegation, Relation
from iam.delegation.queries import entities_with_lapses
from iam.delegation.tables import DelegationGrant, DelegationRequest
from iam.journal.model import Head, HeadKind
from iam.journal.queries import of_head, unsealed
from iam.kernel.actor import PersonActor, SystemActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.clock import belgian_day
from iam.kernel.ids import uuid4
from iam.kernel.language import Language
from iam.storage import Database
from iam.storage.tables import core
from tests.conftest import TestClock
from tests.support.register import Town
from tests.support.worlds import NOW

PEOPLE = ("luc", "jeanne", "karim", "sophie")
ROLES = ("primes.deposer", "permis.deposer", "aides.signer")
people = st.sampled_from(PEOPLE)
roles = st.sampled_from(ROLES)
days = st.integers(min_value=0, max_value=40)


def machine(cluster, wallonia):
    class DelegationWorld(RuleBasedStateMachine):
        """Luc represents the enterprise; everybody tries everything."""

        def __init__(self):
            super().__init__()
            self.runner = asyncio.Runner()
            self.name = f"p_{uuid4().hex}"
            cluster.create_database(self.name, template=wallonia.database)
            self.clock = TestClock(NOW)
            self.db = Database(cluster.url(self.name), pool_size=2)
            self.refused = 0

        def run(self, coroutine):
            return self.runner.run(coroutine)

        @initialize()
        def settle(self):
            self.town = Town.of(wallonia, self.db, self.clock)
            self.entity = self.town.entity("1900000069")

        def teardown(self):
            self.run(self.db.close())
            self.runner.close()
            cluster.drop_database(self.name)

        # --- what people do ---------------------------------------------------------------------

        def do(self, command, who, level=Level.EID):
            actor = (
                SystemActor(trigger="test")
                if who is None
                else PersonActor(
                    person=self.town.person(who),
                    assurance=Assurance(level, self.clock() - timedelta(minutes=1)),
                )
            )
            before = self.run(self.counts())

            async def once():
                async with self.db.write() as conn:
                    return await self.town.door.execute(conn, command, actor)

            answer = self.run(once())
            if not isinstance(answer, Done):
                self.refused += 1
                assert before == self.run(self.counts()), "a refusal left something behind"
            return answer

        async def counts(self):
            async with self.db.read() as conn:
                tables = await self.tables(conn)
                return tables, await unsealed(conn)

        def state(self):
            async def load():
                async with self.db.read() as conn:
                    return await self.tables(conn)

            return self.run(load())

        async def tables(self, conn):
            return Delegation(
                offices=await offices_of(conn, [self.entity]),
                grants=await grants_where(conn, core(DelegationGrant).c.entity_id == self.entity),
                requests=await requests_where(conn, core(DelegationRequest).c.entity_id == self.entity),
            )

        @rule(who=people, codes=st.sets(roles, min_size=1, max_size=2), first=days, length=days)
        def asks(self, who, codes, first, length):
            today = belgian_day(self.clock())
            self.do(
                c.SubmitRequest(
                    entity=self.entity, roles=tuple(codes), relation=Relation.EMPLOYEE, motivation="Pour mon travail.",
                    email=f"{who}@exemple.be", first=today + timedelta(days=first),
                    last=today + timedelta(days=first + length), language=Language.FR,
                ),
                who,
            )  # fmt: skip

        @rule(data=st.data(), who=people, shorter=st.booleans())
        def approves(self, data, who, shorter):
            asked = self.any(data, self.state().requests)
            if asked:
                last = asked.wished.last_day if not shorter else None
                self.do(c.ApproveRequest(entity=self.entity, request=asked.id, last=last), who)

        @rule(data=st.data(), who=people)
        def refuses(self, data, who):
            asked = self.any(data, self.state().requests)
            if asked:
                self.do(c.RefuseRequest(entity=self.entity, request=asked.id, reason="Pas maintenant."), who)

        @rule(data=st.data(), who=people)
        def withdraws(self, data, who):
            asked = self.any(data, self.state().requests)
            if asked:
                self.do(c.WithdrawRequest(entity=self.entity, request=asked.id), who)

        @rule(who=st.sampled_from(("luc", "luc", "jeanne", "karim")), whom=people)
        def appoints(self, who, whom):
            self.do(
                c.AppointGap(
                    entity=self.entity, appointee=self.town.person(whom), email=f"{whom}@exemple.be",
                    language=Language.FR,
                ),
                who,
            )  # fmt: skip

        @rule(data=st.data(), who=people, yes=st.booleans())
        def answers(self, data, who, yes):
            office = self.any(data, self.state().offices)
            if office:
                command = c.AcceptOffice if yes else c.DeclineOffice
                self.do(command(entity=self.entity, office=office.id), who)

        @rule(data=st.data())
        def accepts_own(self, data):
            """The likely thing: whoever is proposed accepts."""
            office = self.state().pending_gap(self.clock())
            if office:
                who = next(key for key in PEOPLE if self.town.person(key) == office.person)
                self.do(c.AcceptOffice(entity=self.entity, office=office.id), who)

        @rule(who=people, whom=people, code=roles, length=days)
        def gives(self, who, whom, code, length):
            today = belgian_day(self.clock())
            self.do(
                c.GrantRole(
                    entity=self.entity, person=self.town.person(whom), role=code, first=today,
                    last=today + timedelta(days=length),
                ),
                who,
            )  # fmt: skip

        @rule(data=st.data(), who=people)
        def ends(self, data, who):
            grant = self.any(data, self.state().grants)
            if grant:
                self.do(c.EndGrant(entity=self.entity, grant=grant.id, reason="Fini."), who)

        @rule(
            passing=st.sampled_from(
                (timedelta(minutes=1), timedelta(days=3), timedelta(days=31), timedelta(days=61))
            )
        )
        def time_passes(self, passing):
            self.clock.now += passing

        @rule()
        def clock_visits(self):
            self.do(c.Lapse(entity=self.entity), None)

            async def left():
                async with self.db.read() as conn:
                    return await entities_with_lapses(conn, self.clock(), 10)

            assert self.entity not in self.run(left())

        @staticmethod
        def any(data, mapping):
            if not mapping:
                return None
            return mapping[data.draw(st.sampled_from(sorted(mapping)))]

        # --- what always holds ------------------------------------------------------------------

        @invariant()
        def tables_are_what_the_journal_adds_up_to(self):
            if not hasattr(self, "entity"):
                return

            async def both():
                async with self.db.read() as conn:
                    entries = await of_head(conn, Head(HeadKind.ENTERPRISE, self.entity))
                    return fold([TYPES.decode(entry) for entry in entries]), await self.tables(conn)

            told, kept = self.run(both())
            assert told.offices == kept.offices
            assert told.grants == kept.grants
            assert told.requests == kept.requests

        @invariant()
        def never_two_holders_nor_two_of_the_same_grant(self):
            if not hasattr(self, "entity"):
                return
            state, now = self.state(), self.clock()
            assert sum(office.is_active(now) for office in state.offices.values()) <= 1
            assert sum(office.is_pending(now) for office in state.offices.values()) <= 1
            live = [grant for grant in state.grants.values() if grant.ended is None]
            for one in live:
                assert not any(
                    other.id != one.id and (other.person, other.role) == (one.person, one.role)
                    and other.period.overlaps(one.period)
                    for other in live
                )  # fmt: skip
                assert one.period.end is not None
                assert not (one.to_oneself and one.role == "aides.signer")

    return DelegationWorld


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_inv_26_35_41_46_63_the_tables_never_leave_the_model(cluster, wallonia):
    run_state_machine_as_test(
        machine(cluster, wallonia), settings=settings(max_examples=12, stateful_step_count=20, deadline=None)
    )
