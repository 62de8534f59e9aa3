"""The texts of the mails: of what is told and a language, nothing else. No database, no clock."""

from typing import Any, assert_never

from iam.delegation import events as e
from iam.delegation.mails.model import Told, Words
from iam.delegation.model import OfficeEnd
from iam.kernel.language import Language
from iam.notify.model import Link
from iam.texts import formats, translator

Facts = tuple[tuple[str, str], ...]


# -- requests


def sent(told: Told[e.RequestSubmitted], language: Language) -> Words:
    """To the requester, whose address is confirmed: the request is on its way."""
    _ = translator(language).gettext
    return Words(
        subject=_("Votre demande est envoyée"),
        paragraphs=(
            _("Votre demande pour %(enterprise)s est envoyée.", enterprise=told.enterprise[language]),
            _("Vous recevrez un message dès qu'une décision est prise."),
        ),
        facts=_asked(told, language),
        link=Link(label=_("Suivre ma demande"), path=f"/requests/{told.event.request}"),
        closing=_neutral(told, language),
    )


def confirm(told: Told[e.RequestSubmitted], language: Language) -> Words:
    """To the requester: the request leaves once he shows that he reads this address (nr 51)."""
    _ = translator(language).gettext
    return Words(
        subject=_("Confirmez votre adresse pour envoyer votre demande"),
        paragraphs=(
            _("Vous avez préparé une demande pour %(enterprise)s.", enterprise=told.enterprise[language]),
            _("Confirmez que cette adresse est la vôtre. Votre demande part dès que c'est fait."),
        ),
        facts=_asked(told, language),
        link=Link(label=_("Confirmer mon adresse"), path="/address/confirm"),
        closing=_neutral(told, language),
    )


def waits(told: Told[e.RequestConfirmed], language: Language) -> Words:
    """To a representative: nobody can decide on a request before he names a chief access manager (nr 44)."""
    _ = translator(language).gettext
    return Words(
        subject=_("Une demande attend un gestionnaire d'accès"),
        paragraphs=(
            _("Une personne demande un rôle pour %(enterprise)s.", enterprise=told.enterprise[language]),
            _(
                "L'entreprise n'a pas encore de gestionnaire d'accès principal (GAP) : la personne qui "
                "décide qui peut agir pour elle. Vous représentez l'entreprise : vous pouvez désigner un GAP."
            ),
        ),
        link=Link(label=_("Désigner un GAP"), path=f"/represent/{told.number.digits}"),
    )


def decide(told: Told[e.RequestRouted], language: Language) -> Words:
    """To the chief access manager: a request is his to decide."""
    _ = translator(language).gettext
    return Words(
        subject=_("Une demande attend votre décision"),
        paragraphs=(
            _(
                "%(person)s demande un rôle pour %(enterprise)s.",
                person=told.person,
                enterprise=told.enterprise[language],
            ),
        ),
        facts=_asked(told, language),
        link=Link(label=_("Voir la demande"), path=f"/desk/requests/{told.event.request}"),
    )


def approved(told: Told[e.RequestApproved], language: Language) -> Words:
    """To the requester: what he may do now, and whether it is for less long than he wished."""
    _ = translator(language).gettext
    shorter = _("La période accordée est plus courte que celle que vous aviez demandée.")
    return Words(
        subject=_("Votre demande est acceptée"),
        paragraphs=(
            _("Votre demande pour %(enterprise)s est acceptée.", enterprise=told.enterprise[language]),
            *_allowed(told, language),
            *((shorter,) if told.event.shortened else ()),
        ),
        link=Link(label=_("Ouvrir Mon Espace"), path=f"/enterprises/{told.number.digits}"),
    )


def refused(told: Told[e.RequestRefused], language: Language) -> Words:
    """To the requester: no, and why (nr 42)."""
    _ = translator(language).gettext
    return Words(
        subject=_("Votre demande est refusée"),
        paragraphs=(
            _("Votre demande pour %(enterprise)s est refusée.", enterprise=told.enterprise[language]),
        ),
        facts=_reason(told.event.reason, language),
        link=Link(label=_("Voir ma demande"), path=f"/requests/{told.event.request}"),
    )


def accepted_by_you(told: Told[e.RequestApproved], language: Language) -> Words:
    """To the one who accepted: a trace of it (nr 42)."""
    _ = translator(language).gettext
    said = _(
        "Vous avez accepté la demande de %(person)s pour %(enterprise)s.",
        person=told.person,
        enterprise=told.enterprise[language],
    )
    return _decided(told, said, language)


def refused_by_you(told: Told[e.RequestRefused], language: Language) -> Words:
    """To the one who refused: a trace of it (nr 42)."""
    _ = translator(language).gettext
    said = _(
        "Vous avez refusé la demande de %(person)s pour %(enterprise)s.",
        person=told.person,
        enterprise=told.enterprise[language],
    )
    return _decided(told, said, language)


def _decided(told: Told[e.RequestApproved] | Told[e.RequestRefused], said: str, language: Language) -> Words:
    _ = translator(language).gettext
    return Words(
        subject=_("Votre décision est enregistrée"),
        paragraphs=(said,),
        facts=_roles(told, language),
        link=Link(label=_("Voir la demande"), path=f"/desk/requests/{told.event.request}"),
    )


def expired(told: Told[e.RequestExpired], language: Language) -> Words:
    """To the requester: nobody decided in time (nr 45)."""
    _ = translator(language).gettext
    said = _(
        "Personne n'a décidé à temps de votre demande pour %(enterprise)s. Vous pouvez la refaire.",
        enterprise=told.enterprise[language],
    )
    return _closed(told, said, language)


def voided(told: Told[e.RequestVoided], language: Language) -> Words:
    """To the requester: there is no enterprise left to act for."""
    _ = translator(language).gettext
    said = _(
        "%(enterprise)s a cessé ses activités : votre demande est sans objet.",
        enterprise=told.enterprise[language],
    )
    return _closed(told, said, language)


def _closed(told: Told[e.RequestExpired] | Told[e.RequestVoided], said: str, language: Language) -> Words:
    _ = translator(language).gettext
    return Words(
        subject=_("Votre demande est close"),
        paragraphs=(said,),
        link=Link(label=_("Voir ma demande"), path=f"/requests/{told.event.request}"),
    )


# -- offices


def appointed(told: Told[e.OfficeAppointed], language: Language) -> Words:
    """To somebody who was named chief access manager: what it is, and until when to answer."""
    _ = translator(language).gettext
    return Words(
        subject=_("On vous propose de gérer les accès d'une entreprise"),
        paragraphs=(
            _(
                "Une personne qui représente %(enterprise)s vous désigne comme gestionnaire d'accès "
                "principal (GAP).",
                enterprise=told.enterprise[language],
            ),
            _("Vous décideriez qui peut agir pour l'entreprise dans les démarches en ligne."),
            _(
                "Répondez avant le %(day)s. Connectez-vous avec votre carte d'identité (eID) ou itsme.",
                day=formats.day(told.event.lapses_at, language),
            ),
        ),
        link=Link(label=_("Répondre"), path=f"/appointments/{told.event.office}"),
    )


def active(told: Told[e.OfficeActivated], language: Language) -> Words:
    """To the chief access manager: he is in office."""
    _ = translator(language).gettext
    return Words(
        subject=_("Vous gérez les accès d'une entreprise"),
        paragraphs=(
            _(
                "Vous êtes gestionnaire d'accès principal (GAP) de %(enterprise)s.",
                enterprise=told.enterprise[language],
            ),
            _("Les demandes de rôle vous parviennent. Vous seul·e en décidez."),
        ),
        link=Link(label=_("Ouvrir la gestion des accès"), path=f"/desk/{told.number.digits}"),
    )


def accepted(told: Told[e.OfficeActivated], language: Language) -> Words:
    """To the representative who named him: he has accepted."""
    _ = translator(language).gettext
    return Words(
        subject=_("Votre gestionnaire d'accès a accepté"),
        paragraphs=(
            _(
                "%(person)s est maintenant gestionnaire d'accès principal (GAP) de %(enterprise)s.",
                person=told.person,
                enterprise=told.enterprise[language],
            ),
        ),
        link=Link(label=_("Voir l'entreprise"), path=f"/represent/{told.number.digits}"),
    )


def office_ended(told: Told[e.OfficeEnded], language: Language) -> Words:
    """To whoever did not end it himself: how the management of the accesses changed."""
    _ = translator(language).gettext
    return Words(
        subject=_("La gestion des accès d'une entreprise a changé"),
        paragraphs=(_how_it_ended(told, language),),
        link=Link(label=_("Voir l'entreprise"), path=f"/enterprises/{told.number.digits}"),
    )


def _how_it_ended(told: Told[e.OfficeEnded], language: Language) -> str:
    _, name = translator(language).gettext, told.enterprise[language]
    match told.event.why:
        case OfficeEnd.REPLACED:
            return _("Une autre personne gère maintenant les accès de %(enterprise)s.", enterprise=name)
        case OfficeEnd.CANCELLED:
            return _("La proposition de gérer les accès de %(enterprise)s est retirée.", enterprise=name)
        case OfficeEnd.DECLINED:
            return _(
                "La personne que vous aviez désignée pour %(enterprise)s a refusé. "
                "Vous pouvez en désigner une autre.",
                enterprise=name,
            )
        case OfficeEnd.EXPIRED:
            return _(
                "La personne que vous aviez désignée pour %(enterprise)s n'a pas répondu à temps. "
                "Vous pouvez en désigner une autre.",
                enterprise=name,
            )
        case _:
            assert_never(told.event.why)


# -- grants


def granted(told: Told[e.RoleGranted], language: Language) -> Words:
    """To somebody who was given a role: what he may do now."""
    _ = translator(language).gettext
    return Words(
        subject=_("Vous avez reçu un rôle"),
        paragraphs=(
            _("Vous pouvez agir pour %(enterprise)s.", enterprise=told.enterprise[language]),
            *_allowed(told, language),
        ),
        link=Link(label=_("Ouvrir Mon Espace"), path=f"/enterprises/{told.number.digits}"),
    )


def revoked(told: Told[e.GrantEnded], language: Language) -> Words:
    """To the former holder: the role was taken back, and why."""
    _ = translator(language).gettext
    said = _(
        "Votre rôle « %(role)s » pour %(enterprise)s a pris fin.",
        role=_labels(told, language),
        enterprise=told.enterprise[language],
    )
    return _grant_ended(told, said, f"/enterprises/{told.number.digits}", language)


def renounced(told: Told[e.GrantEnded], language: Language) -> Words:
    """To the chief access manager: a role was given up."""
    _ = translator(language).gettext
    said = _(
        "%(person)s a rendu son rôle « %(role)s » pour %(enterprise)s.",
        person=told.person,
        role=_labels(told, language),
        enterprise=told.enterprise[language],
    )
    return _grant_ended(told, said, f"/desk/{told.number.digits}", language)


def _grant_ended(told: Told[e.GrantEnded], said: str, path: str, language: Language) -> Words:
    _ = translator(language).gettext
    return Words(
        subject=_("Un rôle a pris fin"),
        paragraphs=(said,),
        facts=_reason(told.event.reason, language),
        link=Link(label=_("Voir l'entreprise"), path=path),
    )


# -- what several say


def _neutral(told: Told[Any], language: Language) -> tuple[str, ...]:
    """The text to hand on to whoever represents the enterprise: the same for every one (nr 49)."""
    _ = translator(language).gettext
    return (
        _(
            "Vous pouvez transmettre cette adresse à une personne qui représente l'entreprise. "
            "Elle y verra ce qu'elle peut faire : %(url)s",
            url=f"{told.url}/represent?enterprise={told.number.digits}",
        ),
    )


def _asked(told: Told[Any], language: Language) -> Facts:
    """What a request asks for: roles and period."""
    _ = translator(language).gettext
    period = () if told.wished is None else ((_("Période"), formats.period(told.wished, language)),)
    return _roles(told, language) + period


def _roles(told: Told[Any], language: Language) -> Facts:
    _ = translator(language).gettext
    return ((_("Rôle"), _labels(told, language)),)


def _labels(told: Told[Any], language: Language) -> str:
    return formats.listed([label[language] for label in told.roles], language)


def _allowed(told: Told[Any], language: Language) -> tuple[str, ...]:
    _ = translator(language).gettext
    return tuple(_("Vous pouvez %(allowed)s.", allowed=allowed[language]) for allowed in told.allowed)


def _reason(reason: str | None, language: Language) -> Facts:
    """What the one who decided wrote; nothing where he wrote nothing, or where it has been erased."""
    _ = translator(language).gettext
    return () if reason is None else ((_("Raison"), reason),)
