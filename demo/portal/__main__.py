"""`python -m demo.portal`: the sample portal in the foreground, on loopback only."""

import os
import sys

import uvicorn

from demo.portal.app import create_app
from demo.portal.settings import BadSettings, from_environment


def main() -> int:
    """The portal has served until it was told to end. Returns the exit code."""
    try:
        settings = from_environment(os.environ)
    except BadSettings as error:
        print(f"portal: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(settings),
        host="127.0.0.1",
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
