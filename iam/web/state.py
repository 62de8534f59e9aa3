"""What every route may ask of the application: the database, the clock, the settings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from iam.kernel.clock import Clock
from iam.settings import Settings
from iam.storage import Database
from iam.web.problems import Problem

PageRenderer = Callable[[Request, Problem], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Bound to the application once, by its composition. `page` makes a page of a problem, for people."""

    database: Database
    clock: Clock
    settings: Settings
    page: PageRenderer | None = None


def bind(app: Starlette, edge: Edge) -> None:
    """Every route of the application sees this edge."""
    app.state.edge = edge


def edge_of(connection: HTTPConnection) -> Edge:
    """The edge that the composition bound. Raises AttributeError when it bound none."""
    edge: Edge = connection.app.state.edge
    return edge


def trace_id(connection: HTTPConnection) -> str:
    """The trace id that the edge gave this request."""
    found: str = connection.scope["state"]["trace_id"]
    return found
