"""The other adapter of the port: what accepted dossiers say of an enterprise (ADR 0013)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from iam.bce import record
from iam.bce.events import RegisterEvent
from iam.bce.functions.changes import by_functions
from iam.bce.functions.merge import Moment, believe
from iam.bce.functions.port import Held, Told
from iam.bce.model import FunctionSource
from iam.bce.queries import load
from iam.bce.tables import BceEntity
from iam.kernel.ids import EntityId
from iam.kernel.numbers import EnterpriseNumber
from iam.storage import WriteConnection
from iam.storage.tables import core

_entity = core(BceEntity)


class Dossiers:
    """All functions in an enterprise by dossiers that are accepted and not over."""

    def __init__(self, number: EnterpriseNumber, held: Sequence[Held]) -> None:
        """Keep what is told."""
        self._told = Told(number=number, functions=tuple(held))

    @property
    def name(self) -> str:
        """The source of its rows."""
        return FunctionSource.DOSSIER.value

    @property
    def whole(self) -> bool:
        """It speaks of one enterprise."""
        return False

    @property
    def unsure(self) -> frozenset[EnterpriseNumber]:
        """It is sure of what it says."""
        return frozenset()

    def tell(self) -> Iterator[Told]:
        """The enterprise, with all of them."""
        yield self._told


async def hold(conn: WriteConnection, entity: EntityId) -> None:
    """Whoever else decides on a dossier of this enterprise waits until this transaction ends.

    Taken before the accepted ones are read: they are believed all at once.
    """
    await conn.execute(select(_entity.c.entity_id).where(_entity.c.entity_id == entity).with_for_update())


async def believe_dossiers(
    conn: WriteConnection, entity: EntityId, held: Sequence[Held], now: datetime, *, trigger: str
) -> None:
    """These and no others represent the enterprise by dossier; who began or ended is in the journal.

    The caller holds the entity. From now on it is watched.
    """
    enterprise = (await load(conn, [entity]))[entity]
    await record.watch(conn, entity)
    await believe(conn, Dossiers(enterprise.number, held), Moment(now=now, since=now))
    happened: dict[UUID, list[RegisterEvent]] = {
        change.enterprise.entity: change.events for change in await by_functions(conn, now)
    }
    await record.tell(conn, happened, trigger=trigger, now=now)
