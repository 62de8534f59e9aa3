"""The words of reasons: why it is a no, what is missing, who can change it (DESIGN 4, SCREENS "No").

A reason may have several wordings; the first whose facts are all known is used, and the last needs
none. Facts come as codes and are put into words here: `day` (ISO date), `number` (enterprise
number), `level` (figure of the federal levels), `days` and `limit` (counts), `name` (as it is).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.language import Language
from iam.kernel.reasons import Fixer, Reason
from iam.texts import formats
from iam.texts.catalogue import N_, translator

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A no in words, in one language."""

    why: str
    missing: str
    who_can_change: str


@dataclass(frozen=True, slots=True)
class Wording:
    """French source texts of a reason; `who` only where the fixer's own words do not fit."""

    why: str
    missing: str
    who: str | None = None

    @property
    def needs(self) -> frozenset[str]:
        """The facts without which it cannot be said."""
        return frozenset(_PLACEHOLDER.findall(f"{self.why} {self.missing} {self.who or ''}"))


FIXERS: Mapping[Fixer, str] = {
    Fixer.YOU: N_("Vous pouvez le changer vous-même."),
    Fixer.HOLDER: N_("Seule cette personne peut le faire."),
    Fixer.GAP: N_(
        "La personne qui gère les accès de l'entreprise peut le changer. S'il n'y en a pas, une personne qui "
        "représente l'entreprise peut en désigner une."
    ),
    Fixer.REPRESENTATIVE: N_("Une personne qui représente l'entreprise peut le changer."),
    Fixer.REGISTER: N_(
        "Seule une correction à la Banque-Carrefour des Entreprises (BCE) peut le changer. Un guichet "
        "d'entreprises ou le greffe peut vous aider."
    ),
    Fixer.HELPDESK: N_("Le service d'aide peut regarder cela avec vous."),
    Fixer.REVIEWER: N_("Un collègue qui examine les dossiers peut le faire."),
    Fixer.TIME: N_("Cela se règle avec le temps. Vous n'avez rien à changer."),
    Fixer.NOBODY: N_("Il n'y a rien à changer. Une question ? Le service d'aide peut vous répondre."),
}

LEVELS: Mapping[Level, str] = {
    Level.EID: N_("la carte d'identité électronique (eID)"),
    Level.ITSME: N_("itsme ou la carte d'identité électronique (eID)"),
    Level.TOTP: N_("un code de sécurité, itsme ou la carte d'identité électronique (eID)"),
    Level.PASSWORD: N_("votre mot de passe ou une clé numérique plus sûre"),
    Level.SELF_REGISTERED: N_("n'importe quelle clé numérique"),
    Level.NONE: N_("n'importe quelle clé numérique"),
}

_ENTERPRISE_NUMBER_FORM = N_(
    "Un numéro d'entreprise a dix chiffres et commence par 0 ou 1, par exemple 0123.456.749. Il se trouve "
    "sur les factures et les courriers de l'entreprise."
)

WORDINGS: Mapping[Reason, tuple[Wording, ...]] = {
    Reason.NUMBER_SHAPE: (
        Wording(N_("Ce n'est pas un numéro d'entreprise complet."), _ENTERPRISE_NUMBER_FORM),
    ),
    Reason.NUMBER_CHECKSUM: (
        Wording(
            N_(
                "Ce numéro d'entreprise n'existe pas : ses deux derniers chiffres ne vont pas avec "
                "les autres."
            ),
            N_(
                "Comparez-le, chiffre par chiffre, avec une facture ou un courrier de l'entreprise. "
                "Souvent, deux chiffres ont changé de place."
            ),
        ),
    ),
    Reason.NUMBER_IS_ESTABLISHMENT: (
        Wording(
            N_("C'est le numéro d'une unité d'établissement : un lieu de travail, pas l'entreprise entière."),
            N_("Écrivez le numéro de l'entreprise elle-même : il commence par 0 ou 1."),
        ),
    ),
    Reason.NUMBER_IS_BRANCH: (
        Wording(
            N_("C'est le numéro d'une succursale, pas celui de l'entreprise."),
            N_("Écrivez le numéro de l'entreprise elle-même : il commence par 0 ou 1."),
        ),
    ),
    Reason.ENTERPRISE_UNKNOWN: (
        Wording(
            N_("Nous ne trouvons pas ce numéro à la Banque-Carrefour des Entreprises (BCE)."),
            N_("Vérifiez le numéro. Une entreprise toute neuve peut mettre quelques jours à apparaître ici."),
        ),
    ),
    Reason.ENTERPRISE_CEASED: (
        Wording(
            N_("D'après la Banque-Carrefour des Entreprises (BCE), cette entreprise a cessé le %(day)s."),
            N_("Personne ne peut plus demander ni donner d'accès pour elle."),
        ),
        Wording(
            N_("D'après la Banque-Carrefour des Entreprises (BCE), cette entreprise a cessé."),
            N_("Personne ne peut plus demander ni donner d'accès pour elle."),
        ),
    ),
    Reason.NO_USABLE_REPRESENTATIVE: (
        Wording(
            N_("Nous ne connaissons personne qui peut représenter cette entreprise en ligne."),
            N_(
                "Il faut un document qui montre qui représente l'entreprise. Le service d'aide vous "
                "dit lequel."
            ),
        ),
    ),
    Reason.REGISTER_UNAVAILABLE: (
        Wording(
            N_(
                "Les données de la Banque-Carrefour des Entreprises (BCE) ne sont pas à jour ici en "
                "ce moment."
            ),
            N_("Rien n'a été changé. Réessayez un peu plus tard."),
        ),
    ),
    Reason.NO_STANDING: (
        Wording(
            N_("Il n'y a rien pour vous à cette adresse."),
            N_("Vérifiez l'adresse de la page, ou repartez de la liste de vos entreprises."),
        ),
    ),
    Reason.NOT_REPRESENTATIVE: (
        Wording(
            N_("D'après la BCE, vous n'avez pas de fonction qui permet de représenter cette entreprise."),
            N_("Il faut une fonction inscrite à la BCE, par exemple administrateur ou gérant."),
        ),
    ),
    Reason.REPRESENTATION_SUSPENDED: (
        Wording(
            N_("D'après la BCE, votre fonction ne permet pas de représenter l'entreprise en ce moment."),
            N_("C'est le cas, par exemple, quand un curateur représente l'entreprise à votre place."),
        ),
    ),
    Reason.JOINT_SIGNATURE_NEEDED: (
        Wording(
            N_("Dans cette entreprise, une personne seule ne peut pas signer : il faut être plusieurs."),
            N_(
                "Cette désignation ne se fait pas ici par une seule personne. Le service d'aide vous "
                "dit comment faire."
            ),
        ),
    ),
    Reason.NOT_GAP: (
        Wording(
            N_("Ceci est réservé au gestionnaire d'accès principal (GAP) de l'entreprise."),
            N_("Il faut être désigné comme GAP de cette entreprise, et avoir accepté."),
            N_("Une personne qui représente l'entreprise peut désigner le GAP."),
        ),
    ),
    Reason.NOT_STAFF: (
        Wording(
            N_("Il n'y a rien pour vous à cette adresse."),
            N_("Vérifiez l'adresse de la page, ou repartez de la page d'accueil."),
        ),
    ),
    Reason.LEVEL_TOO_LOW: (
        Wording(
            N_("Pour ceci, il faut vous connecter avec %(level)s."),
            N_("Connectez-vous de nouveau. Vous revenez ensuite à cette page."),
        ),
        Wording(
            N_("Pour ceci, il faut une connexion plus sûre."),
            N_(
                "Connectez-vous de nouveau avec la carte d'identité électronique (eID). Vous revenez "
                "ensuite à cette page."
            ),
        ),
    ),
    Reason.LOGIN_TOO_OLD: (
        Wording(
            N_("Pour ceci, il faut une connexion toute récente."),
            N_("Connectez-vous de nouveau. Vous revenez ensuite à cette page."),
        ),
    ),
    Reason.PERSON_BLOCKED: (
        Wording(
            N_("Votre accès à ce service est bloqué."),
            N_("Le service d'aide vous dit pourquoi et ce qu'il faut faire."),
        ),
    ),
    Reason.APPOINTEE_NUMBER_INVALID: (
        Wording(
            N_("Ce n'est pas un numéro de registre national complet."),
            N_("Vérifiez les onze chiffres. Ils se trouvent au dos de la carte d'identité de la personne."),
        ),
    ),
    Reason.EMAIL_INVALID: (
        Wording(
            N_("Cette adresse e-mail n'est pas complète."),
            N_("Une adresse a une seule arobase (@) et un nom de domaine, comme prenom.nom@entreprise.be."),
        ),
    ),
    Reason.APPOINTMENT_PENDING: (
        Wording(
            N_("Une désignation attend déjà une réponse pour cette entreprise."),
            N_("Attendez cette réponse, ou annulez d'abord cette désignation."),
        ),
    ),
    Reason.ALREADY_GAP: (
        Wording(
            N_("Cette personne est déjà le gestionnaire d'accès principal (GAP) de l'entreprise."),
            N_("Elle peut gérer les accès dès maintenant."),
        ),
    ),
    Reason.APPOINTMENT_UNKNOWN: (
        Wording(
            N_("Nous ne trouvons pas cette désignation."),
            N_("Ouvrez le lien de votre dernier message, et connectez-vous avec votre propre identité."),
        ),
    ),
    Reason.APPOINTMENT_CLOSED: (
        Wording(
            N_("Cette désignation n'attend plus de réponse."),
            N_(
                "Elle a reçu une réponse, elle a été annulée, ou son délai est passé. Il en faut une "
                "nouvelle."
            ),
        ),
    ),
    Reason.ROLE_UNKNOWN: (
        Wording(N_("Ce rôle n'est pas dans la liste."), N_("Choisissez un rôle de la liste.")),
    ),
    Reason.ROLE_RETIRED: (
        Wording(N_("Ce rôle n'existe plus."), N_("Choisissez un autre rôle de la liste.")),
    ),
    Reason.ROLE_NOT_GRANTABLE: (
        Wording(
            N_("Votre fonction de gestionnaire ne permet pas de donner ce rôle."),
            N_("Un autre gestionnaire d'accès doit le donner."),
        ),
    ),
    Reason.PERIOD_REVERSED: (
        Wording(
            N_("La date de fin vient avant la date de début."),
            N_("Choisissez une date de fin après la date de début."),
        ),
    ),
    Reason.PERIOD_IN_PAST: (
        Wording(
            N_("Cette période est déjà passée."),
            N_("Choisissez une date de fin à partir d'aujourd'hui."),
        ),
    ),
    Reason.PERIOD_TOO_LONG: (
        Wording(
            N_("Ce rôle se donne pour %(days)s jours au plus."),
            N_("Choisissez une date de fin plus proche. Le rôle pourra être demandé de nouveau ensuite."),
        ),
        Wording(
            N_("Cette période est trop longue pour ce rôle."),
            N_("Choisissez une date de fin plus proche. Le rôle pourra être demandé de nouveau ensuite."),
        ),
    ),
    Reason.PERIOD_WIDER_THAN_ASKED: (
        Wording(
            N_("Cette période est plus longue que celle de la demande."),
            N_("Choisissez une période qui tient dans celle de la demande."),
        ),
    ),
    Reason.ALREADY_GRANTED: (
        Wording(
            N_("Ce rôle est déjà donné à cette personne pour cette entreprise."),
            N_("Le rôle fonctionne jusqu'à sa date de fin."),
        ),
    ),
    Reason.GRANT_UNKNOWN: (
        Wording(N_("Nous ne trouvons pas ce droit."), N_("Repartez de la page de l'entreprise.")),
    ),
    Reason.GRANT_ENDED: (
        Wording(N_("Ce droit est déjà terminé."), N_("La personne ne peut plus l'utiliser.")),
    ),
    Reason.FOUR_EYES: (
        Wording(
            N_("Pour ce rôle, celui qui donne et celui qui reçoit doivent être deux personnes."),
            N_("Une autre personne qui gère les accès de l'entreprise doit le donner."),
        ),
    ),
    Reason.EMAIL_UNVERIFIED: (
        Wording(
            N_("Votre adresse e-mail n'est pas encore confirmée pour cette entreprise."),
            N_(
                "Ouvrez le lien que nous avons envoyé à cette adresse, ou demandez-en un nouveau sous "
                "« Mes adresses »."
            ),
        ),
    ),
    Reason.HOLDER_EMAIL_UNVERIFIED: (
        Wording(
            N_("Cette personne n'a pas encore confirmé d'adresse e-mail pour cette entreprise."),
            N_(
                "Elle peut le faire dans Mon Espace, sous « Mes adresses », ou en demandant elle-même un "
                "rôle pour l'entreprise."
            ),
        ),
    ),
    Reason.LINK_INVALID: (
        Wording(
            N_("Ce lien ne fonctionne plus."),
            N_("Il a déjà servi, son délai est passé, ou il en manque un morceau. Demandez un nouveau lien."),
        ),
    ),
    Reason.MOTIVATION_MISSING: (
        Wording(
            N_("Il manque la raison de votre demande."),
            N_("Écrivez en une ou deux phrases pourquoi vous avez besoin de ce rôle."),
        ),
    ),
    Reason.REASON_MISSING: (
        Wording(
            N_("Il manque la raison de votre décision."),
            N_("Écrivez-la en une phrase. La personne concernée pourra la lire."),
        ),
    ),
    Reason.RELATION_MISSING: (
        Wording(N_("Il manque votre lien avec l'entreprise."), N_("Choisissez-le dans la liste.")),
    ),
    Reason.TEXT_TOO_LONG: (
        Wording(
            N_("Ce texte est trop long : %(limit)s caractères au plus."),
            N_("Gardez l'essentiel."),
        ),
        Wording(N_("Ce texte est trop long."), N_("Gardez l'essentiel.")),
    ),
    Reason.TEXT_HOLDS_NATIONAL_NUMBER: (
        Wording(
            N_("Ce texte contient un numéro de registre national."),
            N_("Enlevez ce numéro : personne n'en a besoin ici."),
        ),
    ),
    Reason.ALREADY_REQUESTED: (
        Wording(
            N_("Vous avez déjà demandé ce rôle pour cette entreprise."),
            N_("Votre demande attend une décision. Vous pouvez la suivre ou la retirer."),
        ),
    ),
    Reason.TOO_MANY_REQUESTS: (
        Wording(
            N_("Vous avez envoyé beaucoup de demandes en peu de temps."),
            N_("Vous pourrez en envoyer d'autres un peu plus tard."),
        ),
    ),
    Reason.REQUEST_UNKNOWN: (
        Wording(N_("Nous ne trouvons pas cette demande."), N_("Repartez de la liste des demandes.")),
    ),
    Reason.REQUEST_NOT_OPEN: (
        Wording(
            N_("Cette demande n'attend plus de décision."),
            N_("Elle a reçu une décision, elle a été retirée, ou son délai est passé."),
        ),
    ),
    Reason.OWN_REQUEST: (
        Wording(
            N_("Personne ne décide seul de sa propre demande."),
            N_("Une autre personne qui gère les accès de l'entreprise doit décider."),
        ),
    ),
    Reason.PORTAL_UNKNOWN: (
        Wording(
            N_("Nous ne connaissons pas le site d'où vous venez."),
            N_("Repartez de la page d'accueil de ce site."),
        ),
    ),
    Reason.ROLE_MISSING: (
        Wording(
            N_("Il vous manque un rôle pour faire cette démarche au nom de cette entreprise."),
            N_("Vous pouvez demander ce rôle dans Mon Espace."),
        ),
    ),
    Reason.PERSON_UNKNOWN: (
        Wording(
            N_("Nous ne vous connaissons pas encore."),
            N_("Connectez-vous une première fois à Mon Espace."),
        ),
    ),
    Reason.ALREADY_REPRESENTATIVE: (
        Wording(
            N_("Vous représentez déjà cette entreprise d'après la BCE."),
            N_("Un dossier n'est pas nécessaire : vous pouvez désigner un gestionnaire d'accès (GAP)."),
        ),
    ),
    Reason.REPRESENTATIVE_KNOWN: (
        Wording(
            N_("D'après la BCE, une autre personne peut représenter cette entreprise seule."),
            N_(
                "Transmettez-lui l'adresse de l'entreprise dans Mon Espace. Si la BCE se trompe, un guichet "
                "d'entreprises ou le greffe peut la corriger."
            ),
        ),
    ),
    Reason.CAPACITY_UNKNOWN: (
        Wording(
            N_("Il manque la qualité en laquelle vous représentez l'entreprise."),
            N_("Choisissez-la dans la liste."),
        ),
    ),
    Reason.SINCE_IN_FUTURE: (
        Wording(
            N_("Il manque le jour depuis lequel vous représentez l'entreprise, ou ce jour est à venir."),
            N_("Écrivez le jour qui se trouve dans votre document, aujourd'hui au plus tard."),
        ),
    ),
    Reason.EXPLANATION_MISSING: (
        Wording(
            N_("Il manque une explication."),
            N_("Écrivez en quelques phrases d'où vient votre pouvoir et ce que montrent vos documents."),
        ),
    ),
    Reason.DOSSIER_UNDER_WAY: (
        Wording(
            N_("Vous avez déjà un dossier en cours pour cette entreprise."),
            N_("Continuez celui-là, ou retirez-le d'abord."),
        ),
    ),
    Reason.TOO_MANY_DOSSIERS: (
        Wording(
            N_("Vous avez ouvert beaucoup de dossiers en peu de temps."),
            N_("Attendez une décision, ou réessayez demain."),
        ),
    ),
    Reason.DOSSIER_UNKNOWN: (
        Wording(
            N_("Il n'y a rien pour vous à cette adresse."),
            N_("Vérifiez l'adresse de la page, ou repartez de la liste de vos dossiers."),
        ),
    ),
    Reason.DOSSIER_CLOSED: (
        Wording(
            N_("Ce dossier ne peut plus changer."),
            N_("Regardez-le de nouveau : son état a changé entre-temps."),
        ),
    ),
    Reason.DOCUMENT_MISSING: (
        Wording(
            N_("Il manque un document."),
            N_("Choisissez un fichier PDF, JPEG ou PNG qui montre que vous représentez l'entreprise."),
        ),
    ),
    Reason.DOCUMENT_KIND: (
        Wording(
            N_("Ce fichier n'est pas un PDF, un JPEG ou un PNG complet."),
            N_("Enregistrez le document en PDF, ou prenez-en une photo, puis choisissez ce fichier."),
        ),
    ),
    Reason.DOCUMENT_TOO_LARGE: (
        Wording(
            N_("Ce fichier est trop grand : %(limit)s Mo au plus."),
            N_("Enregistrez-le avec une qualité plus basse, ou gardez les pages utiles."),
        ),
        Wording(
            N_("Ce fichier est trop grand."),
            N_("Enregistrez-le avec une qualité plus basse, ou gardez les pages utiles."),
        ),
    ),
    Reason.TOO_MANY_DOCUMENTS: (
        Wording(
            N_("Un dossier a %(limit)s documents au plus."),
            N_("Enlevez-en un d'abord, ou réunissez plusieurs pages en un seul PDF."),
        ),
        Wording(
            N_("Ce dossier a déjà assez de documents."),
            N_("Enlevez-en un d'abord, ou réunissez plusieurs pages en un seul PDF."),
        ),
    ),
    Reason.OWN_DOSSIER: (
        Wording(
            N_("C'est votre propre dossier."),
            N_("Personne n'examine son propre dossier."),
        ),
    ),
    Reason.INVOLVED_REVIEWER: (
        Wording(
            N_("Vous représentez cette entreprise, ou vous y avez un rôle."),
            N_("Une autre personne doit examiner ce dossier."),
        ),
    ),
    Reason.SECOND_REVIEWER_NEEDED: (
        Wording(
            N_("Vous avez déjà accepté ce dossier."),
            N_("Une deuxième personne doit maintenant l'examiner."),
        ),
    ),
    Reason.REVIEW_NOT_STARTED: (
        Wording(
            N_("Vous n'avez pas encore commencé l'examen de ce dossier."),
            N_("Commencez l'examen : vous verrez alors le dossier entier."),
        ),
    ),
    Reason.REVIEW_OVERTAKEN: (
        Wording(
            N_("Un collègue a décidé avant vous."),
            N_("Regardez le dossier de nouveau : il est peut-être prêt pour un deuxième examen."),
        ),
    ),
    Reason.FIRST_REVIEWER_BLOCKED: (
        Wording(
            N_("L'accès de la personne qui a fait le premier examen est bloqué."),
            N_("Son examen ne compte pas tant que c'est le cas. Vous pouvez refuser le dossier."),
        ),
    ),
    Reason.CLAIMANT_BLOCKED: (
        Wording(
            N_("L'accès de cette personne à Mon Espace est bloqué."),
            N_("Son dossier ne peut pas être accepté tant que c'est le cas."),
        ),
    ),
    Reason.UNTIL_TOO_FAR: (
        Wording(
            N_("Cette date est trop éloignée : le %(day)s au plus tard."),
            N_("Choisissez une date plus proche. Un nouveau dossier sera possible ensuite."),
        ),
        Wording(
            N_("Cette date est trop éloignée."),
            N_("Choisissez une date plus proche. Un nouveau dossier sera possible ensuite."),
        ),
    ),
    Reason.NOTE_MISSING: (
        Wording(
            N_("Il manque ce que vous avez vérifié."),
            N_("Écrivez en une phrase sur quel document vous vous appuyez."),
        ),
    ),
}


def level_words(level: Level, language: Language) -> str:
    """The means of login that reach a level, as a part of a sentence."""
    return translator(language).find(None, LEVELS[level])


def _day(value: str, language: Language) -> str:
    return formats.day(date.fromisoformat(value), language)


def _level(value: str, language: Language) -> str:
    return level_words(Level(int(value)), language)


def _number(value: str, _: Language) -> str:
    return formats.enterprise_number(value)


def _count(value: str, language: Language) -> str:
    return formats.count(int(value), language)


_INTO_WORDS: Mapping[str, Callable[[str, Language], str]] = {
    "day": _day,
    "level": _level,
    "number": _number,
    "days": _count,
    "limit": _count,
}


def _in_words(name: str, value: str, language: Language) -> str:
    return _INTO_WORDS[name](value, language) if name in _INTO_WORDS else value


def sentence(reason: Reason, language: Language, /, **facts: str) -> Sentence:
    """The words of a reason in a language, with those facts that are known put into them.

    Raises ValueError for a fact that is not the code it should be.
    """
    wording = next(w for w in WORDINGS[reason] if w.needs <= facts.keys())
    known = {
        name: _INTO_WORDS[name](facts[name], language) if name in _INTO_WORDS else facts[name]
        for name in wording.needs
    }
    find = translator(language).find
    return Sentence(
        why=find(None, wording.why) % known,
        missing=find(None, wording.missing) % known,
        who_can_change=find(None, wording.who or FIXERS[reason.fixer]) % known,
    )


def refusal_sentence(refusal: Refusal, language: Language) -> Sentence:
    """The words of a refusal, with its own facts and the level that would do."""
    facts = dict(refusal.facts)
    if refusal.level is not None:
        facts["level"] = str(int(refusal.level))
    return sentence(refusal.reason, language, **facts)
