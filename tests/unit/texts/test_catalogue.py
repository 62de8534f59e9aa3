import pytest

from iam.kernel.language import Language
from iam.texts import N_, Texts, translator

DUTCH = Texts(
    Language.NL,
    {
        (None, "Bonjour %(name)s"): ("Dag %(name)s",),
        ("entreprise", "siège"): ("zetel",),
        ("meuble", "siège"): ("stoel",),
        (None, "%(num)s droit"): ("%(num)s recht", "%(num)s rechten"),
        ("loi", "%(num)s texte"): ("%(num)s wet", "%(num)s wetten"),
        (None, "100 %%"): ("100 %% vol",),
    },
)


def test_facts_take_their_places() -> None:
    assert DUTCH.gettext("Bonjour %(name)s", name="Karim %s") == "Dag Karim %s"


def test_a_context_tells_two_meanings_apart() -> None:
    assert DUTCH.pgettext("entreprise", "siège") == "zetel"
    assert DUTCH.pgettext("meuble", "siège") == "stoel"


@pytest.mark.parametrize(("number", "words"), [(0, "0 rechten"), (1, "1 recht"), (2, "2 rechten")])
def test_plurals(number, words) -> None:
    assert DUTCH.ngettext("%(num)s droit", "%(num)s droits", number) == words


def test_plurals_in_a_context() -> None:
    assert DUTCH.npgettext("loi", "%(num)s texte", "%(num)s textes", 3) == "3 wetten"


@pytest.mark.parametrize(("number", "words"), [(0, "0 droit"), (1, "1 droit"), (2, "2 droits")])
def test_french_counts_nought_as_one(number, words) -> None:
    assert translator(Language.FR).ngettext("%(num)s droit", "%(num)s droits", number) == words


def test_a_percent_sign_is_doubled_in_the_message_only() -> None:
    assert DUTCH.gettext("100 %%") == "100 % vol"


def test_what_has_no_translation_is_shown_in_french() -> None:
    assert DUTCH.gettext("Sans traduction") == "Sans traduction"


def test_a_mark_changes_nothing() -> None:
    assert N_("texte") == "texte"


def test_the_texts_of_a_language_are_read_once() -> None:
    assert translator(Language.DE) is translator(Language.DE)
    assert translator(Language.DE).gettext("sans date de fin") == "ohne Enddatum"
