"""The words that the pages of dossiers share: states, capacities, documents. No reviewer is named in any."""

from collections.abc import Mapping

from iam.console.words import Status
from iam.dossiers.model import Document, Dossier, Kind, Stage, State
from iam.kernel.language import Language
from iam.texts import translator

_KILO = 1000


def state(shown: State, language: Language) -> Status:
    """The state of a dossier as its claimant sees it: which of the reviews it is in, not who does it."""
    _ = translator(language).gettext
    match shown:
        case State.OPENED:
            return Status(
                word=_("En préparation"),
                color="neutral",
                sentence=_("Personne d'autre ne le voit. Ajoutez vos documents, puis envoyez-le."),
            )
        case State.SUBMITTED | State.FIRST_REVIEW:
            return Status(
                word=_("Premier examen"),
                color="info",
                sentence=_("Une première personne doit l'examiner. Vous recevez un message à sa décision."),
            )
        case State.SECOND_REVIEW:
            return Status(
                word=_("Deuxième examen"),
                color="info",
                sentence=_("Le premier examen est favorable. Une deuxième personne doit l'examiner."),
            )
        case State.ACCEPTED:
            return Status(
                word=_("Accepté"), color="success", sentence=_("Vous représentez l'entreprise en ligne.")
            )
        case _:
            return _over(shown, language)


def outcome(shown: State, language: Language) -> Status:
    """The state of a dossier as a reviewer sees it."""
    _ = translator(language).gettext
    said = state(shown, language)
    match shown:
        case State.ACCEPTED:
            sentence = _("Deux personnes l'ont accepté.")
        case State.REFUSED:
            sentence = _("Le dossier est refusé.")
        case State.WITHDRAWN:
            sentence = _("La personne a retiré son dossier.")
        case State.EXPIRED:
            sentence = _("Son délai est passé.")
        case State.REVOKED:
            sentence = _("L'acceptation est retirée.")
        case _:
            sentence = _("Il attend une décision.")
    return Status(word=said.word, color=said.color, sentence=sentence)


def _over(shown: State, language: Language) -> Status:
    _ = translator(language).gettext
    match shown:
        case State.REFUSED:
            return Status(
                word=_("Refusé"),
                color="danger",
                sentence=_("Vous pouvez en faire un autre, avec d'autres documents."),
            )
        case State.WITHDRAWN:
            return Status(word=_("Retiré"), color="neutral", sentence=_("Vous avez retiré ce dossier."))
        case State.EXPIRED:
            return Status(
                word=_("Terminé"),
                color="neutral",
                sentence=_("Son délai est passé. Vous pouvez faire un nouveau dossier."),
            )
        case State.REVOKED:
            return Status(
                word=_("Acceptation retirée"),
                color="danger",
                sentence=_("Vous ne représentez plus l'entreprise. Les accès qui existent ne changent pas."),
            )
        case other:
            message = f"{other} is not over"
            raise ValueError(message)


def stage(found: Dossier, language: Language) -> str:
    """Which review a dossier waits for."""
    _ = translator(language).gettext
    return _("Premier examen") if found.stage is Stage.FIRST else _("Deuxième examen")


def capacity(code: str, labels: Mapping[str, str]) -> str:
    """In which capacity somebody claims to act; the code where the reference data has lost it."""
    return labels.get(code, code)


def document(place: int, found: Document, language: Language) -> str:
    """A document by its place, kind and size: what a person called his file may say anything."""
    _ = translator(language).gettext
    kinds = {Kind.PDF: "PDF", Kind.JPEG: "JPEG", Kind.PNG: "PNG"}
    return _(
        "Document %(place)s (%(kind)s, %(size)s ko)",
        place=str(place),
        kind=kinds[found.kind],
        size=str(max(1, found.size // _KILO)),
    )
