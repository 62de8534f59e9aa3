"""A problem as a page: why, what next, who can change it, and the reference for the helpdesk.

It must work when nothing else does: it reads the database only to show who is logged in, and does
without when that fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from iam.console.render import Page, address_of, render
from iam.console.viewer import login_url, optional_viewer, page_for, step_up_url
from iam.kernel.decision import Refusal
from iam.kernel.reasons import Kind
from iam.texts import N_, translator
from iam.texts.reasons import Sentence, refusal_sentence
from iam.web.paths import local_path
from iam.web.problems import Fault, Problem

_TITLE_OF_A_NO = N_("Ce n'est pas possible maintenant")


@dataclass(frozen=True, slots=True)
class Wording:
    """French source texts: the heading, why, and what to do."""

    title: str
    why: str
    next: str


_HELPDESK = N_("Le service d'aide peut regarder cela avec vous. Donnez-lui la référence de cette page.")

WORDINGS: Mapping[Fault, Wording] = {
    Fault.BAD_REQUEST: Wording(
        N_("Nous ne comprenons pas cette demande"),
        N_("L'adresse ou le formulaire n'a pas la forme attendue. Rien n'a été changé."),
        N_("Retournez à la page précédente et réessayez."),
    ),
    Fault.LOGIN_NEEDED: Wording(
        N_("Connectez-vous pour continuer"),
        N_("Cette page est réservée aux personnes connectées."),
        N_("Connectez-vous : vous revenez ensuite ici."),
    ),
    Fault.FOREIGN_ORIGIN: Wording(
        N_("Ce formulaire ne vient pas de Mon Espace"),
        N_(
            "Pour vous protéger, nous n'acceptons que les formulaires de nos propres pages. Rien n'a "
            "été changé."
        ),
        N_("Repartez de la page d'accueil de Mon Espace."),
    ),
    Fault.NOT_FOUND: Wording(
        N_("Il n'y a rien pour vous à cette adresse"),
        N_("La page n'existe pas, ou elle ne vous concerne pas."),
        N_("Vérifiez l'adresse, ou repartez d'un des liens ci-dessous."),
    ),
    Fault.METHOD_NOT_ALLOWED: Wording(
        N_("Cette adresse ne s'ouvre pas ainsi"),
        N_("Elle attend un formulaire, ou n'en attend pas. Rien n'a été changé."),
        N_("Repartez d'un des liens ci-dessous."),
    ),
    Fault.ACT_REUSED: Wording(
        N_("Ce formulaire a déjà servi"),
        N_(
            "Vous l'avez déjà envoyé, avec d'autres réponses. La première fois compte ; rien d'autre "
            "n'a été changé."
        ),
        N_("Ouvrez de nouveau la page du formulaire pour faire autre chose."),
    ),
    Fault.BODY_TOO_LARGE: Wording(
        N_("C'est trop long"),
        N_("Le formulaire contient plus que ce que nous pouvons recevoir. Rien n'a été changé."),
        N_("Retournez à la page précédente et raccourcissez vos réponses."),
    ),
    Fault.MEDIA_TYPE: Wording(
        N_("Nous ne lisons pas cette forme de données"),
        N_("Nos pages envoient des formulaires simples ; ceci était autre chose. Rien n'a été changé."),
        N_("Repartez d'un des liens ci-dessous."),
    ),
    Fault.INTERNAL: Wording(
        N_("Quelque chose n'a pas marché chez nous"),
        N_("C'est notre faute, pas la vôtre. Rien n'a été changé."),
        N_("Réessayez dans quelques minutes."),
    ),
    Fault.DATABASE_UNAVAILABLE: Wording(
        N_("Le service est interrompu"),
        N_("Nous ne pouvons ni lire ni enregistrer vos données en ce moment. Rien n'a été changé."),
        N_("Réessayez dans quelques minutes."),
    ),
    Fault.LOGIN_UNAVAILABLE: Wording(
        N_("La connexion ne répond pas"),
        N_("Nous n'arrivons pas à joindre le service qui vérifie votre identité."),
        N_("Réessayez dans quelques minutes."),
    ),
    Fault.LOGIN_FAILED: Wording(
        N_("La connexion n'a pas réussi"),
        N_("Elle a été interrompue, ou la réponse reçue n'était pas valable. Vous n'êtes pas connecté."),
        N_("Essayez de vous connecter encore une fois."),
    ),
    Fault.LOGIN_EXPIRED: Wording(
        N_("Cette connexion n'est plus valable"),
        N_("Elle a attendu trop longtemps, a déjà servi, ou a commencé dans un autre navigateur."),
        N_("Essayez de vous connecter encore une fois."),
    ),
}

_LOG_IN = frozenset({Fault.LOGIN_NEEDED, Fault.LOGIN_FAILED, Fault.LOGIN_EXPIRED})
_AGAIN = frozenset({Fault.INTERNAL, Fault.DATABASE_UNAVAILABLE, Fault.LOGIN_UNAVAILABLE})
# Without the database nobody can be recognised: do not wait for it a second time.
_BLIND = frozenset({Fault.DATABASE_UNAVAILABLE.value, Fault.INTERNAL.value})


async def page(request: Request, problem: Problem) -> Response:
    """The problem in the reader's language, in the frame of the other pages."""
    shown = await _frame(request, problem)
    refusal = problem.refusal
    if refusal is not None and refusal.reason.kind is not Kind.NOT_FOUND:
        return _no(request, problem, refusal, shown)
    fault = next((each for each in Fault if each == problem.code), Fault.INTERNAL)
    find = translator(shown.language).find
    wording = WORDINGS[fault]
    return render(
        request,
        "error.html",
        page=shown,
        status_code=problem.status,
        headers=problem.headers,
        title=find(None, wording.title),
        sentence=Sentence(
            why=find(None, wording.why),
            missing=find(None, wording.next),
            who_can_change=find(None, _HELPDESK),
        ),
        code=fault.value,
        log_in=login_url(_here(request)) if fault in _LOG_IN else None,
        again=_here(request) if fault in _AGAIN and request.method == "GET" else None,
        step_up=None,
        ways=fault not in _BLIND and fault not in _LOG_IN,
    )


def _no(request: Request, problem: Problem, refusal: Refusal, shown: Page) -> Response:
    step_up = step_up_url(refusal, _here(request)) if refusal.reason.kind is Kind.STEP_UP else None
    return render(
        request,
        "error.html",
        page=shown,
        status_code=problem.status,
        headers=problem.headers,
        title=translator(shown.language).find(None, _TITLE_OF_A_NO),
        sentence=refusal_sentence(refusal, shown.language),
        code=refusal.reason.value,
        log_in=None,
        again=None,
        step_up=step_up,
        ways=step_up is None,
    )


async def _frame(request: Request, problem: Problem) -> Page:
    """Who is logged in is shown where it can be known; the enterprise is not, for it may not be his."""
    known: Page | None = getattr(request.state, "page", None)
    if known is None and problem.code not in _BLIND:
        try:
            await optional_viewer(request)
            known = request.state.page
        except Exception:  # noqa: BLE001 - the page of an error does without whatever fails
            known = None
    if known is None:
        known = page_for(request, None)
    return replace(known, acting_for=None, nav=())


def _here(request: Request) -> str:
    """The page itself, for a browser that comes back; for a form the home page."""
    return local_path(address_of(request)) or "/" if request.method == "GET" else "/"
