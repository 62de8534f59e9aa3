"""What the register says of one enterprise: the same for everybody, with its source and its day."""

import re
from collections.abc import Iterable
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from iam.bce import freshness, labels
from iam.bce.freshness import ExtractState
from iam.bce.model import (
    Consequence,
    Enterprise,
    EnterpriseKind,
    Name,
    NameKind,
    RegisterLanguage,
    RegisterState,
)
from iam.bce.profile import Establishment, Extract, Profile, profile
from iam.bce.queries import display_name
from iam.console.pages.adding import ADD
from iam.console.places import ENTERPRISES, among_all, inside, language_of, not_found, number_in
from iam.console.register_words import situation_tag
from iam.console.render import render
from iam.console.viewer import Seen
from iam.delegation import queries as delegation
from iam.kernel.language import Language
from iam.texts import formats, translator
from iam.web.state import edge_of
from iam.web.transactions import Now, Snapshot

router = APIRouter(include_in_schema=False)
_AFTER_FIELD = "after"
_UNIT = re.compile(r"[2-8][0-9]{9}")
_SPOKEN = {
    RegisterLanguage.FR: Language.FR,
    RegisterLanguage.NL: Language.NL,
    RegisterLanguage.DE: Language.DE,
    RegisterLanguage.EN: Language.EN,
}


@router.get(ENTERPRISES + "/{number}/register")
async def register_says(request: Request, number: str, viewer: Seen, conn: Snapshot, clock: Now) -> Response:
    """Names, seat, situation, form and establishment units, and where to have them corrected.

    Open data alone, and nothing of who manages or uses the enterprise's accesses (nr 49).
    """
    language, wanted, now = language_of(request), number_in(number), clock()
    after = request.query_params.get(_AFTER_FIELD, "")
    if after and not _UNIT.fullmatch(after):
        raise not_found()
    told = await profile(conn, wanted, after=after)
    if told is None:
        raise not_found()
    found = told.enterprise
    here = f"{ENTERPRISES}/{wanted.digits}/register"
    standing = await delegation.standing(conn, viewer.person, found.entity, now)
    if standing.exists:
        inside(request, found, standing, here)
    else:
        among_all(request, ENTERPRISES)
    return render(
        request,
        "enterprise_register.html",
        back=_back(found, known=standing.exists),
        name=display_name(found, language),
        names=_names(found.names, language),
        facts=_facts(told, language),
        seat=() if told.seat is None else told.seat.lines(language),
        natural=found.kind is EnterpriseKind.NATURAL,
        struck_off=None if told.seat is None else told.seat.struck_off_on,
        situation=situation_tag(found, language),
        meaning=_meaning(found, language),
        units=[_unit(unit, language) for unit in told.establishments],
        unit_count=told.establishment_count,
        first_page=not after,
        here=here,
        more=None if told.after is None else f"{here}?{_AFTER_FIELD}={told.after}",
        extract=told.extract,
        late=_late(request, told.extract, now),
    )


def _late(request: Request, extract: Extract | None, now: datetime) -> bool:
    """Whether what is shown is older than it should be: then the page says so (nr 17)."""
    policy = edge_of(request).settings.policy
    limits = freshness.Limits.of_hours(policy.register_stale_hours, policy.representation_stale_hours)
    if extract is None:
        return False
    state = ExtractState(number=extract.number, snapshot_on=extract.snapshot_on)
    return freshness.ages(state, None, limits, now)[0].late


def _back(found: Enterprise, *, known: bool) -> str:
    if known:
        return f"{ENTERPRISES}/{found.number.digits}"
    return f"{ADD}/{found.number.digits}" if found.operating else ADD


def _facts(told: Profile, language: Language) -> list[tuple[str, str]]:
    _ = translator(language).gettext
    found, registered = told.enterprise, told.registered_form
    kind = labels.label("TypeOfEnterprise", str(found.kind.value), language)
    kinds = {EnterpriseKind.NATURAL: _("personne physique"), EnterpriseKind.LEGAL: _("personne morale")}
    form = "" if found.form is None else labels.label("JuridicalForm", found.form, language)
    before = (
        "" if registered in {None, found.form} else labels.label("JuridicalForm", str(registered), language)
    )
    rows = [
        (_("Numéro d'entreprise"), found.number.dotted),
        (_("Genre"), kinds.get(found.kind, kind)),
        (_("Forme"), form),
        (_("Forme inscrite, à lire comme la précédente"), before),
        (_("Situation"), labels.label("JuridicalSituation", found.situation, language)),
        (_("Début"), formats.day(found.start_on, language)),
    ]
    return [(label, value) for label, value in rows if value]


def _meaning(found: Enterprise, language: Language) -> str:
    """What the situation means for those who act."""
    _ = translator(language).gettext
    if found.state is RegisterState.VANISHED:
        return _(
            "L'entreprise n'est plus dans les données de la BCE. Plus aucun rôle ne fonctionne pour elle."
        )
    match found.consequence:
        case Consequence.NORMAL:
            return _("L'entreprise est en activité : ses représentants habituels agissent pour elle.")
        case Consequence.WATCH:
            return _(
                "Une procédure est en cours. Les représentants habituels agissent encore, mais cela peut "
                "changer."
            )
        case Consequence.CONTROLLED:
            return _(
                "Un curateur, un liquidateur ou un administrateur provisoire peut représenter l'entreprise à "
                "la place des personnes habituelles. Les rôles donnés continuent."
            )
        case Consequence.TERMINAL:
            return _("L'entreprise a cessé. Plus aucun rôle ne fonctionne pour elle.")


def _names(names: Iterable[Name], language: Language) -> list[tuple[str, str, str | None]]:
    """What each name is, the name, and the language it is in for those who have it read to them."""
    found = []
    for name in names:
        tongue = next((spoken for code, spoken in _SPOKEN.items() if code == name.language), None)
        found.append((_kind(name, tongue, language), name.text, None if tongue is None else tongue.value))
    return found


def _kind(name: Name, tongue: Language | None, language: Language) -> str:
    _ = translator(language).gettext
    kinds = {
        NameKind.NAME: _("Nom"),
        NameKind.ABBREVIATION: _("Abréviation"),
        NameKind.COMMERCIAL: _("Nom commercial"),
    }
    kind = next(
        (word for code, word in kinds.items() if code == name.kind),
        labels.label("TypeOfDenomination", name.kind, language),
    )
    if tongue is None:
        return kind
    tongues = {
        Language.FR: _("en français"),
        Language.NL: _("en néerlandais"),
        Language.DE: _("en allemand"),
        Language.EN: _("en anglais"),
    }
    return f"{kind} ({tongues[tongue]})"


def _unit(unit: Establishment, language: Language) -> dict[str, object]:
    _ = translator(language).gettext
    names = list(dict.fromkeys(name.text for name in unit.names))
    address = () if unit.address is None else unit.address.lines(language)
    return {
        "title": ", ".join(names) or _("Unité sans nom"),
        "facts": [
            unit.dotted,
            *address,
            _("Depuis le %(day)s", day=formats.day(unit.start_on, language)),
        ],
        "status": (_("Adresse radiée"), "warning")
        if unit.address is not None and unit.address.struck_off_on
        else None,
    }
