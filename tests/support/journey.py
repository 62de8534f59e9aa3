"""The running demo and the people in front of it, each in a browser of his own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

REPOSITORY = Path(__file__).parents[2]
START_SECONDS = 240.0
STOP_SECONDS = 60.0
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str:
    """Where the browser is; the tests fail without one."""
    found = (
        shutil.which("chromium") or shutil.which("chromium-headless-shell") or shutil.which("google-chrome")
    )
    assert found, "no Chromium: run `make deps`"
    return found


@contextmanager
def running_demo(folder: Path) -> Iterator["World"]:
    """The whole demo from an empty folder, until the block is left."""
    log = folder.parent / "demo.log"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo"],
            cwd=REPOSITORY,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HABILIS_DEMO_DIR": str(folder), "HABILIS_DEMO_FAST_START": "1"},
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (folder / "urls.json").exists():
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.2)
        yield World(folder, json.loads((folder / "urls.json").read_text(encoding="utf-8")))
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@dataclass(frozen=True)
class World:
    """The demo's addresses and people, as `urls.json` tells programs."""

    folder: Path
    urls: dict

    def persona(self, key: str) -> dict:
        return next(persona for persona in self.urls["personas"] if persona["key"] == key)

    def mails(self, key: str) -> list[dict]:
        """The person's mails, the newest first."""
        address = f"{self.urls['mailbox']}/api/messages?to={self.persona(key)['email']}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["messages"]

    def mail(self, key: str, subject: str, seconds: float = 20.0) -> dict:
        """The newest mail of this subject, waited for."""
        deadline = time.monotonic() + seconds
        while True:
            found = [mail for mail in self.mails(key) if subject in mail["subject"]]
            if found:
                return found[0]
            assert time.monotonic() < deadline, (
                f"{key} got no mail « {subject} »: {[m['subject'] for m in self.mails(key)]}"
            )
            time.sleep(0.1)


class Visitor:
    """A person with a browser of his own."""

    def __init__(self, world: World, browser: Browser, key: str, **options) -> None:
        self.world = world
        self.key = key
        self.name = world.persona(key)["name"]
        language = options.pop("language", "fr")
        locale = {"fr": "fr-BE", "de": "de-BE", "nl": "nl-BE", "en": "en-GB"}[language]
        self.context = browser.new_context(locale=locale, **options)
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()

    def close(self) -> None:
        self.context.close()

    def goto(self, address: str) -> Page:
        """Open an address; a path is one of Mon Espace. Whoever is asked to log in has to do it himself."""
        if address.startswith("/"):
            address = self.world.urls["monEspace"] + address
        self.page.goto(address)
        return self.page

    def at_fas(self) -> bool:
        return "/fas/" in self.page.url

    def choose(self, means: str = "eid") -> None:
        """On the page of the stand-in: log in as oneself with these means (eid, itsme, totp)."""
        self.page.wait_for_url(re.compile(r"/fas/"))
        self.page.locator(f"button[value='{self.key}:{means}']").first.click()

    def login(self, address: str = "/", means: str = "eid") -> Page:
        """Open an address and log in on the way if asked."""
        self.goto(address)
        if self.at_fas():
            self.choose(means)
        return self.page

    def open_mail(self, subject: str, means: str = "eid") -> Page:
        """Follow the link of the newest mail of this subject."""
        mail = self.world.mail(self.key, subject)
        link = next(link for link in mail["links"] if link.startswith(self.world.urls["monEspace"]))
        return self.login(link, means)

    def click(self, name: str, role: str = "button", **options) -> None:
        self.page.get_by_role(role, name=name, **options).first.click()

    def sees(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for()

    @property
    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).first.inner_text()
