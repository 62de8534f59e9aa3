"""Giving up a role of one's own: what it means, the act, and its receipt (DOMAIN 7.3 nr 67)."""

from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce.model import Enterprise
from iam.console import words
from iam.console.forms import Form, Sent, new_act, once, see_other, shown_again, words_of
from iam.console.places import (
    ENTERPRISES,
    among_all,
    door_of,
    enterprise_in,
    id_in,
    inside,
    known_to,
    language_of,
    not_found,
)
from iam.console.render import FieldError, render
from iam.console.viewer import Seen, Viewer
from iam.delegation import catalogue
from iam.delegation import queries as delegation
from iam.delegation.commands import EndGrant
from iam.delegation.queries import Standing
from iam.kernel.decision import Refusal
from iam.kernel.ids import GrantId
from iam.storage import ReadConnection
from iam.web.problems import Refused
from iam.web.state import trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

router = APIRouter(include_in_schema=False)


@router.get(ENTERPRISES + "/{number}/grants/{grant}/end")
async def before_giving_up(
    request: Request, number: str, grant: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """What giving up the role means, before it is done."""
    now = clock()
    found, standing = await known_to(conn, number, viewer.person, now)
    return await _give_up_page(request, conn, found, standing, grant, viewer, now)


async def _give_up_page(
    request: Request,
    conn: ReadConnection,
    found: Enterprise,
    standing: Standing,
    grant: str,
    viewer: Viewer,
    now: datetime,
    *,
    form: Form | None = None,
    refusal: Refusal | None = None,
) -> Response:
    language = language_of(request)
    wanted = id_in(grant)
    held = next((each for each in standing.grants if each.id == wanted), None)
    if held is None:
        raise not_found()
    role = (await catalogue.load(conn))[held.role]
    here = f"{ENTERPRISES}/{found.number.digits}"
    inside(request, found, standing, here)
    errors = [] if refusal is None else [FieldError(field="reason", message=words_of(refusal, language))]
    return render(
        request,
        "grant_give_up.html",
        status_code=200 if refusal is None else 400,
        back=here,
        errors=errors,
        new_act=new_act,
        role=role.labels[language],
        sentence=words.grant_sentence(viewer.name, role, found, held.period, now, language),
        reason="" if form is None else shown_again(form.text("reason"), now),
        others=sum(each.id != held.id and each.period.holds(now) for each in standing.grants),
    )


@router.post(ENTERPRISES + "/{number}/grants/{grant}/end")
async def give_up(
    request: Request, number: str, grant: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """The role is given up, at once (nr 67)."""
    now = clock()
    found = await enterprise_in(conn, number)
    wanted = GrantId(id_in(grant))
    held = await delegation.held_role(conn, wanted)
    if held is None or held.grant.person != viewer.person or held.grant.entity != found.entity:
        # A manager who takes a role back does it at his desk, where he gives a reason.
        raise not_found()

    async def do() -> str | Refusal:
        done = await door_of(request).execute(
            conn,
            EndGrant(entity=found.entity, grant=wanted, reason=form.text("reason")),
            viewer.actor,
            trace_id=trace_id(request),
        )
        return (
            done
            if isinstance(done, Refusal)
            else f"{ENTERPRISES}/{found.number.digits}/grants/{wanted}/ended"
        )

    done = await once(request, conn, viewer.person, form, now, do)
    if not isinstance(done, Refusal):
        return see_other(done)
    if done.about != "reason":
        raise Refused(done)
    standing = await delegation.standing(conn, viewer.person, found.entity, now)
    return await _give_up_page(request, conn, found, standing, grant, viewer, now, form=form, refusal=done)


@router.get(ENTERPRISES + "/{number}/grants/{grant}/ended")
async def given_up(
    request: Request, number: str, grant: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """The receipt: the role is over. One may have nothing left to do here, and still read it."""
    now, language = clock(), language_of(request)
    found = await enterprise_in(conn, number)
    held = await delegation.held_role(conn, GrantId(id_in(grant)))
    if (
        held is None
        or held.grant.person != viewer.person
        or held.grant.entity != found.entity
        or held.grant.is_live(now)
    ):
        raise not_found()
    role = (await catalogue.load(conn)).get(held.grant.role)
    standing = await delegation.standing(conn, viewer.person, found.entity, now)
    among_all(request, ENTERPRISES)
    return render(
        request,
        "grant_given_up.html",
        role=words.role_label(role, held.grant.role, language),
        enterprise=words.enterprise(found, language),
        reference=words.reference(held.grant.id),
        onwards=f"{ENTERPRISES}/{found.number.digits}" if standing.exists else None,
    )
