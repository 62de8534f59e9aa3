"""Links of mails that lead to a page and confirm a mailbox on the way."""

from starlette.requests import Request
from starlette.responses import RedirectResponse

from iam.console.forms import see_other
from iam.console.viewer import Viewer
from iam.journal.model import Context
from iam.kernel.actor import Capacity
from iam.kernel.decision import Refusal
from iam.people.commands import verify_address
from iam.web.state import edge_of, trace_id

LINK_FIELD = "link"
CONFIRMED_FIELD = "mailbox"


async def taken(request: Request, viewer: Viewer) -> RedirectResponse | None:
    """The mailbox to which the link in the address was sent is confirmed, and the secret leaves the address.

    A link that is dead, used or somebody else's is passed over: the page is shown all the same. None
    when there is no link.
    """
    secret = request.query_params.get(LINK_FIELD)
    if secret is None:
        return None
    edge = edge_of(request)
    context = Context(
        actor=viewer.actor, capacity=Capacity.CITIZEN, at=edge.clock(), trace_id=trace_id(request)
    )
    async with edge.database.write() as conn:
        confirmed = await verify_address(conn, secret, viewer.person, context)
    told = "" if isinstance(confirmed, Refusal) else f"?{CONFIRMED_FIELD}=confirmed"
    return see_other(request.url.path + told)


def was_confirmed(request: Request) -> bool:
    """Whether the person comes from a link that has just confirmed his mailbox."""
    return request.query_params.get(CONFIRMED_FIELD) == "confirmed"
