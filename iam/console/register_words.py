"""What the register says of an enterprise as a whole: its situation, and whether anybody can act."""

from datetime import datetime

from iam.bce import labels
from iam.bce import queries as register
from iam.bce.model import Consequence, Enterprise
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.storage import ReadConnection
from iam.texts import translator
from iam.texts.reasons import Sentence, sentence

_SITUATION = "JuridicalSituation"


def situation_tag(found: Enterprise, language: Language) -> tuple[str, str] | None:
    """A word for an enterprise that does not simply operate."""
    _ = translator(language).gettext
    if not found.operating:
        return _("A cessé"), "danger"
    if found.consequence is Consequence.CONTROLLED:
        return labels.label(_SITUATION, found.situation, language), "warning"
    return None


async def unreachable(
    conn: ReadConnection, found: Enterprise, language: Language, now: datetime
) -> Sentence | None:
    """The words for an enterprise that nobody can represent here; None where somebody can.

    The register tells it, and nothing depends on whether there is a chief access manager (nr 49).
    """
    held = await register.representatives(conn, found.entity, now)
    if any(each.alone and not each.suspended for each in held):
        return None
    return sentence(Reason.NO_USABLE_REPRESENTATIVE, language)
