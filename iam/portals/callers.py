"""Which portal calls: by its secret in the `Authorization` header (RFC 6749 §2.3.1), on every call."""

from collections.abc import Sequence

from iam.portals.authentication import credentials, proven
from iam.portals.model import Portal
from iam.portals.queries import find
from iam.storage import Database

CHALLENGE = 'Basic realm="habilis", charset="UTF-8"'


async def caller(db: Database, authorization: Sequence[str]) -> Portal | None:
    """The active portal that these headers prove; None for anybody else, whatever is wrong."""
    shown = credentials(authorization[0], {}) if len(authorization) == 1 else None
    if shown is None:
        return None
    return proven(await find(db, shown.client_id), shown)
