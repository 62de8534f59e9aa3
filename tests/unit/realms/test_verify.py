"""Tokens of the realm: each claim and header wrong once, each kind in the place of another."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from iam.realms.backchannel import LogoutTokens
from iam.realms.errors import InvalidToken, KeycloakUnavailable
from iam.realms.keys import COOL_DOWN
from iam.realms.verify import ACCESS_TOKEN, ID_TOKEN, LOGOUT_TOKEN, Expected, claimed_session
from tests.support.issuer import ISSUER, Issuer, Persona, ec_key, rsa_key

pytestmark = pytest.mark.anyio

AUDIENCE = "mandate-exchange"
EXPECTED = Expected(kind=ACCESS_TOKEN, issuer=ISSUER, audience=AUDIENCE)


@pytest.fixture
def issuer(clock):
    return Issuer(clock)


async def fault(issuer, token, expected=EXPECTED):
    with pytest.raises(InvalidToken) as raised:
        await issuer.realm().verifier.claims(token, expected)
    return raised.value.fault


async def test_a_right_token_passes(issuer):
    claims = await issuer.realm().verifier.claims(issuer.access_token(), EXPECTED)
    assert claims["sub"] == "sub-karim"


async def test_one_of_several_audiences_is_enough_for_an_access_token(issuer):
    await issuer.realm().verifier.claims(issuer.access_token(aud=["x", AUDIENCE]), EXPECTED)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.test"}, {"iss": ISSUER + "/"}, {"iss": ISSUER[:-1]}, {"iss": ...}, {"iss": [ISSUER]},
        {"aud": "other"}, {"aud": []}, {"aud": ...}, {"aud": AUDIENCE + "x"}, {"aud": "mandate"},
        {"exp": ...}, {"exp": "tomorrow"}, {"exp": None}, {"exp": True}, {"exp": 10**30},
        {"iat": ...}, {"iat": "x"},
        {"typ": "ID"}, {"typ": "Refresh"}, {"typ": "Logout"}, {"typ": ...}, {"typ": None},
    ],
)  # fmt: skip
async def test_a_wrong_claim_is_refused(issuer, changes):
    await fault(issuer, issuer.access_token(**changes))


@pytest.mark.parametrize(("seconds", "passes"), [(329, True), (330, False), (4000, False)])
async def test_a_token_dies_at_its_time_by_our_clock(issuer, clock, seconds, passes):
    token = issuer.access_token()
    realm = issuer.realm()
    clock.advance(seconds=seconds)
    if passes:
        await realm.verifier.claims(token, EXPECTED)
    else:
        assert await fault(issuer, token) == "exp"


async def test_a_token_of_the_future_or_too_long_is_refused(issuer):
    now = issuer.now
    assert await fault(issuer, issuer.access_token(iat=now + 31)) == "iat"
    assert await fault(issuer, issuer.access_token(nbf=now + 31)) == "nbf"
    assert await fault(issuer, issuer.access_token(exp=now + 3601)) == "lifetime"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"typ": "logout+jwt"}, "typ"), ({"typ": "secevent+jwt"}, "typ"), ({"typ": ...}, "typ"), ({"typ": "x"}, "typ"),
        ({"typ": 1}, "typ"), ({"kid": "k9"}, "kid"), ({"kid": ""}, "kid"), ({"kid": ...}, "kid"),
        ({"crit": ["exp"], "exp": 1}, "crit"), ({"crit": ["b64"], "b64": True}, "crit"), ({"b64": True}, "crit"),
    ],
)  # fmt: skip
async def test_a_wrong_header_is_refused(issuer, header, expected):
    claims = {**issuer.common(Persona(), "portail-wallonie"), "typ": "Bearer", "aud": AUDIENCE}
    said = header.pop("kid", "k1")
    token = issuer.sign(claims, **header) if said == "k1" else issuer.sign_as(claims, said)
    assert await fault(issuer, token) == expected


def forged(issuer, header, key=None, claims=None):
    """A token made by hand: with any header and an HMAC, or with no signature."""
    said = claims or {**issuer.common(Persona(), "portail-wallonie"), "typ": "Bearer", "aud": AUDIENCE}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, said)]
    signed = b".".join(parts)
    signature = (
        b""
        if key is None
        else base64.urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256)).rstrip(b"=")
    )
    return (signed + b"." + signature).decode()


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "", "HS256", "HS512"])
async def test_sec_6_an_unsigned_token_or_one_signed_with_the_public_key_is_refused(issuer, alg):
    public = (
        rsa_key("k1")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    header = {"alg": alg, "typ": "JWT", "kid": "k1"}
    assert await fault(issuer, forged(issuer, header)) == "alg"
    assert await fault(issuer, forged(issuer, header, public)) == "alg"
    logout = {**header, "typ": "logout+jwt"}
    with pytest.raises(InvalidToken):
        await LogoutTokens(issuer.realm()).verify(forged(issuer, logout, claims=issuer.logout_claims()))


@pytest.mark.parametrize("alg", ["ES256", "RS384", "RS512", "PS256"])
async def test_another_algorithm_is_refused(issuer, alg):
    claims = {**issuer.common(Persona(), "x"), "typ": "Bearer", "aud": AUDIENCE}
    key = ec_key() if alg == "ES256" else rsa_key("k1")
    given = {name: value for name, value in claims.items() if value is not ...}
    assert (
        await fault(issuer, jwt.encode(given, key, algorithm=alg, headers={"kid": "k1", "typ": "JWT"}))
        == "alg"
    )


async def test_sec_26_a_key_that_the_token_brings_along_is_ignored(issuer):
    claims = {**issuer.common(Persona(), "x"), "typ": "Bearer", "aud": AUDIENCE}
    own = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key("evil").public_key(), as_dict=True)
    for extra in ({"jwk": own}, {"jku": "https://evil.test/keys"}, {"x5u": "https://evil.test"}):
        token = jwt.encode(
            claims, rsa_key("evil"), algorithm="RS256", headers={"kid": "k1", "typ": "JWT", **extra}
        )
        assert await fault(issuer, token) == "signature"


async def test_every_changed_byte_breaks_the_token(issuer):
    token = issuer.access_token()
    verifier = issuer.realm().verifier
    await verifier.claims(token, EXPECTED)
    # the last character may carry bits that are not part of the signature
    for at in range(0, len(token) - 1, 7):
        other = "A" if token[at] != "A" else "B"
        with pytest.raises(InvalidToken):
            await verifier.claims(token[:at] + other + token[at + 1 :], EXPECTED)


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


NO_UTF8 = b'{"k\xa2":"k1"}'
HEAD, DEEP = part(b'{"alg":"RS256","typ":"JWT","kid":"k1"}'), part(b'{"sid":' + b"[" * 9000)


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "..", "a.b.c", "a.b.c.d", "x" * 20_000, "é.é.é", "e30.e30.e30", f"{DEEP}.e30.e30",
        f"{HEAD}.{DEEP}.AAAA", f"{HEAD}.e30.", f"{HEAD}.e30.A", f"{HEAD}.e30.AAA=", f"{HEAD}.e30.A+/A",
        f"{part(b'[]')}.e30.AAAA", f"{part(b'1')}.e30.AAAA", f"{HEAD}.{part(b'null')}.AAAA",
        f"{part(NO_UTF8)}.e30.AAAA", f"{HEAD}.{part(NO_UTF8)}.AAAA",
    ],
)  # fmt: skip
async def test_what_is_no_token_is_refused(issuer, token):
    await fault(issuer, token)
    assert claimed_session(token) is None


@pytest.mark.parametrize("kind", [(), ("=",), ("\n",), (" ",), ("A",), ("AA",)])
async def test_a_token_has_one_text(issuer, kind):
    """Nothing is skipped and nothing is added: a signature that is another text is another token."""
    await fault(issuer, issuer.access_token()[: -1 if not kind else None] + "".join(kind))


async def test_the_session_is_read_before_anything_is_verified_and_only_as_a_text(issuer):
    assert claimed_session(issuer.access_token()) == "sid-karim"
    somebody = part(b'{"sid":"somebody"}')
    assert claimed_session(f"e30.{somebody}.e30") == "somebody"
    for said in (
        b'{"sid":1}',
        b'{"sid":null}',
        b"{}",
        b'{"sid":"a\\u0000"}',
        b'{"sid":"\\ud800x"}',
        b'{"sid":"a',
    ):
        assert claimed_session(f"e30.{part(said)}.e30") is None, said


_ANYTHING = st.sampled_from(
    [
        ...,
        None,
        1,
        "x",
        ISSUER,
        AUDIENCE,
        [AUDIENCE],
        ["x", AUDIENCE],
        [1],
        {},
        True,
        10**30,
        "Bearer",
        ["Bearer"],
    ]
)
_CHANGES = st.dictionaries(st.sampled_from(["iss", "aud", "exp", "iat", "sub", "typ"]), _ANYTHING, max_size=2)


@given(changes=_CHANGES, place=st.floats(0, 0.999), sign=st.sampled_from([None, "A", ".", "=", "-", ""]))
async def test_what_we_accept_a_library_accepts_too(changes, place, sign):
    """Tokens with anything in any place: none passes here that PyJWT, told the same, refuses."""
    issuer = Issuer(lambda: datetime(2026, 11, 24, 9, tzinfo=UTC))
    token = issuer.access_token(**changes)
    at = int(place * len(token))
    token = token if sign is None else token[:at] + sign + token[at + 1 :]
    try:
        mine = await issuer.realm().verifier.claims(token, EXPECTED)
    except InvalidToken:
        return
    required = ["iss", "aud", "exp", "iat"]
    theirs = jwt.decode(
        token, rsa_key("k1").public_key(), algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER,
        options={"require": required, "verify_exp": False, "verify_iat": False, "verify_sub": False},
    )  # fmt: skip
    assert mine == theirs


async def test_no_kind_of_token_passes_for_another(issuer):
    tokens = {
        ID_TOKEN: ("mon-espace", issuer.id_token(Persona(), "n")),
        ACCESS_TOKEN: (AUDIENCE, issuer.access_token()),
        LOGOUT_TOKEN: ("mon-espace", issuer.sign(issuer.logout_claims(), typ="logout+jwt")),
    }
    for mine, (audience, _) in tokens.items():
        for theirs, (_, token) in tokens.items():
            # the audience of the token itself, so that only the kind can be what stops it
            said = jwt.decode(token, options={"verify_signature": False})["aud"]
            expected = Expected(kind=mine, issuer=ISSUER, audience=said)
            if mine is theirs:
                assert audience == said
                await issuer.realm().verifier.claims(token, expected)
            else:
                assert await fault(issuer, token, expected) == "typ"


async def test_sec_25_ten_thousand_unknown_ids_cause_one_fetch_a_cool_down(issuer, clock):
    realm = issuer.realm()
    await realm.verifier.claims(issuer.access_token(), EXPECTED)
    issuer.asked.clear()
    for turn in range(2):
        clock.advance(seconds=COOL_DOWN.total_seconds())
        for number in range(10_000):
            assert await realm.keys.key(f"unknown-{turn}-{number}") is None
        assert len(issuer.asked) == turn + 1


async def test_a_new_key_is_found_and_an_old_one_forgotten(issuer, clock):
    realm = issuer.realm()
    assert await realm.keys.key("k1") is not None
    issuer.kids = ["k2"]
    clock.advance(seconds=31)
    assert await realm.keys.key("k2") is not None
    assert await realm.keys.key("k1") is None


async def test_known_keys_verify_while_keycloak_is_down_but_not_for_ever(issuer, clock):
    realm = issuer.realm()
    await realm.verifier.claims(issuer.access_token(), EXPECTED)
    issuer.down = True
    clock.advance(hours=23)
    await realm.verifier.claims(issuer.access_token(), EXPECTED)
    clock.advance(hours=2)
    with pytest.raises(KeycloakUnavailable):
        await realm.verifier.claims(issuer.access_token(), EXPECTED)


async def test_without_any_key_keycloak_is_unavailable_until_it_answers(issuer, clock):
    realm = issuer.realm()
    issuer.down = True
    with pytest.raises(KeycloakUnavailable):
        await realm.verifier.claims(issuer.access_token(), EXPECTED)
    issuer.down = False
    clock.advance(seconds=2)
    await realm.verifier.claims(issuer.access_token(), EXPECTED)


# -- logout tokens


async def test_a_logout_token_names_the_session(issuer):
    for typ in ("JWT", "logout+jwt"):
        out = await LogoutTokens(issuer.realm()).verify(issuer.sign(issuer.logout_claims(), typ=typ))
        assert (out.session_id, out.subject, out.token_id) == ("sid-karim", "sub-karim", "jti-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "n"}, {"events": ...}, {"events": {}}, {"events": []}, {"events": "x"},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": None}},
        {"events": {"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}}},
        {"sid": ..., "sub": ...}, {"sid": ""}, {"sid": 3}, {"jti": ...}, {"jti": ""}, {"iat": ...},
        {"aud": "portail-wallonie"}, {"aud": ["mon-espace", "portail-wallonie"]}, {"iss": "https://evil.test"},
        {"typ": "ID"}, {"typ": "Bearer"}, {"typ": ...}, {"exp": ...},
    ],
)  # fmt: skip
async def test_a_wrong_logout_token_is_refused(issuer, changes):
    with pytest.raises(InvalidToken):
        await LogoutTokens(issuer.realm()).verify(issuer.sign(issuer.logout_claims(**changes)))
