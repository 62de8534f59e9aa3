"""The texts of the mails about dossiers: of what is told and a language, nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from iam.dossiers import events as e
from iam.kernel.ids import DossierId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.notify.model import Link
from iam.texts import formats, translator

E = TypeVar("E", bound=e.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Generic[E]):
    """What the mail about an event may speak of, and in which language."""

    event: E
    enterprise: str
    number: EnterpriseNumber
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a mail says."""

    subject: str
    paragraphs: tuple[str, ...]
    link: Link
    facts: tuple[tuple[str, str], ...] = ()


def _see(dossier: DossierId, language: Language) -> Link:
    return Link(label=translator(language).gettext("Voir mon dossier"), path=f"/dossiers/{dossier}")


def submitted(told: Told[e.DossierSubmitted]) -> Words:
    """The dossier has arrived, and what happens next."""
    _ = translator(told.language).gettext
    return Words(
        subject=_("Votre dossier est envoyé"),
        paragraphs=(
            _(
                "Votre dossier pour représenter %(enterprise)s en ligne est bien arrivé.",
                enterprise=told.enterprise,
            ),
            _("Deux personnes l'examinent l'une après l'autre. Vous recevez un message à chaque décision."),
        ),
        link=_see(told.event.dossier, told.language),
    )


def half_way(told: Told[e.ReviewAccepted]) -> Words:
    """The first review has gone well."""
    _ = translator(told.language).gettext
    return Words(
        subject=_("Votre dossier passe au deuxième examen"),
        paragraphs=(
            _(
                "Le premier examen de votre dossier pour %(enterprise)s est favorable.",
                enterprise=told.enterprise,
            ),
            _("Une deuxième personne doit encore l'examiner. Vous n'avez rien à faire."),
        ),
        link=_see(told.event.dossier, told.language),
    )


def accepted(told: Told[e.DossierAccepted]) -> Words:
    """The claimant represents the enterprise, until when, and what he can do now."""
    _ = translator(told.language).gettext
    until = formats.until(Period(told.event.at, told.event.ends_at), told.language)
    return Words(
        subject=_("Votre dossier est accepté"),
        paragraphs=(
            _(
                "Vous représentez %(enterprise)s en ligne, %(until)s.",
                enterprise=told.enterprise,
                until=until,
            ),
            _(
                "Vous pouvez maintenant désigner un gestionnaire d'accès principal (GAP) : vous-même ou une "
                "personne de confiance. Il faut votre carte d'identité électronique (eID)."
            ),
        ),
        link=Link(label=_("Désigner un GAP"), path=f"/represent/{told.number.digits}"),
    )


def refused(told: Told[e.DossierRefused]) -> Words:
    """No, and why."""
    _ = translator(told.language).gettext
    return Words(
        subject=_("Votre dossier est refusé"),
        paragraphs=(
            _(
                "Votre dossier pour représenter %(enterprise)s est refusé.",
                enterprise=told.enterprise,
            ),
            _("Vous pouvez en faire un autre, avec d'autres documents."),
        ),
        facts=_reason(told.event.reason, told.language),
        link=_see(told.event.dossier, told.language),
    )


def revoked(told: Told[e.DossierRevoked]) -> Words:
    """The acceptance is taken back, and why."""
    _ = translator(told.language).gettext
    return Words(
        subject=_("Vous ne représentez plus une entreprise"),
        paragraphs=(
            _(
                "L'acceptation de votre dossier pour %(enterprise)s est retirée. Vous ne pouvez plus "
                "désigner de gestionnaire d'accès pour elle.",
                enterprise=told.enterprise,
            ),
            _("Les accès qui existent ne changent pas."),
        ),
        facts=_reason(told.event.reason, told.language),
        link=_see(told.event.dossier, told.language),
    )


def expired(told: Told[e.DossierExpired]) -> Words | None:
    """Its time is over. Of what was never sent nobody need be reminded."""
    _ = translator(told.language).gettext
    if told.event.why is e.Lapsed.UNSENT:
        return None
    if told.event.why is e.Lapsed.OVER:
        said = _(
            "L'acceptation de votre dossier pour %(enterprise)s est arrivée à sa fin. Vous ne la représentez "
            "plus en ligne.",
            enterprise=told.enterprise,
        )
        return Words(
            subject=_("Vous ne représentez plus une entreprise"),
            paragraphs=(
                said,
                _("Les accès qui existent ne changent pas. Vous pouvez faire un nouveau dossier."),
            ),
            link=_see(told.event.dossier, told.language),
        )
    said = _(
        "Personne n'a décidé à temps de votre dossier pour %(enterprise)s. Vous pouvez le refaire.",
        enterprise=told.enterprise,
    )
    return Words(
        subject=_("Votre dossier est clos"), paragraphs=(said,), link=_see(told.event.dossier, told.language)
    )


def _reason(reason: str | None, language: Language) -> tuple[tuple[str, str], ...]:
    return () if reason is None else ((translator(language).gettext("Raison"), reason),)


WORDS: Mapping[type[Any], Callable[[Told[Any]], Words | None]] = {
    e.DossierSubmitted: submitted,
    e.ReviewAccepted: half_way,
    e.DossierAccepted: accepted,
    e.DossierRefused: refused,
    e.DossierRevoked: revoked,
    e.DossierExpired: expired,
}
