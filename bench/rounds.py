"""Measuring two things side by side: A B A B, so that a busy machine slows both; ratios, not seconds."""

import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """What we measure and its floor; each act is awaited, again and again."""

    name: str
    ours: object
    floor: object
    what: str


async def rate(act, seconds):
    """How often a second `act` can be done; it is done a few times before, unmeasured."""
    for _ in range(3):
        await act()
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        await act()
        done += 1
    return done / spent


async def measure(pairs, rounds, seconds):
    """The rates of each pair, round by round; the order within a pair changes from round to round."""
    measured = {pair.name: [] for pair in pairs}
    for turn in range(rounds):
        for pair in pairs:
            order = ("ours", "floor") if turn % 2 == 0 else ("floor", "ours")
            found = {side: await rate(getattr(pair, side), seconds) for side in order}
            measured[pair.name].append((found["ours"], found["floor"]))
    return {pair.name: {"what": pair.what, **summary(measured[pair.name])} for pair in pairs}


def summary(rates):
    """The median of the rounds' ratios, the smallest and the largest; absolute figures are indications."""
    ratios = [ours / floor for ours, floor in rates]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
        "ours_per_second": round(statistics.median(ours for ours, _ in rates)),
        "floor_per_second": round(statistics.median(floor for _, floor in rates)),
    }
