"""Giving every committed entry its place in the dense order."""

from sqlalchemy import text

from iam.kernel.clock import Clock
from iam.storage import WriteConnection
from iam.storage.locks import Lease, try_lease
from iam.storage.wake import Channel, tell

# Within a head the order is that of its revisions, whatever the clocks said; between heads it is
# the order of time. An entry committed late simply gets a later number: no cursor can miss it.
_SEAL = text(
    """
    WITH waiting AS (
        SELECT e.id, e.head_kind, e.head_id, e.revision, e.ordinal,
               max(e.at) OVER (PARTITION BY e.head_kind, e.head_id
                               ORDER BY e.revision, e.ordinal
                               ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS moment
          FROM journal_pending p JOIN journal_entry e ON e.id = p.entry_id
         ORDER BY e.at, e.revision, e.ordinal
         LIMIT :most
    ), whole AS (
        -- a limit may cut a head's run in two: keep only entries whose predecessors are here too
        SELECT w.* FROM waiting w
         WHERE NOT EXISTS (
               SELECT 1 FROM journal_pending q JOIN journal_entry f ON f.id = q.entry_id
                WHERE f.head_kind = w.head_kind AND f.head_id = w.head_id
                  AND (f.revision, f.ordinal) < (w.revision, w.ordinal)
                  AND f.id NOT IN (SELECT id FROM waiting))
    ), numbered AS (
        SELECT id, (SELECT coalesce(max(seq), 0) FROM journal_seal)
                   + row_number() OVER (ORDER BY moment, head_kind, head_id, revision, ordinal) AS seq
          FROM whole
    ), sealed AS (
        INSERT INTO journal_seal (seq, entry_id, sealed_at)
        SELECT seq, id, :now FROM numbered
        RETURNING entry_id
    )
    DELETE FROM journal_pending p USING sealed s WHERE p.entry_id = s.entry_id
    """
)


async def seal(conn: WriteConnection, clock: Clock, most: int = 1000) -> int:
    """Up to `most` waiting entries have a number once the caller commits; says how many.

    One sealer at a time: 0 when another holds the lease. Does not wait for running transactions. Wakes those
    who read the journal at commit.
    """
    if not await try_lease(conn, Lease.SEAL):
        return 0
    answer = await conn.execute(_SEAL, {"most": most, "now": clock()})
    if answer.rowcount:
        await tell(conn, Channel.SEALED)
    return answer.rowcount
