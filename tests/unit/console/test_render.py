import re

import pytest
from jinja2 import DictLoader, UndefinedError
from starlette.requests import Request

from iam.console import render as rendering
from iam.console.assets import STATIC, digest, static_url
from iam.console.render import ActingFor, FieldError, Page, address_of, environment, page_of, render
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.settings import HelpdeskSettings
from iam.texts import tools

HELPDESK = HelpdeskSettings(telephone="+32 2 555 01 23", mail="aide@habilis.test")


def request(path: str = "/a", query: bytes = b"") -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query,
            "headers": [],
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "state": {},
        }
    )


def page(**changes) -> Page:
    facts = {"language": Language.FR, "address": "/a", "reference": "7KQ2", "helpdesk": HELPDESK}
    return Page(**{**facts, **changes})


@pytest.fixture
def template(monkeypatch):
    """Templates of the test's own, on the real frame and macros."""
    made = environment(Language.FR).overlay(cache_size=0)
    own: dict[str, str] = {}
    real = made.loader
    made.loader = DictLoader(own)
    for name in ("base.html", "macros.html"):
        own[name] = real.get_source(made, name)[0]
    monkeypatch.setattr(rendering, "environment", lambda _: made)

    def write(source: str) -> str:
        own["own.html"] = '{% extends "base.html" %}{% block title %}Titre{% endblock %}' + source
        return "own.html"

    return write


def body(response) -> str:
    return response.body.decode()


def test_an_answer_is_kept_by_nobody(template) -> None:
    response = render(
        request(), template(""), page=page(), headers={"Cache-Control": "public", "X-Other": "1"}
    )
    assert response.headers["cache-control"] == "no-store, private"
    assert response.headers["x-other"] == "1"
    assert response.headers["content-type"] == "text/html; charset=utf-8"


def test_what_comes_from_people_is_escaped_in_the_frame_in_macros_and_in_texts(template) -> None:
    nasty = '<script>alert("1")</script>'
    name = template(
        '{% block content %}{{ ui.field("f", x, value=x, help=x, errors=errors) }}{{ ui.tag(x) }}'
        "{{ ui.card(x, x) }}{{ ui.check_list([(x, x, x)]) }}{{ ui.hand_on(x, x) }}{{ ui.empty(x) }}"
        '{% trans n=x %}Bonjour {{ n }}{% endtrans %}{{ _("%(n)s", n=x) }}{% endblock %}'
    )
    acting = ActingFor(name=nasty, number=EnterpriseNumber("1900000069"))
    shown = page(person=nasty, acting_for=acting, reference=nasty, address=f"/?a={nasty}")
    text = body(render(request(), name, page=shown, x=nasty, errors=[FieldError(field="f", message=nasty)]))
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;") >= 14


def test_nothing_is_inline(template) -> None:
    name = template('{% block content %}{{ ui.field("f", "F", errors=errors) }}{% endblock %}')
    text = body(render(request(), name, page=page(person="K"), errors=[FieldError(field="f", message="m")]))
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", text)


def test_for_whom_one_acts_is_shown_inside_an_enterprise_only(template) -> None:
    name = template("")
    inside = page(acting_for=ActingFor(name="Menuiserie Dupont SRL", number=EnterpriseNumber("1900000069")))
    assert "1900.000.069" in body(render(request(), name, page=inside))
    assert "hb-context" not in body(render(request(), name, page=page()))


def test_who_is_logged_in_is_shown_with_a_way_out(template) -> None:
    name = template("")
    text = body(render(request(), name, page=page(person="Karim B.")))
    assert "Karim B." in text
    assert '<form method="post" action="/logout"' in text
    assert "/logout" not in body(render(request(), name, page=page()))


def test_help_is_on_every_page(template) -> None:
    text = body(render(request(), template(""), page=page()))
    assert 'href="tel:+3225550123"' in text
    assert "aide@habilis.test" in text
    assert 'href="/help?ref=7KQ2"' in text
    assert "7KQ2" in text


def test_errors_are_named_in_the_title_the_summary_and_the_field(template) -> None:
    name = template('{% block content %}{{ ui.field("number", "N", help="h", errors=errors) }}{% endblock %}')
    text = body(render(request(), name, page=page(), errors=[FieldError(field="number", message="Faux.")]))
    assert "<title>Erreur\u00a0: Titre – Mon Espace</title>" in text
    assert '<a class="ds-link" href="#number">Faux.</a>' in text
    assert 'id="number-error"' in text
    field = re.search(r'<input class="ds-input" id="number"[^>]*>', text)[0]
    assert 'aria-describedby="number-help number-error"' in field
    assert 'aria-invalid="true"' in field


def test_a_field_without_error_says_nothing_of_errors(template) -> None:
    name = template('{% block content %}{{ ui.field("n", "N", errors=errors) }}{% endblock %}')
    text = body(render(request(), name, page=page()))
    assert "aria-invalid" not in text
    assert "ds-error-summary" not in text
    assert "<title>Titre – Mon Espace</title>" in text


def test_the_language_switch_keeps_the_page() -> None:
    shown = page(address="/enterprises/1?tab=roles&lang=fr&q=a%26b")
    assert shown.in_language(Language.DE) == "/enterprises/1?tab=roles&q=a%26b&lang=de"
    assert page(address="/").in_language(Language.NL) == "/?lang=nl"


@pytest.mark.parametrize(
    ("path", "address"),
    [("/a", "/a?x=1"), ("//evil.test/a", "/evil.test/a?x=1"), ("/\\evil", "/%5Cevil?x=1")],
)
def test_an_address_never_leads_elsewhere(path, address) -> None:
    assert address_of(request(path, b"x=1")) == address


@pytest.mark.parametrize(
    ("language", "word"),
    [
        (Language.FR, "Accessibilité"),
        (Language.DE, "Barrierefreiheit"),
        (Language.NL, "Toegankelijkheid"),
        (Language.EN, "Accessibility"),
    ],
)
def test_inv_69_the_frame_speaks_four_languages(language, word) -> None:
    text = body(render(request(), "privacy.html", page=page(language=language)))
    assert f'<html lang="{language.value}"' in text
    assert word in text


def test_french_punctuation_does_not_begin_a_line() -> None:
    made = environment(Language.FR).from_string(
        '{{ _("Besoin d\'aide ?") }} {{ _("Un : « deux » 10:30 ; non") }}'
    )
    assert made.render() == "Besoin d'aide\u00a0? Un\u00a0: «\u00a0deux\u00a0» 10:30\u00a0; non"


def test_a_block_can_be_rendered_alone(template) -> None:
    name = template("{% block content %}{{ ui.tag(word) }}{% endblock %}")
    response = render(request(), name, page=page(), block="content", word="Actif")
    assert body(response) == '<span class="ds-tag" data-color="neutral">Actif</span>'


def test_a_name_that_is_missing_fails_at_once(template) -> None:
    with pytest.raises(UndefinedError):
        render(request(), template("{% block content %}{{ forgotten }}{% endblock %}"), page=page())


def test_the_page_comes_with_the_request() -> None:
    asked = request()
    with pytest.raises(LookupError):
        page_of(asked)
    asked.state.page = page()
    assert page_of(asked) is asked.state.page


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("path", tools.templates(), ids=lambda p: p.name)
def test_every_template_of_the_console_compiles(path, language) -> None:
    folder = rendering.TEMPLATES
    if path.is_relative_to(folder):
        assert environment(language).get_template(str(path.relative_to(folder)))
    else:
        assert environment(language).parse(path.read_text(encoding="utf-8"))


def test_a_static_address_changes_with_the_content() -> None:
    assert static_url("habilis.css") == f"/static/habilis.css?v={digest('habilis.css')}"
    assert re.fullmatch(r"[0-9a-f]{16}", digest("habilis.css"))
    with pytest.raises(FileNotFoundError):
        static_url("absent.css")


def test_our_own_files_are_small() -> None:
    assert (STATIC / "habilis.js").stat().st_size < 8_000
    assert (STATIC / "habilis.css").stat().st_size < 20_000
