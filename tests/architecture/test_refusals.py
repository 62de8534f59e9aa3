"""Every no has a sentence, a problem, a place where it is given, and a value that never changes."""

import ast
from pathlib import Path

import pytest

from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.language import Language
from iam.kernel.reasons import Fixer, Kind, Reason
from iam.texts.reasons import WORDINGS, sentence
from iam.web.problems import of_refusal

ROOT = Path(__file__).parents[2]
STATUS = {
    Kind.INVALID: 400, Kind.NOT_FOUND: 404, Kind.FORBIDDEN: 403, Kind.STEP_UP: 401, Kind.CONFLICT: 409,
    Kind.STALE: 412, Kind.LIMITED: 429, Kind.UNAVAILABLE: 503,
}  # fmt: skip


@pytest.mark.parametrize("reason", Reason)
def test_inv_69_every_reason_has_words_and_a_problem(reason: Reason) -> None:
    problem = of_refusal(Refusal(reason=reason, level=Level.EID))
    assert problem.status == STATUS[reason.kind]
    assert WORDINGS[reason]
    for language in Language:
        assert sentence(reason, language).why


# Values and words are settled; no rule gives them yet. Whoever gives one takes it out of this list.
RESERVED = {"OFFICE_UNKNOWN", "SESSION_ENDED", "STATE_NOT_REACHED"}


def test_every_reason_is_given_somewhere_or_is_known_to_wait() -> None:
    assert {reason.name for reason in Reason} - GIVEN == RESERVED


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.kind is Kind.NOT_FOUND])
def test_nobody_can_mend_what_is_none_of_his_business(reason: Reason) -> None:
    assert reason.fixer is Fixer.NOBODY


@pytest.mark.parametrize(
    "reason", [reason for reason in Reason if reason.kind in {Kind.INVALID, Kind.STEP_UP}]
)
def test_what_was_typed_or_how_one_logged_in_is_mended_by_oneself(reason: Reason) -> None:
    assert reason.fixer is Fixer.YOU or reason is Reason.PORTAL_UNKNOWN


def test_the_value_of_a_reason_is_its_name_in_camel_case() -> None:
    """Values are published: a renamed member with an old value, or the reverse, confuses whoever reads both."""
    for reason in Reason:
        first, *rest = reason.name.lower().split("_")
        assert reason.value == first + "".join(word.title() for word in rest)


def _given() -> set[str]:
    """The reasons that code outside of the kernel and of the texts names."""
    found = set()
    for path in (ROOT / "iam").rglob("*.py"):
        if path.parts[-2] in {"kernel", "texts"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Reason":
                found.add(node.attr)
    return found


GIVEN = _given()
