"""Whether the process is alive, and whether it can serve."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from fastapi import APIRouter
from sqlalchemy import text
from starlette.responses import JSONResponse, Response

from iam.storage import Database

log = structlog.get_logger(__name__)

Ping = Callable[[], Awaitable[None]]


def database_ping(database: Database) -> Ping:
    """A check that the database answers."""

    async def ping() -> None:
        async with database.read() as conn:
            await conn.execute(text("SELECT 1"))

    return ping


def router(pings: Mapping[str, Ping], seconds: float = 2.0) -> APIRouter:
    """The routes `/health/live` and `/health/ready`; ready is 503 while one of the pings fails."""
    routes = APIRouter()

    @routes.get("/health/live")
    async def live() -> Response:
        return JSONResponse({"status": "UP"})

    @routes.get("/health/ready")
    async def ready() -> Response:
        states = await asyncio.gather(*(_state(name, ping, seconds) for name, ping in pings.items()))
        details = {name: {"status": state} for name, state in zip(pings, states, strict=True)}
        up = all(state == "UP" for state in states)
        return JSONResponse(
            {"status": "UP" if up else "DOWN", "details": details}, status_code=200 if up else 503
        )

    return routes


async def _state(name: str, ping: Ping, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            await ping()
    except Exception as error:  # noqa: BLE001 - a check that fails in any way fails
        log.warning("web.ready.failed", part=name, error=type(error).__name__)
        return "DOWN"
    return "UP"
