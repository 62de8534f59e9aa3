"""How an import goes on, told on a stream: one line on a screen, or JSON Lines for a machine."""

import json
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TextIO

from iam.bce.extracts.progress import Meter, Moment, Phase, Watcher, nobody

_SCREEN_SECONDS = 0.2
_LINE_SECONDS = 1.0
_MEGABYTE = 1_000_000
_MINUTE = 60


class Progress(StrEnum):
    """Whom the way of an import is told: whoever looks at the screen, a machine, or nobody."""

    AUTO = "auto"
    JSON = "json"
    NONE = "none"


def watcher_for(progress: Progress, stream: TextIO) -> Watcher:
    """Who is told; nobody where nobody looks."""
    if progress is Progress.JSON:
        return _Told(stream, _as_json, every=_LINE_SECONDS).watch
    if progress is Progress.AUTO and stream.isatty():
        return _Told(stream, _on_screen, every=_SCREEN_SECONDS).watch
    return nobody


class _Told:
    def __init__(
        self,
        stream: TextIO,
        say: Callable[[Moment, Meter, float], str],
        *,
        every: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._say = say
        self._every = every
        self._monotonic = monotonic
        self._begun = monotonic()
        self._told = self._begun - every
        self._meter = Meter()

    def watch(self, moment: Moment) -> None:
        now = self._monotonic()
        self._meter.read(moment, now - self._begun)
        last = moment.phase is Phase.COMMIT and moment.done == moment.total
        if moment.what and (last or now - self._told >= self._every):
            self._told = now
            self._stream.write(self._say(moment, self._meter, now - self._begun))
            if last and self._say is _on_screen:
                self._stream.write("\n")
            self._stream.flush()


def _on_screen(moment: Moment, meter: Meter, seconds: float) -> str:
    return f"\r\x1b[2K{words(moment, meter, seconds)}"


def words(moment: Moment, meter: Meter, seconds: float) -> str:
    """34 %: copy address.csv, 112.4 of 570.7 MB, 61.2 MB/s, 0:23 left. Pure."""
    said = [f"{moment.phase.value} {moment.what}" if moment.phase.value != moment.what else moment.what]
    if moment.phase is Phase.COPY:
        said.append(f"{moment.done / _MEGABYTE:.1f} of {moment.total / _MEGABYTE:.1f} MB")
        rate = meter.bytes_per_second
        said += [] if rate is None else [f"{rate / _MEGABYTE:.1f} MB/s"]
    left = meter.seconds_left(seconds)
    if left is not None:
        said.append(f"{round(left) // _MINUTE}:{round(left) % _MINUTE:02d} left")
    return f"{100 * meter.share:.0f} %: {', '.join(said)}"


def _as_json(moment: Moment, meter: Meter, seconds: float) -> str:
    rate, left = meter.bytes_per_second, meter.seconds_left(seconds)
    told = {
        "phase": moment.phase.value,
        "what": moment.what,
        "done": moment.done,
        "total": moment.total,
        "share": round(meter.share, 3),
        "seconds": round(seconds, 1),
        "bytesPerSecond": None if rate is None else round(rate),
        "secondsLeft": None if left is None else round(left, 1),
    }
    return json.dumps(told) + "\n"
