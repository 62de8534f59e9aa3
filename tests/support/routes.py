"""Every route of an application, those of included routers too, with what each depends on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI


@dataclass(frozen=True, slots=True)
class Found:
    """A route: its methods, path and the names of everything it depends on, at any depth."""

    methods: frozenset[str]
    path: str
    depends_on: frozenset[str]


def routes_of(app: FastAPI) -> list[Found]:
    """All of them; a kind of route that cannot be read is an error, not an omission."""
    return [found for route in app.routes for found in _read(route)]


def _read(route: Any) -> Iterator[Found]:
    if hasattr(route, "effective_candidates"):
        for inner in route.effective_candidates():
            yield from _read(inner)
        return
    seen = getattr(route, "starlette_route", None) or route
    depends = frozenset(_names(route.dependant)) if getattr(route, "dependant", None) else frozenset()
    yield Found(frozenset(getattr(seen, "methods", None) or ()), seen.path, depends)


def _names(dependant: Any) -> Iterator[str]:
    for inner in dependant.dependencies:
        # an instance that is called goes by its class
        named = inner.call if hasattr(inner.call, "__qualname__") else type(inner.call)
        yield f"{named.__module__}.{named.__qualname__}"
        yield from _names(inner)
