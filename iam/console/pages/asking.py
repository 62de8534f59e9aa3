"""Demande de rôle: the form, the check page, the sending.

What was typed is kept as a draft, so that the check page is a page of its own, to which Back leads
without sending anything again. The draft's id is the id of the act: it can be sent once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.bce.queries import display_name
from iam.console import drafts, words
from iam.console.forms import Form, Sent, day_errors, errors_of, once, read_day, see_other, shown_again
from iam.console.pages.adding import DEMARCHE_FIELD, wanted_demarche
from iam.console.places import (
    ENTERPRISES,
    REQUESTS,
    acting_for,
    door_of,
    dossier_for,
    id_in,
    language_of,
    number_in,
)
from iam.console.register_words import unreachable
from iam.console.render import FieldError, page_of, render
from iam.console.viewer import Seen, Viewer
from iam.delegation import catalogue
from iam.delegation import queries as delegation
from iam.delegation.commands import SubmitRequest
from iam.delegation.events import RequestSubmitted
from iam.delegation.model import Relation, Role, RoleContext
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import uuid4
from iam.kernel.language import Language
from iam.kernel.period import Period
from iam.kernel.reasons import Kind
from iam.people import queries as people
from iam.people.model import confirmed_for, usual_address
from iam.portals import queries as portals
from iam.portals.model import Demarche, DemarcheFor
from iam.storage import ReadConnection
from iam.texts import formats, translator
from iam.texts.reasons import refusal_sentence
from iam.web.problems import Refused
from iam.web.state import edge_of, trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

router = APIRouter(include_in_schema=False)
PLACE = ENTERPRISES + "/{number}/request"
_KIND = "request"
_FIELDS = frozenset({"roles", "relation", "motivation", "email", "first", "last"})
_LONGEST_FIELD = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What stands in the form."""

    roles: tuple[str, ...] = ()
    relation: str = ""
    motivation: str = ""
    email: str = ""
    first: str = ""
    last: str = ""

    @classmethod
    def of(cls, form: Form) -> "Typed":
        """As it was sent."""
        texts = {name: form.text(name)[:_LONGEST_FIELD] for name in _FIELDS - {"roles"}}
        return cls(roles=form.texts("roles"), **texts)

    @classmethod
    def kept(cls, content: Mapping[str, Any]) -> "Typed":
        """As a draft keeps it."""
        return cls(**{**content, "roles": tuple(content["roles"])})

    def shown(self, now: datetime) -> "Typed":
        """As it may be shown again."""
        texts = {name: shown_again(getattr(self, name), now) for name in _FIELDS - {"roles"}}
        return Typed(roles=self.roles, **texts)

    def command(self, found: Enterprise, today: date, language: Language) -> SubmitRequest:
        """What it asks for. Raises InvalidDay."""
        return SubmitRequest(
            entity=found.entity,
            roles=self.roles,
            relation=Relation(self.relation) if self.relation in set(Relation) else None,
            motivation=self.motivation,
            email=self.email,
            first=read_day(self.first) or today,
            last=read_day(self.last),
            language=language,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be asked for: the roles of this enterprise's context that exist, with what they open."""

    roles: tuple[Role, ...]
    demarches: tuple[Demarche, ...]

    @classmethod
    async def of(cls, conn: ReadConnection, found: Enterprise, staff: str | None, now: datetime) -> "Offer":
        """From the catalogue and the portals."""
        context = RoleContext.STAFF if found.number.digits == staff else RoleContext.ENTERPRISE
        known = (await catalogue.load(conn)).values()
        return cls(
            roles=tuple(
                role
                for role in sorted(known, key=lambda role: role.code)
                if role.context is context and role.grantable_by and not role.is_retired(now)
            ),
            demarches=tuple(await portals.demarches(conn, DemarcheFor.ENTERPRISE)),
        )

    def options(self, held: frozenset[str], language: Language) -> list[tuple[str, str, str]]:
        """The choices of the form: value, label, what it allows in plain words and what it opens."""
        _ = translator(language).gettext
        found = []
        for role in self.roles:
            if role.code in held:
                continue
            opens = [each.labels[language] for each in self.demarches if role.code in each.roles]
            said = _("Pour %(allowed)s.", allowed=role.allows[language])
            if opens:
                said += " " + _("Ouvre : %(demarches)s.", demarches=formats.listed(opens, language))
            found.append((role.code, role.labels[language], said))
        return found

    def opening(self, demarche: str) -> tuple[str, ...]:
        """The role to tick for somebody who came for a démarche; none where several would do."""
        codes = next((each.roles for each in self.demarches if each.code == demarche), frozenset())
        return tuple(codes) if len(codes) == 1 else ()

    def named(self, codes: Sequence[str]) -> list[Role]:
        """The roles of these codes."""
        return [role for role in self.roles if role.code in codes]


@router.get(PLACE)
async def form(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The form; with `draft`, as one left it."""
    now = clock()
    found = await _open_to_all(conn, number)
    draft = await _draft(conn, request, viewer, found)
    wanted = wanted_demarche(request.query_params.get(DEMARCHE_FIELD, ""))
    typed = None if draft is None else Typed.kept(draft[1]["typed"])
    return await _form(request, conn, found, viewer, now, typed, wanted=wanted, draft=draft and draft[0])


async def _open_to_all(conn: ReadConnection, number: str) -> Enterprise:
    """The enterprise, for anybody: a request may be made for any that operates (nr 49)."""
    found = await register.lookup(conn, number_in(number).digits)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found


async def _draft(
    conn: ReadConnection, request: Request, viewer: Viewer, found: Enterprise
) -> tuple[UUID, Mapping[str, Any]] | None:
    text = request.query_params.get("draft")
    if text is None:
        return None
    draft = id_in(text)
    content = await drafts.read(conn, viewer.person, draft, _KIND)
    if content is None or content["entity"] != str(found.entity):
        return None
    return draft, content


async def _form(
    request: Request,
    conn: ReadConnection,
    found: Enterprise,
    viewer: Viewer,
    now: datetime,
    typed: Typed | None,
    *,
    wanted: str = "",
    draft: UUID | None = None,
    errors: Sequence[FieldError] = (),
    refusal: Refusal | None = None,
) -> Response:
    language = language_of(request)
    here = f"{ENTERPRISES}/{found.number.digits}"
    standing = await delegation.standing(conn, viewer.person, found.entity, now)
    offer = await Offer.of(conn, found, edge_of(request).settings.staff_enterprise, now)
    held = frozenset(grant.role for grant in standing.grants)
    _inside(request, found)
    if typed is None:
        typed = Typed(
            roles=offer.opening(wanted),
            email=await _usual_address(conn, viewer, found),
            first=belgian_day(now).isoformat(),
        )
    failed = bool(errors) or refusal is not None
    return render(
        request,
        "request_form.html",
        status_code=_status(refusal) if failed else 200,
        back=here if standing.exists else ENTERPRISES,
        errors=errors,
        no=None if refusal is None or errors else refusal_sentence(refusal, language),
        code=None if refusal is None else refusal.reason.value,
        name=display_name(found, language),
        here=here,
        is_gap=standing.is_gap,
        digits=found.number.digits,
        draft=draft,
        typed=typed.shown(now),
        options=offer.options(held, language),
        held=[role.labels[language] for role in offer.roles if role.code in held],
        relations=[(each.value, words.relation_mine(each, language)) for each in Relation],
        today=belgian_day(now).isoformat(),
        unreachable=await unreachable(conn, found, language, now),
        dossier=dossier_for(found),
    )


def _status(refusal: Refusal | None) -> int:
    return 409 if refusal is not None and refusal.reason.kind is Kind.CONFLICT else 400


def _inside(request: Request, found: Enterprise) -> None:
    """The context bar says for whom; the sections beside it are for those who are something there."""
    request.state.page = replace(page_of(request), acting_for=acting_for(found, language_of(request)))


async def _usual_address(conn: ReadConnection, viewer: Viewer, found: Enterprise) -> str:
    """The confirmed address to propose; one that counts elsewhere is confirmed anew for this enterprise."""
    return usual_address(await people.addresses(conn, viewer.person), found.entity) or ""


@router.post(PLACE)
async def prepare(
    request: Request, number: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """What was typed is right, and stands on the check page; or the form says what to mend."""
    now, language = clock(), language_of(request)
    found = await _open_to_all(conn, number)
    typed = Typed.of(form)
    draft = id_in(form.text("draft")) if form.text("draft") else None
    errors = day_errors(form, language, ["first", "last"])
    if errors:
        return await _form(request, conn, found, viewer, now, typed, draft=draft, errors=errors)
    command = typed.command(found, belgian_day(now), language)
    refusal = await door_of(request).foresee(conn, command, viewer.actor)
    if refusal is not None:
        wrong = errors_of(refusal, language, _FIELDS)
        return await _form(
            request, conn, found, viewer, now, typed, draft=draft, errors=wrong, refusal=refusal
        )
    kept = draft or uuid4()
    content = {"entity": str(found.entity), "typed": asdict(typed)}
    await drafts.keep(conn, viewer.person, kept, _KIND, content, now)
    return see_other(f"{ENTERPRISES}/{found.number.digits}/request/check?draft={kept}")


@router.get(PLACE + "/check")
async def check(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """Everything in one list before it is sent. A draft that was sent leads to one's requests."""
    found = await _open_to_all(conn, number)
    draft = await _draft(conn, request, viewer, found)
    if draft is None:
        return see_other(REQUESTS)
    return await _check(request, conn, found, viewer, clock(), draft[0], Typed.kept(draft[1]["typed"]))


async def _check(
    request: Request,
    conn: ReadConnection,
    found: Enterprise,
    viewer: Viewer,
    now: datetime,
    draft: UUID,
    typed: Typed,
    refusal: Refusal | None = None,
) -> Response:
    language = language_of(request)
    _ = translator(language).gettext
    offer = await Offer.of(conn, found, edge_of(request).settings.staff_enterprise, now)
    roles = offer.named(typed.roles)
    command = typed.command(found, belgian_day(now), language)
    period = _wished(command, roles)
    back = f"{ENTERPRISES}/{found.number.digits}/request?draft={draft}"
    confirmed = confirmed_for(await people.addresses(conn, viewer.person), found.entity)
    _inside(request, found)
    rows = [
        (_("Entreprise"), words.enterprise(found, language)),
        (_("Rôles demandés"), formats.listed([r.labels[language] for r in roles], language), f"{back}#roles"),
        (
            _("Votre lien avec l'entreprise"),
            "" if command.relation is None else words.relation_mine(command.relation, language),
            f"{back}#relation",
        ),
        (_("Pourquoi"), typed.motivation, f"{back}#motivation"),
        (_("Adresse e-mail"), typed.email, f"{back}#email"),
        (_("Période"), formats.period(period, language), f"{back}#first"),
    ]
    return render(
        request,
        "request_check.html",
        status_code=200 if refusal is None else _status(refusal),
        back=back,
        rows=rows,
        sentences=[words.grant_sentence(viewer.name, r, found, period, now, language) for r in roles],
        confirmed=typed.email.strip().lower() in confirmed,
        email=typed.email,
        send=f"{ENTERPRISES}/{found.number.digits}/request/send",
        draft=draft,
        no=None if refusal is None else refusal_sentence(refusal, language),
        code=None if refusal is None else refusal.reason.value,
    )


def _wished(command: SubmitRequest, roles: Sequence[Role]) -> Period:
    """The days as the rule reads them: without an end, as long as every role may last (nr 39)."""
    longest = min((role.longest_days for role in roles), default=1)
    return Period.of_days(command.first, command.last or command.first + timedelta(days=longest - 1))


@router.post(PLACE + "/send")
async def send(
    request: Request, number: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """The request is sent, once. The answer is the same whoever manages the enterprise's accesses (nr 49)."""
    now, language = clock(), language_of(request)
    found = await _open_to_all(conn, number)
    draft = id_in(form.act)

    async def do() -> str | Refusal:
        content = await drafts.read(conn, viewer.person, draft, _KIND)
        if content is None or content["entity"] != str(found.entity):
            return REQUESTS
        command = Typed.kept(content["typed"]).command(found, belgian_day(now), language)
        done = await door_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        if isinstance(done, Refusal):
            return done
        await drafts.drop(conn, viewer.person, draft)
        made = next(event for event in done.events if isinstance(event, RequestSubmitted))
        return f"{REQUESTS}/{made.request}/sent"

    done = await once(request, conn, viewer.person, form, now, do)
    if not isinstance(done, Refusal):
        return see_other(done)
    content = await drafts.read(conn, viewer.person, draft, _KIND)
    if content is None:
        raise Refused(done)
    return await _check(request, conn, found, viewer, now, draft, Typed.kept(content["typed"]), refusal=done)
