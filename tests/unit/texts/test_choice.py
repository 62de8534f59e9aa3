import pytest

from iam.kernel.language import Language
from iam.texts import choose
from iam.texts.choice import parse


@pytest.mark.parametrize(
    ("preference", "header", "query", "expected"),
    [
        (None, None, None, Language.FR),
        (None, "nl-BE,nl;q=0.9,en;q=0.8", None, Language.NL),
        (None, "en;q=0.5,de;q=0.9", None, Language.DE),
        (None, "es,pt;q=0.9", None, Language.FR),
        (None, "es,en;q=0.1", None, Language.EN),
        (None, "de;q=0,en;q=0.2", None, Language.EN),
        (None, "free-market,fr_FR", None, Language.FR),
        (None, ";;;,=,q", None, Language.FR),
        (None, "*", None, Language.FR),
        (Language.DE, "nl", None, Language.DE),
        (Language.DE, "nl", "en", Language.EN),
        (Language.DE, "nl", "xx", Language.DE),
        (None, "nl", "' or 1=1", Language.NL),
    ],
)
def test_inv_69_the_language_just_chosen_then_the_persons_then_the_browsers(
    preference, header, query, expected
) -> None:
    assert choose(preference, header, query) is expected


def test_the_default_can_be_set() -> None:
    assert choose(None, "es", None, Language.DE) is Language.DE


def test_a_very_long_header_is_read_to_a_bound() -> None:
    assert choose(None, "es," * 10_000 + "de", None) is Language.FR


@pytest.mark.parametrize(
    ("text", "expected"), [("FR", Language.FR), ("nl-BE", Language.NL), ("french", None), ("", None)]
)
def test_only_codes_of_ours_are_languages(text, expected) -> None:
    assert parse(text) is expected
