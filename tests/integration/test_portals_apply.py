"""`habilis portals apply`: portals become what the file says, in one transaction with the journal."""

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from iam.journal.model import Head, HeadKind
from iam.journal.queries import of_head
from iam.portals import queries
from iam.portals.authentication import Credentials, hash_of, proven
from iam.portals.commands import app, apply_to
from iam.portals.definition import read
from iam.portals.model import DemarcheFor
from tests.support.oauth import PORTALS, SECRETS

pytestmark = pytest.mark.anyio
ENVIRONMENT = {name.upper(): hash_of(secret).hex() for name, secret in SECRETS.items() if "-" not in name}


async def apply(db, clock, toml=PORTALS, *, dry_run=False):
    events = await apply_to(db, read(toml, ENVIRONMENT), clock, dry_run=dry_run)
    return [(type(event).__name__, event.client_id, getattr(event, "changed", None)) for event in events]


async def test_registers_and_then_changes_nothing(db, clock):
    registered = await apply(db, clock)
    assert registered == [("PortalRegistered", name, None) for name in ("permis", "primes", "vieux")]
    assert await apply(db, clock) == []

    portal = await queries.find(db, "primes")
    assert portal.audience == "https://primes.test"
    assert portal.revision == 1
    assert portal.roles == {"primes.deposer", "primes.suivre", "primes.signer"}


async def test_a_dry_run_says_the_same_and_leaves_nothing(db, clock):
    assert len(await apply(db, clock, dry_run=True)) == 3
    async with db.read() as conn:
        assert await queries.every(conn) == []
        assert (await conn.execute(text("SELECT count(*) FROM journal_entry"))).scalar_one() == 0


async def test_a_change_is_an_event_that_names_what_changed(db, clock):
    await apply(db, clock)
    narrower = PORTALS.replace('"primes.suivre", "primes.signer"]', '"primes.suivre"]')

    assert await apply(db, clock, narrower) == [("PortalChanged", "primes", ("roles",))]

    portal = await queries.find(db, "primes")
    assert (portal.revision, portal.roles) == (2, {"primes.deposer", "primes.suivre"})
    async with db.read() as conn:
        entries = await of_head(conn, Head(HeadKind.PORTAL, portal.id))
    assert [(entry.kind, entry.revision) for entry in entries] == [
        ("portals.portal.registered", 1), ("portals.portal.changed", 2),
    ]  # fmt: skip


async def test_the_journal_holds_neither_secret_nor_digest(db, clock):
    await apply(db, clock)
    async with db.read() as conn:
        said = (await conn.execute(text("SELECT string_agg(data::text, '') FROM journal_entry"))).scalar_one()
    for secret in SECRETS.values():
        assert secret not in said
        assert hash_of(secret).hex() not in said


async def test_a_new_secret_replaces_the_old_one(db, clock):
    await apply(db, clock)
    fresh = "a-new-secret-of-the-portal-here"
    changed = PORTALS.replace('["${PRIMES}"]', f'["{hash_of(fresh).hex()}"]')
    assert await apply(db, clock, changed) == [("PortalChanged", "primes", ("secret_sha256",))]
    portal = await queries.find(db, "primes")
    assert proven(portal, Credentials(client_id="primes", secret=fresh)) is portal is not None
    assert proven(portal, Credentials(client_id="primes", secret=SECRETS["primes"])) is None


async def test_a_portal_that_the_file_leaves_out_is_left_alone(db, clock):
    await apply(db, clock)
    [_, *others] = PORTALS.split("[[portal]]")
    assert await apply(db, clock, "[[portal]]" + others[1]) == []
    assert await queries.find(db, "primes") is not None


async def test_demarches_follow_their_file_and_disappear_with_a_withdrawn_portal(db, clock):
    await apply(db, clock)
    async with db.read() as conn:
        [one] = await queries.demarches(conn, DemarcheFor.ENTERPRISE)
        assert await queries.demarches(conn, DemarcheFor.CITIZEN) == []
    assert (one.code, one.portal, one.start_url) == (
        "demander-prime",
        "primes",
        "https://primes.test/demander",
    )

    await apply(db, clock, PORTALS.replace("citizens = true", "citizens = true\nactive = false"))
    async with db.read() as conn:
        assert await queries.demarches(conn) == []
        assert await queries.demarche(conn, "demander-prime") is None
        assert await queries.portal_to_return_to(conn, "https://primes.test/retour") is None


async def test_return_addresses_are_compared_exactly(db, clock):
    await apply(db, clock)
    async with db.read() as conn:
        assert (await queries.portal_to_return_to(conn, "https://primes.test/retour")).client_id == "primes"
        for other in (
            "https://primes.test/retour/",
            "https://primes.test/retour?x",
            "HTTPS://primes.test/retour",
            "https://primes.test/",
        ):
            assert await queries.portal_to_return_to(conn, other) is None


def test_a_file_that_is_no_text_is_refused_with_its_place(tmp_path):
    file = tmp_path / "portals.toml"
    file.write_bytes(b'name = "\xe9t\xe9"')

    answer = CliRunner().invoke(app, ["apply", str(file)])

    assert answer.exit_code == 2
    assert "not in UTF-8" in answer.stderr
    assert "at octet 8" in answer.stderr
