"""Pictures of every page, in four languages at two widths, for the eye: `make screens` fills `.screens/`.

Runs a demo of its own in an empty folder, and ends it. Pages are those a person reaches by a link:
the script follows every link of Mon Espace from the first pages of a few personas.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from tests.support.journey import CHROMIUM_ARGUMENTS, Visitor, World, chromium, running_demo  # noqa: E402

PERSONAS = ("sophie", "marc", "anne", "paul", "katrin", "vincent", "hugo")
BEGIN = ("/", "/enterprises", "/enterprises/add", "/requests", "/desk", "/represent", "/help", "/address")
LANGUAGES = ("fr", "de", "nl", "en")
WIDTHS = (320, 1280)
MOST_PAGES = 40


def pages_of(visitor: Visitor) -> Iterator[str]:
    """The paths of Mon Espace that links lead to, breadth first, each once."""
    home = visitor.world.urls["monEspace"]
    waiting, known = list(BEGIN), set(BEGIN)
    while waiting and len(known) < MOST_PAGES:
        path = waiting.pop(0)
        visitor.login(path)
        if not visitor.page.url.startswith(home):
            continue
        yield path
        for link in visitor.page.locator("a[href^='/']").all():
            found = re.sub(r"[?#].*", "", link.get_attribute("href") or "")
            if (
                found
                and found not in known
                and not found.startswith(("/login", "/logout", "/static", "/open"))
            ):
                known.add(found)
                waiting.append(found)


def picture(visitor: Visitor, path: str, folder: Path) -> None:
    """The page in each language at each width."""
    name = urlsplit(path).path.strip("/").replace("/", "-") or "home"
    for language in LANGUAGES:
        visitor.goto(f"{path}?lang={language}")
        for width in WIDTHS:
            visitor.page.set_viewport_size({"width": width, "height": 900})
            visitor.page.screenshot(path=folder / f"{name}-{language}-{width}.png", full_page=True)


def for_readme(world: World, browser: Browser) -> None:
    """The picture that the README shows."""
    marc = Visitor(world, browser, "marc", viewport={"width": 1100, "height": 760})
    marc.login("/enterprises")
    target = REPOSITORY / "docs" / "images" / "mon-espace.png"
    target.parent.mkdir(exist_ok=True)
    marc.page.screenshot(path=target)
    marc.close()


def main() -> int:
    """Returns 0 once the pictures are made."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=REPOSITORY / ".screens")
    options.add_argument("--readme", action="store_true", help="only the picture of the README")
    chosen = options.parse_args()
    os.chdir(REPOSITORY)
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_demo(Path(scratch) / "state") as world,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        if chosen.readme:
            for_readme(world, browser)
            return 0
        for key in PERSONAS:
            visitor = Visitor(world, browser, key)
            folder = chosen.out / key
            folder.mkdir(parents=True, exist_ok=True)
            for path in list(pages_of(visitor)):
                picture(visitor, path, folder)
                print(f"{key} {path}", flush=True)
            visitor.close()
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
