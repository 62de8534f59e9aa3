"""The head of the signing keys: one command at a time, each with its entries in the journal."""

from collections.abc import Sequence
from uuid import UUID

from iam.journal.append import append
from iam.journal.model import Context, Head, HeadKind
from iam.journal.queries import last_revision
from iam.storage import WriteConnection
from iam.storage.locks import Lease, take_lease
from iam.tokens.events import Event

SIGNING = Head(HeadKind.SIGNING, UUID(int=1))


async def lock(conn: WriteConnection) -> None:
    """The signing keys are ours until the transaction ends."""
    await take_lease(conn, Lease.KEYS)


async def happened(conn: WriteConnection, events: Sequence[Event], context: Context) -> None:
    """The events stand in the journal under the next revision (DOMAIN 7.3 nr 65, 66).

    The caller holds the lock: it is what keeps the revisions apart, which are counted in the journal itself.
    """
    if events:
        await append(conn, SIGNING, await last_revision(conn, SIGNING) + 1, events, context)
