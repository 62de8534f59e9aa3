"""The decision: read from the same query as the token, so the two cannot disagree (DESIGN 8)."""

from dataclasses import dataclass

from iam.decisions.facts import Facts
from iam.decisions.model import Decision, Deny, Permit, Question
from iam.decisions.ports import ReadRights
from iam.kernel.clock import Clock
from iam.kernel.decision import Refusal
from iam.kernel.reasons import Reason
from iam.portals.model import Portal
from iam.storage import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionService:
    """The parts of the AuthZEN side."""

    db: Database
    clock: Clock
    issuer: str
    read_rights: ReadRights


def evaluate(read_rights: ReadRights, portal: Portal, found: Facts, asked: Question) -> Decision:
    """Whether one of the roles that open the action is in force now. Nothing to check means no (nr 62).

    The person is known only by the `sub` that this portal was given. The level is the one the portal
    says, else that of the person's last token there; the lower of the two, so that saying more than was
    proven gains nothing.
    """
    roles = _roles(portal, found, asked.action)
    known = found.known
    if not roles or known is None or asked.number is None:
        return Deny()
    level = known.level if asked.level is None else min(asked.level, known.level)
    if level < portal.level:
        return Deny(level=portal.level)
    rights = read_rights(found.rights, person=known.person, number=asked.number, roles=roles, level=level)
    if isinstance(rights, Refusal):
        return Deny(level=rights.level if rights.reason is Reason.LEVEL_TOO_LOW else None)
    held = tuple(role.code for role in rights.roles if role.code in roles)
    if not held:
        return Deny()
    return Permit(roles=held, until=rights.until, revision=rights.revision.encode())


def _roles(portal: Portal, found: Facts, action: str) -> frozenset[str]:
    """The roles that allow an action: a role by its code, a démarche by any of its roles."""
    if action in portal.roles:
        return frozenset({action})
    return found.demarche_roles & portal.roles
