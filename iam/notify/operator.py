"""What the operator is told when the register is too old, or no longer brought up to date. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from iam.kernel.language import Language
from iam.notify.model import Message
from iam.texts import translator
from iam.texts.formats import day, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class LateExtract:
    """The newest extract is older than so many hours; without a day there is none."""

    snapshot_on: date | None
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LateFeed:
    """The newest feed of functions is older than so many hours; without an instant there is none."""

    produced_at: datetime | None
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The last run of fetching stopped and only a person can help; outcome and reason are codes."""

    at: datetime
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterAlarm:
    """What is wrong with the register today; at least one of it."""

    extract: LateExtract | None = None
    feed: LateFeed | None = None
    stopped: Stopped | None = None


def register_alarm(alarm: RegisterAlarm, address: str, language: Language, today: date) -> Message:
    """The mail about it: one a day, whatever it says (DOMAIN 7.3 nr 69, 70)."""
    _ = translator(language).gettext
    late = alarm.extract is not None or alarm.feed is not None
    return Message(
        key=f"operator:register:{today.isoformat()}",
        address=address,
        language=language,
        subject=_("Le registre n'est plus à jour") if late else _("La mise à jour du registre s'est arrêtée"),
        paragraphs=tuple(_paragraphs(alarm, language)),
        closing=(
            _(
                "La commande « habilis bce status » dit où en est le registre. La page de l'exploitant"
                " (docs/operating-the-register.md) dit que faire dans chaque cas."
            ),
        ),
    )


def _paragraphs(alarm: RegisterAlarm, language: Language) -> Iterator[str]:
    _ = translator(language).gettext
    if alarm.extract is not None:
        yield _of_extract(alarm.extract, language)
    if alarm.feed is not None:
        yield _of_feed(alarm.feed, language)
    if alarm.stopped is not None:
        codes = [each for each in (alarm.stopped.outcome, alarm.stopped.reason) if each]
        yield _(
            "La récupération du %(moment)s s'est arrêtée (%(codes)s). Elle ne reprendra pas sans vous.",
            moment=moment(alarm.stopped.at, language),
            codes=", ".join(codes),
        )


def _of_extract(late: LateExtract, language: Language) -> str:
    _ = translator(language).gettext
    if late.snapshot_on is None:
        return _("Aucun extrait de la BCE n'a encore été chargé.")
    return _(
        "Le dernier extrait de la BCE montre la situation au %(day)s. Il ne devrait pas avoir plus de"
        " %(hours)s heures : les cessations et les changements plus récents ne sont pas connus.",
        day=day(late.snapshot_on, language),
        hours=late.hours,
    )


def _of_feed(late: LateFeed, language: Language) -> str:
    _ = translator(language).gettext
    if late.produced_at is None:
        return _(
            "Aucun flux de fonctions n'a encore été chargé : seul un dossier accepté dit qui représente"
            " une entreprise."
        )
    return _(
        "Le dernier flux de fonctions date du %(moment)s. Il ne devrait pas avoir plus de %(hours)s"
        " heures : aucune nouvelle désignation n'est acceptée.",
        moment=moment(late.produced_at, language),
        hours=late.hours,
    )
