"""Details of the RFCs that need no server."""

import json

import pytest

from iam.portals.model import SigningAlg
from iam.tokens.rfc6749_errors import ErrorCode, OAuthError, response
from iam.tokens.rfc6749_form import parse_form
from iam.tokens.rfc7517_keys import UnreadableKey, make, thumbprint, unwrap
from iam.tokens.rfc8414_metadata import document, path

ISSUER = "https://habilis.test"
KEY = b"w" * 32


def test_rfc_7638_the_example_of_section_3_1():
    key = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    "change",
    [
        {"kid": "other"},
        {"alg": SigningAlg.RS256},
        {"kind": "logout+jwt"},
        {"issuer": "https://other.test"},
        {"wrapping_key": b"x" * 32},
    ],
)
def test_storm_0558_a_wrapped_key_opens_for_its_purpose_alone(change):
    made = make(SigningAlg.ES256, kind="at+jwt", issuer=ISSUER, wrapping_key=KEY)
    good = {"kid": made.kid, "alg": made.alg, "kind": "at+jwt", "issuer": ISSUER, "wrapping_key": KEY}
    assert unwrap(made.wrapped, **good)
    with pytest.raises(UnreadableKey):
        unwrap(made.wrapped, **{**good, **change})
    with pytest.raises(UnreadableKey):
        unwrap(made.wrapped[:-1] + bytes([made.wrapped[-1] ^ 1]), **good)
    with pytest.raises(UnreadableKey):
        unwrap(b"", **good)


def test_rfc_8414_the_well_known_part_comes_first():
    assert path("https://h.test") == "/.well-known/oauth-authorization-server"
    assert path("https://h.test/a/b/") == "/.well-known/oauth-authorization-server/a/b"
    assert document(ISSUER)["issuer"] == ISSUER


# The codes that the RFCs register for token endpoints, and those of ADR 0008.
REGISTERED = {
    "invalid_request": 400, "invalid_client": 401, "unauthorized_client": 400, "unsupported_grant_type": 400,
    "invalid_scope": 400, "invalid_target": 400, "invalid_authorization_details": 400, "access_denied": 400,
    "insufficient_user_authentication": 400, "temporarily_unavailable": 503,
}  # fmt: skip


def test_every_error_is_registered_and_answered_by_the_book():
    assert {code.value: int(code.status) for code in ErrorCode} == REGISTERED
    for code in ErrorCode:
        answer = response(OAuthError(code, "why"))
        assert answer.status_code == code.status
        assert json.loads(answer.body) == {"error": code.value, "error_description": "why"}
        assert answer.headers["cache-control"] == "no-store"
        assert ("www-authenticate" in answer.headers) is (answer.status_code == 401)
        assert ("retry-after" in answer.headers) is (answer.status_code == 503)


def test_a_form():
    assert parse_form(b"") == {}
    assert parse_form(b"a=1&b=&c=%C3%A9+x") == {"a": "1", "c": "é x"}
    for bad in (b"a=1&a=1", b"a", b"a=1;b=2&", b"a=%ff"):
        with pytest.raises(OAuthError):
            parse_form(bad)
