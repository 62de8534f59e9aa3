"""What is kept with a dossier proves, years later, who was allowed to file it."""

import json
from datetime import UTC, datetime

import pytest
from habilis_portal import Evidence, InvalidEvidence, Verifier

from tests.support.mandate_issuer import AUDIENCE, ISSUER, Issuer, Key


@pytest.fixture
def issuer():
    return Issuer()


@pytest.fixture
def kept(issuer):
    verifier = Verifier(ISSUER, AUDIENCE, http=issuer.http, clock=issuer.clock)
    mandate = verifier.verify(issuer.token())
    at = datetime.fromtimestamp(issuer.now + 10, UTC)
    evidence = Evidence.from_mandate(mandate, issuer=ISSUER, audience=AUDIENCE, at=at)
    return mandate, evidence, verifier.kept_keys()


def test_round_trip_and_verification_long_after(issuer, kept):
    mandate, evidence, keys = kept
    issuer.now += 10 * 365 * 86_400
    again = Evidence.from_json(evidence.to_json())
    assert again == evidence
    assert again.verify(json.loads(json.dumps(keys))) == mandate


def test_the_key_of_the_evidence_itself_is_not_enough(kept):
    _, evidence, _ = kept
    forged = {"keys": [Key("one").document]}
    with pytest.raises(InvalidEvidence) as caught:
        evidence.verify(forged)
    assert caught.value.code == "signature"
    with pytest.raises(InvalidEvidence) as caught:
        evidence.verify({"keys": []})
    assert caught.value.code == "unknownKey"


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("verified_at", "2030-01-01T00:00:00+00:00", "expired"),
        ("verified_at", "2020-01-01T00:00:00+00:00", "notYetValid"),
        ("token_id", "another", "details"),
        ("revision", "another", "details"),
        ("issuer", "https://evil.test", "issuer"),
        ("audience", "https://permis.test", "audience"),
        ("token", "a.b.c", "malformed"),
    ],
)
def test_what_was_changed_is_noticed(kept, member, value, code):
    _, evidence, keys = kept
    document = json.loads(evidence.to_json()) | {member: value}
    with pytest.raises(InvalidEvidence) as caught:
        Evidence.from_json(json.dumps(document)).verify(keys)
    assert caught.value.code == code


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", '{"version": 2}', '{"version": 1}'])
def test_a_text_that_is_no_evidence(text):
    with pytest.raises(InvalidEvidence) as caught:
        Evidence.from_json(text)
    assert caught.value.code == "form"


def test_a_broken_key_set(kept):
    with pytest.raises(InvalidEvidence):
        kept[1].verify({"keys": 1})
