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
    Kind.LIMITED: 429, Kind.UNAVAILABLE: 503,
}  # fmt: skip


@pytest.mark.parametrize("reason", Reason)
def test_inv_69_every_reason_has_words_and_a_problem(reason: Reason) -> None:
    problem = of_refusal(Refusal(reason=reason, level=Level.EID))
    assert problem.status == STATUS[reason.kind]
    assert WORDINGS[reason]
    for language in Language:
        assert sentence(reason, language).why


def test_every_reason_is_given_by_some_code() -> None:
    """A reason that nothing gives promises an answer that never comes."""
    assert {reason.name for reason in Reason} - _given() == set()


def test_every_kind_and_every_fixer_belongs_to_a_reason() -> None:
    assert set(Kind) == {reason.kind for reason in Reason}
    assert set(Fixer) == {reason.fixer for reason in Reason}


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
    """The reasons that code outside of their own list and of their words gives."""
    files = set((ROOT / "iam").rglob("*.py")) - set((ROOT / "iam" / "texts").rglob("*.py"))
    files.discard(ROOT / "iam" / "kernel" / "reasons.py")
    return {name for path in files for name in _given_in(path.read_text(encoding="utf-8"))}


def _given_in(source: str) -> set[str]:
    """The reasons that a module makes something of; to compare with one is not to give it."""
    tree = ast.parse(source)
    compared = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare | ast.MatchValue)
        for part in ast.walk(node)
    }
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) == "Reason"
        and id(node) not in compared
    }


def test_the_check_sees_who_gives_a_reason_and_who_only_asks_for_it() -> None:
    given = """
refuse(Refusal(reason=Reason.A), missing=Reason.B)
found = Reason.C if x.reason is Reason.D else None
match x.reason:
    case Reason.E:
        pass
if x.reason in {Reason.F}:
    pass
"""
    assert _given_in(given) == {"A", "B", "C"}
