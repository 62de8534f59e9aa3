"""What a person can do next for an enterprise: the way on that every page of it shows. Pure.

The steps say where to go, not what is allowed: the rules of delegation decide that when he gets there.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from iam.bce.model import Enterprise
from iam.delegation.model import RequestState
from iam.delegation.queries import Standing


class Step(StrEnum):
    """A way on, the most pressing first."""

    NOTHING = "nothing"
    ANSWER = "answer"
    DECIDE = "decide"
    APPOINT = "appoint"
    OPEN = "open"
    TAKE = "take"
    CONFIRM = "confirm"
    WAIT = "wait"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the steps depend on beside the person's own standing.

    `has_gap` and `gap_named` are told to representatives only; None for everybody else (DOMAIN 7.3 nr 49).
    """

    to_decide: int = 0
    has_gap: bool | None = None
    gap_named: bool | None = None


def steps(enterprise: Enterprise, standing: Standing, around: Around, now: datetime) -> list[Step]:
    """The ways on, never none: an enterprise that has ceased offers nothing, and says so."""
    if not enterprise.operating:
        return [Step.NOTHING]
    in_force = any(grant.period.holds(now) for grant in standing.grants)
    alone = any(held.alone and not held.suspended for held in standing.representations)
    open_states = {request.state for request in standing.requests if request.is_open(now)}
    waits = bool(open_states & {RequestState.WAITING_FOR_GAP, RequestState.UNDER_REVIEW})
    offered = [
        (Step.ANSWER, standing.proposed is not None),
        (Step.DECIDE, standing.is_gap and around.to_decide > 0),
        (Step.APPOINT, alone and around.has_gap is False and not around.gap_named),
        (Step.OPEN, in_force),
        (Step.TAKE, standing.is_gap),
        (Step.CONFIRM, RequestState.UNCONFIRMED in open_states),
        (Step.WAIT, waits),
        (Step.ASK, not standing.is_gap),
    ]
    return [step for step, holds in offered if holds]
