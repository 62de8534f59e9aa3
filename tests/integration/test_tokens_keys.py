"""The life of a signing key on a real PostgreSQL (DOMAIN 7.3 nr 61), and what the journal says of it (nr 65, 66)."""

import asyncio
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import text

from iam.journal.queries import of_head
from iam.kernel.actor import Capacity
from iam.portals.model import SigningAlg
from iam.tokens import keyring, record
from iam.tokens.events import TYPES, CutOff, KeyActivated, KeyMade, KeyRemoved
from iam.tokens.head import SIGNING
from iam.tokens.keyring import KeyRing, TooEarly, UnknownKey
from iam.tokens.model import KeyState
from iam.tokens.rfc7517_keys import UnreadableKey
from iam.tokens.service import prepare
from tests.integration.test_provisioning_process import environment
from tests.support.oauth import ISSUER, WRAPPING_KEY, done_at, header, world
from tests.support.outage import outage
from tests.support.realm import ROOT
from tests.support.settings import some_settings

pytestmark = pytest.mark.anyio
MINE = {"issuer": ISSUER, "wrapping_key": WRAPPING_KEY}
ES256 = SigningAlg.ES256


@pytest.fixture
async def w(db, clock):
    made = await world(db, clock)
    made.grant()
    yield made
    await made.client.aclose()


async def states(w):
    async with w.db.read() as conn:
        return {
            (k.state.value): k.kid for k in await keyring.list_keys(conn, issuer=ISSUER) if k.alg is ES256
        }


async def rotate(w):
    async with w.db.write() as conn:
        return await keyring.rotate(conn, ES256, done_at(w.clock()), **MINE)


async def published(w):
    return {key["kid"] for key in (await w.client.get("/.well-known/jwks.json")).json()["keys"]}


async def test_ensure_makes_what_is_missing_once(db, clock):
    async with db.write() as conn:
        made = await keyring.ensure_keys(conn, done_at(clock()), **MINE)
        again = await keyring.ensure_keys(conn, done_at(clock()), **MINE)
    assert len(made) == 4
    assert again == []


async def test_inv_61_signing_switches_and_the_old_key_stays_published(w, clock):
    before = await states(w)
    old = await w.token(w.login(seconds=900))
    clock.advance(seconds=600)

    retired, active = await rotate(w)
    clock.advance(seconds=5)
    new = await w.token(w.login())

    assert (retired, active) == (before["active"], before["next"])
    assert (header(old)["kid"], header(new)["kid"]) == (retired, active)
    after = await states(w)
    assert (after["active"], after["retired"]) == (active, retired)
    assert {retired, active, after["next"]} <= await published(w)
    assert (await w.introspect(new))["active"]


async def test_inv_61_a_token_of_the_retired_key_holds_until_its_end(w, clock):
    clock.advance(seconds=600)
    token = await w.token(w.login())
    await rotate(w)
    clock.advance(seconds=299)
    assert (await w.introspect(token))["active"]


@pytest.mark.parametrize(("seconds", "allowed"), [(599, False), (600, True), (601, True)])
async def test_inv_61_a_key_signs_only_after_every_portal_could_learn_it(w, clock, seconds, allowed):
    clock.advance(seconds=seconds)
    if allowed:
        await rotate(w)
        return
    before = await states(w)
    with pytest.raises(TooEarly) as caught:
        await rotate(w)
    assert caught.value.until == clock() + timedelta(seconds=600 - seconds)
    assert await states(w) == before


@pytest.mark.parametrize(("seconds", "allowed"), [(359, False), (360, True), (361, True)])
async def test_inv_61_a_key_stays_published_for_a_token_life_and_the_skew(w, clock, seconds, allowed):
    clock.advance(seconds=600)
    retired, _ = await rotate(w)
    clock.advance(seconds=seconds)
    if not allowed:
        with pytest.raises(TooEarly):
            async with w.db.write() as conn:
                await keyring.retire(conn, retired, done_at(clock()), issuer=ISSUER)
        assert retired in await published(w)
        return
    async with w.db.write() as conn:
        await keyring.retire(conn, retired, done_at(clock()), issuer=ISSUER)
        left = (
            await conn.execute(text("SELECT wrapped FROM tokens_key WHERE kid = :k"), {"k": retired})
        ).scalar_one()
    clock.advance(seconds=5)
    assert left is None
    assert retired not in await published(w)


async def test_only_a_retired_key_can_be_retired(w, clock):
    there = await states(w)
    for kid in (there["active"], there["next"], "nothing"):
        with pytest.raises(UnknownKey):
            async with w.db.write() as conn:
                await keyring.retire(conn, kid, done_at(clock()), issuer=ISSUER)


async def test_storm_0558_a_key_that_leaked_is_gone_at_once_and_signing_goes_on(w, clock):
    leaked = (await states(w))["active"]
    token = await w.token(w.login())
    async with w.db.write() as conn:
        await keyring.drop_now(conn, leaked, done_at(clock()), **MINE)
    clock.advance(seconds=5)

    assert await w.introspect(token) == {"active": False}
    assert leaked not in await published(w)
    new = await w.token(w.login())
    assert header(new)["kid"] != leaked
    assert (await w.introspect(new))["active"]


async def test_there_is_one_active_key_even_when_two_rotate_at_once(w, clock):
    clock.advance(seconds=600)
    outcomes = await asyncio.gather(rotate(w), rotate(w), return_exceptions=True)
    # the second finds a next key that was published a moment ago
    assert sorted(type(each).__name__ for each in outcomes) == ["TooEarly", "tuple"]


async def test_g1_a_key_is_parsed_once_per_process(w, clock, monkeypatch):
    parsed = []
    real = keyring.unwrap

    def counted(*args, **more):
        parsed.append(more["kid"])
        return real(*args, **more)

    monkeypatch.setattr(keyring, "unwrap", counted)
    for _ in range(5):
        token = await w.token(w.login())
        await w.introspect(token)
        clock.advance(seconds=10)  # the rows are read again; the key is not parsed again
    assert len(parsed) == len(set(parsed)) == 1


async def test_a_row_is_of_no_use_for_another_purpose_or_with_another_wrapping_key(w, db, clock):
    for change in ("kind = 'logout+jwt'", "issuer = 'https://other.test'"):
        async with db.write() as conn:
            await conn.execute(
                text(f"UPDATE tokens_key SET {change} WHERE state = 'active' AND alg = 'ES256'")
            )
        ring = KeyRing(db, clock, **MINE)
        with pytest.raises(keyring.NoSigningKey):
            await ring.signer(ES256)
        async with db.write() as conn:
            await conn.execute(text(f"UPDATE tokens_key SET kind = 'at+jwt', issuer = '{ISSUER}'"))
    other = KeyRing(db, clock, issuer=ISSUER, wrapping_key=b"another" * 5)
    with pytest.raises(UnreadableKey):
        await other.signer(ES256)
    with pytest.raises(UnreadableKey):
        async with db.write() as conn:
            await keyring.ensure_keys(conn, done_at(clock()), issuer=ISSUER, wrapping_key=b"another" * 5)


async def test_a_row_moved_to_this_purpose_does_not_open(w, db, clock):
    """The wrapping is bound to issuer and kind: renaming the row is not enough."""
    async with db.write() as conn:
        await keyring.ensure_keys(
            conn, done_at(clock()), issuer="https://other.test", wrapping_key=WRAPPING_KEY
        )
        await conn.execute(text("DELETE FROM tokens_key WHERE issuer = :i"), {"i": ISSUER})
        await conn.execute(text("UPDATE tokens_key SET issuer = :i"), {"i": ISSUER})
    with pytest.raises(UnreadableKey):
        await KeyRing(db, clock, **MINE).signer(ES256)


async def test_the_private_key_is_not_in_the_database(w, db):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    signer = await w.service.ring.signer(ES256)
    der = signer.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    async with db.read() as conn:
        rows = (await conn.execute(text("SELECT wrapped FROM tokens_key"))).scalars().all()
    assert all(der[-40:] not in bytes(row) for row in rows)
    assert "private" not in repr(signer)


async def test_the_key_set_outlives_the_database_but_nothing_is_issued(w, db, clock):
    before = await published(w)
    with outage(db.url):
        clock.advance(seconds=60)
        assert await published(w) == before
        answer = await w.exchange(w.login())
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


async def entries(db):
    """What the journal says of the signing keys: (revision, event, by whom, in which capacity)."""
    async with db.read() as conn:
        return [
            (entry.revision, TYPES.decode(entry), entry.actor_name, entry.capacity)
            for entry in await of_head(conn, SIGNING)
        ]


async def told(db, since):
    """The later entries: the last part of the kind, and the key."""
    return [
        (event.KIND.rpartition(".")[2], event.kid)
        for revision, event, *_ in await entries(db)
        if revision > since
    ]


async def test_inv_65_the_first_keys_are_entries_and_the_start_of_the_service_made_them(
    db, database_url, clock
):
    settings = some_settings(database_url=database_url)
    await prepare(settings, db, clock)
    await prepare(settings, db, clock)

    async with db.read() as conn:
        keys = {key.kid: key for key in await keyring.list_keys(conn, issuer=settings.issuer)}
    happened = await entries(db)
    assert {entry[0] for entry in happened} == {1}, "the second start changed nothing"
    assert {entry[2:] for entry in happened} == {("habilis serve", Capacity.SYSTEM)}
    assert {event.kid for _, event, *_ in happened if isinstance(event, KeyMade)} == set(keys)
    assert {event.kid for _, event, *_ in happened if isinstance(event, KeyActivated)} == {
        kid for kid, key in keys.items() if key.state == KeyState.ACTIVE
    }
    assert {event.alg for _, event, *_ in happened} == set(SigningAlg)


async def test_inv_65_each_step_of_a_keys_life_is_an_entry(w, clock):
    before = await states(w)
    clock.advance(seconds=600)
    await rotate(w)
    after = await states(w)
    assert await told(w.db, 0) == [
        ("retired", before["active"]), ("activated", before["next"]), ("made", after["next"])
    ]  # fmt: skip

    clock.advance(seconds=360)
    async with w.db.write() as conn:
        await keyring.retire(conn, before["active"], done_at(clock()), issuer=ISSUER)
    assert await told(w.db, 1) == [("removed", before["active"])]

    async with w.db.write() as conn:
        await keyring.drop_now(conn, after["active"], done_at(clock()), **MINE)
    assert await told(w.db, 2) == [
        ("removed", after["active"]), ("activated", after["next"]), ("made", (await states(w))["next"])
    ]  # fmt: skip


async def test_inv_65_a_rotation_that_is_rolled_back_or_refused_leaves_no_entry(w, clock):
    before = await states(w)
    with pytest.raises(TooEarly):
        await rotate(w)
    clock.advance(seconds=600)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the whole transaction is what fails
        async with w.db.write() as conn:
            await keyring.rotate(conn, ES256, done_at(clock()), **MINE)
            raise ZeroDivisionError

    assert await entries(w.db) == []
    assert await states(w) == before


async def test_inv_66_an_entry_names_the_key_and_nothing_of_it(w, clock):
    clock.advance(seconds=600)
    await rotate(w)

    async with w.db.read() as conn:
        found = await of_head(conn, SIGNING)
    assert [(set(entry.data), entry.details, entry.basis) for entry in found] == [
        ({"kid", "alg"}, None, {})
    ] * 3


async def test_inv_65_a_cut_off_is_an_entry_when_it_moves(db, clock):
    async with db.write() as conn:
        await record.cut_off(conn, clock(), done_at(clock()))
        await record.cut_off(conn, clock() - timedelta(seconds=1), done_at(clock()))

    assert [event for _, event, *_ in await entries(db)] == [CutOff(not_before=clock())]


async def test_inv_66_what_is_done_at_the_command_line_is_the_operators_and_names_the_command(
    db, database_url, clock
):
    settings = some_settings(database_url=database_url)
    await prepare(settings, db, clock)
    async with db.read() as conn:
        kid = next(key.kid for key in await keyring.list_keys(conn, issuer=settings.issuer))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from iam.cli import main; main()", "keys", "retire", "--leaked", kid,
        cwd=ROOT, env={"PATH": "/usr/bin:/bin", **environment(settings)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
    happened = [entry for entry in await entries(db) if entry[0] == 2]
    assert isinstance(happened[0][1], KeyRemoved)
    assert happened[0][1].kid == kid
    assert {entry[2:] for entry in happened} == {("habilis keys retire --leaked", Capacity.OPERATOR)}
