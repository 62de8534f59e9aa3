"""What a decision rests on: one statement, so one round trip and one snapshot (ADR 0012)."""

from dataclasses import dataclass
from datetime import datetime

from iam.decisions.model import Question
from iam.delegation.rights import holding
from iam.kernel.assurance import Level
from iam.kernel.ids import PersonId
from iam.portals.model import Portal
from iam.portals.pairwise import Known
from iam.portals.queries import portal_of
from iam.storage import Database, Read, Row

_RIGHTS = holding(person="pairwise.person_id", enterprise="e.number = :number", at=":at", named=False)
_EVALUATION = Read(
    f"""
    SELECT portal.*, pairwise.sub, pairwise.person_id AS sub_person, pairwise.level AS sub_level,
           demarche.roles AS demarche_roles, rights.*
      FROM (SELECT) question
      LEFT JOIN portals_portal_view portal ON portal.client_id = :client_id
      LEFT JOIN portals_pairwise_view pairwise
             ON pairwise.portal_id = portal.portal_id AND pairwise.sub = :sub
      LEFT JOIN portals_demarche_view demarche
             ON demarche.portal_id = portal.portal_id AND demarche.code = :action
      LEFT JOIN LATERAL ({_RIGHTS}) rights ON true
    """  # noqa: S608 - no value is in it
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Who asks, whom he means, and which roles open the action; `rights` is for `ReadRights`.

    `known` is the person whom this portal knows under the `sub`; None for any name it was never given.
    """

    portal: Portal | None
    known: Known | None
    demarche_roles: frozenset[str]
    rights: Row


async def of_evaluation(db: Database, *, client_id: str, asked: Question | None, at: datetime) -> Facts:
    """What is known of the portal and, where there is a question, of what it asks."""
    number = None if asked is None else asked.number
    values = {
        "client_id": client_id,
        "sub": None if asked is None else asked.sub,
        "action": None if asked is None else asked.action,
        "number": None if number is None else number.digits,
        "at": at,
    }
    [row] = await db.ask(_EVALUATION, values)
    return Facts(
        portal=None if row.portal_id is None else portal_of(row),
        known=_known(row),
        demarche_roles=frozenset(row.demarche_roles or ()),
        rights=row,
    )


def _known(row: Row) -> Known | None:
    if row.sub is None:
        return None
    return Known(sub=row.sub, person=PersonId(row.sub_person), level=Level(row.sub_level))
