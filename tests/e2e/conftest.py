"""One demo and one browser for all journeys; each person has a context of his own.

The limits of these tests are `func_only`: the start of the demo has its own, and no test pays for it.
"""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.journey import CHROMIUM_ARGUMENTS, Visitor, World, chromium, running_demo


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_demo(tmp_path_factory.mktemp("demo") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """For a module, not longer: the browser's driver holds an event loop that other tests need."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def person(world: World, chrome: Browser) -> Iterator[Callable[..., Visitor]]:
    """Makes a person in front of a browser; all of them are closed after the test."""
    made: list[Visitor] = []

    def make(key: str, **options) -> Visitor:
        visitor = Visitor(world, chrome, key, **options)
        made.append(visitor)
        return visitor

    yield make
    for visitor in made:
        visitor.close()
