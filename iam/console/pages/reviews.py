"""Dossiers, for those who review them: a list without names, then the whole of what they take up.

Each look and each document that is opened stands in the journal under the reviewer (DOMAIN 7.3 nr 65).
Documents leave as attachments, never as something that a browser would run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import labels
from iam.bce import queries as register
from iam.bce.model import Enterprise, Representation
from iam.console import dossier_words, words
from iam.console.forms import (
    Form,
    Sent,
    day_errors,
    errors_of,
    new_act,
    once,
    read_day,
    see_other,
    shown_again,
)
from iam.console.places import REVIEW, dossiers_of, id_in, language_of, not_found
from iam.console.register_words import situation_tag
from iam.console.render import FieldError, address_of, render
from iam.console.viewer import Seen, Viewer, step_up_url
from iam.dossiers import commands as c
from iam.dossiers import queries
from iam.dossiers.facts import reviewing
from iam.dossiers.model import Dossier, Stage, State
from iam.dossiers.queries import DossierView, Waiting
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import DocumentId, DossierId
from iam.kernel.language import Language
from iam.kernel.period import Period
from iam.kernel.reasons import Kind, Reason
from iam.storage import ReadConnection, WriteConnection
from iam.texts import formats, translator
from iam.texts.reasons import refusal_sentence
from iam.web.problems import Refused
from iam.web.state import trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

_FIELDS = frozenset({"until", "note", "reason"})
_LONGEST_FIELD = 4000
_FORM = "JuridicalForm"
# Whatever a document holds, a browser that shows it all the same runs nothing of it and asks for nothing.
_AS_FILE = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store, private",
}

router = APIRouter(include_in_schema=False)


async def _reviewer(request: Request, conn: ReadConnection, viewer: Viewer, now: datetime) -> None:
    """Nothing for a reviewer. Raises ProblemError: 404 for everybody else, a step-up for a weak login."""
    held = await reviewing(conn, viewer.actor, now, dossiers_of(request).outside.staff)
    if isinstance(held, Refusal):
        raise Refused(held)


@router.get(REVIEW)
async def inbox(request: Request, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """What waits for this reviewer, the oldest first, and what is in force; nobody's name."""
    now, language = clock(), language_of(request)
    await _reviewer(request, conn, viewer, now)
    waiting = await queries.to_review(conn, viewer.person, now)
    in_force = await queries.accepted(conn, viewer.person, now)
    entities = [each.dossier.entity for each in (*waiting, *in_force)]
    enterprises = await register.load(conn, entities)
    functions = await register.function_labels(conn, language)
    _ = translator(language).gettext

    def card(
        each: Waiting, fact: str, tag: tuple[str, str]
    ) -> tuple[str, str, tuple[str, ...], tuple[str, str]]:
        return (
            words.enterprise(enterprises[each.dossier.entity], language),
            f"{REVIEW}/{each.dossier.id}",
            (dossier_words.capacity(each.dossier.code, functions), fact),
            tag,
        )

    return render(
        request,
        "review/inbox.html",
        back="/",
        waiting=[
            card(
                each,
                formats.waiting(each.submitted_at, now, language),
                (dossier_words.stage(each.dossier, language), "warning"),
            )
            for each in waiting
        ],
        in_force=[card(each, _ends(each.dossier, language), (_("Accepté"), "success")) for each in in_force],
    )


def _ends(found: Dossier, language: Language) -> str:
    return formats.until(Period(found.opened_at, found.ends_at), language)


# -- one dossier


@router.get(REVIEW + "/{dossier_id}")
async def one(request: Request, dossier_id: str, viewer: Seen, conn: UnitOfWork, clock: Now) -> Response:
    """What it is about; once it is taken up, the whole of it, and the look is in the journal."""
    now = clock()
    await _reviewer(request, conn, viewer, now)
    seen = await _dossier(conn, viewer, dossier_id)
    command = c.Read(dossier=seen.dossier.id)
    looked = await dossiers_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
    if isinstance(looked, Refusal):
        return await _summary(request, conn, viewer, seen, now, looked)
    return await _whole(request, conn, viewer, seen, now)


async def _dossier(conn: ReadConnection, viewer: Viewer, dossier_id: str) -> DossierView:
    """A dossier that was sent and is not the reviewer's own. Raises ProblemError (404)."""
    found = await queries.view(conn, DossierId(id_in(dossier_id)))
    if found is None or found.dossier.state is State.OPENED or found.dossier.claimant == viewer.person:
        raise not_found()
    return found


async def _about(
    conn: ReadConnection, seen: DossierView, language: Language
) -> tuple[Enterprise, list[tuple[str, str]]]:
    """The enterprise, and what is said of the dossier to somebody who has not taken it up."""
    _ = translator(language).gettext
    found = (await register.load(conn, [seen.dossier.entity]))[seen.dossier.entity]
    functions = await register.function_labels(conn, language)
    rows = [
        (_("Entreprise"), words.enterprise(found, language)),
        (_("En qualité de"), dossier_words.capacity(seen.dossier.code, functions)),
        (_("Référence"), words.reference(seen.dossier.id)),
    ]
    if seen.submitted_at is not None:
        rows.append((_("Envoyé le"), formats.day(seen.submitted_at, language)))
    return found, rows


async def _summary(
    request: Request, conn: ReadConnection, viewer: Viewer, seen: DossierView, now: datetime, why: Refusal
) -> Response:
    language, dossier = language_of(request), seen.dossier
    _, rows = await _about(conn, seen, language)
    shown = dossier.shown(now)
    return render(
        request,
        "review/summary.html",
        back=REVIEW,
        place=f"{REVIEW}/{dossier.id}",
        rows=rows,
        status=dossier_words.outcome(shown, language),
        stage=int(dossier.stage),
        reviewed=shown.is_reviewed,
        no=refusal_sentence(why, language) if why.reason is Reason.INVOLVED_REVIEWER else None,
        twice=shown.is_reviewed and dossier.first_reviewer == viewer.person,
        act=new_act(),
    )


@router.post(REVIEW + "/{dossier_id}/start")
async def start(
    request: Request, dossier_id: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """The reviewer has taken it up."""
    await _reviewer(request, conn, viewer, clock())
    seen = await _dossier(conn, viewer, dossier_id)
    place = f"{REVIEW}/{seen.dossier.id}"
    command = c.StartReview(dossier=seen.dossier.id, stage=seen.dossier.stage)
    if form.text("stage") == str(int(seen.dossier.stage)):
        await dossiers_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
    return see_other(place)


async def _whole(
    request: Request, conn: WriteConnection, viewer: Viewer, seen: DossierView, now: datetime
) -> Response:
    language, dossier = language_of(request), seen.dossier
    found, rows = await _about(conn, seen, language)
    held = await register.representatives(conn, found.entity, now)
    functions = await register.function_labels(conn, language)
    _ = translator(language).gettext
    who = words.person_first(seen.claimant.given_name, seen.claimant.family_name, language)
    form = None if found.form is None else labels.label(_FORM, found.form, language)
    facts = [
        (_("Qui le demande"), who),
        *rows,
        (_("Depuis le"), formats.day(dossier.since, language)),
        (_("Forme"), form or ""),
    ]
    if dossier.first_until is not None and dossier.in_force(now):
        facts.append((_("Accepté"), _ends(dossier, language)))
    elif dossier.first_until is not None:
        facts.append((_("Premier examen : accepté jusqu'au"), formats.day(dossier.first_until, language)))
    reviewed = dossier.shown(now).is_reviewed
    return render(
        request,
        "review/dossier.html",
        back=REVIEW,
        place=f"{REVIEW}/{dossier.id}",
        who=who,
        rows=[(label, value) for label, value in facts if value],
        situation=situation_tag(found, language),
        motivation=seen.motivation,
        known=_known(held, functions, language),
        documents=[
            (dossier_words.document(place, each, language), f"{REVIEW}/{dossier.id}/documents/{each.id}")
            for place, each in enumerate(dossier.documents, start=1)
            if reviewed and not each.destroyed
        ],
        reviewed=reviewed,
        login=_login(request, viewer, now),
    )


def _known(held: Sequence[Representation], functions: Mapping[str, str], language: Language) -> list[str]:
    """The functions that the register and other dossiers tell, without whose they are."""
    _ = translator(language).gettext
    said = []
    for each in held:
        function = functions.get(each.code, each.code)
        if each.why_suspended is not None:
            said.append(f"{function} : {words.suspension(each.why_suspended, language)}")
        elif each.alone:
            said.append(_("%(function)s : peut désigner un GAP.", function=function))
        else:
            said.append(_("%(function)s : ne peut pas signer seul.", function=function))
    return said


def _login(request: Request, viewer: Viewer, now: datetime) -> str | None:
    """The way to a login that is strong and fresh enough to decide; None when this one is."""
    limits = dossiers_of(request).outside.limits
    weak = not viewer.assurance.is_at_least(limits.level)
    old = not viewer.assurance.is_fresh(now, limits.fresh)
    if not weak and not old:
        return None
    reason = Reason.LEVEL_TOO_LOW if weak else Reason.LOGIN_TOO_OLD
    return step_up_url(Refusal(reason=reason, level=limits.level), address_of(request))


@router.get(REVIEW + "/{dossier_id}/documents/{document_id}")
async def document(
    request: Request, dossier_id: str, document_id: str, viewer: Seen, conn: UnitOfWork, clock: Now
) -> Response:
    """The document as a file of its kind, once the look is in the journal."""
    await _reviewer(request, conn, viewer, clock())
    seen = await _dossier(conn, viewer, dossier_id)
    command = c.Read(dossier=seen.dossier.id, document=DocumentId(id_in(document_id)))
    opened = await dossiers_of(request).open_document(conn, command, viewer.actor, trace_id=trace_id(request))
    if isinstance(opened, Refusal):
        raise not_found()
    found, content = opened
    place = 1 + [each.id for each in seen.dossier.documents].index(found.id)
    name = f"{words.reference(seen.dossier.id)}-{place}.{found.kind.extension}"
    headers = {**_AS_FILE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=found.kind.media_type, headers=headers)


# -- deciding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """A way to decide: its page, and the command that its form gives."""

    template: str
    states: frozenset[State]


_WAYS = {
    "accept": _Decision(
        template="review/accept.html",
        states=frozenset({State.FIRST_REVIEW, State.SECOND_REVIEW}),
    ),
    "refuse": _Decision(
        template="review/refuse.html",
        states=frozenset({State.FIRST_REVIEW, State.SECOND_REVIEW}),
    ),
    "revoke": _Decision(template="review/revoke.html", states=frozenset({State.ACCEPTED})),
}


@router.get(REVIEW + "/{dossier_id}/{wanted}")
async def decision_form(
    request: Request, dossier_id: str, wanted: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """What the decision brings about, and what it asks for."""
    now = clock()
    await _reviewer(request, conn, viewer, now)
    seen = await _dossier(conn, viewer, dossier_id)
    way = _way(wanted)
    started = viewer.person in seen.dossier.started or wanted == "revoke"
    if seen.dossier.shown(now) not in way.states or not started:
        return see_other(f"{REVIEW}/{seen.dossier.id}")
    return await _decision_page(request, conn, viewer, seen, way, now, None)


def _way(wanted: str) -> _Decision:
    if wanted not in _WAYS:
        raise not_found()
    return _WAYS[wanted]


async def _decision_page(
    request: Request,
    conn: ReadConnection,
    viewer: Viewer,
    seen: DossierView,
    way: _Decision,
    now: datetime,
    typed: Form | None,
    errors: Sequence[FieldError] = (),
    refusal: Refusal | None = None,
) -> Response:
    language, dossier = language_of(request), seen.dossier
    found, _ = await _about(conn, seen, language)
    last = belgian_day(now) + timedelta(days=dossiers_of(request).outside.limits.longest_days)
    until = last if dossier.first_until is None else min(last, dossier.first_until)
    return render(
        request,
        way.template,
        status_code=400 if errors else 409 if refusal is not None else 200,
        back=f"{REVIEW}/{dossier.id}",
        place=f"{REVIEW}/{dossier.id}",
        errors=errors,
        no=None if refusal is None else refusal_sentence(refusal, language),
        code=None if refusal is None else refusal.reason.value,
        enterprise=words.enterprise(found, language),
        who=words.person_first(seen.claimant.given_name, seen.claimant.family_name, language),
        stage=int(dossier.stage),
        second=dossier.first_reviewer is not None,
        first_until=dossier.first_until,
        until=until.isoformat() if typed is None else shown_again(typed.text("until"), now),
        today=belgian_day(now).isoformat(),
        last=last.isoformat(),
        note="" if typed is None else shown_again(typed.text("note")[:_LONGEST_FIELD], now),
        reason="" if typed is None else shown_again(typed.text("reason")[:_LONGEST_FIELD], now),
        login=_login(request, viewer, now),
        act=new_act() if typed is None else typed.act,
    )


@router.post(REVIEW + "/{dossier_id}/{wanted}")
async def decide(
    request: Request, dossier_id: str, wanted: str, viewer: Seen, conn: UnitOfWork, clock: Now, form: Sent
) -> Response:
    """The decision is taken, once; of two at the same moment one counts, and the other sees it."""
    now, language = clock(), language_of(request)
    await _reviewer(request, conn, viewer, now)
    seen = await _dossier(conn, viewer, dossier_id)
    way, place = _way(wanted), f"{REVIEW}/{seen.dossier.id}"
    if errors := day_errors(form, language, ["until"]):
        return await _decision_page(request, conn, viewer, seen, way, now, form, errors)

    async def do() -> str | Refusal:
        command = _command(wanted, seen.dossier, form)
        if isinstance(command, Refusal):
            return command
        done = await dossiers_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else place

    outcome = await once(request, conn, viewer.person, form, now, do)
    if isinstance(outcome, str):
        return see_other(outcome)
    if outcome.reason.kind is Kind.STEP_UP:
        return see_other(f"{place}/{wanted}")
    wrong = errors_of(outcome, language, _FIELDS)
    if wrong or outcome.reason.kind is Kind.CONFLICT:
        return await _decision_page(
            request, conn, viewer, seen, way, now, form, wrong, None if wrong else outcome
        )
    raise Refused(outcome)


def _command(wanted: str, dossier: Dossier, form: Form) -> c.Command | Refusal:
    """What the form asks for, about the review that its page showed."""
    stage = next((each for each in Stage if str(int(each)) == form.text("stage")), None)
    if wanted == "revoke":
        return c.Revoke(dossier=dossier.id, reason=form.text("reason")[:_LONGEST_FIELD])
    if stage is None:
        return Refusal(reason=Reason.REVIEW_OVERTAKEN)
    if wanted == "refuse":
        return c.Refuse(dossier=dossier.id, stage=stage, reason=form.text("reason")[:_LONGEST_FIELD])
    return c.Accept(
        dossier=dossier.id,
        stage=stage,
        until=read_day(form.text("until")),
        note=form.text("note")[:_LONGEST_FIELD],
    )
