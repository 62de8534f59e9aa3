"""Tokens: ratios to the raw limit, all in one interleaved run (PERFORMANCE 4, G1 and G2).

    python -m bench.tokens [rounds] [seconds per measurement]

Prints JSON. Each round measures every pair A B one after the other; a ratio is the median of its
rounds, with the smallest and the largest. Absolute figures are indications of this machine.
The endpoint runs in this process over a real PostgreSQL: client authentication, pairwise name, record
and signature are real; the login and the rights are values, so that this bench measures the OAuth
side and not its neighbours; it is called through a client for HTTP, and directly. Its floor is the sum of
parts: portal, pairwise name, record and commit, each by itself on a bare connection of the driver, and one
raw signature.
"""

import asyncio
import hashlib
import json
import secrets
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx2
import psycopg
from alembic import command
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from habilis_portal import Verifier
from habilis_portal.jwt_checks import octets

from bench.direct import call
from demo.parts.postgres import PostgresServer
from iam.kernel.actor import Capacity
from iam.kernel.assurance import Level
from iam.kernel.ids import EntityId, PersonId, uuid4, uuid7
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.revision import Revision
from iam.migrations import config
from iam.portals.model import Disclosure, Portal, PortalId, SigningAlg
from iam.storage import Database
from iam.tokens.keyring import Signer
from iam.tokens.model import Issue, IssuedRole
from iam.tokens.rfc7517_keys import make, unwrap
from iam.tokens.rfc9068_access_token import claims, sign

ISSUER, AUDIENCE = "https://habilis.test", "https://portal.test"
WRAPPING = b"w" * 32
ECDSA = ec.ECDSA(SHA256())
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def signer(alg):
    key = make(alg, kind="at+jwt", issuer=ISSUER, wrapping_key=WRAPPING)
    private = unwrap(key.wrapped, kid=key.kid, alg=alg, kind="at+jwt", issuer=ISSUER, wrapping_key=WRAPPING)
    return Signer(kid=key.kid, alg=alg, private=private), key.public


def portal(alg):
    return Portal(
        id=PortalId(uuid4()),
        client_id="bench",
        revision=1,
        names={},
        audience=AUDIENCE,
        sector="bench",
        return_urls=frozenset(),
        roles=frozenset({"primes.deposer"}),
        citizens=True,
        level=Level.TOTP,
        alg=alg,
        longest_seconds=300,
        secret_hashes=(b"",),
        receives=frozenset(Disclosure),
        active=True,
    )


def issue(alg):
    return Issue(
        day=NOW.date(),
        jti=uuid7(),
        portal=PortalId(uuid4()),
        person=PersonId(uuid4()),
        entity=EntityId(uuid4()),
        number=EnterpriseNumber("1900000069"),
        enterprise_name="Menuiserie Dupont SRL",
        capacity=Capacity.ROLE_HOLDER,
        basis="role_grant",
        roles=tuple(
            IssuedRole(code=f"primes.role-{n}", grant=uuid4(), until=NOW + timedelta(days=90))
            for n in range(3)
        ),
        level=Level.ITSME,
        revision=Revision(12, 3, 4, 148),
        authenticated_at=NOW,
        issued_at=NOW,
        expires_at=NOW + timedelta(seconds=300),
        session_hash=hashlib.sha256(b"s").digest(),
        alg=alg,
    )


def rate(act, seconds):
    """How often a second `act` can be done."""
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(20):
            act()
        done += 20
    return done / spent


async def rate_async(act, seconds):
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        await act()
        done += 1
    return done / spent


def library(alg):
    """Pairs of (ours, floor) for one algorithm."""
    key, public = signer(alg)
    one, where = issue(alg), portal(alg)
    token = sign(key, claims(one, "s" * 43, issuer=ISSUER, portal=where))
    signed = token.rpartition(".")[0].encode()
    raw = octets(token.rpartition(".")[2])
    http = httpx2.Client(
        transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json={"keys": [public]}))
    )
    verifier = Verifier(ISSUER, AUDIENCE, algorithms=[alg.value], http=http, clock=NOW.timestamp)
    known = key.private.public_key()
    if alg is SigningAlg.ES256:
        half = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        raw_sign, raw_verify = (
            (lambda: key.private.sign(signed, ECDSA)),
            (lambda: known.verify(half, signed, ECDSA)),
        )
    else:
        raw_sign = lambda: key.private.sign(signed, padding.PKCS1v15(), SHA256())  # noqa: E731
        raw_verify = lambda: known.verify(raw, signed, padding.PKCS1v15(), SHA256())  # noqa: E731
    return {
        f"issue_{alg.value}_against_raw_sign": (
            lambda: sign(key, claims(one, "s" * 43, issuer=ISSUER, portal=where)),
            raw_sign,
        ),
        f"verify_{alg.value}_against_raw_verify": (lambda: verifier.verify(token), raw_verify),
    }


async def endpoint(url):
    """(ours, floor) for the token endpoint, one call at a time."""
    from tests.support.oauth import SECRETS, world  # the same world as in the tests

    db = Database(url)
    w = await world(db, lambda: NOW)
    w.grant()
    login = w.login(seconds=10_000)
    subject = w.subjects[login]
    private = ec.generate_private_key(ec.SECP256R1())
    bare = await psycopg.AsyncConnection.connect(url)
    # a login that was seen before, as all but the first of a session are
    seen = [subject.issuer, subject.session_id, subject.subject, subject.person]
    await bare.execute(
        "INSERT INTO realms_session (issuer, session_id, subject, person_id, authenticated_at, seen_at,"
        " expires_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [*seen, NOW, NOW, NOW + timedelta(days=1)],
    )
    await bare.commit()
    known = await (await bare.execute("SELECT id FROM portals_portal WHERE client_id = 'primes'")).fetchone()
    await w.exchange(login)
    person = (await (await bare.execute("SELECT person_id FROM portals_pairwise")).fetchone())[0]
    await bare.commit()
    columns = [c.name for c in (await bare.execute("SELECT * FROM tokens_issue LIMIT 0")).description]
    row = await (await bare.execute("SELECT * FROM tokens_issue LIMIT 1")).fetchone()
    await bare.commit()
    values = dict(zip(columns, row, strict=True)) | {"roles": json.dumps(row[columns.index("roles")])}
    insert = (
        f"INSERT INTO tokens_issue ({', '.join(columns)}) VALUES ({', '.join(f'%({c})s' for c in columns)})"
    )

    async def floor():
        hashlib.sha256(SECRETS["primes"].encode()).digest()
        await bare.execute("SELECT * FROM portals_portal WHERE client_id = %s", ["primes"])
        await bare.execute(
            "SELECT sub FROM portals_pairwise WHERE portal_id = %s AND person_id = %s", [known[0], person]
        )
        await bare.execute(insert, values | {"jti": uuid7()})
        await bare.commit()
        decode_dss_signature(private.sign(secrets.token_bytes(900), ECDSA))

    async def ours():
        answer = await w.exchange(login)
        if answer.status_code != 200:
            raise RuntimeError(answer.text)

    sent = {}

    async def remembered(request):
        sent[request.url.path] = request

    w.client.event_hooks["request"].append(remembered)
    await ours()
    w.client.event_hooks["request"].clear()
    request = sent["/oauth2/token"]

    async def directly():
        status, body = await call(w.app, "/oauth2/token", request.headers.raw, request.content)
        if status != 200:
            raise RuntimeError(body.decode())

    return ours, directly, floor, (db, bare, w)


def summary(pairs):
    ratios = [ours / floor for ours, floor in pairs]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
        "ours_per_second": round(statistics.median(ours for ours, _ in pairs)),
        "floor_per_second": round(statistics.median(floor for _, floor in pairs)),
    }


async def run(url, rounds, seconds):
    pairs = {**library(SigningAlg.ES256), **library(SigningAlg.RS256)}
    measured = {name: [] for name in pairs}
    at_the_endpoint, called_directly = [], []
    ours, directly, floor, (db, bare, w) = await endpoint(url)
    for _ in range(rounds):
        for name, (mine, raw) in pairs.items():
            measured[name].append((rate(mine, seconds), rate(raw, seconds)))
        at_the_endpoint.append((await rate_async(ours, seconds), await rate_async(floor, seconds)))
        called_directly.append((await rate_async(directly, seconds), await rate_async(floor, seconds)))
    await bare.close()
    await w.client.aclose()
    await db.close()
    found = {name: summary(each) for name, each in measured.items()}
    found["token_endpoint_against_its_floor"] = summary(at_the_endpoint)
    found["token_endpoint_called_directly_against_its_floor"] = summary(called_directly)
    return {
        "bench": "tokens",
        "rounds": rounds,
        "seconds": seconds,
        "goals": {
            "issue_ES256_against_raw_sign": ">= 0.65",
            "issue_RS256_against_raw_sign": ">= 0.90",
            "verify_ES256_against_raw_verify": ">= 0.67 (1.5x)",
            "verify_RS256_against_raw_verify": ">= 0.40 (2.5x)",
            "token_endpoint_against_its_floor": ">= 0.35",
        },
        "results": found,
    }


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    with PostgresServer.throwaway() as server:
        server.create_database("bench")
        command.upgrade(config(server.url("bench")), "head")
        print(json.dumps(asyncio.run(run(server.url("bench"), rounds, seconds)), indent=2))


if __name__ == "__main__":
    main()
