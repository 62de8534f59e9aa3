"""What the pages of a chief access manager share: whether he is one here, and a request as he reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from iam.bce import queries as register
from iam.bce.model import Enterprise
from iam.console import words
from iam.console.places import not_found
from iam.console.viewer import Viewer
from iam.delegation import catalogue, queries
from iam.delegation.model import RequestState, Role
from iam.delegation.queries import HeldRole, RequestView, Standing
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, RequestId
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from iam.storage import ReadConnection
from iam.web.problems import Refused

Catalogue = Mapping[str, Role]


async def managed(conn: ReadConnection, viewer: Viewer, entity: EntityId, now: datetime) -> Standing:
    """What the person is in an enterprise whose accesses he manages.

    Raises ProblemError: 404 when he has nothing to do with it, 403 when he does not manage it.
    """
    standing = await queries.standing(conn, viewer.person, entity, now)
    if not standing.exists:
        raise not_found()
    if not standing.is_gap:
        raise Refused(Refusal(reason=Reason.NOT_GAP))
    return standing


async def to_decide(conn: ReadConnection, viewer: Viewer, entity: EntityId, now: datetime) -> int:
    """How many requests wait for the person in the enterprise: the count in its navigation."""
    waiting = await queries.inbox(conn, viewer.person, now)
    return sum(view.request.entity == entity for view in waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request with all that a decision on it needs. `held` is what the requester already has here."""

    view: RequestView
    enterprise: Enterprise
    standing: Standing
    roles: Catalogue
    held: tuple[HeldRole, ...]
    others: tuple[RequestView, ...]

    def who(self, language: Language) -> str:
        """The requester's name."""
        return words.person(self.view.requester.given_name, self.view.requester.family_name, language)

    def who_first(self, language: Language) -> str:
        """The requester's name where a line begins."""
        return words.person_first(self.view.requester.given_name, self.view.requester.family_name, language)


async def case_of(conn: ReadConnection, viewer: Viewer, wanted: RequestId, now: datetime) -> Case:
    """The request for the one who decides on it. Raises ProblemError, as `managed` does.

    One whose address is not confirmed yet is nobody's but its requester's.
    """
    view = await queries.request(conn, wanted, now)
    if view is None:
        raise not_found()
    entity = view.request.entity
    standing = await managed(conn, viewer, entity, now)
    if view.state is RequestState.UNCONFIRMED:
        raise not_found()
    held = await queries.held_roles(conn, entity, now)
    waiting = await queries.inbox(conn, viewer.person, now)
    return Case(
        view=view,
        enterprise=(await register.load(conn, [entity]))[entity],
        standing=standing,
        roles=await catalogue.load(conn),
        held=tuple(each for each in held if each.grant.person == view.request.person),
        others=tuple(each for each in waiting if each.request.id != wanted),
    )
