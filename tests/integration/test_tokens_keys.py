"""The life of a signing key on a real PostgreSQL (DOMAIN 7.3 nr 61)."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from iam.portals.model import SigningAlg
from iam.tokens import keyring
from iam.tokens.keyring import KeyRing, TooEarly, UnknownKey
from iam.tokens.rfc7517_keys import UnreadableKey
from tests.support.oauth import ISSUER, WRAPPING_KEY, header, world
from tests.support.outage import outage

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
        return await keyring.rotate(conn, ES256, w.clock(), **MINE)


async def published(w):
    return {key["kid"] for key in (await w.client.get("/.well-known/jwks.json")).json()["keys"]}


async def test_ensure_makes_what_is_missing_once(db, clock):
    async with db.write() as conn:
        made = await keyring.ensure_keys(conn, clock(), **MINE)
        again = await keyring.ensure_keys(conn, clock(), **MINE)
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
                await keyring.retire(conn, retired, clock(), issuer=ISSUER)
        assert retired in await published(w)
        return
    async with w.db.write() as conn:
        await keyring.retire(conn, retired, clock(), issuer=ISSUER)
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
                await keyring.retire(conn, kid, clock(), issuer=ISSUER)


async def test_storm_0558_a_key_that_leaked_is_gone_at_once_and_signing_goes_on(w, clock):
    leaked = (await states(w))["active"]
    token = await w.token(w.login())
    async with w.db.write() as conn:
        await keyring.drop_now(conn, leaked, clock(), **MINE)
    clock.advance(seconds=5)

    assert await w.introspect(token) == {"active": False}
    assert leaked not in await published(w)
    new = await w.token(w.login())
    assert header(new)["kid"] != leaked
    assert (await w.introspect(new))["active"]


async def test_there_is_one_active_key_even_when_two_rotate_at_once(w, clock):
    import asyncio

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
            await keyring.ensure_keys(conn, clock(), issuer=ISSUER, wrapping_key=b"another" * 5)


async def test_a_row_moved_to_this_purpose_does_not_open(w, db, clock):
    """The wrapping is bound to issuer and kind: renaming the row is not enough."""
    async with db.write() as conn:
        await keyring.ensure_keys(conn, clock(), issuer="https://other.test", wrapping_key=WRAPPING_KEY)
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
