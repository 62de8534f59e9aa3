"""Finding an enterprise whose number one does not know: by a name, a place, or both."""

from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import labels
from iam.bce.queries import display_name
from iam.bce.search import Found, Hit, InvalidSearch, Search, asked, place_of, search
from iam.console.forms import Sent, see_other
from iam.console.pages.adding import ADD, DEMARCHE_FIELD, wanted_demarche, with_demarche
from iam.console.places import ENTERPRISES, among_all, language_of
from iam.console.register_words import situation_tag
from iam.console.render import FieldError, render
from iam.console.viewer import Seen
from iam.console.words import name_language
from iam.kernel.clock import belgian_day
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber
from iam.kernel.ssin import holds_ssin
from iam.texts import translator
from iam.web.transactions import Now, Snapshot

router = APIRouter(include_in_schema=False)
SEARCH = f"{ADD}/search"
NAME_FIELD = "name"
PLACE_FIELD = "place"
_AFTER_FIELD = "after"
_FORM = "JuridicalForm"


@router.post(SEARCH)
async def look_for(request: Request, viewer: Seen, clock: Now, form: Sent) -> Response:
    """What was typed becomes the address of its answers; a number leads to the enterprise itself.

    A national number, typed by mistake, comes into no address (nr 6).
    """
    del viewer
    name, place = form.text(NAME_FIELD), form.text(PLACE_FIELD)
    wanted = wanted_demarche(form.text(DEMARCHE_FIELD))
    try:
        return see_other(with_demarche(f"{ADD}/{EnterpriseNumber.parse(name).digits}", wanted))
    except InvalidNumber:
        pass
    today = belgian_day(clock())
    if holds_ssin(name, today) or holds_ssin(place, today):
        return _form(
            request, wanted=wanted, errors=[_error(InvalidSearch("name", "ssin"), language_of(request))]
        )
    try:
        _search(name, place)
    except InvalidSearch as error:
        return _form(
            request, name=name, place=place, wanted=wanted, errors=[_error(error, language_of(request))]
        )
    return see_other(_address(name, place, wanted))


@router.get(SEARCH)
async def answers(request: Request, viewer: Seen, conn: Snapshot) -> Response:
    """The question, and under it who answers: enterprises to choose from, never who acts for them (nr 49)."""
    del viewer
    asks = request.query_params
    name, place = asks.get(NAME_FIELD, ""), asks.get(PLACE_FIELD, "")
    wanted = wanted_demarche(asks.get(DEMARCHE_FIELD, ""))
    if not name and not place:
        return _form(request, wanted=wanted)
    language = language_of(request)
    try:
        found = await search(conn, _search(name, place, asks.get(_AFTER_FIELD, "")))
    except InvalidSearch as error:
        return _form(request, name=name, place=place, wanted=wanted, errors=[_error(error, language)])
    return _form(request, name=name, place=place, wanted=wanted, found=found)


def _search(name: str, place: str, after: str = "") -> Search:
    return asked(name=name, **place_of(place), after=after)


def _address(name: str, place: str, wanted: str, after: str = "") -> str:
    pairs = {NAME_FIELD: name, PLACE_FIELD: place, DEMARCHE_FIELD: wanted, _AFTER_FIELD: after}
    return f"{SEARCH}?{urlencode({key: value for key, value in pairs.items() if value})}"


def _error(error: InvalidSearch, language: Language) -> FieldError:
    _ = translator(language).gettext
    field = NAME_FIELD if error.field == "name" else PLACE_FIELD
    match error.fault:
        case "nothing":
            message = _("Écrivez un nom, un code postal ou une commune.")
        case "short":
            message = _("Écrivez au moins deux lettres ou chiffres du nom.")
        case "long":
            message = _("C'est trop long pour une recherche. Écrivez quelques mots seulement.")
        case "ssin":
            message = _("Un numéro national ne se cherche pas ici. Écrivez le nom de l'entreprise.")
        case _:
            message = _("Nous ne pouvons pas chercher cela. Écrivez des lettres et des chiffres.")
    return FieldError(field=field, message=message)


def _form(
    request: Request,
    *,
    wanted: str,
    name: str = "",
    place: str = "",
    errors: list[FieldError] | None = None,
    found: Found | None = None,
) -> Response:
    language = language_of(request)
    among_all(request, ENTERPRISES)
    hits = () if found is None else found.hits
    more = None if found is None or found.after is None else found.after.encode()
    return render(
        request,
        "enterprise_search.html",
        status_code=400 if errors else 200,
        back=with_demarche(ADD, wanted),
        errors=errors or [],
        name=name,
        place=place,
        wanted=wanted,
        searched=found is not None,
        common=found is not None and found.common,
        cards=[_card(hit, wanted, language) for hit in hits],
        more=None if more is None else _address(name, place, wanted, more),
    )


def _card(hit: Hit, wanted: str, language: Language) -> dict[str, object]:
    """What tells an enterprise from another of the same name: public all of it."""
    found = hit.enterprise
    tongue = name_language(found, language)
    seat = found.municipality_nl if language is Language.NL else found.municipality_fr
    form = None if found.form is None else labels.label(_FORM, found.form, language)
    return {
        "title": display_name(found, language),
        "url": with_demarche(f"{ADD}/{found.number.digits}", wanted),
        "facts": [
            fact
            for fact in (found.number.dotted, seat or found.municipality_fr or found.municipality_nl, form)
            if fact
        ],
        "status": situation_tag(found, language),
        "language": None if tongue is None else tongue.value,
    }
