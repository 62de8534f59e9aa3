import pytest

from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.language import Language
from iam.kernel.reasons import Fixer, Reason
from iam.texts.reasons import FIXERS, LEVELS, WORDINGS, refusal_sentence, sentence

FACTS = {"day": "2026-03-31", "level": "500", "days": "365", "limit": "1000"}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("reason", Reason)
def test_inv_69_every_reason_has_words_in_every_language(reason, language) -> None:
    for facts in ({}, FACTS):
        words = sentence(reason, language, **facts)
        for part in (words.why, words.missing, words.who_can_change):
            assert part.endswith(".")
            assert "%(" not in part
        if language is not Language.FR:
            french = sentence(reason, Language.FR, **facts)
            assert words.why != french.why
            assert words.missing != french.missing
            assert words.who_can_change != french.who_can_change


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_be_said_without_any_fact_and_knows_its_facts(reason) -> None:
    wordings = WORDINGS[reason]
    assert wordings[-1].needs == frozenset()
    assert all(wording.needs <= FACTS.keys() for wording in wordings)


def test_every_fixer_and_every_level_has_words() -> None:
    assert set(FIXERS) == set(Fixer)
    assert set(LEVELS) == set(Level)


def test_no_words_for_a_reason_that_does_not_exist() -> None:
    assert set(WORDINGS) == set(Reason)


def test_facts_are_put_into_words() -> None:
    assert sentence(Reason.ENTERPRISE_CEASED, Language.FR, day="2025-03-01").why == (
        "D'après la Banque-Carrefour des Entreprises (BCE), cette entreprise a cessé le 1er mars 2025."
    )
    assert sentence(Reason.TEXT_TOO_LONG, Language.DE, limit="2000").why == (
        "Dieser Text ist zu lang: höchstens 2.000 Zeichen."
    )


def test_a_fact_that_is_not_a_code_is_refused() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        sentence(Reason.ENTERPRISE_CEASED, Language.FR, day="31/03/2025")


def test_a_refusal_tells_the_level_that_would_do() -> None:
    refusal = Refusal(reason=Reason.LEVEL_TOO_LOW, level=Level.EID)
    assert refusal_sentence(refusal, Language.EN).why == (
        "For this, log in with the electronic identity card (eID)."
    )
    assert (
        refusal_sentence(Refusal(reason=Reason.LEVEL_TOO_LOW), Language.EN).why == "This needs a safer login."
    )


@pytest.mark.parametrize("reason", [Reason.ALREADY_REQUESTED, Reason.ROLE_MISSING])
@pytest.mark.parametrize("language", Language)
def test_inv_49_a_requester_does_not_learn_whether_there_is_a_manager(reason, language) -> None:
    """The words are the same for every enterprise: they say both ways on."""
    words = sentence(reason, language)
    assert words.who_can_change == sentence(Reason.FOUR_EYES, language).who_can_change
    assert sentence(reason, language, name="Jeanne") == words
