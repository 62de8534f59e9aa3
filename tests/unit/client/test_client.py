"""What the client makes of the answers it may get: a yes only from an explicit yes."""

import httpx2
import pytest
from habilis_portal import Denied, HabilisClient, Rejected, StepUpNeeded, Unavailable

from tests.support.mandate_issuer import AUDIENCE, ISSUER, Issuer


@pytest.fixture
def issuer():
    return Issuer()


def client(issuer, status=200, body=None, content=None, calls=None):
    def answer(request):
        if calls is not None:
            calls.append(request)
        if request.url.path == "/.well-known/jwks.json":
            return issuer.answer(request)
        if status is None:
            raise httpx2.ReadTimeout("slow")
        return (
            httpx2.Response(status, json=body)
            if content is None
            else httpx2.Response(status, content=content)
        )

    return HabilisClient(
        issuer=ISSUER, audience=AUDIENCE, client_id="primes", client_secret="se:cret%",
        http=httpx2.Client(transport=httpx2.MockTransport(answer)), clock=issuer.clock,
    )  # fmt: skip


def given(token, **more):
    kind = "urn:ietf:params:oauth:token-type:access_token"
    return {"access_token": token, "issued_token_type": kind, "token_type": "Bearer", **more}


def test_an_exchange_gives_a_verified_mandate_with_hints(issuer):
    hint = {"action": "primes.signer", "acr_values": "urn:be:fedict:iam:fas:Level500"}
    mandate = client(issuer, body=given(issuer.token(), step_up=[hint])).exchange(
        "kc", enterprise="1900000069"
    )
    assert mandate.acts_for("1900000069")
    assert [each.action for each in mandate.step_up] == ["primes.signer"]


def test_a_token_that_does_not_verify_is_no_mandate(issuer):
    from habilis_portal import InvalidMandate

    with pytest.raises(InvalidMandate):
        client(issuer, body=given(issuer.token(aud="https://permis.test"))).exchange("kc")
    with pytest.raises(InvalidMandate):
        client(issuer, body=given(issuer.token(client_id="permis"))).exchange("kc")


def test_the_request_holds_what_the_standard_wants_and_nothing_in_the_address(issuer):
    calls = []
    client(issuer, body=given(issuer.token()), calls=calls).exchange(
        "kc", enterprise="1900000069", actions=["a"]
    )
    [request] = [call for call in calls if call.method == "POST"]
    form = httpx2.QueryParams(request.content.decode())
    assert request.url.query == b""
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
    assert form["audience"] == AUDIENCE
    assert '"actions": ["a"]' in form["authorization_details"]
    assert request.headers["authorization"] == "Basic cHJpbWVzOnNlJTNBY3JldCUyNQ=="  # primes:se%3Acret%25


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (400, {"error": "access_denied", "reason": "noRight"}, Denied, "noRight"),
        (400, {"error": "insufficient_user_authentication", "acr_values": "x"}, StepUpNeeded, "stepUpNeeded"),
        (401, {"error": "invalid_client"}, Rejected, "invalid_client"),
        (400, {"error": "invalid_request"}, Rejected, "invalid_request"),
        (503, {"error": "temporarily_unavailable"}, Unavailable, "unavailable"),
        (500, {}, Unavailable, "unavailable"),
        (200, {}, Unavailable, "unavailable"),
        (200, [], Unavailable, "unavailable"),
        (302, {}, Rejected, "invalid_request"),
        (None, {}, Unavailable, "unavailable"),
    ],
)
def test_every_no_has_its_error(issuer, status, body, error, code):
    with pytest.raises(error) as caught:
        client(issuer, status, body).exchange("kc")
    assert caught.value.code == code


def test_an_answer_that_is_no_json(issuer):
    for act in (lambda c: c.exchange("kc"), lambda c: c.introspect("t"), lambda c: c.evaluate("s", "a", "e")):
        with pytest.raises(Unavailable):
            act(client(issuer, content=b"<html>"))


@pytest.mark.parametrize("body", [{"active": False}, {"active": "true"}, {"active": 1}, {}])
def test_inactive_unless_it_says_active(issuer, body):
    assert client(issuer, body=body).introspect("t").active is False


@pytest.mark.parametrize("body", [{"decision": False}, {"decision": False, "context": {"reason": "noRight"}}])
def test_a_denial_is_a_no(issuer, body):
    assert client(issuer, body=body).evaluate("s", "a", "1900000069").permitted is False


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": "true"},
        {"decision": 1},
        {"decision": True, "context": 1},
        {"decision": True, "context": {"until": "x"}},
    ],
)
def test_anything_but_a_boolean_is_no_decision(issuer, body):
    with pytest.raises(Unavailable):
        client(issuer, body=body).evaluate("s", "a", "1900000069")


def test_actions_need_an_enterprise(issuer):
    with pytest.raises(ValueError, match="enterprise"):
        client(issuer).exchange("kc", actions=["a"])


def test_errors_repeat_neither_token_nor_secret(issuer):
    with pytest.raises(Rejected) as caught:
        client(issuer, 400, {"error": "invalid_request"}).exchange("the-token")
    assert "the-token" not in str(caught.value)
    assert "se:cret" not in str(caught.value)
