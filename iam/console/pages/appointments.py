"""The one who was named chief access manager: what it means, and his answer.

Before he is logged in the page is the same for every appointment, and for none.
"""

from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.console import words
from iam.console.forms import Form, Sent, new_act, once, see_other
from iam.console.links import taken, was_confirmed
from iam.console.places import DESK, door_of, id_in, language_of, not_found
from iam.console.render import address_of, render
from iam.console.viewer import Seen, SeenOrNot, Viewer, login_url, step_up_url
from iam.delegation import commands as c
from iam.delegation import queries
from iam.delegation.model import Office, OfficeEnd
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import OfficeId
from iam.kernel.reasons import Kind, Reason
from iam.storage import ReadConnection, WriteConnection
from iam.texts.reasons import refusal_sentence
from iam.web.problems import ProblemError, Refused
from iam.web.state import edge_of, trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

APPOINTMENTS = "/appointments"

router = APIRouter(include_in_schema=False)


async def _mine(conn: ReadConnection, viewer: Viewer, office_id: str) -> Office:
    """The person's own office. Raises ProblemError (404) for none and for somebody else's alike."""
    office = await queries.office(conn, OfficeId(id_in(office_id)))
    if office is None or office.person != viewer.person:
        raise not_found()
    return office


@router.get(APPOINTMENTS + "/{office_id}")
async def appointment(
    request: Request, office_id: str, viewer: SeenOrNot, conn: Snapshot, clock: Now
) -> Response:
    """What was proposed to the person, and his two answers; once he has answered, what he is now."""
    if viewer is None:
        level = Level(edge_of(request).settings.policy.activation_level)
        return render(request, "appointments/neutral.html", login=login_url(address_of(request), level))
    if (confirmed := await taken(request, viewer)) is not None:
        return confirmed
    now, language = clock(), language_of(request)
    try:
        office = await _mine(conn, viewer, office_id)
    except ProblemError:
        # with what is the usual cause: the link was opened under another identity
        unknown = Refusal(reason=Reason.APPOINTMENT_UNKNOWN)
        return render(
            request,
            "appointments/unknown.html",
            status_code=404,
            sentence=refusal_sentence(unknown, language),
            code=unknown.reason.value,
        )
    command = c.AcceptOffice(entity=office.entity, office=office.id)
    refusal = await door_of(request).foresee(conn, command, viewer.actor)
    weak = refusal is not None and refusal.reason.kind is Kind.STEP_UP
    found = (await register.load(conn, [office.entity]))[office.entity]
    stays = refusal is None or weak
    return render(
        request,
        "appointments/appointment.html",
        url=f"{APPOINTMENTS}/{office.id}",
        enterprise=words.enterprise(found, language),
        desk=f"{DESK}/{found.number.digits}",
        reference=words.reference(office.id),
        mailbox_confirmed=was_confirmed(request),
        active=office.is_active(now),
        pending=office.is_pending(now),
        declined=await queries.office_end(conn, office.id) is OfficeEnd.DECLINED,
        until=office.period.end,
        sentence=None if stays or refusal is None else refusal_sentence(refusal, language),
        code="" if refusal is None else refusal.reason.value,
        login_why=refusal_sentence(refusal, language).why if refusal is not None else "",
        login=step_up_url(refusal, address_of(request)) if refusal is not None and weak else None,
        act=new_act(),
    )


@router.get(APPOINTMENTS + "/{office_id}/decline")
async def decline_form(
    request: Request, office_id: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """What declining brings about, before it is done."""
    office = await _mine(conn, viewer, office_id)
    url = f"{APPOINTMENTS}/{office.id}"
    if not office.is_pending(clock()):
        return see_other(url)
    found = (await register.load(conn, [office.entity]))[office.entity]
    return render(
        request,
        "appointments/decline.html",
        back=url,
        url=url,
        enterprise=words.enterprise(found, language_of(request)),
        act=new_act(),
    )


@router.post(APPOINTMENTS + "/{office_id}/accept")
async def accept(
    request: Request, office_id: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """The person manages the accesses of the enterprise; waiting requests have found him."""
    office = await _mine(conn, viewer, office_id)
    command = c.AcceptOffice(entity=office.entity, office=office.id)
    return await _answer(request, conn, viewer, form, command, clock())


@router.post(APPOINTMENTS + "/{office_id}/decline")
async def decline(
    request: Request, office_id: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """The person is not in office and will not be; whoever named him will be told."""
    office = await _mine(conn, viewer, office_id)
    command = c.DeclineOffice(entity=office.entity, office=office.id)
    return await _answer(request, conn, viewer, form, command, clock())


async def _answer(
    request: Request,
    conn: WriteConnection,
    viewer: Viewer,
    form: Form,
    command: c.AcceptOffice | c.DeclineOffice,
    now: datetime,
) -> Response:
    """The answer counts once; where it cannot, the page of the appointment says why."""
    url = f"{APPOINTMENTS}/{command.office}"

    async def do() -> str | Refusal:
        done = await door_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else url

    outcome = await once(request, conn, viewer.person, form, now, do)
    if isinstance(outcome, Refusal) and outcome.reason.kind is Kind.NOT_FOUND:
        raise Refused(outcome)
    return see_other(url)
