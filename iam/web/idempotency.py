"""A double click does it once: the second post of an act answers as the first did.

A form carries a hidden act id. The row is written in the command's own transaction: it stands exactly
when the command's effects stand, and of two posts at once the second waits for the first.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from iam.kernel.ids import PersonId
from iam.settings import Settings
from iam.storage import WriteConnection
from iam.storage.tables import core
from iam.web.problems import Fault, ProblemError, of_fault
from iam.web.tables import WebIdempotency

_act = core(WebIdempotency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One sending of one form by one person; `digest` stands for what was sent."""

    person: PersonId
    id: UUID
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyDone:
    """The same act was done before; its answer led to `location`."""

    location: str


def act_of(
    settings: Settings, person: PersonId, act_id: str, route: str, fields: Iterable[tuple[str, str]]
) -> Act:
    """The act of a form; the order of the fields does not matter.

    The digest is keyed and bound to person and act: a field may hold a national number, which a bare
    hash would not hide (DOMAIN 7.3 nr 6). Raises ProblemError when the id is no UUID.
    """
    try:
        made = UUID(act_id)
    except ValueError as error:
        raise ProblemError(of_fault(Fault.BAD_REQUEST)) from error
    key = hmac.digest(settings.secrets.wrapping_key.get_secret_value().encode(), b"web acts", hashlib.sha256)
    mac = hmac.new(key, person.bytes + made.bytes, hashlib.sha256)
    for part in (route, *(text for pair in sorted(fields) for text in pair)):
        encoded = part.encode("utf-8", "surrogatepass")
        mac.update(len(encoded).to_bytes(8) + encoded)
    return Act(person=person, id=made, digest=mac.digest())


async def begin(conn: WriteConnection, act: Act, now: datetime) -> AlreadyDone | None:
    """The act is this transaction's to do (None), or has been done.

    Raises ProblemError (409) when the id was used for something else, or for an act without an end.
    """
    made = await conn.execute(
        insert(_act)
        .values(person_id=act.person, act_id=act.id, digest=act.digest, made_at=now)
        .on_conflict_do_nothing()
        .returning(_act.c.act_id)
    )
    if made.one_or_none() is not None:
        return None
    found = (
        await conn.execute(select(_act).where(_act.c.person_id == act.person, _act.c.act_id == act.id))
    ).one()
    if not hmac.compare_digest(found.digest, act.digest) or found.location is None:
        raise ProblemError(of_fault(Fault.ACT_REUSED))
    return AlreadyDone(location=found.location)


async def complete(conn: WriteConnection, act: Act, location: str) -> None:
    """The act has been done, and its answer leads to `location`."""
    await conn.execute(
        update(_act).where(_act.c.person_id == act.person, _act.c.act_id == act.id).values(location=location)
    )


async def give_up(conn: WriteConnection, act: Act) -> None:
    """The act was refused and may be sent again, mended, under the same id."""
    await conn.execute(delete(_act).where(_act.c.person_id == act.person, _act.c.act_id == act.id))


async def forget_before(conn: WriteConnection, instant: datetime) -> int:
    """Acts older than `instant` are gone; says how many."""
    return (await conn.execute(delete(_act).where(_act.c.made_at < instant))).rowcount
