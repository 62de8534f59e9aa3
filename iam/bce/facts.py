"""Functions as the register has them: as it believes now, or as it did before what it now learned."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, or_, select

from iam.bce.model import Function, FunctionId, FunctionSource, Holder
from iam.bce.tables import BceFunction
from iam.bce.views import ENTERPRISE
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.ssin import Fingerprint
from iam.storage import ReadConnection
from iam.storage.tables import core

_function = core(BceFunction)
_holder = ENTERPRISE.alias("holder")


async def functions_of(
    conn: ReadConnection, entities: Sequence[EntityId], *, before: datetime | None = None
) -> list[Function]:
    """All functions in the enterprises, whenever they hold; as believed `before` an instant, else now."""
    rows = await conn.execute(
        select(_function, _holder.c.operating.label("holder_operating"))
        .join(_holder, _holder.c.number == _function.c.holder_number, isouter=True)
        .where(_believed(before), _function.c.entity_id.in_(entities))
        .order_by(_function.c.starts_at, _function.c.function_id)
    )
    return [read_function(row, operating=row["holder_operating"] is not False) for row in rows.mappings()]


def _believed(before: datetime | None) -> ColumnElement[bool]:
    if before is None:
        return _function.c.recorded_until.is_(None)
    return and_(
        _function.c.recorded_from < before,
        or_(_function.c.recorded_until.is_(None), _function.c.recorded_until >= before),
    )


def read_function(row: RowMapping, *, operating: bool = True) -> Function:
    """The function of a row. A holder that the register does not hold (yet) is not known to have ceased."""
    number = row["holder_number"]
    return Function(
        id=FunctionId(row["function_id"]),
        entity=EntityId(row["entity_id"]),
        code=row["code"],
        holder=_natural(row),
        holder_number=None if number is None else EnterpriseNumber(number),
        permanent_representative=_fingerprint(row["permanent_key_id"], row["permanent_digest"]),
        period=Period(row["starts_at"], row["ends_at"]),
        holder_operating=operating,
        source=FunctionSource(row["source"]),
    )


def _natural(row: RowMapping) -> Holder | None:
    person = row["holder_person"]
    return _fingerprint(row["holder_key_id"], row["holder_digest"]) if person is None else PersonId(person)


def _fingerprint(key_id: str | None, digest: Any) -> Fingerprint | None:
    return None if key_id is None else Fingerprint(key_id, bytes(digest))
