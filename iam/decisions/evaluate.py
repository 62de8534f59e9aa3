"""The decision: read from the same query as the token, so the two cannot disagree (DESIGN 8)."""

from dataclasses import dataclass

from iam.decisions.model import Decision, Deny, Permit, Question
from iam.decisions.ports import FindRights
from iam.kernel.clock import Clock
from iam.kernel.decision import Refusal
from iam.kernel.reasons import Reason
from iam.portals.model import Demarche, Portal
from iam.portals.pairwise import known
from iam.portals.queries import demarches
from iam.storage import Database, ReadConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionService:
    """The parts of the AuthZEN side."""

    db: Database
    clock: Clock
    issuer: str
    find_rights: FindRights


async def evaluate(
    service: DecisionService, conn: ReadConnection, portal: Portal, asked: Question
) -> Decision:
    """Whether one of the roles that open the action is in force now. Nothing to check means no (nr 62).

    The person is known only by the `sub` that this portal was given. The level is the one the portal
    says, else that of the person's last token there; the lower of the two, so that saying more than was
    proven gains nothing.
    """
    roles = await _roles(conn, portal, asked.action)
    person = await known(conn, portal, asked.sub) if asked.sub else None
    if not roles or person is None or asked.number is None:
        return Deny()
    level = person.level if asked.level is None else min(asked.level, person.level)
    if level < portal.level:
        return Deny(level=portal.level)
    rights = await service.find_rights(
        conn, person=person.person, number=asked.number, roles=roles, at=service.clock(), level=level
    )
    if isinstance(rights, Refusal):
        return Deny(level=rights.level if rights.reason is Reason.LEVEL_TOO_LOW else None)
    held = tuple(role.code for role in rights.roles if role.code in roles)
    if not held:
        return Deny()
    return Permit(roles=held, until=rights.until, revision=rights.revision.encode())


async def _roles(conn: ReadConnection, portal: Portal, action: str) -> frozenset[str]:
    """The roles that allow an action: a role by its code, a démarche by any of its roles."""
    if action in portal.roles:
        return frozenset({action})
    offered: list[Demarche] = list(await demarches(conn, client_id=portal.client_id))
    found = next((each for each in offered if each.code == action), None)
    return frozenset() if found is None else found.roles & portal.roles
