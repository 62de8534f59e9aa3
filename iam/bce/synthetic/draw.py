"""Randomness without state: what is drawn is a pure function of the seed and of what it is drawn for.

Drawn for the whole country, it comes in pages of enterprises, because one digest a page is ten times
faster than one an enterprise; drawn for one thing, it comes alone. Nothing depends on the order in which
things are asked for, nor on the hashing of the process.
"""

import hashlib
from collections.abc import Iterable
from struct import Struct
from typing import TypeVar

T = TypeVar("T")
_ROW = Struct("<12H")
Row = tuple[int, ...]
PAGE = 256
SIZE = 1 << 16


class Draws:
    """What a seed draws: rows of twelve numbers below 65 536."""

    def __init__(self, seed: int) -> None:
        """Draw for this seed."""
        self._seed = seed
        # Of each part the page that was last asked for: whoever goes through the country needs no other.
        self._last: dict[str, tuple[int, bytes]] = {}

    def page(self, what: str, number: int) -> list[Row]:
        """A row for each of the 256 enterprises of a page."""
        return list(_ROW.iter_unpack(self._digest(what, number)))

    def row(self, what: str, place: int) -> Row:
        """The row of one enterprise, the same as in its page."""
        number = place // PAGE
        last = self._last.get(what)
        if last is None or last[0] != number:
            last = self._last[what] = (number, self._digest(what, number))
        return _ROW.unpack_from(last[1], place % PAGE * _ROW.size)

    def one(self, what: str, *which: int) -> Row:
        """A row for one thing."""
        label = f"{self._seed}/{what}/{which}".encode()
        return _ROW.unpack(hashlib.blake2b(label, digest_size=_ROW.size).digest())

    def below(self, bound: int, what: str, *which: int) -> int:
        """A number below `bound`."""
        first, second, third, fourth, *_ = self.one(what, *which)
        return (first | second << 16 | third << 32 | fourth << 48) % bound

    def _digest(self, what: str, number: int) -> bytes:
        return hashlib.shake_128(f"{self._seed}/{what}/{number}".encode()).digest(PAGE * _ROW.size)


def weighted(shares: Iterable[tuple[T, float]]) -> tuple[T, ...]:
    """A table of 65 536 places in which each value has its share, and a place at least."""
    pairs = [(value, share) for value, share in shares if share > 0]
    total = sum(share for _, share in pairs)
    places = [max(1, round(share / total * SIZE)) for _, share in pairs]
    places[max(range(len(places)), key=places.__getitem__)] += SIZE - sum(places)
    return tuple(value for (value, _), count in zip(pairs, places, strict=True) for _ in range(count))
