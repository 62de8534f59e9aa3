"""The frame and its pieces in a real browser: rules of accessibility, small screens, keyboard, no JavaScript."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.frame import Sent, serve

AXE = Path(__file__).parents[1] / "support/vendor/axe.min.js"
PAGES = ("/gallery", "/gallery?errors=1", "/accessibility", "/privacy")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def sent() -> Sent:
    return Sent()


@pytest.fixture(scope="module")
def base(sent: Sent) -> Iterator[str]:
    with serve(sent) as address:
        yield address


@pytest.fixture
def page(browser: Browser, base: str) -> Iterator[Page]:
    context = browser.new_context(base_url=base, viewport={"width": 1280, "height": 900}, locale="fr-BE")
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    yield opened
    context.close()
    assert faults == [], "an error of a script or a breach of the content policy"


def violations(page: Page) -> list[str]:
    # The page's own policy forbids a script tag; the debugger's evaluation is not bound by it.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert len(found["passes"]) > 10, "axe has looked at the page"
    return [
        f"{v['id']}: {n['target']} {n.get('failureSummary', '')}"
        for v in found["violations"]
        for n in v["nodes"]
    ]


@pytest.mark.parametrize(
    ("path", "width", "scheme"),
    [(path, width, "light") for path in PAGES for width in (320, 1280)]
    + [("/gallery?errors=1", width, "dark") for width in (320, 1280)],
)
def test_axe_finds_nothing_and_nothing_sticks_out(browser: Browser, base: str, path, width, scheme) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="fr-BE")
    page.goto(base + path)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_axe_sees_what_is_wrong(page: Page) -> None:
    page.goto("/gallery")
    page.evaluate("document.querySelector('label[for=number]').remove()")
    page.evaluate("document.documentElement.removeAttribute('lang')")
    found = " ".join(violations(page))
    assert "html-has-lang" in found
    assert "label" in found


@pytest.mark.parametrize("width", [320, 1280])
def test_every_target_is_at_least_24_pixels(browser: Browser, base: str, width) -> None:
    """WCAG 2.2, 2.5.8: links inside a sentence are excepted, and so are they here."""
    page = browser.new_page(viewport={"width": width, "height": 900}, locale="fr-BE")
    page.goto(base + "/gallery")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=hidden]), select, textarea, a.ds-button,' +
             'header a, footer a, nav a, .hb-back a, .hb-change a, .hb-context a')]
           .filter(e => e.getClientRects().length).map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
           .filter(([, r]) => r.width < 24 || r.height < 24).map(([html, r]) => `${html} ${r.width}x${r.height}`)"""
    )
    assert small == []
    page.close()


def test_the_frame_in_each_language_fits_a_small_screen(browser: Browser, base: str) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 900})
    for language in ("fr", "nl", "de", "en"):
        for path in ("/gallery", "/accessibility", "/privacy"):
            page.goto(f"{base}{path}?lang={language}")
            assert page.locator("html").get_attribute("lang") == language
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.close()


def test_the_keyboard_reaches_the_content_first(page: Page) -> None:
    page.goto("/gallery")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Aller au contenu")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_every_focus_can_be_seen(page: Page) -> None:
    page.goto("/gallery")
    # On the element itself, or, for a radio button and a box, around it with its label.
    seen = """() => { const e = document.activeElement;
      return [e, e.parentElement, ...(e.labels || [])].some(part => {
        const style = getComputedStyle(part);
        return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; }); }"""
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement !== document.body")
        assert page.evaluate(seen), page.evaluate("document.activeElement.outerHTML")


def test_no_focus_is_hidden_behind_something(page: Page) -> None:
    page.goto("/gallery")
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(
            """() => { const e = document.activeElement, r = e.getBoundingClientRect();
                 const top = document.elementFromPoint(r.x + r.width / 2, r.y + Math.min(r.height / 2, 10));
                 return !top || e.contains(top) || top.contains(e); }"""
        ), page.evaluate("document.activeElement.outerHTML")


def test_errors_get_the_focus_and_lead_to_their_fields(page: Page) -> None:
    page.goto("/gallery?errors=1")
    summary = page.locator(".ds-error-summary")
    expect(summary).to_be_focused()
    assert page.title().startswith("Erreur")
    summary.get_by_role("link").nth(0).click()
    expect(page.locator("#number")).to_be_focused()
    summary.get_by_role("link").nth(1).click()
    expect(page.locator("#relation-1")).to_be_focused()


def test_a_double_click_sends_once(page: Page, sent: Sent) -> None:
    before = sent.times
    page.goto("/gallery")
    with page.expect_response("**/sent"):
        page.get_by_role("button", name="Envoyer la demande").dblclick()
    assert sent.times == before + 1


def test_what_changes_without_a_reload_is_announced_and_can_be_done_again(page: Page, sent: Sent) -> None:
    page.goto("/gallery")
    before = sent.times
    button = page.get_by_role("button", name="Compter")
    button.click()
    expect(page.locator("#hb-live")).to_have_text(f"Compté {before + 1} fois")
    expect(page.locator("#piece")).to_have_text(f"Compté {before + 1} fois")
    expect(button).not_to_have_attribute("aria-disabled", "true")
    button.click()
    expect(page.locator("#hb-live")).to_have_text(f"Compté {before + 2} fois")


def test_a_log_out_empties_the_other_tabs(browser: Browser, base: str) -> None:
    context = browser.new_context(base_url=base, locale="fr-BE")
    one, two = context.new_page(), context.new_page()
    one.goto("/gallery")
    two.goto("/gallery")
    expect(two.get_by_role("heading", level=1)).to_be_visible()
    with one.expect_response("**/logout"):
        one.get_by_role("button", name="Se déconnecter").click()
    expect(two.get_by_role("alert")).to_contain_text("Votre connexion a pris fin")
    expect(two.get_by_text("Menuiserie Dupont")).to_have_count(0)
    expect(two.get_by_text("Karim B.")).to_have_count(0)
    context.close()


def test_text_to_hand_on_can_be_copied(browser: Browser, base: str) -> None:
    context = browser.new_context(
        base_url=base, locale="fr-BE", permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    page.goto("/gallery")
    page.get_by_role("button", name="Copier le texte").click()
    expect(page.locator("#hb-live")).to_have_text("Texte copié")
    assert "https://mon-espace.test/r/abc" in page.evaluate("navigator.clipboard.readText()")
    context.close()


def test_without_javascript_everything_is_there(browser: Browser, base: str, sent: Sent) -> None:
    context = browser.new_context(base_url=base, locale="fr-BE", java_script_enabled=False)
    page = context.new_page()
    page.goto("/gallery?errors=1")
    expect(page.get_by_role("link", name="DE Deutsch")).to_be_visible()
    expect(page.get_by_role("button", name="Copier le texte")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(1)
    before = sent.times
    with page.expect_response("**/sent"):
        page.get_by_role("button", name="Envoyer la demande").click()
    assert sent.times == before + 1
    context.close()


def test_a_print_shows_the_content_without_the_controls(page: Page) -> None:
    page.goto("/gallery")
    page.emulate_media(media="print")
    expect(page.get_by_text("Accordé par Jeanne Dupont")).to_be_visible()
    expect(page.get_by_text("Vous agissez pour")).to_be_visible()
    expect(page.get_by_role("link", name="Retour")).not_to_be_visible()
    expect(page.get_by_role("button", name="Envoyer la demande")).not_to_be_visible()


def test_forced_colours_keep_the_states_apart(page: Page) -> None:
    page.emulate_media(forced_colors="active")
    page.goto("/gallery?errors=1")
    assert page.locator(".hb-no").evaluate("e => getComputedStyle(e).borderInlineStartStyle") == "solid"
    assert page.locator(".ds-tag").first.evaluate("e => getComputedStyle(e).borderStyle") == "solid"
    assert violations(page) == []


def test_text_at_twice_its_size_still_fits(page: Page) -> None:
    page.set_viewport_size({"width": 640, "height": 900})
    page.goto("/gallery")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 640


def test_static_files_are_kept_for_good_only_under_their_digest(base: str) -> None:
    page = httpx2.get(f"{base}/gallery")
    assert page.headers["cache-control"] == "no-store, private"
    addresses = [part.split('"')[0] for part in page.text.split('="')[1:] if part.startswith("/static/")]
    assert len(addresses) == 6
    for address in addresses:
        answer = httpx2.get(base + address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert httpx2.get(f"{base}/static/habilis.css?v=old").headers["cache-control"] == "no-cache"
    assert httpx2.get(f"{base}/static/habilis.css").headers["cache-control"] == "no-cache"
    assert httpx2.get(f"{base}/static/../render.py").status_code == 404
    assert httpx2.get(f"{base}/static/%2e%2e/render.py").status_code == 404
