"""The words that several pages share, in four languages: the grant sentence, states, relations, names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from iam.bce.model import Basis, Enterprise, RegisterLanguage, Representation, Suspension
from iam.bce.queries import display_name
from iam.delegation.model import Grant, GrantOrigin, Relation, RequestState, Role
from iam.delegation.queries import Standing
from iam.kernel.language import Language
from iam.kernel.period import Period
from iam.texts import formats, translator

# Crockford's letters: none of them is read for another one on the telephone.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REGISTER_LANGUAGES = {
    RegisterLanguage.FR: Language.FR,
    RegisterLanguage.NL: Language.NL,
    RegisterLanguage.DE: Language.DE,
    RegisterLanguage.EN: Language.EN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A state in words: `word` and `color` make the tag, `sentence` says what it means."""

    word: str
    color: str
    sentence: str

    @property
    def tag(self) -> tuple[str, str]:
        """What the macro `card` wants as `status`."""
        return self.word, self.color


def reference(wanted: UUID) -> str:
    """What a person says of a thing on the telephone: 7KQ2-M4XD. The same for the same thing.

    From the random tail of the id: of an id ordered by time the head would be nearly the same for all.
    """
    tail = wanted.int & ((1 << 40) - 1)
    letters = "".join(_LETTERS[(tail >> shift) & 31] for shift in range(35, -1, -5))
    return f"{letters[:4]}-{letters[4:]}"


def person(given: str | None, family: str | None, language: Language) -> str:
    """A person's name; words for somebody whose name is not known yet."""
    name = " ".join(part for part in (given, family) if part)
    return name or translator(language).gettext("une personne qui ne s'est pas encore connectée")


def person_first(given: str | None, family: str | None, language: Language) -> str:
    """A person's name where a line or sentence begins."""
    said = person(given, family, language)
    return said[0].upper() + said[1:]


def enterprise(found: Enterprise, language: Language) -> str:
    """An enterprise in a sentence: Menuiserie Dupont SRL (1900.000.069)."""
    return f"{display_name(found, language)} ({found.number.dotted})"


def name_language(found: Enterprise, language: Language) -> Language | None:
    """In which language the shown name of an enterprise is, where the register says so."""
    shown = display_name(found, language)
    known = [name.language for name in found.names if name.text == shown]
    ours = next((tongue for code, tongue in _REGISTER_LANGUAGES.items() if code in known), None)
    return None if ours is language else ours


def grant_sentence(
    who: str, role: Role, found: Enterprise, period: Period, now: datetime, language: Language
) -> str:
    """What a grant allows, to whom, for whom, until when (SCREENS "Words").

    For a period that has not begun, from when too.
    """
    _ = translator(language).gettext
    when = formats.period(period, language) if period.start > now else formats.until(period, language)
    return _(
        "%(person)s peut %(allowed)s pour %(enterprise)s, %(until)s.",
        person=who,
        allowed=role.allows[language],
        enterprise=enterprise(found, language),
        until=when,
    )


def grant_basis(grant: Grant, by: str | None, language: Language) -> str:
    """Who gave it and when; `by` is the name of the one who did, where a person did."""
    _ = translator(language).gettext
    day = formats.day(grant.granted_at, language)
    if grant.origin is GrantOrigin.BOOTSTRAP:
        return _("Donné à la mise en service, le %(day)s.", day=day)
    if grant.origin is GrantOrigin.MIGRATED or by is None:
        return _("Repris d'un autre service, le %(day)s.", day=day)
    if grant.to_oneself:
        return _(
            "%(person)s, gestionnaire d'accès principal (GAP), s'est donné ce rôle le %(day)s.",
            person=by,
            day=day,
        )
    return _("Accordé par %(person)s, gestionnaire d'accès principal (GAP), le %(day)s.", person=by, day=day)


def role_label(role: Role | None, code: str, language: Language) -> str:
    """The name of a role; its code when the catalogue does not know it."""
    return code if role is None else role.labels[language]


def relation_mine(relation: Relation, language: Language) -> str:
    """How I am bound to the enterprise, as I say it myself."""
    _ = translator(language).gettext
    match relation:
        case Relation.EMPLOYEE:
            return _("Je travaille pour l'entreprise")
        case Relation.OFFICER:
            return _("J'ai une fonction dans l'entreprise (administrateur, gérant…)")
        case Relation.ASSOCIATE:
            return _("Je suis associé ou membre de l'entreprise")
        case Relation.EXTERNAL:
            return _("Je travaille pour un autre bureau (comptable, avocat, secrétariat social…)")


def relation_of(relation: Relation, language: Language) -> str:
    """How a person says he is bound to the enterprise, as others read it."""
    _ = translator(language).gettext
    match relation:
        case Relation.EMPLOYEE:
            return _("Travaille pour l'entreprise")
        case Relation.OFFICER:
            return _("A une fonction dans l'entreprise")
        case Relation.ASSOCIATE:
            return _("Associé ou membre de l'entreprise")
        case Relation.EXTERNAL:
            return _("Travaille pour un autre bureau")


def requester_state(state: RequestState, language: Language) -> Status:
    """The state of a request as its requester sees it.

    Waiting for a chief access manager and lying with one read alike (DOMAIN 7.3 nr 49).
    """
    _ = translator(language).gettext
    match state:
        case RequestState.UNCONFIRMED:
            return Status(
                word=_("Adresse à confirmer"),
                color="warning",
                sentence=_(
                    "Ouvrez le lien que nous avons envoyé à votre adresse e-mail. La demande part dès que "
                    "c'est fait."
                ),
            )
        case RequestState.WAITING_FOR_GAP | RequestState.UNDER_REVIEW:
            return Status(
                word=_("En attente"),
                color="info",
                sentence=_(
                    "La personne qui gère les accès de l'entreprise doit décider. S'il n'y en a pas "
                    "encore, une personne qui représente l'entreprise doit d'abord en désigner une."
                ),
            )
        case _:
            return _closed(state, language)


def manager_state(state: RequestState, language: Language) -> Status:
    """The state of a request as the one who decides, or the helpdesk, sees it."""
    _ = translator(language).gettext
    match state:
        case RequestState.UNCONFIRMED:
            return Status(
                word=_("Adresse à confirmer"),
                color="neutral",
                sentence=_("Le demandeur n'a pas encore confirmé son adresse e-mail."),
            )
        case RequestState.WAITING_FOR_GAP:
            return Status(
                word=_("Attend un GAP"),
                color="warning",
                sentence=_("L'entreprise n'a pas encore de gestionnaire d'accès principal (GAP)."),
            )
        case RequestState.UNDER_REVIEW:
            return Status(
                word=_("À décider"),
                color="warning",
                sentence=_("Le gestionnaire d'accès principal (GAP) doit décider."),
            )
        case _:
            return _closed(state, language)


def _closed(state: RequestState, language: Language) -> Status:
    _ = translator(language).gettext
    match state:
        case RequestState.APPROVED:
            return Status(word=_("Acceptée"), color="success", sentence=_("La demande est acceptée."))
        case RequestState.REFUSED:
            return Status(word=_("Refusée"), color="danger", sentence=_("La demande est refusée."))
        case RequestState.WITHDRAWN:
            return Status(word=_("Retirée"), color="neutral", sentence=_("Le demandeur a retiré sa demande."))
        case RequestState.EXPIRED:
            return Status(
                word=_("Délai passé"),
                color="neutral",
                sentence=_("Personne n'a décidé à temps. La demande peut être refaite."),
            )
        case RequestState.VOID:
            return Status(
                word=_("Sans objet"),
                color="neutral",
                sentence=_("L'entreprise a cessé : personne ne peut plus décider."),
            )
        case other:
            message = f"{other} is open"
            raise ValueError(message)


def suspension(why: Suspension, language: Language) -> str:
    """Why a function in the register gives no power for the moment."""
    _ = translator(language).gettext
    match why:
        case Suspension.CONTROLLED:
            return _("Une autre personne, par exemple un curateur, représente l'entreprise en ce moment.")
        case Suspension.CEASED:
            return _("L'entreprise a cessé.")
        case Suspension.HOLDER_CEASED:
            return _("L'entreprise qui a cette fonction a cessé.")


def representation(held: Representation, labels: Mapping[str, str], language: Language) -> str:
    """By which function somebody represents an enterprise, and what it is worth now, said to himself."""
    _ = translator(language).gettext
    function = labels.get(held.code, held.code)
    if held.why_suspended is not None:
        said = _(
            "D'après la BCE, vous avez une fonction ici (%(function)s). Elle ne permet pas d'agir en ce "
            "moment.",
            function=function,
        )
        return f"{said} {suspension(held.why_suspended, language)}"
    if not held.alone:
        return _(
            "Vous représentez l'entreprise avec d'autres (%(function)s) : une personne seule ne peut pas "
            "signer.",
            function=function,
        )
    match held.how:
        case Basis.OWN_ENTERPRISE:
            return _("C'est votre propre entreprise : vous la représentez.")
        case Basis.PERMANENT_REPRESENTATIVE:
            return _(
                "Vous représentez l'entreprise comme représentant permanent d'une autre. Fonction à la BCE : "
                "%(function)s.",
                function=function,
            )
        case Basis.FUNCTION:
            return _(
                "Vous représentez l'entreprise. Votre fonction à la BCE : %(function)s.", function=function
            )
        case Basis.MANUAL_DOSSIER:
            return _(
                "Vous représentez l'entreprise d'après un dossier que nous avons accepté (%(function)s), "
                "%(until)s.",
                function=function,
                until=formats.until(held.period, language),
            )


def capacities(standing: Standing, labels: Mapping[str, str], now: datetime, language: Language) -> list[str]:
    """Who a person is in an enterprise, said to himself, apart from his roles."""
    _ = translator(language).gettext
    said = [representation(held, labels, language) for held in standing.representations]
    if standing.is_gap:
        said.append(
            _(
                "Vous êtes gestionnaire d'accès principal (GAP) : vous décidez qui peut agir pour "
                "l'entreprise."
            )
        )
    if standing.proposed is not None and standing.proposed.period.end is not None:
        day = formats.day(standing.proposed.period.end, language)
        said.append(
            _(
                "On vous propose d'être gestionnaire d'accès principal (GAP). Répondez avant le %(day)s.",
                day=day,
            )
        )
    if any(request.is_open(now) for request in standing.requests):
        said.append(_("Vous avez demandé un rôle."))
    if not said and not standing.grants:
        said.append(_("Vous n'avez plus de rôle ici."))
    return said
