"""kill -9 of the worker, and of the follower of the journal, between any two steps (DOMAIN 7.3 nr 64, 65, 70)."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from iam.bce.events import SituationChanged
from iam.delegation import commands as c
from iam.duties import consumers
from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.journal.queries import last_sealed
from iam.kernel.actor import Capacity, SystemActor
from iam.notify.deliver import CLAIM
from iam.people.commands import claim_address, verify_address
from iam.people.links import Minter, intent
from iam.people.model import Purpose
from iam.worker import relay_all, seal_all
from provisioning.worker import LEASE
from tests.integration.test_provisioning_process import environment
from tests.support.acts import DUPONT, SERVAIS, did, gap, given, requested
from tests.support.dying_process import Step
from tests.support.mail import MailServer, mail_server, rows
from tests.support.provisioning import WRITER, Ldap, running_ldap
from tests.support.register import Town

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

REPOSITORY = Path(__file__).parents[2]
CONFIRMED, CHANGED, GRANTED = (
    "people.address.verified",
    "bce.enterprise.situationChanged",
    "delegation.role.granted",
)
OTHER = "karim@menuiserie-dupont.test"
PATIENCE = 40.0


class Processes:
    """Starts the processes of one town; none outlives the test."""

    def __init__(self, town: Town, url: str, **settings: str) -> None:
        self.town = town
        self.environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(REPOSITORY),
            **environment(town.settings, HABILIS_DATABASE_URL=url, **settings),
        }

    @contextlib.asynccontextmanager
    async def running(self, command: str, *step: str, later: timedelta = timedelta(0)):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.dying_process",
            command, (self.town.clock() + later).isoformat(), *step,
            cwd=REPOSITORY, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        # Read all the while, so that a full pipe stops nobody.
        said = asyncio.create_task(process.stdout.read())
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            self.said = (await said).decode()

    async def killed(self, command: str, *step: str) -> None:
        """The process did its work up to the step and no further."""
        async with self.running(command, *step) as process:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await process.wait()
            code = process.returncode
        assert code == -signal.SIGKILL, (step, self.said)

    async def converged(self, command: str, condition: Any, later: timedelta = timedelta(0)) -> None:
        """A process that is let alone works until the condition holds, and ends when it is told."""
        async with self.running(command, Step.NEVER, later=later) as process:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while process.returncode is None and not await condition():
                        await asyncio.sleep(0.05)
            held = await condition()
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE):
                code = await process.wait()
        assert held, self.said
        assert code == 0, self.said


async def cursors(town: Town) -> dict[str, int]:
    async with town.db.read() as conn:
        found = await conn.execute(text("SELECT consumer, seq FROM journal_cursor"))
        return {row.consumer: row.seq for row in found}


async def sealed(town: Town) -> int:
    async with town.db.read() as conn:
        return await last_sealed(conn)


async def at(town: Town, kind: str) -> int:
    """The place of the newest entry of this kind."""
    async with town.db.read() as conn:
        return (
            await conn.execute(
                text(
                    "SELECT max(s.seq) FROM journal_entry e JOIN journal_seal s ON s.entry_id = e.id"
                    " WHERE e.kind = :kind"
                ),
                {"kind": kind},
            )
        ).scalar_one()


async def happened(town: Town, since: int) -> Counter[str]:
    """The kinds of all later entries, sealed or not."""
    async with town.db.read() as conn:
        found = await conn.execute(
            text(
                "SELECT e.kind FROM journal_entry e LEFT JOIN journal_seal s ON s.entry_id = e.id"
                " WHERE s.seq IS NULL OR s.seq > :since"
            ),
            {"since": since},
        )
        return Counter(found.scalars())


async def mails(town: Town) -> Counter[tuple[str, str]]:
    """To whom, and about what, a mail was ever queued."""
    return Counter((row.address.partition("@")[0], row.key.split(":")[1]) for row in await rows(town.db))


async def at_rest(town: Town) -> bool:
    """Every entry is sealed and handled by everybody, every mail has left."""
    last = await sealed(town)
    async with town.db.read() as conn:
        waiting = await conn.execute(text("SELECT count(*) FROM journal_pending"))
        if waiting.scalar_one():
            return False
    names = {"witness", *(one.name for one in consumers(town.settings, town.door))}
    done = await cursors(town)
    return all(done.get(name) == last for name in names) and all(
        row.state == "sent" for row in await rows(town.db)
    )


async def holds_together(town: Town, server: MailServer, since: int) -> None:
    """Whatever happened: a dense order of all entries, each handled once, each mail one and the same."""
    async with town.db.read() as conn:
        order = (
            await conn.execute(
                text(
                    "SELECT s.seq, e.id, e.head_kind, e.head_id, e.revision, e.ordinal"
                    " FROM journal_entry e LEFT JOIN journal_seal s ON s.entry_id = e.id ORDER BY s.seq"
                )
            )
        ).all()
        seen = (await conn.execute(text("SELECT seq FROM witness ORDER BY seq"))).scalars().all()
        parked = (await conn.execute(text("SELECT count(*) FROM journal_parked"))).scalar_one()
    dense = list(range(1, len(order) + 1))
    assert [row.seq for row in order] == dense
    assert seen == dense[since:]
    assert parked == 0
    for head in {(row.head_kind, row.head_id) for row in order}:
        mine = [(row.revision, row.ordinal) for row in order if (row.head_kind, row.head_id) == head]
        assert mine == sorted(mine)
    identifiers = [row.message_id for row in await rows(town.db)]
    assert len(set(identifiers)) == len(identifiers)
    assert {str(mail.message["Message-ID"]) for mail in server.mails} == set(identifiers)


@pytest.fixture
async def server(tmp_path):
    async with mail_server(tmp_path / "mails") as running:
        yield running


@pytest.fixture
async def managed(town):
    """Dupont and Servais have their managers; all of that is over and done with. Says up to which entry."""
    await gap(town, "luc", "jeanne")
    await gap(town, "anne", "paul", SERVAIS)
    await seal_all(town.db, town.clock)
    while await relay_all(town.db, consumers(town.settings, town.door), town.clock):
        await seal_all(town.db, town.clock)
    async with town.db.write() as conn:
        last = await last_sealed(conn)
        await conn.execute(text("CREATE TABLE witness (seq bigint)"))
        await conn.execute(text("INSERT INTO journal_cursor VALUES ('witness', :last, 0)"), {"last": last})
        await conn.execute(text("DELETE FROM notify_message"))
    return last


async def act(town: Town) -> None:
    """Something for every consumer: an address is confirmed, an enterprise ceases, a role is given."""
    system = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=town.clock())
    await requested(town, "karim", email=OTHER)
    await requested(town, "sophie", SERVAIS)
    async with town.db.write() as conn:
        karim = town.person("karim")
        address = await claim_address(conn, karim, OTHER, town.entity(DUPONT), system)
        mint = Minter.of(town.settings.policy, town.clock)
        secret = await mint(conn, intent(Purpose.ADDRESS, karim, address.id))
        await verify_address(conn, secret, karim, system)
    async with town.db.write() as conn:
        entity = town.entity(SERVAIS)
        await conn.execute(
            text("UPDATE bce_snapshot SET situation = '017' WHERE entity_id = :e AND recorded_until IS NULL"),
            {"e": entity},
        )
        ceased = SituationChanged(
            entity=entity, before="000", after="017", consequence_before="", consequence_after=""
        )
        await append(conn, Head(HeadKind.REGISTER, entity), 1000, [ceased], system)
    await given(town, "jeanne", "karim", "primes.deposer")


async def test_inv_65_inv_70_a_worker_killed_at_every_step_of_its_way_does_each_thing_once(
    town, town_url, server, managed
):
    processes = Processes(town, town_url, HABILIS_MAIL__PORT=str(server.port))
    before = managed
    await act(town)
    acts = Counter(
        {
            "delegation.request.submitted": 2, "people.address.claimed": 1, CONFIRMED: 1, CHANGED: 1,
            "delegation.request.confirmed": 1, "delegation.request.routed": 1, GRANTED: 1,
        }
    )  # fmt: skip
    assert await happened(town, before) == acts

    await processes.killed("worker", Step.UNSEALED)
    assert await sealed(town) == before
    handled = await cursors(town)
    await processes.killed("worker", Step.SEALED)
    assert await sealed(town) == before + acts.total()
    assert await cursors(town) == handled

    for consumer, kind in (("confirms", CONFIRMED), ("reassesses", CHANGED), ("mails", GRANTED)):
        await processes.killed("worker", Step.HANDLING, consumer, kind)
        assert (await cursors(town))[consumer] == await at(town, kind) - 1
        if consumer == "confirms":
            assert await happened(town, before) == acts, "what it did went with it"
            await processes.killed("worker", Step.HANDLED, consumer, kind)
            assert (await cursors(town))[consumer] == await at(town, kind)
            assert (await happened(town, before) - acts)["delegation.request.confirmed"] == 1
    assert "delegation.request.voided" in await happened(town, before)

    await processes.killed("worker", Step.QUEUED)
    assert "queued" in {row.state for row in await rows(town.db)}

    await processes.converged("worker", lambda: at_rest(town), later=CLAIM)
    await holds_together(town, server, before)
    assert await happened(town, before) - acts == Counter(
        {
            "delegation.request.confirmed": 1, "delegation.request.routed": 1,
            "delegation.request.voided": 1,
        }
    )  # fmt: skip
    assert await mails(town) == Counter(
        [
            ("karim", "sent"), ("karim", "granted"), ("sophie", "sent"), ("sophie", "lapsed"),
            ("jeanne", "decide"), ("paul", "decide"),
        ]
    )  # fmt: skip


async def test_inv_65_inv_70_a_worker_killed_again_and_again_while_people_act_loses_and_doubles_nothing(
    town, town_url, server, managed
):
    """At whatever moment that is: nobody told it where to die."""
    processes = Processes(town, town_url, HABILIS_MAIL__PORT=str(server.port))
    before, acts = managed, 0

    async def give_and_take(times: int) -> int:
        for _ in range(times):
            grant = await given(town, "jeanne", "karim", "primes.deposer")
            end = c.EndGrant(entity=town.entity(DUPONT), grant=grant, reason="Fini.")
            await did(town, end, "jeanne")
        return times

    for _ in range(2):
        async with processes.running("worker", Step.NEVER) as process, asyncio.timeout(PATIENCE):
            acts += await give_and_take(1)
            while await sealed(town) < before + 2 * acts:
                await asyncio.sleep(0.02)
            acts += await give_and_take(5)
            process.kill()
            assert await process.wait() == -signal.SIGKILL, processes.said

    await processes.converged("worker", lambda: at_rest(town), later=CLAIM)
    await holds_together(town, server, before)
    assert await happened(town, before) == {GRANTED: acts, "delegation.grant.ended": acts}
    told = await mails(town)
    assert sum(told.values()) == 2 * acts
    assert {what for _, what in told} == {"granted", "grant-ended"}


async def test_inv_64_a_follower_killed_before_its_marks_count_marks_again_and_the_directory_converges(
    town, town_url, managed
):
    with running_ldap() as ldap:
        processes = Processes(town, town_url, **_where(ldap))
        await given(town, "jeanne", "karim", "primes.deposer")
        await seal_all(town.db, town.clock)

        await processes.killed("provision", Step.HANDLING, "provisioning", GRANTED)
        assert (await cursors(town))["provisioning"] == await at(town, GRANTED) - 1

        async def followed() -> bool:
            async with town.db.read() as conn:
                behind = await conn.execute(
                    text("SELECT count(*) FROM realms_sync WHERE target = 'directory' AND wanted > synced")
                )
                done = behind.scalar_one() == 0
            return done and (await cursors(town))["provisioning"] == await sealed(town)

        await processes.converged("provision", followed, later=LEASE)
        assert ldap.groups().get(f"{DUPONT}:primes.deposer") == {str(town.person("karim"))}


def _where(ldap: Ldap) -> dict[str, str]:
    """The directory is there; Keycloak is not."""
    return {
        "HABILIS_DIRECTORY__URL": ldap.server.url,
        "HABILIS_DIRECTORY__BASE_DN": ldap.server.base_dn,
        "HABILIS_DIRECTORY__BIND_DN": ldap.server.provisioner_dn,
        "HABILIS_DIRECTORY__PASSWORD": WRITER,
    }
