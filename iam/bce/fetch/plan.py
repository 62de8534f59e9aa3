"""Which extract comes next, and which file might be it. Pure.

The next update while there is one; where it is missing, at the very beginning, or to make good what updates
had to leave aside, the newest full extract, from which the updates go on. Names of files say what can wait,
never what a file is: when a number is missing, what waited is looked into before the chain is said to be
broken (DOMAIN 3.2, 3.5, 7.3 nr 10).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from iam.bce.fetch.model import Offered
from iam.bce.fetch.names import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An offered file: what it is said to be, and whether its own meta.csv says so."""

    offered: Offered
    claim: Claim | None
    looked_into: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """An item comes next."""

    item: Item


@dataclass(frozen=True, slots=True)
class Missing:
    """The chain cannot go on: an update is wanted that nobody offers, or, without a number, a full one."""

    number: int | None


@dataclass(frozen=True, slots=True)
class End:
    """Nothing newer is offered."""


Step = Take | Missing | End


def next_step(applied: int | None, items: Sequence[Item], *, left_aside: bool = False) -> Step:
    """What to do about the items when extract `applied` is in the register, or none is.

    `left_aside`: updates held back enterprises with bad rows, which only a full extract makes good.
    """
    told = [(item.claim, item) for item in items if item.claim is not None]
    fulls = sorted((pair for pair in told if pair[0].full), key=lambda pair: _rank(*pair))
    if applied is None:
        return Take(fulls[-1][1]) if fulls else Missing(None)
    mending = [pair for pair in fulls if pair[0].number >= applied]
    if left_aside and mending:
        return Take(mending[-1][1])
    newer = [pair for pair in told if pair[0].number > applied]
    following = [pair for pair in newer if not pair[0].full and pair[0].number == applied + 1]
    if following:
        return Take(max(following, key=lambda pair: _rank(*pair))[1])
    fulls = [pair for pair in fulls if pair[0].number > applied]
    if fulls:
        return Take(fulls[-1][1])
    return Missing(applied + 1) if newer else End()


def _rank(claim: Claim, item: Item) -> tuple[int, bool, str]:
    """By number; of two that say the same, the one that was looked into."""
    return claim.number, item.looked_into, item.offered.name


def in_question(step: Step, items: Sequence[Item]) -> Item | None:
    """The file to look into although its name does not say that it comes next; None when there is none.

    At the end of the chain those whose name says nothing; where a number is missing, any other too: small
    ones first, because an update is small.
    """
    if isinstance(step, Take):
        return None
    found = [
        item for item in items if not item.looked_into and (item.claim is None or isinstance(step, Missing))
    ]
    return min(
        found,
        key=lambda item: (item.claim is not None, item.offered.size or 0, item.offered.name),
        default=None,
    )


def in_order(
    applied: int | None, items: Sequence[Item], *, left_aside: bool = False
) -> tuple[list[Item], Step]:
    """The items that a run would take, in order, if each is what it is said to be; and why it stops."""
    taken: list[Item] = []
    left = list(items)
    while True:
        step = next_step(applied, left, left_aside=left_aside)
        if not isinstance(step, Take) or step.item.claim is None:
            return taken, step
        taken.append(step.item)
        left.remove(step.item)
        applied = step.item.claim.number
        left_aside = left_aside and not step.item.claim.full
