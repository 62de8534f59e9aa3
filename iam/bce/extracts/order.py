"""Whether an extract comes in its turn: update n onto n-1 only, a full one onto any before (nr 10). Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from iam.bce.dialect import Meta
from iam.kernel.clock import belgian_day

FULL, UPDATE = "full", "update"


class Turn(StrEnum):
    """What is to be done with an extract."""

    APPLY = "apply"
    KNOWN = "known"
    REFUSE = "refuse"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """An extract that was applied."""

    number: int
    kind: str
    snapshot_on: date
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done, why, and what else is to be said."""

    turn: Turn
    reason: str | None = None
    detail: str | None = None
    warnings: tuple[str, ...] = ()


def in_turn(
    meta: Meta, sha256: bytes, newest: Applied | None, same: Applied | None, *, held_back: bool
) -> Decision:
    """What is to be done with the extract of `meta`.

    `newest` is the one on which the register stands, `same` one of the same number that was applied, of the
    same kind if there is one. An update of the number of a full extract tells nothing new, nor does the
    reverse: but a full one makes good what updates had to leave aside (`held_back`).
    """
    if belgian_day(meta.extracted_at) < meta.snapshot_on:
        return Decision(
            turn=Turn.REJECT, reason="dateOrder", detail=belgian_day(meta.extracted_at).isoformat()
        )
    if same is not None and not (_mends(meta, newest, same) and held_back):
        return _known(meta, sha256, same)
    if newest is None:
        if meta.kind == FULL:
            return Decision(turn=Turn.APPLY)
        return Decision(turn=Turn.REFUSE, reason="gap", detail=FULL)
    if meta.number < newest.number:
        return Decision(turn=Turn.REFUSE, reason="olderThanApplied", detail=str(newest.number))
    if meta.snapshot_on < newest.snapshot_on:
        return Decision(turn=Turn.REJECT, reason="dateOrder", detail=newest.snapshot_on.isoformat())
    if meta.kind == UPDATE and meta.number != newest.number + 1:
        return Decision(
            turn=Turn.REFUSE,
            reason="gap",
            detail=str(newest.number + 1),
            warnings=(f"apply update {newest.number + 1}, or the next full extract",),
        )
    return Decision(turn=Turn.APPLY)


def _mends(meta: Meta, newest: Applied | None, same: Applied) -> bool:
    return meta.kind == FULL and same.kind == UPDATE and newest is not None and newest.number == meta.number


def _known(meta: Meta, sha256: bytes, same: Applied) -> Decision:
    if same.kind != meta.kind:
        said = f"extract {meta.number} is applied, as {same.kind}: this one says the same"
    elif same.sha256 != sha256:
        said = f"the files of extract {meta.number} are not those that were applied"
    else:
        return Decision(turn=Turn.KNOWN)
    return Decision(turn=Turn.KNOWN, warnings=(said,))
