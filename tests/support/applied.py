"""An extract that counts as applied, without any file: for tests where only its number and day matter."""

from datetime import date, datetime

from sqlalchemy import Boolean, insert

from iam.bce.tables import BceExtract
from iam.kernel.ids import uuid7
from iam.storage import WriteConnection
from iam.storage.tables import core

_extract = core(BceExtract)


async def note_applied(
    conn: WriteConnection, number: int, kind: str, now: datetime, *, snapshot_on: date = date(2026, 11, 20)
) -> None:
    """The register stands on this extract, as far as its list of extracts says; what it brought is nothing."""
    nothing = {each.name: False for each in _extract.c if isinstance(each.type, Boolean)}
    await conn.execute(
        insert(_extract).values(
            **nothing, attempt_id=uuid7(), number=number, kind=kind, snapshot_on=snapshot_on, extracted_at=now,
            sha256=b"", status="applied", counts={}, attempted_at=now, effective_at=now,
        )
    )  # fmt: skip
