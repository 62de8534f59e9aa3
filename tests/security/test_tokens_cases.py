"""Cases of STANDARDS 5 that concern tokens, each under the name of what once went wrong elsewhere."""

import hashlib
import hmac
import itertools
import json
from base64 import urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iam.kernel.assurance import Level
from iam.portals.model import SigningAlg
from iam.tokens import record
from iam.tokens.rfc9068_access_token import sign
from tests.support.oauth import DUPONT, OTHER, SECRETS, TYPE, done_at, header, payload, world

pytestmark = pytest.mark.anyio
INACTIVE = {"active": False}


@pytest.fixture
async def w(db, clock):
    made = await world(db, clock)
    made.grant()
    yield made
    await made.client.aclose()


def b64(document):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


async def test_cve_2026_8922_a_cut_off_is_honoured_by_introspection_and_exchange(w, db, clock):
    """Case 5: introspection ignored the realm's not-before."""
    login = w.login(seconds=900)
    token = await w.token(login)
    clock.advance(seconds=10)
    async with db.write() as conn:
        await record.cut_off(conn, clock(), done_at(clock()))

    assert await w.introspect(token) == INACTIVE
    answer = await w.exchange(login)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await w.introspect(await w.token(w.login())))["active"]


async def test_cve_2026_8922_a_cut_off_never_moves_back(w, db, clock):
    token = await w.token(w.login(seconds=900))
    later = clock.now
    clock.advance(seconds=10)
    async with db.write() as conn:
        await record.cut_off(conn, clock(), done_at(clock()))
        await record.cut_off(conn, later, done_at(clock()))
        assert await record.not_before(conn) == clock()
    assert await w.introspect(token) == INACTIVE


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS256", "ES384", ""])
async def test_cve_2026_18569_typ_and_alg_of_what_is_introspected(w, alg):
    """Case 6: `alg: none` was accepted. Here with our own claims, unsigned or signed with public bytes."""
    token = await w.token(w.login())
    signer = await w.service.ring.signer(SigningAlg.ES256)
    public = signer.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = b64({**header(token), "alg": alg})
    signed = f"{head}.{token.split('.')[1]}"
    for signature in ("", token.split(".")[2], b64(hmac.digest(public, signed.encode(), hashlib.sha256))):
        assert await w.introspect(f"{signed}.{signature}") == INACTIVE


@pytest.mark.parametrize(
    "change",
    [
        {"typ": "JWT"},
        {"typ": "logout+jwt"},
        {"kid": "x"},
        {"kid": None},
        {"jku": "https://evil.test"},
        {"jwk": {}},
        {"crit": ["exp"]},
    ],
)
async def test_case_26_a_header_that_asks_for_something_else(w, monkeypatch, change):
    """Signed with our own key, so that only the header can be what is refused."""
    token = await w.token(w.login())
    signer = await w.service.ring.signer(SigningAlg.ES256)
    head = b64({**header(token), **change}).encode()
    monkeypatch.setattr("iam.tokens.rfc9068_access_token._header", lambda _alg, _kid: head)
    assert await w.introspect(sign(signer, payload(token))) == INACTIVE
    monkeypatch.undo()
    assert (await w.introspect(sign(signer, payload(token))))["active"]


@pytest.mark.parametrize("name", ["iss", "aud", "client_id", "jti"])
async def test_case_43_well_signed_claims_of_another_place_are_inactive(w, name):
    token = await w.token(w.login())
    signer = await w.service.ring.signer(SigningAlg.ES256)
    other = {
        "iss": "https://evil.test",
        "aud": "https://permis.test",
        "client_id": "permis",
        "jti": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
    }
    assert await w.introspect(sign(signer, {**payload(token), name: other[name]})) == INACTIVE


@pytest.mark.parametrize("name", ["_header", "_encode"])
async def test_a_part_of_octets_that_are_no_text_is_inactive(w, monkeypatch, name):
    """Signed with our own key, so that only the text can be what is refused."""
    token = await w.token(w.login())
    signer = await w.service.ring.signer(SigningAlg.ES256)
    whole = header(token) if name == "_header" else payload(token)
    octets = b64(json.dumps(whole).encode()[:-1] + b', "\xa2": 1}').encode()
    monkeypatch.setattr(f"iam.tokens.rfc9068_access_token.{name}", lambda *_: octets)
    assert await w.introspect(sign(signer, payload(token))) == INACTIVE
    monkeypatch.undo()
    assert (await w.introspect(sign(signer, payload(token))))["active"]


async def test_case_10_and_43_a_portal_cannot_use_another_portals_login_or_audience(w):
    """The whole matrix of registered portals: whose login, who asks, for which audience."""
    for role in ("primes.deposer", "permis.suivre"):
        w.grant(role=role)
    clients = ("primes", "permis")
    for azp, caller, audience in itertools.product(clients, clients, clients):
        answer = await w.exchange(w.login(azp=azp), client=caller, audience=f"https://{audience}.test")
        assert (answer.status_code == 200) is (azp == caller == audience), (azp, caller, audience)


async def test_cve_2025_55241_an_actor_that_nobody_verified_is_refused(w):
    """Case 30: an unsigned actor wrapper was believed."""
    actor = f"{b64({'alg': 'none'})}.{b64({'sub': 'admin'})}."
    kind = "urn:ietf:params:oauth:token-type:jwt"
    answer = await w.exchange(w.login(), actor_token=actor, actor_token_type=kind)
    assert answer.json()["error"] == "invalid_request"


async def test_case_39_client_assertions_are_not_a_way_in(w):
    more = {
        "client_id": "primes",
        "client_assertion": "x.y.z",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    answer = await w.exchange(w.login(), client=None, **more)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_case_14_ids_are_compared_as_they_are(w):
    for client_id in ("Primes", "primes ", "prımes", "primes\u200b"):
        more = {"client_id": client_id, "client_secret": SECRETS["primes"]}
        assert (await w.exchange(w.login(), client=None, **more)).status_code == 401
    for action in ("Primes.deposer", "primes.deposer ", "primes．deposer"):
        details = json.dumps([{"type": TYPE, "identifier": DUPONT.digits, "actions": [action]}])
        answer = await w.exchange(w.login(), authorization_details=details)
        assert answer.json()["error"] == "invalid_authorization_details"


async def test_case_19_no_answer_tells_whether_an_enterprise_or_a_person_exists(w):
    from iam.kernel.numbers import EnterpriseNumber

    answers = {
        (await w.exchange(w.login("luc"), number)).content
        for number in (DUPONT, OTHER, EnterpriseNumber("0200065765"))
    }
    assert len(answers) == 1


async def test_secrets_and_tokens_are_in_no_error(w, capsys):
    login = w.login("luc")
    for answer in (
        await w.exchange(login),
        await w.exchange("a-token-that-is-none"),
        await w.exchange(w.login(), client=None, client_id="primes", client_secret="a-wrong-secret"),
    ):
        for word in (login, "a-token-that-is-none", "a-wrong-secret", SECRETS["primes"]):
            assert word not in answer.text
    shown = capsys.readouterr()
    assert SECRETS["primes"] not in shown.out + shown.err
    assert "eyJ" not in shown.out + shown.err
    assert SECRETS["primes"] not in repr(w.service)


async def test_inv_58_rights_never_grow(w):
    """Whatever is held, asked, by which login: the token stays within all three."""
    roles = ["primes.deposer", "primes.suivre", "primes.signer", "permis.suivre", "staff.operator"]
    ceilings = {"primes": set(roles[:3]), "permis": {"permis.suivre"}}
    portals = {"primes": Level.TOTP, "permis": Level.ITSME}
    cases = []

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(
        held=st.sets(
            st.tuples(
                st.sampled_from(roles),
                st.sampled_from([DUPONT, OTHER]),
                st.sampled_from([Level.TOTP, Level.ITSME, Level.EID]),
            )
        ),
        asked=st.none() | st.lists(st.sampled_from(roles), min_size=1, unique=True),
        client=st.sampled_from(["primes", "permis"]),
        level=st.sampled_from([Level.PASSWORD, Level.TOTP, Level.ITSME, Level.EID]),
    )
    def collect(held, asked, client, level):
        cases.append((held, asked, client, level))

    collect()
    given_out = 0
    for held, asked, client, level in cases:
        w.grants.clear()
        for role, number, minimum in held:
            w.grant(role=role, number=number, level=minimum)
        answer = await w.exchange(w.login(azp=client, level=level), client=client, actions=asked)
        allowed = {
            role
            for role, number, minimum in held
            if number == DUPONT and minimum <= level and role in ceilings[client]
        }
        allowed &= set(asked or roles)
        if answer.status_code != 200:
            assert not allowed or level < portals[client] or not set(asked or []) <= ceilings[client]
            continue
        given_out += 1
        actions = payload(answer.json()["access_token"])["authorization_details"][0]["actions"]
        assert set(actions) == allowed
        assert level >= portals[client]
    assert given_out > 0


async def test_many_at_once_never_get_each_others_token(w):
    """Case 36: sessions of different people were mixed up."""
    import asyncio

    people = [f"person{n}" for n in range(20)]
    for n, name in enumerate(people):
        w.grant(name, number=DUPONT if n % 2 else OTHER)
    logins = {name: w.login(name) for name in people}
    answers = await asyncio.gather(
        *(w.exchange(logins[name], DUPONT if n % 2 else OTHER) for n, name in enumerate(people))
    )
    subs = {}
    for n, (name, answer) in enumerate(zip(people, answers, strict=True)):
        said = payload(answer.json()["access_token"])
        assert said["authorization_details"][0]["identifier"] == (DUPONT if n % 2 else OTHER).digits
        subs[name] = said["sub"]
    assert len(set(subs.values())) == len(people)
    again = await asyncio.gather(*(w.exchange(logins[name], None) for name in people))
    assert {
        name: payload(a.json()["access_token"])["sub"] for name, a in zip(people, again, strict=True)
    } == subs
