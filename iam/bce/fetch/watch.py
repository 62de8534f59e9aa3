"""How a run goes on, told on a stream: how much of a download is here, how fast, how long it still takes."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

from iam.bce.fetch.model import Meter

_LINE_SECONDS = 10.0
_JSON_SECONDS = 1.0
_SCREEN_SECONDS = 0.5
_MEGABYTE = 1_000_000
_MINUTE = 60


class Silent:
    """Tells nobody."""

    def downloading(self, name: str, have: int, size: int | None) -> None:
        """Nothing is told."""

    def received(self, count: int) -> None:
        """Nothing is told."""

    def applying(self, name: str, number: int) -> None:
        """Nothing is told."""


class OnStream:
    """Tells on a stream: one line that is written over on a screen, else a line now and then."""

    def __init__(self, stream: TextIO, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Remember where, and whether somebody looks."""
        self._stream = stream
        self._monotonic = monotonic
        self._screen = stream.isatty()
        self._every = _SCREEN_SECONDS if self._screen else _LINE_SECONDS
        self._meter = Meter(name="", total=None)
        self._begun = self._told = monotonic()

    def downloading(self, name: str, have: int, size: int | None) -> None:
        """A download begins, or goes on after `have` bytes."""
        self._begun = self._told = self._monotonic()
        self._meter = Meter(name=name, total=size, begun_at=have, have=have)
        self._tell(last=False)

    def received(self, count: int) -> None:
        """So many bytes more are here."""
        now = self._monotonic()
        self._meter = replace(self._meter, have=self._meter.have + count, seconds=now - self._begun)
        whole = self._meter.have == self._meter.total
        if whole or now - self._told >= self._every:
            self._told = now
            self._tell(last=whole)

    def applying(self, name: str, number: int) -> None:
        """The file is here and becomes the register."""
        self._say(f"{name}: extract {number:04d} is being applied", last=True)

    def _tell(self, *, last: bool) -> None:
        self._say(words(self._meter), last=last)

    def _say(self, line: str, *, last: bool) -> None:
        if self._screen:
            self._stream.write(f"\r\x1b[2K{line}" + ("\n" if last else ""))
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()


class AsJson(OnStream):
    """Tells a machine: a line of JSON a second, in the members of an import's."""

    def __init__(self, stream: TextIO, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Nobody looks, whatever the stream is."""
        super().__init__(stream, monotonic=monotonic)
        self._screen = False
        self._every = _JSON_SECONDS

    def applying(self, name: str, number: int) -> None:
        """The import tells its own way."""

    def _tell(self, *, last: bool) -> None:
        del last
        meter = self._meter
        told = {
            "phase": "download",
            "what": meter.name,
            "done": meter.have,
            "total": meter.total,
            "share": round(meter.have / meter.total, 3) if meter.total else None,
            "seconds": round(meter.seconds, 1),
            "bytesPerSecond": None if meter.rate is None else round(meter.rate),
            "secondsLeft": None if meter.seconds_left is None else round(meter.seconds_left, 1),
        }
        self._say(json.dumps(told), last=True)


def words(meter: Meter) -> str:
    """KboOpenData_0147.zip: 37 %, 112.4 of 303.1 MB, 8.2 MB/s, 0:23 left. Pure."""
    said = [f"{meter.have / _MEGABYTE:.1f} MB"]
    if meter.total:
        said = [
            f"{100 * meter.have // meter.total} %",
            f"{meter.have / _MEGABYTE:.1f} of {meter.total / _MEGABYTE:.1f} MB",
        ]
    if meter.rate:
        said.append(f"{meter.rate / _MEGABYTE:.1f} MB/s")
    if meter.seconds_left is not None:
        left = round(meter.seconds_left)
        said.append(f"{left // _MINUTE}:{left % _MINUTE:02d} left")
    return f"{meter.name}: {', '.join(said)}"
