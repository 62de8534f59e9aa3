"""The page after a log-out."""

from starlette.requests import Request
from starlette.responses import Response

from iam.console.render import render
from iam.console.viewer import login_url


class Pages:
    """The pages that the routes of login and log-out ask for."""

    async def logged_out(self, request: Request) -> Response:
        """The page after the log-out, which shows nothing of anybody."""
        return render(request, "logged_out.html", log_in=login_url("/"))
