"""`python -m demo.fas`: the stand-in in the foreground, on loopback only."""

import os
import sys
import time

import uvicorn

from demo.fas.app import create_app
from demo.fas.keys import load_or_make
from demo.fas.personas import load
from demo.fas.settings import BadSettings, from_environment


def main() -> int:
    """The stand-in has served until it was told to end. Returns the exit code."""
    try:
        settings = from_environment(os.environ)
        personas = load(settings.personas)
    except (BadSettings, OSError, KeyError, ValueError) as error:
        print(f"fas: {error}", file=sys.stderr)
        return 2
    app = create_app(
        settings=settings,
        keys=load_or_make(settings.state_dir),
        personas=personas,
        now=lambda: int(time.time()),
    )
    uvicorn.run(
        app, host="127.0.0.1", port=settings.port, log_level="warning", access_log=False, server_header=False
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
