"""Who represents an enterprise, and what she does here: naming its chief access manager (DOMAIN 7.3, 25-27).

The neutral link says the same whatever the number, until somebody is logged in who represents that
enterprise (nr 49). A national number that is typed becomes fingerprints at once and is never shown again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import queries as register
from iam.bce.model import Enterprise, Representation
from iam.console import drafts, words
from iam.console.forms import Form, Sent, errors_of, new_act, once, see_other, shown_again, words_of
from iam.console.managing import to_decide
from iam.console.places import (
    DESK,
    ENTERPRISES,
    door_of,
    dossier_for,
    enterprise_in,
    id_in,
    inside,
    language_of,
    not_found,
)
from iam.console.render import LANGUAGE_NAMES, FieldError, address_of, render
from iam.console.viewer import Seen, SeenOrNot, Viewer, login_url, step_up_url
from iam.delegation import commands as c
from iam.delegation import queries
from iam.delegation.events import OfficeAppointed
from iam.delegation.model import Office, OfficeEnd
from iam.delegation.queries import OfficeView, Standing
from iam.journal.model import Context
from iam.kernel.actor import Capacity
from iam.kernel.assurance import Level
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import OfficeId, PersonId, uuid4
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.reasons import Kind, Reason
from iam.kernel.ssin import Fingerprint, InvalidSsin, Ssin
from iam.people import queries as people
from iam.people.model import usual_address
from iam.people.recognise import expect
from iam.storage import ReadConnection, WriteConnection
from iam.texts import formats, translator
from iam.texts.reasons import Sentence, level_words, refusal_sentence
from iam.web.problems import Refused
from iam.web.state import edge_of, trace_id
from iam.web.transactions import Now, Snapshot, UnitOfWork

REPRESENT = "/represent"
ME, OTHER = "me", "other"
_DRAFT = "represent.appointment"
_FIELDS = frozenset({"email", "number", "language"})
# Reasons that the page of the enterprise explains in full, each with its next step.
_OBSTACLES = frozenset(
    {
        Reason.REGISTER_UNAVAILABLE,
        Reason.REPRESENTATION_SUSPENDED,
        Reason.JOINT_SIGNATURE_NEEDED,
        Reason.ENTERPRISE_CEASED,
        Reason.PERSON_BLOCKED,
    }
)

router = APIRouter(include_in_schema=False)


def _place(found: Enterprise) -> str:
    return f"{REPRESENT}/{found.number.digits}"


# -- the link that is handed on


@router.get(REPRESENT)
async def neutral(request: Request, viewer: SeenOrNot, conn: Snapshot, clock: Now) -> Response:
    """What the link is for; onwards for somebody who represents the enterprise, and for nobody else.

    The page is the same for every number: of an enterprise, of none, or no number at all.
    """
    if viewer is None:
        return render(request, "represent/neutral.html", login=login_url(address_of(request), Level.EID))
    found = await _named(conn, request.query_params.get("enterprise", ""))
    if found is not None:
        standing = await queries.standing(conn, viewer.person, found.entity, clock())
        if standing.representations:
            return see_other(_place(found))
    return render(request, "represent/ways.html")


async def _named(conn: ReadConnection, typed: str) -> Enterprise | None:
    try:
        number = EnterpriseNumber.parse(typed)
    except InvalidNumber:
        return None
    return await register.find_by_number(conn, number)


# -- the enterprise, for who represents it


@dataclass(frozen=True, slots=True, kw_only=True)
class Represented:
    """An enterprise as one who represents it sees it."""

    enterprise: Enterprise
    standing: Standing
    gap: OfficeView | None
    pending: OfficeView | None


async def _represented(
    request: Request, conn: ReadConnection, viewer: Viewer, number: str, now: datetime
) -> Represented:
    """The enterprise of the address, with its frame around the page.

    Raises ProblemError: 404 for who has nothing to do with it, 403 for who does not represent it.
    """
    found = await enterprise_in(conn, number)
    standing = await queries.standing(conn, viewer.person, found.entity, now)
    if not standing.exists:
        raise not_found()
    if not standing.representations:
        raise Refused(Refusal(reason=Reason.NOT_REPRESENTATIVE))
    waiting = await to_decide(conn, viewer, found.entity, now) if standing.is_gap else 0
    inside(request, found, standing, _place(found), to_decide=waiting)
    gap, pending = await queries.gap_of(conn, found.entity, now)
    return Represented(enterprise=found, standing=standing, gap=gap, pending=pending)


async def _obstacle(
    request: Request, conn: ReadConnection, viewer: Viewer, seen: Represented, appointee: PersonId
) -> Refusal | None:
    """What stands in the way of an appointment, apart from the address that is not given yet."""
    command = c.AppointGap(
        entity=seen.enterprise.entity, appointee=appointee, email="", language=language_of(request)
    )
    refusal = await door_of(request).foresee(conn, command, viewer.actor)
    return None if refusal is None or refusal.reason is Reason.EMAIL_INVALID else refusal


def _name_of(office: OfficeView, language: Language) -> str:
    return words.person(office.holder.given_name, office.holder.family_name, language)


@router.get(REPRESENT + "/{number}")
async def enterprise(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """On which basis the person represents the enterprise, who manages its accesses, what she can do."""
    now, language = clock(), language_of(request)
    seen = await _represented(request, conn, viewer, number, now)
    found = seen.enterprise
    refusal = await _obstacle(request, conn, viewer, seen, viewer.person)
    if not found.operating:
        # its functions are suspended too, but no curator can help here
        refusal = Refusal(reason=Reason.ENTERPRISE_CEASED)
    obstacle = refusal if refusal is not None and refusal.reason in _OBSTACLES else None
    return render(
        request,
        "represent/enterprise.html",
        place=_place(found),
        bases=_bases(
            request, seen.standing.representations, await register.function_labels(conn, language), now
        ),
        dossier=dossier_for(found),
        waiting=await queries.waiting(conn, found.entity, now),
        gap=None if seen.gap is None else _name_of(seen.gap, language),
        gap_is_you=seen.standing.is_gap,
        gap_since=None if seen.gap is None else seen.gap.office.period.start,
        pending=seen.pending is not None,
        pending_is_you=seen.standing.proposed is not None,
        pending_since=_pending_since(seen.pending, now, language),
        pending_until=None if seen.pending is None else seen.pending.office.period.end,
        pending_id=None if seen.pending is None else seen.pending.office.id,
        no=_no(obstacle, seen.standing.representations, language),
        code="" if obstacle is None else obstacle.reason.value,
        desk=f"{DESK}/{found.number.digits}",
        ask=f"{ENTERPRISES}/{found.number.digits}/request",
        again=_place(found) if obstacle is not None and obstacle.reason.kind is Kind.UNAVAILABLE else None,
    )


def _bases(
    request: Request, held: Sequence[Representation], labels: Mapping[str, str], now: datetime
) -> list[tuple[str, str, datetime | None]]:
    """By what the person represents it, since when, and when that was last said if long ago (nr 23)."""
    language = language_of(request)
    grace = timedelta(hours=edge_of(request).settings.policy.representation_stale_hours)
    _ = translator(language).gettext
    return [
        (
            words.representation(each, labels, language),
            _("Depuis le %(day)s.", day=formats.day(each.period.start, language)),
            each.told_at if each.is_stale(now, grace) else None,
        )
        for each in held
    ]


def _pending_since(pending: OfficeView | None, now: datetime, language: Language) -> str:
    return "" if pending is None else formats.waiting(pending.office.period.start, now, language)


def _no(refusal: Refusal | None, held: Sequence[Representation], language: Language) -> Sentence | None:
    """The refusal in words; for a suspended function why it is, as the register says."""
    if refusal is None:
        return None
    said = refusal_sentence(refusal, language)
    why = next((each.why_suspended for each in held if each.why_suspended is not None), None)
    if refusal.reason is not Reason.REPRESENTATION_SUSPENDED or why is None:
        return said
    return Sentence(why=said.why, missing=words.suspension(why, language), who_can_change=said.who_can_change)


# -- naming somebody


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    """The login that naming somebody asks for: why, and the way there and back."""

    why: str
    url: str


def _login(request: Request, refusal: Refusal) -> StepUp:
    language, policy = language_of(request), edge_of(request).settings.policy
    _ = translator(language).gettext
    means = level_words(Level(policy.appointment_level), language)
    minutes = max(1, policy.appointment_fresh_seconds // 60)
    why = _(
        "Désigner un gestionnaire d'accès principal (GAP) demande une connexion avec %(means)s, il y a "
        "moins de %(minutes)s minutes. C'est pour protéger l'entreprise.",
        means=means,
        minutes=formats.count(minutes, language),
    )
    return StepUp(why=why, url=step_up_url(refusal, address_of(request)))


@router.get(REPRESENT + "/{number}/appoint/{who}")
async def appoint_form(
    request: Request, number: str, who: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """Who shall manage the accesses: the person herself, or somebody she knows by number and mail."""
    now = clock()
    seen = await _represented(request, conn, viewer, number, now)
    kept = await _kept(request, conn, viewer)
    return await _form_page(request, conn, viewer, seen, _who(who), kept or {}, ())


def _who(text: str) -> str:
    if text not in {ME, OTHER}:
        raise not_found()
    return text


async def _form_page(
    request: Request,
    conn: ReadConnection,
    viewer: Viewer,
    seen: Represented,
    who: str,
    typed: Mapping[str, Any],
    errors: tuple[FieldError, ...],
) -> Response:
    language = language_of(request)
    if seen.pending is not None:
        return see_other(_place(seen.enterprise))
    refusal = await _obstacle(request, conn, viewer, seen, viewer.person)
    away = {Reason.ALREADY_GAP} if who == OTHER else set()
    if refusal is not None and refusal.reason.kind is not Kind.STEP_UP and refusal.reason not in away:
        return see_other(_place(seen.enterprise))  # which says why not
    weak = refusal is not None and refusal.reason.kind is Kind.STEP_UP
    addresses = await people.addresses(conn, viewer.person) if who == ME else []
    own = usual_address(addresses, seen.enterprise.entity) or ""
    return render(
        request,
        "represent/appoint.html",
        status_code=400 if errors else 200,
        back=_place(seen.enterprise),
        url=f"{_place(seen.enterprise)}/appoint/{who}",
        other=who == OTHER,
        enterprise=words.enterprise(seen.enterprise, language),
        gap=None if seen.gap is None else _name_of(seen.gap, language),
        email=typed.get("email", own),
        languages=[(each.value, name) for each, name in LANGUAGE_NAMES.items()],
        language=typed.get("language", language.value),
        days=edge_of(request).settings.policy.activation_days,
        errors=errors,
        login=_login(request, refusal) if refusal is not None and weak else None,
    )


@router.post(REPRESENT + "/{number}/appoint/{who}")
async def keep_appointment(
    request: Request, number: str, who: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """What was typed is kept for the check page, the national number as fingerprints only."""
    now, language = clock(), language_of(request)
    seen = await _represented(request, conn, viewer, number, now)
    who = _who(who)
    typed = {"email": form.text("email"), "language": _language(form, language).value}
    marks = _marks(request, form, now) if who == OTHER else ()
    refusal = marks if isinstance(marks, Refusal) else await _trial(request, conn, viewer, seen, typed, marks)
    draft = _draft_in(request) or uuid4()
    if isinstance(marks, Refusal) or (refusal is not None and refusal.reason.kind is not Kind.STEP_UP):
        assert refusal is not None  # noqa: S101 - either condition says so
        errors = _errors(refusal, language, who)
        if not errors:
            return see_other(_place(seen.enterprise))
        shown = {**typed, "email": shown_again(typed["email"], now)}
        return await _form_page(request, conn, viewer, seen, who, shown, errors)
    kept = {
        "who": who,
        "entity": str(seen.enterprise.entity),
        **typed,
        "marks": [[mark.key_id, mark.digest.hex()] for mark in marks],
    }
    await drafts.keep(conn, viewer.person, draft, _DRAFT, kept, now)
    return see_other(f"{_place(seen.enterprise)}/check?draft={draft}")


def _language(form: Form, fallback: Language) -> Language:
    chosen = form.text("language")
    return Language(chosen) if chosen in set(Language) else fallback


def _marks(request: Request, form: Form, now: datetime) -> tuple[Fingerprint, ...] | Refusal:
    """The fingerprints of the number that was typed; the number itself ends here."""
    try:
        ssin = Ssin(form.text("number"), belgian_day(now))
    except InvalidSsin:
        return Refusal(reason=Reason.APPOINTEE_NUMBER_INVALID, about="number")
    return edge_of(request).settings.fingerprint_keys.of(ssin)


async def _appointee(
    request: Request,
    conn: WriteConnection,
    viewer: Viewer,
    marks: Sequence[Fingerprint],
    language: Language,
) -> PersonId:
    """The person of the fingerprints, expected from now on; without any, the representative herself."""
    if not marks:
        return viewer.person
    context = Context(
        actor=viewer.actor,
        capacity=Capacity.REPRESENTATIVE,
        at=edge_of(request).clock(),
        trace_id=trace_id(request),
    )
    return await expect(conn, marks, language, context)


async def _trial(
    request: Request,
    conn: WriteConnection,
    viewer: Viewer,
    seen: Represented,
    typed: Mapping[str, str],
    marks: Sequence[Fingerprint],
) -> Refusal | None:
    """Why the appointment would be refused; whatever asking it needed is undone."""
    language = Language(typed["language"])
    attempt = await conn.begin_nested()
    appointee = await _appointee(request, conn, viewer, marks, language)
    command = c.AppointGap(
        entity=seen.enterprise.entity, appointee=appointee, email=typed["email"], language=language
    )
    refusal = await door_of(request).foresee(conn, command, viewer.actor)
    await attempt.rollback()
    return refusal


def _errors(refusal: Refusal, language: Language, who: str) -> tuple[FieldError, ...]:
    _ = translator(language).gettext
    if who == OTHER and refusal.reason is Reason.ALREADY_GAP:
        return (FieldError(field="number", message=words_of(refusal, language)),)
    if who == OTHER and refusal.reason is Reason.PERSON_BLOCKED:
        # the sentence of the reason speaks to the person himself
        message = _(
            "Cette personne ne peut pas être désignée en ce moment. Elle peut appeler le service d'aide."
        )
        return (FieldError(field="number", message=message),)
    return tuple(errors_of(refusal, language, _FIELDS))


def _draft_in(request: Request) -> UUID | None:
    text = request.query_params.get("draft")
    return None if text is None else id_in(text)


async def _kept(request: Request, conn: ReadConnection, viewer: Viewer) -> Mapping[str, Any] | None:
    draft = _draft_in(request)
    return None if draft is None else await drafts.read(conn, viewer.person, draft, _DRAFT)


def _read_marks(kept: Mapping[str, Any]) -> tuple[Fingerprint, ...]:
    return tuple(Fingerprint(key, bytes.fromhex(digest)) for key, digest in kept["marks"])


@router.get(REPRESENT + "/{number}/check")
async def check(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The appointment in full, with what it brings about, before it is made."""
    now, language = clock(), language_of(request)
    seen = await _represented(request, conn, viewer, number, now)
    place, kept = _place(seen.enterprise), await _kept(request, conn, viewer)
    if kept is None or kept["entity"] != str(seen.enterprise.entity):
        return see_other(place)
    draft = str(_draft_in(request))
    form = f"{place}/appoint/{kept['who']}?draft={draft}"
    found = await people.person_of(conn, _read_marks(kept)) if kept["marks"] else viewer.person
    refusal = await _obstacle(request, conn, viewer, seen, found or viewer.person)
    weak = refusal is not None and refusal.reason.kind is Kind.STEP_UP
    unknown = found is None and refusal is not None and refusal.reason is Reason.ALREADY_GAP
    if refusal is not None and not weak and not unknown:
        return see_other(place)
    _ = translator(language).gettext
    mine = kept["who"] == ME
    rows = [
        (_("Pour l'entreprise"), words.enterprise(seen.enterprise, language)),
        (_("Fonction donnée"), _("Gestionnaire d'accès principal (GAP)")),
        (
            _("À qui"),
            _("À vous-même : %(person)s", person=viewer.name)
            if mine
            else _(
                "À la personne dont vous avez donné le numéro de registre national. Nous ne le montrons plus."
            ),
            f"{place}/appoint/{kept['who']}?draft={draft}",
        ),
        (_("Adresse e-mail"), kept["email"], form),
    ]
    if not mine:
        rows.append((_("Langue des messages"), LANGUAGE_NAMES[Language(kept["language"])], form))
    return render(
        request,
        "represent/check.html",
        back=form,
        place=place,
        draft=draft,
        rows=rows,
        mine=mine,
        gap=None if seen.gap is None else _name_of(seen.gap, language),
        gap_is_you=seen.standing.is_gap,
        waiting=await queries.waiting(conn, seen.enterprise.entity, now),
        days=edge_of(request).settings.policy.activation_days,
        login=_login(request, refusal) if refusal is not None and weak else None,
        act=new_act(),
    )


@router.post(REPRESENT + "/{number}/check")
async def appoint(
    request: Request, number: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """The chief access manager is named: active at once for the person herself, else once he accepts."""
    now = clock()
    seen = await _represented(request, conn, viewer, number, now)
    place, entity = _place(seen.enterprise), seen.enterprise.entity
    draft = id_in(form.text("draft"))
    kept = await drafts.read(conn, viewer.person, draft, _DRAFT)

    async def do() -> str | Refusal:
        if kept is None or kept["entity"] != str(entity):
            return place
        language = Language(kept["language"])
        appointee = await _appointee(request, conn, viewer, _read_marks(kept), language)
        command = c.AppointGap(entity=entity, appointee=appointee, email=kept["email"], language=language)
        done = await door_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        if isinstance(done, Refusal):
            return done
        await drafts.drop(conn, viewer.person, draft)
        [office] = [event.office for event in done.events if isinstance(event, OfficeAppointed)]
        return f"{place}/appointments/{office}"

    outcome = await once(request, conn, viewer.person, form, now, do)
    if isinstance(outcome, str):
        return see_other(outcome)
    if outcome.reason in {Reason.NOT_REPRESENTATIVE, Reason.NO_STANDING}:
        raise Refused(outcome)
    mend = outcome.reason.kind is Kind.STEP_UP
    return see_other(f"{place}/check?draft={draft}" if mend else place)


# -- an appointment that was made


async def _appointment(
    request: Request, conn: ReadConnection, viewer: Viewer, number: str, office_id: str, now: datetime
) -> tuple[Represented, Office]:
    seen = await _represented(request, conn, viewer, number, now)
    office = await queries.office(conn, OfficeId(id_in(office_id)))
    if office is None or office.entity != seen.enterprise.entity:
        raise not_found()
    return seen, office


@router.get(REPRESENT + "/{number}/appointments/{office_id}")
async def receipt(
    request: Request, number: str, office_id: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """What was done, what happens next and when, who was told."""
    now, language = clock(), language_of(request)
    seen, office = await _appointment(request, conn, viewer, number, office_id, now)
    ended = await queries.office_end(conn, office.id)
    mine = office.person == viewer.person
    return render(
        request,
        "represent/appointed.html",
        place=_place(seen.enterprise),
        url=f"{_place(seen.enterprise)}/appointments/{office.id}",
        enterprise=words.enterprise(seen.enterprise, language),
        desk=f"{DESK}/{seen.enterprise.number.digits}",
        reference=words.reference(office.id),
        mine=mine,
        active=office.is_active(now),
        pending=office.is_pending(now),
        cancelled=ended is OfficeEnd.CANCELLED,
        until=office.period.end,
    )


@router.get(REPRESENT + "/{number}/appointments/{office_id}/cancel")
async def cancel_form(
    request: Request, number: str, office_id: str, viewer: Seen, conn: Snapshot, clock: Now
) -> Response:
    """What taking the appointment back brings about, before it is done."""
    now = clock()
    seen, office = await _appointment(request, conn, viewer, number, office_id, now)
    url = f"{_place(seen.enterprise)}/appointments/{office.id}"
    command = c.CancelAppointment(entity=office.entity, office=office.id)
    refusal = await door_of(request).foresee(conn, command, viewer.actor)
    if refusal is not None and refusal.reason.kind is not Kind.STEP_UP:
        return see_other(url if refusal.reason is Reason.APPOINTMENT_CLOSED else _place(seen.enterprise))
    return render(
        request,
        "represent/cancel.html",
        back=_place(seen.enterprise),
        url=url,
        enterprise=words.enterprise(seen.enterprise, language_of(request)),
        since=office.period.start,
        gap=None if seen.gap is None else _name_of(seen.gap, language_of(request)),
        login=None if refusal is None else _login(request, refusal),
        act=new_act(),
    )


@router.post(REPRESENT + "/{number}/appointments/{office_id}/cancel")
async def cancel(
    request: Request, number: str, office_id: str, viewer: Seen, conn: UnitOfWork, form: Sent, clock: Now
) -> Response:
    """The appointment is taken back; the person who was named will be told."""
    now = clock()
    seen, office = await _appointment(request, conn, viewer, number, office_id, now)
    url = f"{_place(seen.enterprise)}/appointments/{office.id}"
    command = c.CancelAppointment(entity=office.entity, office=office.id)

    async def do() -> str | Refusal:
        done = await door_of(request).execute(conn, command, viewer.actor, trace_id=trace_id(request))
        return done if isinstance(done, Refusal) else url

    outcome = await once(request, conn, viewer.person, form, now, do)
    if isinstance(outcome, str):
        return see_other(outcome)
    if outcome.reason in {Reason.NOT_REPRESENTATIVE, Reason.NO_STANDING}:
        raise Refused(outcome)
    if outcome.reason.kind is Kind.STEP_UP:
        return see_other(f"{url}/cancel")
    return see_other(url if outcome.reason is Reason.APPOINTMENT_CLOSED else _place(seen.enterprise))
