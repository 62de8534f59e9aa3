"""The rules of accessibility that a machine can read, on the page that a browser shows."""

from pathlib import Path

from playwright.sync_api import Page

AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text(encoding="utf-8")
WIDTHS = (320, 1280)


def violations(page: Page) -> list[str]:
    """What axe finds, one line for each element; it must have looked at something."""
    # The page's own policy forbids a script tag; the debugger's evaluation is not bound by it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    # A frame without scripts would never answer axe; what it shows is looked at by itself.
    found = page.evaluate("axe.run(document, {resultTypes: ['violations'], iframes: false})")
    assert len(found["passes"]) > 5, "axe has looked at the page"
    return [
        f"{v['id']}: {n['target']} {n.get('failureSummary', '')}"
        for v in found["violations"]
        for n in v["nodes"]
    ]


def faults(page: Page, language: str) -> list[str]:
    """What is wrong with the page that stands in the browser, at a telephone's width and a screen's."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{width}: {each}" for each in violations(page)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{width}: the page is {wide} wide")
    headings = page.locator("h1").count()
    if headings != 1:
        found.append(f"{headings} h1")
    if (spoken := page.locator("html").get_attribute("lang")) != language:
        found.append(f"lang is {spoken}, not {language}")
    if not page.title().strip():
        found.append("no title")
    return [f"{page.url} {each}" for each in found]
