"""The one mapping from reasons and faults to problem documents."""

import pytest

from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.reasons import Kind, Reason
from iam.web.problems import Fault, Issue, of_fault, of_refusal, schema_violation

TRACE = "00000000-0000-4000-8000-000000000001"
STATUS = {
    Kind.INVALID: 400,
    Kind.NOT_FOUND: 404,
    Kind.FORBIDDEN: 403,
    Kind.STEP_UP: 401,
    Kind.CONFLICT: 409,
    Kind.LIMITED: 429,
    Kind.UNAVAILABLE: 503,
}


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_status_of_its_kind_and_a_type(reason):
    problem = of_refusal(Refusal(reason=reason))
    document = problem.document(TRACE)
    assert document["status"] == problem.status == STATUS[reason.kind]
    assert document["type"].startswith(("urn:problem-type:belgif:", "urn:problem-type:habilis:iam:"))
    assert document["title"].isascii()
    assert document["instance"] == f"urn:uuid:{TRACE}"


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.kind is Kind.NOT_FOUND])
def test_absent_and_not_concerned_are_the_same_document(reason):
    refusal = Refusal(reason=reason, about="request", facts={"name": "Menuiserie"})
    assert of_refusal(refusal).document(TRACE) == of_fault(Fault.NOT_FOUND).document(TRACE)


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_has_a_document(fault):
    document = of_fault(fault).document(TRACE)
    assert set(document) == {"type", "title", "status", "instance"}
    assert document["status"] == fault.status


def test_a_field_is_named_without_its_value():
    refusal = Refusal(reason=Reason.EMAIL_INVALID, about="email")
    [issue] = of_refusal(refusal).document(TRACE)["issues"]
    assert issue == {"type": "urn:problem-type:habilis:iam:emailInvalid", "in": "body", "name": "email"}


def test_a_step_up_says_which_level_would_do():
    problem = of_refusal(Refusal(reason=Reason.LEVEL_TOO_LOW, level=Level.EID))
    assert problem.extra["acrValues"] == "urn:be:fedict:iam:fas:Level500"
    assert problem.headers["WWW-Authenticate"] == (
        'Bearer error="insufficient_user_authentication", acr_values="urn:be:fedict:iam:fas:Level500"'
    )


def test_the_facts_of_a_refusal_stay_inside():
    refusal = Refusal(reason=Reason.ALREADY_GRANTED, facts={"role": "primes.deposer"})
    assert "primes" not in str(of_refusal(refusal).document(TRACE))


def test_what_is_absent_is_left_out():
    assert Issue(type="t").document() == {"type": "t"}
    assert schema_violation("query", "n", "missing").document()["detail"] == "missing"
