"""The accessibility statement and the privacy notice: the same for everybody, logged in or not."""

from datetime import date

from starlette.requests import Request
from starlette.responses import HTMLResponse

from iam.console.render import render

# The day on which the statement was last held against the product. Change it together with its text.
ACCESSIBILITY_CHECKED_ON = date(2026, 11, 24)


def accessibility(request: Request) -> HTMLResponse:
    """The accessibility statement (Walloon decree of 2 May 2019; ECOSYSTEM 3.3)."""
    return render(request, "accessibility.html", checked_on=ACCESSIBILITY_CHECKED_ON)


def privacy(request: Request) -> HTMLResponse:
    """What is done with a person's data (GDPR art. 13)."""
    return render(request, "privacy.html")
