"""One request is one transaction, and the commit happens before the answer leaves (DESIGN 4).

FastAPI ends a dependency of scope "request" after the answer is sent: a failed commit would follow
a 200. With scope "function" it ends before, and the failure is told.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from iam.kernel.clock import Clock
from iam.settings import Settings
from iam.storage import ReadConnection, WriteConnection
from iam.web.state import edge_of


async def unit_of_work(request: Request) -> AsyncIterator[WriteConnection]:
    """A transaction: committed when the route has made its answer, undone when it raises."""
    async with edge_of(request).database.write() as connection:
        yield connection


async def snapshot(request: Request) -> AsyncIterator[ReadConnection]:
    """One read-only snapshot for the whole of a page."""
    async with edge_of(request).database.read() as connection:
        yield connection


def _clock(request: Request) -> Clock:
    return edge_of(request).clock


def _settings(request: Request) -> Settings:
    return edge_of(request).settings


UnitOfWork = Annotated[WriteConnection, Depends(unit_of_work, scope="function")]
Snapshot = Annotated[ReadConnection, Depends(snapshot, scope="function")]
Now = Annotated[Clock, Depends(_clock)]
Configured = Annotated[Settings, Depends(_settings)]
