"""What every endpoint of the OAuth side works with; made once by the composition."""

from dataclasses import dataclass, field

from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.clock import Clock
from iam.kernel.ids import MakeId, uuid7
from iam.settings import Settings
from iam.storage import Database
from iam.tokens.keyring import KeyRing, ensure_keys
from iam.tokens.partitions import ensure_partitions
from iam.tokens.ports import ReadRights, SubjectTokens
from iam.tokens.record import day_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenService:
    """The parts of the OAuth side."""

    db: Database
    clock: Clock
    issuer: str
    ring: KeyRing
    pairwise_key: bytes = field(repr=False)
    longest_seconds: int
    subject_tokens: SubjectTokens
    read_rights: ReadRights
    make_id: MakeId = uuid7


def build(
    settings: Settings,
    db: Database,
    clock: Clock,
    *,
    subject_tokens: SubjectTokens,
    read_rights: ReadRights,
) -> TokenService:
    """The OAuth side as the settings want it."""
    ring = KeyRing(
        db,
        clock,
        issuer=settings.issuer,
        wrapping_key=settings.secrets.wrapping_key.get_secret_value().encode(),
    )
    return TokenService(
        db=db,
        clock=clock,
        issuer=settings.issuer,
        ring=ring,
        pairwise_key=settings.secrets.pairwise_key.get_secret_value().encode(),
        longest_seconds=settings.policy.token_seconds,
        subject_tokens=subject_tokens,
        read_rights=read_rights,
    )


async def prepare(settings: Settings, db: Database, clock: Clock) -> None:
    """There are keys to sign with and partitions to record in. Called before the first request."""
    now = clock()
    started = Context(actor=SystemActor(trigger="habilis serve"), capacity=Capacity.SYSTEM, at=now)
    async with db.write() as conn:
        await ensure_keys(
            conn, started, issuer=settings.issuer,
            wrapping_key=settings.secrets.wrapping_key.get_secret_value().encode(),
        )  # fmt: skip
        await ensure_partitions(conn, day_of(now))
