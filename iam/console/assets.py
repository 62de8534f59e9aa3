"""Static files of the screens: named with a digest of their content, so that browsers may keep them."""

import hashlib
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
MOUNT = "/static"
_KEEP = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@cache
def digest(name: str) -> str:
    """A short digest of a static file's content. Raises FileNotFoundError."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]


def static_url(name: str) -> str:
    """The address of a static file, which changes when its content does. Raises FileNotFoundError."""
    return f"{MOUNT}/{name}?v={digest(name)}"


class Assets(StaticFiles):
    """Serves the static files; to be mounted at `MOUNT`. Only an address with the right digest is kept."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with how long it may be kept."""
        response = await super().get_response(path, scope)
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("v", [""])[0]
        known = (STATIC / path).is_file() and asked == digest(Path(path).as_posix())
        response.headers["Cache-Control"] = _KEEP if known else _ASK_AGAIN
        return response
