"""Pages: the frame, its languages, and how a template becomes an answer.

A page author writes a template that extends `base.html`, marks its texts with `_()` or `{% trans %}`,
uses the macros as `ui.…`, and calls `render`. See `templates/macros.html`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from iam.console.assets import static_url
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.settings import HelpdeskSettings
from iam.texts import formats, translator

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGE_FIELD = "lang"
PRODUCT = "Mon Espace"
_BEFORE_DOUBLE = re.compile(r" (?=[:;?!»](?:\s|$))|(?<=«) ")
HTML_HEADERS = {"Cache-Control": "no-store, private"}

# In the order of the header (SCREENS). A language is called by its own name in every language.
LANGUAGE_NAMES: Mapping[Language, str] = {
    Language.FR: "Français",
    Language.NL: "Nederlands",
    Language.DE: "Deutsch",
    Language.EN: "English",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActingFor:
    """The enterprise inside which a page is; the context bar names it and offers to change it."""

    name: str
    number: EnterpriseNumber
    change_url: str = "/"
    name_language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """A place to go inside the present context, with the number of things that wait there."""

    label: str
    url: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the frame needs to know. `address` is the path and query of this page, for the language switch.

    `reference` is what a person tells the helpdesk about this page. `person` is the name of who is
    logged in, None for nobody.
    """

    language: Language
    address: str
    reference: str
    helpdesk: HelpdeskSettings
    person: str | None = None
    acting_for: ActingFor | None = None
    nav: tuple[NavItem, ...] = ()

    def in_language(self, language: Language) -> str:
        """The address of this page in another language."""
        path, _, query = self.address.partition("?")
        kept = [(k, v) for k, v in parse_qsl(query, keep_blank_values=True) if k != LANGUAGE_FIELD]
        return f"{path}?{urlencode([*kept, (LANGUAGE_FIELD, language.value)])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with a field of a form, in words that say how to mend it; `field` is the input's name."""

    field: str
    message: str


def address_of(request: Request) -> str:
    """The path and query of a request, which is never an address of another site."""
    path = "/" + request.url.path.lstrip("/\\")
    return f"{path}?{request.url.query}" if request.url.query else path


def _error_of(errors: Iterable[FieldError], field: str) -> str | None:
    return next((error.message for error in errors if error.field == field), None)


def _day(value: date | datetime, *, language: Language) -> str:
    return formats.day(value, language)


def _typeset(text: str, language: Language) -> str:
    """French keeps its double punctuation on the line of the word before it."""
    return _BEFORE_DOUBLE.sub("\u00a0", text) if language is Language.FR else text


@cache
def environment(language: Language) -> Environment:
    """The templates in one language: its texts, its formats as filters, the macros as `ui`."""
    texts = translator(language)
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.policies["ext.i18n.trimmed"] = True

    def pgettext(context: str | None, message: str) -> str:
        return _typeset(texts.find(context, message), language)

    def npgettext(context: str | None, singular: str, plural: str, num: int) -> str:
        return _typeset(texts.find_plural(context, singular, plural, num), language)

    made.install_gettext_callables(  # type: ignore[attr-defined]  # added by the i18n extension
        partial(pgettext, None),
        partial(npgettext, None),
        newstyle=True,
        pgettext=pgettext,
        npgettext=npgettext,
    )
    made.filters.update(
        day=partial(_day, language=language),
        moment=partial(formats.moment, language=language),
        period=partial(formats.period, language=language),
        until=partial(formats.until, language=language),
        days=partial(formats.days, language=language),
        listed=partial(formats.listed, language=language),
        count_words=partial(formats.count, language=language),
        dotted=formats.enterprise_number,
        error_of=_error_of,
    )
    made.globals.update(static_url=static_url, LANGUAGE_NAMES=LANGUAGE_NAMES, PRODUCT=PRODUCT)
    made.globals["ui"] = made.get_template("macros.html").module
    return made


def page_of(request: Request) -> Page:
    """The page that the session's dependency left with the request. Raises LookupError when it did not."""
    page: Page | None = getattr(request.state, "page", None)
    if page is None:
        message = "the request has no page: set request.state.page or hand one to render"
        raise LookupError(message)
    return page


def render(
    request: Request,
    template: str,
    *,
    page: Page | None = None,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    block: str | None = None,
    **context: object,
) -> HTMLResponse:
    """The page as an answer that nobody keeps (`Cache-Control: no-store, private`).

    `errors` (a list of `FieldError`) and `back` (an address) are read by the frame. With `block`
    only that block of the template is rendered, for a swap by htmx. Raises LookupError without a
    page, jinja2.TemplateNotFound, and jinja2.UndefinedError for a name the template lacks.
    """
    shown = page_of(request) if page is None else page
    found = environment(shown.language).get_template(template)
    known: dict[str, object] = {"errors": (), "back": None, **context, "page": shown}
    text = found.render(known) if block is None else "".join(found.blocks[block](found.new_context(known)))
    return HTMLResponse(text, status_code=status_code, headers={**(headers or {}), **HTML_HEADERS})
