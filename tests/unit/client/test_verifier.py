"""What a portal believes: the shapes of attack on a token, each refused with its own code."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from habilis_portal import AsyncVerifier, InvalidMandate, KeysUnavailable, Mandate, Verifier
from habilis_portal.jwt_checks import keys_of

from tests.support.mandate_issuer import AUDIENCE, ISSUER, Issuer, Key, b64


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def verifier(issuer):
    return made(issuer)


def made(issuer, **options):
    return Verifier(ISSUER, AUDIENCE, http=issuer.http, clock=issuer.clock, **options)


def refused(verifier, token, code):
    with pytest.raises(InvalidMandate) as caught:
        verifier.verify(token)
    assert caught.value.code == code
    assert not isinstance(token, str) or not token or token not in str(caught.value)


class TestMandate:
    def test_says_who_for_whom_with_which_roles_until_when(self, issuer, verifier):
        mandate = verifier.verify(issuer.token())

        assert isinstance(mandate, Mandate)
        assert (mandate.subject, mandate.enterprise_number) == ("pairwise", "1900000069")
        assert mandate.enterprise_name == "Menuiserie Dupont SRL"
        assert (mandate.capacity, mandate.basis) == ("role_holder", "role_grant")
        assert (mandate.level, mandate.revision, mandate.token_id) == (450, "abc", "a-token")
        assert mandate.until == datetime(2027, 3, 31, 22, tzinfo=UTC)
        assert mandate.expires_at.timestamp() == issuer.now + 300
        assert mandate.has_role("primes.deposer")
        assert not mandate.has_role("primes")
        assert mandate.acts_for("1900000069")
        assert not mandate.acts_for("0314595348")

    def test_of_a_citizen_has_neither_enterprise_nor_roles(self, issuer, verifier):
        detail = issuer.detail(
            identifier=..., actions=..., mandate={"capacity": "citizen", "basis": "self", "revision": "abc"}
        )
        mandate = verifier.verify(issuer.token(authorization_details=[detail]))
        assert (mandate.enterprise_number, mandate.roles, mandate.until) == (None, (), None)
        assert not mandate.acts_for("")

    def test_is_frozen_and_shows_neither_token_nor_key(self, issuer, verifier):
        token = issuer.token()
        mandate = verifier.verify(token)
        with pytest.raises(AttributeError):
            mandate.level = 500
        assert token not in repr(mandate)

    def test_of_an_rs256_issuer(self, issuer):
        issuer.keys = [Key("two", "RS256")]
        assert made(issuer, algorithms=["RS256"]).verify(issuer.token())

    def test_media_type_in_full(self, issuer, verifier):
        assert verifier.verify(issuer.token({"typ": "application/at+jwt"}))


class TestAlgorithm:
    @pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
    def test_inv_56_none(self, issuer, verifier, alg):
        head = b64({"alg": alg, "kid": "one", "typ": "at+jwt"})
        refused(verifier, f"{head}.{b64(issuer.claims())}.", "algorithm")

    @pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo])
    def test_cve_2022_29217_hmac_with_the_public_key(self, issuer, verifier, form):
        public = issuer.keys[0].private.public_key().public_bytes(Encoding.PEM, form)
        signed = f"{b64({'alg': 'HS256', 'kid': 'one', 'typ': 'at+jwt'})}.{b64(issuer.claims())}"
        tag = hmac.digest(public, signed.encode(), hashlib.sha256)
        refused(verifier, f"{signed}.{b64(tag)}", "algorithm")

    @pytest.mark.parametrize("alg", ["HS256", "ES384", "EdDSA", "PS256", "RS256"])
    def test_inv_56_any_that_is_not_configured(self, issuer, verifier, alg):
        refused(verifier, issuer.token({"alg": alg}), "algorithm")

    def test_cve_2026_48523_the_header_does_not_choose_among_configured_ones(self, issuer):
        verifier = made(issuer, algorithms=["ES256", "RS256"])
        refused(verifier, issuer.token({"alg": "RS256"}), "algorithm")

    def test_alg_missing_or_of_another_kind(self, issuer, verifier):
        refused(verifier, issuer.token({"alg": None}), "algorithm")
        refused(verifier, issuer.token({"alg": ["ES256"]}), "algorithm")


class TestHeader:
    @pytest.mark.parametrize(
        "typ",
        [
            "JWT",
            "logout+jwt",
            "secevent+jwt",
            "token-introspection+jwt",
            "dpop+jwt",
            "statuslist+jwt",
            None,
            1,
        ],
    )
    def test_a_token_of_another_kind(self, issuer, verifier, typ):
        refused(verifier, issuer.token({"typ": typ}), "type")

    def test_inv_56_no_kid(self, issuer, verifier):
        refused(verifier, issuer.token({"kid": None}), "header")
        refused(verifier, issuer.token({"kid": 1}), "header")

    @pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"])
    def test_cve_2026_27962_a_header_that_brings_its_key(self, issuer, verifier, name):
        attacker = Key("one")
        value = {"jwk": attacker.document, "crit": ["exp"], "b64": False}.get(name, "https://evil.test/keys")
        refused(verifier, attacker.sign(issuer.claims(), {name: value}), "header")
        assert issuer.fetches == 0

    def test_signed_by_another_key_of_the_same_name(self, issuer, verifier):
        refused(verifier, Key("one").sign(issuer.claims()), "signature")


class TestText:
    def test_padding(self, issuer, verifier):
        refused(verifier, issuer.token() + "=", "malformed")
        head, payload, signature = issuer.token().split(".")
        refused(verifier, f"{head}==.{payload}.{signature}", "malformed")

    def test_one_token_has_one_text(self, issuer, verifier):
        """The last sign of a signature has loose bits: another sign, the same bytes."""
        token = issuer.token()
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        other = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
        refused(verifier, other, "malformed")

    @pytest.mark.parametrize("change", [" ", "\n", "+", "/", ".", "é", "\0"])
    def test_foreign_signs(self, issuer, verifier, change):
        token = issuer.token()
        refused(verifier, token[:40] + change + token[40:], "malformed")

    @pytest.mark.parametrize(
        "token", ["", ".", "..", "...", "a.b.c", "e30.e30.e30", b"bytes", None, "W10.e30.AA"]
    )
    def test_no_token_at_all(self, verifier, token):
        with pytest.raises(InvalidMandate):
            verifier.verify(token)

    def test_the_size_has_a_limit(self, issuer, verifier):
        refused(verifier, issuer.token(filler="x" * 13_000), "size")
        assert verifier.verify(issuer.token(filler="x" * 9_000))

    def test_every_changed_byte_is_noticed(self, issuer, verifier):
        token = issuer.token()
        for place in range(0, len(token), 7):
            other = "A" if token[place] != "A" else "B"
            with pytest.raises(InvalidMandate):
                verifier.verify(token[:place] + other + token[place + 1 :])

    def test_a_repeated_claim(self, issuer, verifier):
        text = json.dumps(issuer.claims())
        token = issuer.keys[0].sign(None, payload=(text[:-1] + ', "sub": "another"}').encode())
        refused(verifier, token, "malformed")

    @pytest.mark.parametrize("payload", [b"[]", b"1", b"{", b"\xff", b'{"a":NaN}', b"[" * 4000])
    def test_a_payload_that_is_no_object(self, issuer, verifier, payload):
        refused(verifier, issuer.keys[0].sign(None, payload=payload), "malformed")


class TestClaims:
    @pytest.mark.parametrize("name", ["exp", "iat", "nbf", "sub", "jti", "client_id"])
    @pytest.mark.parametrize("value", [..., None, [], {}, True, ""])
    def test_inv_56_missing_or_of_another_kind(self, issuer, verifier, name, value):
        refused(verifier, issuer.token(**{name: value}), "claims")

    @pytest.mark.parametrize("exp", [1e300, 1.5, "1800000300"])
    def test_a_time_that_is_no_whole_number(self, issuer, verifier, exp):
        refused(verifier, issuer.token(exp=exp), "claims")

    @pytest.mark.parametrize(
        "iss",
        [..., None, "", "https://habilis.tes", "https://habilis.test/", "HTTPS://habilis.test", [ISSUER]],
    )
    def test_cve_2024_53861_issuer_is_identical(self, issuer, verifier, iss):
        refused(verifier, issuer.token(iss=iss), "issuer")

    @pytest.mark.parametrize(
        "aud",
        [
            ...,
            None,
            "",
            "https://permis.test",
            "https://primes.test/",
            [],
            ["https://permis.test"],
            [AUDIENCE, "https://permis.test"],
            {AUDIENCE: 1},
        ],
    )
    def test_inv_56_audience_is_me_alone(self, issuer, verifier, aud):
        refused(verifier, issuer.token(aud=aud), "audience")

    def test_a_token_issued_to_another_portal(self, issuer):
        refused(made(issuer, client_id="permis"), issuer.token(), "client")
        assert made(issuer, client_id="primes").verify(issuer.token())

    @pytest.mark.parametrize(("later", "holds"), [(329, True), (330, False), (331, False)])
    def test_inv_61_expiry_with_its_skew(self, issuer, verifier, later, holds):
        token = issuer.token()
        issuer.now += later
        if holds:
            assert verifier.verify(token)
        else:
            refused(verifier, token, "expired")

    @pytest.mark.parametrize("name", ["nbf", "iat"])
    @pytest.mark.parametrize(("ahead", "holds"), [(29, True), (30, True), (31, False)])
    def test_inv_61_a_token_of_the_future(self, issuer, verifier, name, ahead, holds):
        token = issuer.token(**{name: issuer.now + ahead})
        if holds:
            assert verifier.verify(token)
        else:
            refused(verifier, token, "notYetValid")

    @pytest.mark.parametrize(("seconds", "holds"), [(300, True), (301, False)])
    def test_inv_56_a_token_that_lives_too_long(self, issuer, verifier, seconds, holds):
        token = issuer.token(exp=issuer.now + seconds)
        if holds:
            assert verifier.verify(token)
        else:
            refused(verifier, token, "lifetime")

    def test_cve_2026_8922_tokens_from_before_the_cut_off(self, issuer):
        at = datetime.fromtimestamp(issuer.now, UTC)
        assert made(issuer, not_before=at).verify(issuer.token())
        refused(made(issuer, not_before=at), issuer.token(iat=issuer.now - 1, exp=issuer.now + 200), "tooOld")


class TestDetails:
    @pytest.mark.parametrize(
        "change",
        [
            {"type": "urn:wallonie:mandate:1"},
            {"locations": ["https://permis.test"]},
            {"locations": ...},
            {"identifier": "1900.000.069"},
            {"identifier": 1900000069},
            {"identifier": ...},
            {"actions": ["primes.deposer", "primes.signer"]},
            {"actions": 7},
            {"actions": ...},
            {"mandate": ...},
            {"mandate": {"capacity": "role_holder", "basis": "role_grant", "roles": []}},
        ],
    )
    def test_inv_58_the_whole_object_counts(self, issuer, verifier, change):
        refused(verifier, issuer.token(authorization_details=[issuer.detail(**change)]), "details")

    def test_inv_58_exactly_one(self, issuer, verifier):
        for details in (..., [], {}, [issuer.detail(), issuer.detail()], ["x"]):
            refused(verifier, issuer.token(authorization_details=details), "details")

    @pytest.mark.parametrize("until", ["tomorrow", "2027-03-31T22:00:00", 7])
    def test_a_role_until_nobody_knows_when(self, issuer, verifier, until):
        detail = issuer.detail()
        detail["mandate"]["roles"][0]["until"] = until
        refused(verifier, issuer.token(authorization_details=[detail]), "details")


class TestKeys:
    def test_are_fetched_once_for_many_tokens(self, issuer, verifier):
        for _ in range(50):
            verifier.verify(issuer.token())
        assert issuer.fetches == 1

    def test_cve_2026_48524_ten_thousand_unknown_kids(self, issuer, verifier):
        verifier.verify(issuer.token())
        for number in range(10_000):
            refused(verifier, issuer.token({"kid": f"k{number}"}), "unknownKey")
        assert issuer.fetches == 1
        issuer.now += 30
        refused(verifier, issuer.token({"kid": "another"}), "unknownKey")
        refused(verifier, issuer.token({"kid": "and another"}), "unknownKey")
        assert issuer.fetches == 2

    def test_inv_61_a_new_key_is_learnt_and_the_old_one_kept_while_published(self, issuer, verifier):
        old = issuer.keys[0]
        verifier.verify(issuer.token())
        issuer.keys = [Key("two"), old]
        issuer.now += 30
        assert verifier.verify(issuer.token())
        assert verifier.verify(old.sign(issuer.claims()))

    def test_a_key_that_is_withdrawn_is_believed_no_more(self, issuer, verifier):
        old = issuer.keys[0]
        verifier.verify(issuer.token())
        issuer.keys = [Key("two")]
        issuer.now += 300
        refused(verifier, old.sign(issuer.claims()), "unknownKey")

    def test_an_outage_is_tolerated_for_a_day(self, issuer, verifier):
        verifier.verify(issuer.token())
        issuer.is_down = True
        issuer.now += 86_399
        assert verifier.verify(issuer.token())
        issuer.now += 1
        with pytest.raises(KeysUnavailable):
            verifier.verify(issuer.token())

    def test_nothing_is_believed_before_the_first_fetch(self, issuer, verifier):
        issuer.is_down = True
        with pytest.raises(KeysUnavailable):
            verifier.verify(issuer.token())
        issuer.is_down = False
        issuer.now += 30
        assert verifier.verify(issuer.token())

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [1]}', b"x" * 70_000, b"[" * 9000]
    )
    def test_a_broken_key_set_does_not_replace_a_good_one(self, issuer, verifier, body):
        verifier.verify(issuer.token())
        issuer.body = body
        issuer.now += 300
        assert verifier.verify(issuer.token())
        assert issuer.fetches == 2

    def test_a_key_set_with_a_private_or_shared_key_is_refused(self, issuer):
        document = issuer.keys[0].document
        for bad in ({**document, "d": "AA"}, {"kty": "oct", "kid": "o", "k": "c2VjcmV0", "alg": "HS256"}):
            with pytest.raises(ValueError, match="private"):
                keys_of({"keys": [bad]}, ["ES256"])

    @pytest.mark.parametrize(
        "change",
        [
            {"use": "enc"},
            {"alg": "HS256"},
            {"alg": ...},
            {"kid": ...},
            {"kty": "XX"},
            {"crv": "P-384"},
            {"x": "AA"},
        ],
    )
    def test_storm_0558_a_key_for_another_purpose_is_passed_over(self, issuer, change):
        document = {**issuer.keys[0].document, **change}
        document = {name: value for name, value in document.items() if value is not ...}
        assert keys_of({"keys": [document]}, ["ES256"]) == {}

    def test_a_key_is_bound_to_its_algorithm(self, issuer):
        rsa = Key("r", "RS256")
        document = {**rsa.document, "alg": "ES256"}
        assert keys_of({"keys": [document]}, ["ES256", "RS256"]) == {}

    def test_two_keys_of_one_name_are_refused(self):
        with pytest.raises(ValueError, match="one name"):
            keys_of({"keys": [Key("a").document, Key("a").document]}, ["ES256"])


class TestConfiguration:
    @pytest.mark.parametrize(
        "change",
        [
            {"audience": ""}, {"issuer": ""}, {"issuer": "http://habilis.test"}, {"algorithms": []},
            {"algorithms": ["HS256"]}, {"algorithms": ["ES256", "none"]}, {"skew_seconds": 61}, {"skew_seconds": -1},
            {"jwks_uri": "http://evil.test/keys"}, {"not_before": datetime(2026, 1, 1)},  # noqa: DTZ001
        ],
    )  # fmt: skip
    def test_cve_2026_55689_what_would_leave_a_check_out_does_not_start(self, change):
        with pytest.raises(ValueError, match=r".+"):
            Verifier(**{"issuer": ISSUER, "audience": AUDIENCE, **change})

    def test_loopback_may_be_http(self):
        assert Verifier("http://127.0.0.1:8600", AUDIENCE)

    def test_inv_56_pyjwt_alone_would_have_believed_an_id_token(self, issuer, verifier):
        """Why there is a verifier at all: the library's own defaults take this one."""
        token = issuer.token({"typ": "JWT"})
        key = jwt.PyJWK(issuer.keys[0].document)
        options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
        assert jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE, options=options)
        refused(verifier, token, "type")


@pytest.mark.anyio
class TestAsync:
    async def test_verifies_and_fetches_as_the_other(self, issuer):
        verifier = AsyncVerifier(ISSUER, AUDIENCE, http=issuer.async_http, clock=issuer.clock)
        assert (await verifier.verify(issuer.token())).has_role("primes.deposer")
        for number in range(100):
            with pytest.raises(InvalidMandate):
                await verifier.verify(issuer.token({"kid": f"k{number}"}))
        assert issuer.fetches == 1

    async def test_tolerates_an_outage(self, issuer):
        verifier = AsyncVerifier(ISSUER, AUDIENCE, http=issuer.async_http, clock=issuer.clock)
        await verifier.verify(issuer.token())
        issuer.is_down = True
        issuer.now += 1000
        assert await verifier.verify(issuer.token())
        issuer.body = b"x" * 70_000
        issuer.is_down = False
        issuer.now += 1000
        assert await verifier.verify(issuer.token())
