"""The first operator of the service: a one-time link made on the machine, taken with a strong login."""

import hashlib

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.console import words
from iam.console.forms import Sent, new_act, once, see_other
from iam.console.places import DESK, addresses_for, door_of, language_of, not_found
from iam.console.render import address_of, render
from iam.console.viewer import Seen, step_up_url
from iam.delegation import commands as c
from iam.delegation import queries
from iam.kernel.decision import Refusal
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Kind
from iam.settings import Settings
from iam.storage import ReadConnection
from iam.texts.reasons import refusal_sentence
from iam.web.state import trace_id
from iam.web.transactions import Configured, Now, Snapshot, UnitOfWork

BOOTSTRAP = "/bootstrap"
_LONGEST_SECRET = 100

router = APIRouter(include_in_schema=False)


async def staff_enterprise(conn: ReadConnection, settings: Settings) -> Enterprise | None:
    """The administration that runs the service, where the settings name one that the register knows."""
    if settings.staff_enterprise is None:
        return None
    return await register.find_by_number(conn, EnterpriseNumber.parse(settings.staff_enterprise))


def _claim(found: Enterprise, secret: str) -> c.ClaimBootstrap:
    digest = hashlib.sha256(secret[:_LONGEST_SECRET].encode()).hexdigest()
    return c.ClaimBootstrap(entity=found.entity, digest=digest)


@router.get(BOOTSTRAP)
async def claim_form(request: Request, viewer: Seen, conn: Snapshot, settings: Configured) -> Response:
    """What the link makes of the person, before it is used."""
    found = await staff_enterprise(conn, settings)
    if found is None:
        raise not_found()
    language, secret = language_of(request), request.query_params.get("link", "")
    refusal = await door_of(request).foresee(conn, _claim(found, secret), viewer.actor)
    weak = refusal is not None and refusal.reason.kind is Kind.STEP_UP
    sentence = None if refusal is None else refusal_sentence(refusal, language)
    return render(
        request,
        "bootstrap/claim.html",
        status_code=400 if refusal is not None and not weak else 200,
        enterprise=words.enterprise(found, language),
        person=viewer.name,
        link=secret,
        sentence=None if weak else sentence,
        code="" if refusal is None else refusal.reason.value,
        login_why="" if sentence is None else sentence.why,
        login=step_up_url(refusal, address_of(request)) if refusal is not None and weak else None,
        act=new_act(),
    )


@router.post(BOOTSTRAP)
async def claim(
    request: Request, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now, settings: Configured
) -> Response:
    """The person manages the administration's accesses and operates the service; the link is used up."""
    found = await staff_enterprise(conn, settings)
    if found is None:
        raise not_found()
    secret = form.text("link")

    async def do() -> str | Refusal:
        done = await door_of(request).execute(
            conn, _claim(found, secret), viewer.actor, trace_id=trace_id(request)
        )
        return done if isinstance(done, Refusal) else f"{BOOTSTRAP}/done"

    outcome = await once(request, conn, viewer.person, form, clock(), do)
    if isinstance(outcome, str):
        return see_other(outcome)
    return await claim_again(request, outcome, words.enterprise(found, language_of(request)), viewer.name)


async def claim_again(request: Request, refusal: Refusal, enterprise: str, person: str) -> Response:
    """Why the link was not taken. The secret does not go into another address: the link is followed anew."""
    sentence = refusal_sentence(refusal, language_of(request))
    return render(
        request,
        "bootstrap/claim.html",
        status_code=400,
        enterprise=enterprise,
        person=person,
        link="",
        sentence=sentence,
        code=refusal.reason.value,
        login_why="",
        login=None,
        act=new_act(),
    )


@router.get(BOOTSTRAP + "/done")
async def done(request: Request, viewer: Seen, conn: Snapshot, clock: Now, settings: Configured) -> Response:
    """What the first operator is now, and what he does next."""
    now, language = clock(), language_of(request)
    found = await staff_enterprise(conn, settings)
    if found is None:
        raise not_found()
    standing = await queries.standing(conn, viewer.person, found.entity, now)
    if not standing.is_gap or standing.office is None:
        raise not_found()
    return render(
        request,
        "bootstrap/done.html",
        enterprise=words.enterprise(found, language),
        reference=words.reference(standing.office.id),
        desk=f"{DESK}/{found.number.digits}",
        addresses=addresses_for(found),
    )
