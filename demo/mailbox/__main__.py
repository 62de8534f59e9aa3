"""`python -m demo.mailbox`: catches mail on MAILBOX_SMTP_PORT, shows it on MAILBOX_HTTP_PORT."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from demo.mailbox.app import create_app
from demo.mailbox.catcher import Catcher
from demo.mailbox.people import owners
from demo.mailbox.store import Store
from demo.parts.ports import LOOPBACK


def main() -> int:
    """Serve until told to stop. Returns 2 when the environment lacks something."""
    try:
        smtp_port = int(os.environ["MAILBOX_SMTP_PORT"])
        http_port = int(os.environ["MAILBOX_HTTP_PORT"])
        state = Path(os.environ["MAILBOX_STATE_DIR"])
        people = owners(Path(os.environ["MAILBOX_PERSONAS"]))
    except (KeyError, ValueError, OSError) as error:
        print(f"the mailbox needs MAILBOX_SMTP_PORT, MAILBOX_HTTP_PORT, MAILBOX_STATE_DIR and"
              f" MAILBOX_PERSONAS: {type(error).__name__} {error}", file=sys.stderr)  # fmt: skip
        return 2
    catcher = Catcher(Store(state / "mails"))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await catcher.start(smtp_port)
        yield
        await catcher.stop()

    app = create_app(
        catcher.store,
        people,
        catcher.faults,
        control_secret=os.environ.get("MAILBOX_CONTROL_SECRET") or None,
        lifespan=lifespan,
    )
    # no access log: addresses of boxes stand in the paths
    uvicorn.run(app, host=LOOPBACK, port=http_port, log_level="warning", access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
