"""What keeps the catalogues whole: finds every text in code and templates and holds it against the .po files.

Used by `python -m iam.texts` and by the tests; a missing translation fails them (DOMAIN 7.3 nr 69).
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.extract import extract_from_file
from jinja2 import Environment, nodes

from iam.kernel.language import Language
from iam.texts.catalogue import SOURCE, TRANSLATIONS, Key, files, key_of, messages

HOUSE = Path(__file__).parents[1]
SAME = Path(__file__).parent / "same.toml"
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "N_": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
JINJA_OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_MARKUP = re.compile(r"</?[a-z][^>]*>")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SPOKEN_ATTRIBUTES = {"alt", "aria-label", "aria-description", "placeholder", "title", "content", "value"}
_SILENT_ELEMENTS = {"script", "style"}


@dataclass(frozen=True, slots=True)
class Use:
    """A text where it is used."""

    room: str
    place: str
    context: str | None
    message: str
    plural: str | None

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.context, self.message


def templates() -> list[Path]:
    """Every Jinja template of the house, of pages and of mails."""
    return sorted(p for p in HOUSE.glob("*/templates/**/*") if p.suffix in {".html", ".txt"})


def _code() -> list[Path]:
    return sorted(p for p in HOUSE.rglob("*.py") if "migrations" not in p.parts)


def uses_in(path: Path) -> Iterator[Use]:
    """Every text marked in a file of code or in a template."""
    place = path.relative_to(HOUSE) if path.is_relative_to(HOUSE) else Path(path.name)
    method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
    options = {} if path.suffix == ".py" else JINJA_OPTIONS
    for line, found, _, context in extract_from_file(method, path, KEYWORDS, options=options):
        message, plural = (found, None) if isinstance(found, str) else (found[0], found[1])
        yield Use(place.parts[0], f"{place}:{line}", context or None, message, plural)


@cache
def uses() -> tuple[Use, ...]:
    """Every text marked anywhere in the house."""
    return tuple(use for path in (*_code(), *templates()) for use in uses_in(path))


def allowed_to_be_same() -> Mapping[Language, frozenset[str]]:
    """Texts that are the same in French and in another language, because they are names or figures."""
    table = tomllib.loads(SAME.read_text(encoding="utf-8"))
    return {language: frozenset(table.get(language.value, ())) for language in TRANSLATIONS}


def _forms(message: Message) -> tuple[str, ...]:
    found = message.string
    return (found,) if isinstance(found, str) else tuple(found or ())


def _ids(message: Message) -> tuple[str, ...]:
    found = message.id
    return (found,) if isinstance(found, str) else tuple(found)


def faults_of(message: Message, *, may_be_same: bool) -> Iterator[str]:
    """What is wrong with one translation, in words; nothing when it is right."""
    ids, forms = _ids(message), _forms(message)
    if message.fuzzy:
        yield "is fuzzy"
    if len(ids) != len(forms) or not all(forms):
        yield "has no translation"
        return
    for source, form in zip(ids, forms, strict=True):
        wanted, found = set(_PLACEHOLDER.findall(source)), set(_PLACEHOLDER.findall(form))
        if wanted != found:
            yield f"has other placeholders: {sorted(wanted ^ found)}"
        elif sorted(_MARKUP.findall(source)) != sorted(_MARKUP.findall(form)):
            yield "has other markup"
        elif '"' in _MARKUP.sub("", form):
            yield "has a straight double quote, which would end an attribute"
        elif not _can_be_filled(form, found):
            yield "has a percent sign that is not doubled"
        if source == form and not may_be_same:
            yield "equals the French text"


def _can_be_filled(form: str, names: set[str]) -> bool:
    try:
        form % dict.fromkeys(names, "")
    except (TypeError, ValueError, KeyError):
        return False
    return True


def check(language: Language, used: tuple[Use, ...] | None = None) -> list[str]:
    """Every fault of a language's catalogues, in words. Empty when nothing is missing or left over."""
    wanted = {use.key: use for use in (uses() if used is None else used)}
    same, same_met = allowed_to_be_same()[language], set[str]()
    seen: dict[Key, tuple[str, tuple[str, ...]]] = {}
    problems: list[str] = []
    for path in files(language):
        name = f"{language.value}/{path.name}"
        for message in messages(path):
            key, forms = key_of(message), _forms(message)
            if forms == _ids(message):
                same_met.add(key[1])
            problems += [
                f"{name}: {key[1]!r} {fault}" for fault in faults_of(message, may_be_same=key[1] in same)
            ]
            if key not in wanted:
                problems.append(f"{name}: {key[1]!r} is used nowhere")
            elif (wanted[key].plural or None) != (_ids(message)[1] if len(_ids(message)) > 1 else None):
                problems.append(f"{name}: {key[1]!r} has another plural than at {wanted[key].place}")
            other = seen.setdefault(key, (name, forms))
            if other[1] != forms:
                problems.append(f"{name}: {key[1]!r} is translated otherwise in {other[0]}")
    problems += [
        f"{language.value}: {use.message!r} ({use.place}) is missing"
        for use in wanted.values()
        if use.key not in seen
    ]
    problems += [f"same.toml: {text!r} is not the same in {language.value}" for text in same - same_met]
    return problems


def conflicting_plurals(used: tuple[Use, ...] | None = None) -> list[str]:
    """Messages that are used with two different plurals, which gettext cannot tell apart."""
    plurals: defaultdict[Key, set[str | None]] = defaultdict(set)
    for use in uses() if used is None else used:
        plurals[use.key].add(use.plural)
    return [key[1] for key, found in plurals.items() if len(found) > 1]


class _Spoken(HTMLParser):
    """Gathers what a reader or a screen reader would say of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in _SILENT_ELEMENTS
        if tag in {"meta", "link"}:
            return
        typed = dict(attrs).get("type")
        for name, value in attrs:
            if name in _SPOKEN_ATTRIBUTES and value and not (name == "value" and typed != "submit"):
                self._keep(value)

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in _SILENT_ELEMENTS

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self._keep(data)

    def _keep(self, text: str) -> None:
        if _WORD.search(text):
            self.words.append(" ".join(text.split()))


def unmarked_words(source: str) -> list[str]:
    """The words that a template says in one language only, because they are not marked as a text."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    data = [node.data for node in environment.parse(source).find_all(nodes.TemplateData)]
    spoken = _Spoken()
    spoken.feed(" ".join(data))
    spoken.close()
    return spoken.words


def stubs(room: str, language: Language) -> str:
    """Entries to fill in: the texts of a room that the language lacks, in the form of a .po file."""
    if language is SOURCE:
        return ""
    known = {key_of(message) for path in files(language) for message in messages(path)}
    lacking = {use.key: use for use in uses() if use.room == room and use.key not in known}
    return "\n".join(_stub(use) for use in lacking.values())


def _stub(use: Use) -> str:
    lines = [f"#: {use.place.rsplit(':', 1)[0]}"]
    if use.context is not None:
        lines.append(f"msgctxt {_quoted(use.context)}")
    lines.append(f"msgid {_quoted(use.message)}")
    if use.plural is None:
        lines.append('msgstr ""')
    else:
        lines += [f"msgid_plural {_quoted(use.plural)}", 'msgstr[0] ""', 'msgstr[1] ""']
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
