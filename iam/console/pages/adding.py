"""Adding an enterprise: a number is typed, its name is said back, and one goes on from there."""

import re
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import labels
from iam.bce import queries as register
from iam.bce.model import Enterprise, EnterpriseKind, NameKind
from iam.bce.queries import display_name
from iam.console.forms import Sent, see_other, shown_again, words_of
from iam.console.places import ENTERPRISES, among_all, dossier_for, language_of, number_in
from iam.console.register_words import situation_tag, unreachable
from iam.console.render import FieldError, render
from iam.console.viewer import Seen
from iam.delegation import queries as delegation
from iam.kernel.decision import Refusal
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.texts import translator
from iam.texts.reasons import refusal_sentence
from iam.web.transactions import Now, Snapshot

router = APIRouter(include_in_schema=False)
ADD = f"{ENTERPRISES}/add"
NUMBER_FIELD = "enterpriseNumber"
DEMARCHE_FIELD = "demarche"
_FORM = "JuridicalForm"
_CODE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


def wanted_demarche(text: str) -> str:
    """The code of the démarche that one wanted when one set out; empty for anything that is no code."""
    return text if _CODE.fullmatch(text) else ""


@router.get(ADD)
async def add(request: Request, viewer: Seen) -> Response:
    """The question for a number. `demarche` remembers what one wanted to do."""
    del viewer
    return _ask(request, wanted=wanted_demarche(request.query_params.get(DEMARCHE_FIELD, "")))


def _ask(request: Request, *, wanted: str, typed: str = "", refusal: Refusal | None = None) -> Response:
    language = language_of(request)
    among_all(request, ENTERPRISES)
    errors = [] if refusal is None else [FieldError(field=NUMBER_FIELD, message=words_of(refusal, language))]
    return render(
        request,
        "enterprise_add.html",
        status_code=200 if refusal is None else 400,
        back=ENTERPRISES,
        errors=errors,
        typed=typed,
        wanted=wanted,
        said=None if refusal is None else refusal_sentence(refusal, language),
        code=None if refusal is None else refusal.reason.value,
        ceased=refusal is not None and refusal.reason is Reason.ENTERPRISE_CEASED,
    )


@router.post(ADD)
async def look_up(request: Request, viewer: Seen, conn: Snapshot, clock: Now, form: Sent) -> Response:
    """The number leads to the enterprise's name, or each kind of wrong number to its own sentence."""
    del viewer
    typed, wanted = form.text(NUMBER_FIELD), wanted_demarche(form.text(DEMARCHE_FIELD))
    found = await register.lookup(conn, typed[:100])
    if isinstance(found, Refusal):
        return _ask(request, wanted=wanted, typed=shown_again(typed[:100], clock()), refusal=found)
    return see_other(with_demarche(f"{ADD}/{found.number.digits}", wanted))


def with_demarche(path: str, wanted: str) -> str:
    """The path, with the démarche that one wanted beside it."""
    return f"{path}?{urlencode({DEMARCHE_FIELD: wanted})}" if wanted else path


@router.get(ADD + "/{number}")
async def confirm(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """The name said back, so that one confirms a name and not a number."""
    now, language = clock(), language_of(request)
    wanted = wanted_demarche(request.query_params.get(DEMARCHE_FIELD, ""))
    found = await register.lookup(conn, number_in(number).digits)
    if isinstance(found, Refusal):
        return _ask(request, wanted=wanted, typed=number_in(number).dotted, refusal=found)
    standing = await delegation.standing(conn, viewer.person, found.entity, now)
    here = f"{ENTERPRISES}/{found.number.digits}"
    among_all(request, ENTERPRISES)
    return render(
        request,
        "enterprise_confirm.html",
        back=with_demarche(ADD, wanted),
        facts=_facts(found, language),
        name=display_name(found, language),
        known=standing.exists,
        onwards=here if standing.exists else with_demarche(f"{here}/request", wanted),
        again=with_demarche(ADD, wanted),
        says=f"{here}/register",
        situation=situation_tag(found, language),
        unreachable=await unreachable(conn, found, language, now),
        dossier=dossier_for(found),
    )


def _facts(found: Enterprise, language: Language) -> list[tuple[str, str]]:
    """What tells one enterprise from another of the same name: public all of it."""
    _ = translator(language).gettext
    other = [n.text for n in found.names if n.kind == NameKind.COMMERCIAL]
    seat = found.municipality_nl if language is Language.NL else found.municipality_fr
    seat = seat or found.municipality_fr or found.municipality_nl
    form = _("personne physique") if found.kind is EnterpriseKind.NATURAL else None
    if form is None and found.form is not None:
        form = labels.label(_FORM, found.form, language)
    rows = [
        (_("Nom"), display_name(found, language)),
        (_("Numéro d'entreprise"), found.number.dotted),
        (_("Nom commercial"), ", ".join(dict.fromkeys(other))),
        (_("Forme"), form or ""),
        (_("Commune du siège"), seat or ""),
    ]
    return [(label, value) for label, value in rows if value]
