"""`habilis bce import` that kills itself (SIGKILL) at a chosen moment of its way.

`python -m tests.support.dying_import MOMENT PLACE PATH`. A moment is a phase and when in it: `copy:some` in the
middle of a file, `judge:first`, `judge:last` and so on. PLACE is `within` or `beside`: where the extract is laid
out, whatever its size. All the rest is what the command line runs.
"""

import os
import signal
import sys
from functools import partial

import iam.bce.cli.extracts
import iam.bce.importer
from iam import cli
from iam.bce.extracts.progress import Moment, Phase

MOMENTS = (
    "copy:some", "judge:first", "judge:last", "resolve:first", "resolve:last", "compare:first", "compare:last",
    "build:first", "build:last", "merge:first", "merge:last", "commit:first",
)  # fmt: skip
# `commit:first` is the last moment before the commit; `commit:last` comes after it.


def killer(moment: str, told: Moment) -> None:
    phase, when = moment.split(":")
    if told.phase is not Phase(phase) or not told.what:
        return
    struck = {
        "some": told.phase is Phase.COPY,
        "first": told.done == 0,
        "last": told.done == told.total,
    }[when]
    if struck:
        os.kill(os.getpid(), signal.SIGKILL)


def main(moment: str, place: str, path: str) -> None:
    size = 0 if place == "beside" else 1 << 40
    iam.bce.importer.Scale = partial(iam.bce.importer.Scale, beside_from_bytes=size)  # type: ignore[misc, assignment]
    iam.bce.cli.extracts.watcher_for = lambda *_: partial(killer, moment)
    sys.argv = ["habilis", "bce", "import", path, "--vanish-floor", "1000", "--json"]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
