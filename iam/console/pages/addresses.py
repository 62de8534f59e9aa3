"""A person's professional addresses: named by him, confirmed by a link that is sent there.

An address counts for the enterprise for which it was named and confirmed, and for no other (DOMAIN 7.3
nr 51). Pages that ask for one lead here with the enterprise's number.
"""

from datetime import datetime, timedelta
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.bce.queries import display_name
from iam.console import words
from iam.console.forms import Sent, errors_of, new_act, once, see_other, shown_again
from iam.console.places import (
    ADDRESSES,
    DESK,
    ENTERPRISE_FIELD,
    ENTERPRISES,
    among_all,
    door_of,
    id_in,
    known_to,
    language_of,
    not_found,
)
from iam.console.render import FieldError, render
from iam.console.viewer import Seen, Viewer
from iam.delegation import queries as delegation
from iam.delegation.commands import ConfirmRequest
from iam.delegation.consequences import unconfirmed
from iam.journal.model import Context
from iam.kernel.actor import Capacity
from iam.kernel.decision import Refusal
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.notify.model import Link, Message, UnfitMessage
from iam.notify.queue import queue
from iam.people import queries as people
from iam.people.commands import claim_address, verify_address
from iam.people.links import intent
from iam.people.model import Address, Purpose, usual_address
from iam.storage import ReadConnection, WriteConnection
from iam.texts import translator
from iam.texts.reasons import refusal_sentence
from iam.web.state import trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

router = APIRouter(include_in_schema=False)
CONFIRM = f"{ADDRESSES}/confirm"
# A link that was asked for twice within this time is one mail: nobody's mailbox is to be filled.
_ONE_MAIL = timedelta(minutes=10)


@router.get(ADDRESSES)
async def mine(request: Request, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The person's addresses, each confirmed or not, and the way to name another one.

    With the number of an enterprise of his in the address of the page, the form is ready for that one.
    """
    wanted = request.query_params.get(ENTERPRISE_FIELD, "")
    return await _page(request, viewer, conn, clock(), wanted=wanted)


async def _page(
    request: Request,
    viewer: Viewer,
    conn: ReadConnection,
    now: datetime,
    *,
    wanted: str,
    email: str | None = None,
    errors: list[FieldError] | None = None,
) -> Response:
    language = language_of(request)
    known = await people.addresses(conn, viewer.person)
    own = await _enterprises(conn, viewer, now)
    named = await register.load(conn, [each.entity for each in known if each.entity is not None])
    asked = next((found for found in own if found.number.digits == wanted), own[0] if len(own) == 1 else None)
    among_all(request, ADDRESSES)
    return render(
        request,
        "addresses.html",
        status_code=400 if errors else 200,
        back="/enterprises",
        errors=errors or (),
        email=_proposed(known, asked) if email is None else email,
        new_act=new_act,
        addresses=[
            (each, None if each.entity is None else words.enterprise(named[each.entity], language))
            for each in _first_for(known, asked)
        ],
        asked=None if asked is None else asked.number.digits,
        enterprises=sorted(
            ((found.number.digits, words.enterprise(found, language)) for found in own),
            key=lambda option: option[1].casefold(),
        ),
        sent=next((e.email for e in known if str(e.id) == request.query_params.get("sent")), None),
    )


async def _enterprises(conn: ReadConnection, viewer: Viewer, now: datetime) -> list[Enterprise]:
    """The enterprises for which an address may be of use: those in which the person is something."""
    standings = await delegation.standings(conn, viewer.person, now)
    return [found for found in (await register.load(conn, standings)).values() if found.operating]


def _first_for(known: list[Address], asked: Enterprise | None) -> list[Address]:
    """The addresses, those for the enterprise asked for before the others."""
    return known if asked is None else sorted(known, key=lambda each: each.entity != asked.entity)


def _proposed(known: list[Address], asked: Enterprise | None) -> str:
    """The address that is confirmed elsewhere, where none has been named for the enterprise yet."""
    if asked is None or any(each.entity == asked.entity for each in known):
        return ""
    return usual_address(known, asked.entity) or ""


@router.post(ADDRESSES)
async def name(request: Request, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent) -> Response:
    """The person has named an address, for an enterprise of his or for none; a link is on its way there."""
    now, language = clock(), language_of(request)
    wanted = form.text(ENTERPRISE_FIELD)
    found = None if not wanted else (await known_to(conn, wanted, viewer.person, now))[0]

    async def do() -> str | Refusal:
        entity = None if found is None else found.entity
        claimed = await claim_address(
            conn, viewer.person, form.text("email"), entity, _context(request, viewer, now)
        )
        if isinstance(claimed, Refusal):
            return claimed
        return await _send(conn, viewer, claimed, language, now)

    done = await once(request, conn, viewer.person, form, now, do)
    if isinstance(done, Refusal):
        errors = errors_of(done, language, {"email"})
        shown = shown_again(form.text("email"), now)
        return await _page(request, viewer, conn, now, wanted=wanted, email=shown, errors=errors)
    return see_other(done)


@router.post(ADDRESSES + "/{address}/link")
async def send_again(
    request: Request, address: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """A new link is on its way to an address that is not confirmed yet."""
    wanted, now = id_in(address), clock()
    found = await _own(conn, viewer, wanted)

    async def do() -> str | Refusal:
        if found.verified_at is not None:
            return f"{ADDRESSES}/{found.id}/confirmed"
        return await _send(conn, viewer, found, language_of(request), now)

    done = await once(request, conn, viewer.person, form, now, do)
    return see_other(ADDRESSES if isinstance(done, Refusal) else done)


async def _own(conn: ReadConnection, viewer: Viewer, wanted: UUID) -> Address:
    found = next((each for each in await people.addresses(conn, viewer.person) if each.id == wanted), None)
    if found is None:
        raise not_found()
    return found


async def _send(
    conn: WriteConnection, viewer: Viewer, address: Address, language: Language, now: datetime
) -> str | Refusal:
    """The link is queued; the secret is made when the mail leaves."""
    if address.verified_at is not None:
        return f"{ADDRESSES}/{address.id}/confirmed"
    _ = translator(language).gettext
    given = _("Vous avez donné cette adresse dans Mon Espace. Confirmez que c'est la vôtre.")
    if address.entity is not None:
        found = (await register.load(conn, [address.entity]))[address.entity]
        given = _(
            "Vous avez donné cette adresse pour %(enterprise)s dans Mon Espace. "
            "Confirmez que c'est la vôtre.",
            enterprise=words.enterprise(found, language),
        )
    stretch = int(now.timestamp() // _ONE_MAIL.total_seconds())
    try:
        message = Message(
            key=f"address:{address.id}:{stretch}",
            address=address.email,
            language=language,
            subject=_("Confirmez votre adresse e-mail"),
            paragraphs=(
                given,
                _("Si ce n'est pas vous, ne faites rien : l'adresse ne servira pas."),
            ),
            link=Link(
                label=_("Confirmer mon adresse"),
                path=CONFIRM,
                intent=intent(Purpose.ADDRESS, viewer.person, address.id),
            ),
        )
    except UnfitMessage:
        return Refusal(reason=Reason.EMAIL_INVALID, about="email")
    await queue(conn, message, now)
    return f"{ADDRESSES}?sent={address.id}"


@router.get(CONFIRM)
async def confirm(request: Request, viewer: Seen, conn: UnitOfWork, clock: Now, link: str = "") -> Response:
    """The address is confirmed, and the requests that waited for it are on their way.

    A link that is dead says so, with the way to a new one. Whoever opens it must be the person it was
    sent to, logged in; so no scanner of mails can use it up (STANDARDS 5 nr 20).
    """
    context = _context(request, viewer, clock())
    confirmed = await verify_address(conn, link, viewer.person, context)
    if isinstance(confirmed, Refusal):
        among_all(request, ADDRESSES)
        return render(
            request,
            "address_link_dead.html",
            status_code=400,
            sentence=refusal_sentence(confirmed, language_of(request)),
            code=confirmed.reason.value,
            name=viewer.name,
            confirmed=await _confirmed(conn, viewer, language_of(request)),
        )
    for entity, waiting in await unconfirmed(conn, viewer.person):
        # The worker would do the same a moment later; the person is here now and looks.
        await door_of(request).execute(
            conn, ConfirmRequest(entity=entity, request=waiting), viewer.actor, trace_id=trace_id(request)
        )
    return see_other(f"{ADDRESSES}/{confirmed.id}/confirmed")


async def _confirmed(conn: ReadConnection, viewer: Viewer, language: Language) -> list[str]:
    """The person's confirmed addresses, each with the enterprise for which it counts."""
    confirmed = [each for each in await people.addresses(conn, viewer.person) if each.verified_at]
    enterprises = await register.load(conn, [each.entity for each in confirmed if each.entity is not None])
    return [
        each.email
        if each.entity is None
        else f"{each.email} ({display_name(enterprises[each.entity], language)})"
        for each in confirmed
    ]


@router.get(ADDRESSES + "/{address}/confirmed")
async def receipt(request: Request, address: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """What the confirmation did, and the way back. An address that is not confirmed leads to the list."""
    found = await _own(conn, viewer, id_in(address))
    if found.verified_at is None:
        return see_other(ADDRESSES)
    among_all(request, ADDRESSES)
    enterprise = standing = None
    if found.entity is not None:
        enterprise = (await register.load(conn, [found.entity]))[found.entity]
        standing = await delegation.standing(conn, viewer.person, found.entity, clock())
    return render(
        request,
        "address_confirmed.html",
        email=found.email,
        enterprise=None if enterprise is None else words.enterprise(enterprise, language_of(request)),
        place=None if enterprise is None else f"{ENTERPRISES}/{enterprise.number.digits}",
        own=None if enterprise is None else f"{DESK}/{enterprise.number.digits}/own",
        is_gap=standing is not None and standing.is_gap,
        known=standing is not None and standing.exists,
    )


def _context(request: Request, viewer: Viewer, now: datetime) -> Context:
    return Context(actor=viewer.actor, capacity=Capacity.CITIZEN, at=now, trace_id=trace_id(request))
