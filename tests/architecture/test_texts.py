"""Every text exists in four languages, and reads as SCREENS asks."""

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message

from iam.kernel.language import Language
from iam.texts import tools
from iam.texts.catalogue import TRANSLATIONS, files, key_of, messages

_TEMPLATES = tools.templates()
# Words that beg or shout, in each language: SCREENS says what one may do and how.
_UNWANTED = re.compile(r"!|\b(veuillez|svp|gelieve|alstublieft|bitte|please)\b", re.IGNORECASE)


def _po_files() -> Iterator[tuple[Language, str]]:
    for language in TRANSLATIONS:
        yield from ((language, path.name) for path in files(language))


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_inv_69_every_text_has_a_translation_and_no_translation_is_left_over(language: Language) -> None:
    assert tools.check(language) == []


def test_inv_69_the_check_sees_the_texts_of_code_and_of_templates() -> None:
    places = {use.place.split(":")[0] for use in tools.uses()}
    assert "texts/reasons.py" in places
    assert "console/templates/base.html" in places


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda p: str(p.relative_to(tools.HOUSE)))
def test_inv_69_no_template_speaks_in_one_language_only(template) -> None:
    assert tools.unmarked_words(template.read_text(encoding="utf-8")) == []


def test_no_text_is_used_with_two_plurals() -> None:
    assert tools.conflicting_plurals() == []


def test_each_language_has_the_same_files() -> None:
    names = {language: {path.name for path in files(language)} for language in TRANSLATIONS}
    assert names[Language.DE] == names[Language.NL] == names[Language.EN]


def test_no_text_begs_or_shouts() -> None:
    french = {use.message for use in tools.uses()} | {use.plural for use in tools.uses() if use.plural}
    others = {
        form
        for language in TRANSLATIONS
        for path in files(language)
        for message in messages(path)
        for form in ([message.string] if isinstance(message.string, str) else message.string)
    }
    assert sorted(text for text in french | others if _UNWANTED.search(text)) == []


@pytest.mark.parametrize(("language", "name"), list(_po_files()), ids=str)
def test_a_catalogue_names_no_message_twice(language: Language, name: str) -> None:
    path = next(p for p in files(language) if p.name == name)
    source = path.read_text(encoding="utf-8")
    assert source.startswith('msgid ""\nmsgstr ""\n"Language:'), "the heading comes first"
    entries = len(re.findall(r"^msgid ", source, re.MULTILINE)) - 1
    assert len({key_of(message) for message in messages(path)}) == entries


class TestTheCheckItself:
    """It must find what it is for."""

    def _faults(self, source, translation, *, same=False, **more) -> list[str]:
        return list(tools.faults_of(Message(source, translation, **more), may_be_same=same))

    def test_a_right_translation_has_no_fault(self) -> None:
        assert self._faults("Bonjour %(name)s", "Hello %(name)s") == []

    def test_an_empty_translation(self) -> None:
        assert self._faults("Bonjour", "") == ["has no translation"]

    def test_a_plural_that_lacks_a_form(self) -> None:
        assert self._faults(("%(num)s jour", "%(num)s jours"), ("%(num)s day", "")) == ["has no translation"]

    def test_a_fuzzy_translation(self) -> None:
        assert self._faults("Bonjour", "Hello", flags=["fuzzy"]) == ["is fuzzy"]

    def test_a_translation_with_another_placeholder(self) -> None:
        assert self._faults("Bonjour %(name)s", "Hello %(nom)s") == [
            "has other placeholders: ['name', 'nom']"
        ]

    def test_a_percent_sign_alone(self) -> None:
        assert self._faults("tout", "100 % of it") == ["has a percent sign that is not doubled"]

    def test_a_translation_with_other_markup(self) -> None:
        assert self._faults("<b>Bonjour</b>", "<i>Hello</i>") == ["has other markup"]

    def test_a_translation_with_a_straight_double_quote(self) -> None:
        assert self._faults("Bonjour", 'Say "hello"') == [
            "has a straight double quote, which would end an attribute"
        ]
        assert self._faults('<b id="a">Bonjour</b>', '<b id="a">Hello</b>') == []

    def test_a_translation_that_equals_the_french(self) -> None:
        assert self._faults("Bonjour", "Bonjour") == ["equals the French text"]

    def test_a_name_may_be_the_same(self) -> None:
        assert self._faults("itsme", "itsme", same=True) == []

    def test_a_text_without_an_entry_and_an_entry_without_a_text(self) -> None:
        use = tools.Use("console", "console/x.py:1", None, "Texte jamais traduit", None)
        problems = tools.check(Language.DE, (use,))
        assert "de: 'Texte jamais traduit' (console/x.py:1) is missing" in problems
        assert "de/texts.po: 'sans date de fin' is used nowhere" in problems

    def test_texts_are_found_in_code_and_templates(self, tmp_path) -> None:
        code, template = tmp_path / "a.py", tmp_path / "b.html"
        code.write_text('_("un")\ntexts.ngettext("%(num)s a", "%(num)s b", 2)\nx.pgettext("lieu", "siège")\n')
        template.write_text('{% trans n=name %}\n Bonjour\n {{ n }}{% endtrans %}{{ _("deux") }}')
        found = {(use.context, use.message, use.plural) for p in (code, template) for use in tools.uses_in(p)}
        assert found == {
            (None, "un", None),
            (None, "%(num)s a", "%(num)s b"),
            ("lieu", "siège", None),
            (None, "Bonjour %(n)s", None),
            (None, "deux", None),
        }

    @pytest.mark.parametrize(
        ("source", "words"),
        [
            ("<p>Bonjour</p>", ["Bonjour"]),
            ('<p>{{ _("Bonjour") }} {{ name }} · 12</p>', []),
            ('<nav aria-label="Langues"></nav>', ["Langues"]),
            ('<input type="hidden" value="gap"><input type="submit" value="Envoyer">', ["Envoyer"]),
            ("{% trans %}Bonjour{% endtrans %}", []),
            ("<p>{% if a %}Oui{% endif %}</p>", ["Oui"]),
        ],
    )
    def test_words_that_are_not_marked_are_found(self, source, words) -> None:
        assert tools.unmarked_words(source) == words
