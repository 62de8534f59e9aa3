"""Finds national numbers in bytes, however they are written down: for tests that must find none.

Forms: the digits, also with separators between them, percent-encoded or broken over lines; their
characters in hexadecimal or base64, at any alignment; and their digests without a key, which a
machine undoes in seconds.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SEPARATOR = rb"(?:\\u00a0|&nbsp;|%[0-9A-Fa-f]{2}|\xc2\xa0|\xe2\x80\xaf|[\s.\-/_,:\\])"
_ELEVEN = re.compile(rb"(?=([0-9](?:" + _SEPARATOR + rb"{0,3}[0-9]){10}))")
_SEPARATORS = re.compile(_SEPARATOR)
_SOFT_BREAK = re.compile(rb"=?\r?\n")
_TO_STANDARD_BASE64 = bytes.maketrans(b"-_", b"+/")
_DIGESTS = ("md5", "sha1", "sha256", "sha512")


@dataclass(frozen=True, slots=True)
class Finding:
    """Which of the numbers, by its place in the list, was found in which form. Never the number."""

    which: int
    form: str


class Scanner:
    """Looks for these numbers."""

    def __init__(self, numbers: Iterable[str]) -> None:
        """Prepare every form of each number; eleven digits each."""
        self._numbers = list(numbers)
        if not self._numbers or not all(re.fullmatch(r"[0-9]{11}", number) for number in self._numbers):
            raise ValueError("a scanner needs numbers of eleven digits")
        self._places = {number.encode(): place for place, number in enumerate(self._numbers)}
        forms = [(place, *form) for place, number in enumerate(self._numbers) for form in _forms(number)]
        self._hex = [(place, form, text) for place, form, text in forms if form.endswith("hexadecimal")]
        self._base64 = [(place, form, text) for place, form, text in forms if form.endswith("base64")]
        self._raw = [(place, form, text) for place, form, text in forms if form.endswith("bytes")]

    def __repr__(self) -> str:
        return f"Scanner({len(self._numbers)} numbers)"

    def find(self, data: bytes) -> list[Finding]:
        """What is found in the data, each number and form once; nothing is what one wants."""
        joined = _SOFT_BREAK.sub(b"", data)
        found = {*self._digits(data), *self._digits(joined)}
        lower, standard = joined.lower(), joined.translate(_TO_STANDARD_BASE64)
        for haystack, needles in ((lower, self._hex), (standard, self._base64), (data, self._raw)):
            found.update(Finding(place, form) for place, form, text in needles if text in haystack)
        return sorted(found, key=lambda finding: (finding.which, finding.form))

    def _digits(self, data: bytes) -> Iterator[Finding]:
        for match in _ELEVEN.finditer(data):
            written = match.group(1)
            place = self._places.get(_SEPARATORS.sub(b"", written))
            if place is not None:
                yield Finding(place, "digits" if len(written) == 11 else "digits with separators")


def _forms(number: str) -> Iterator[tuple[str, bytes]]:
    dotted = f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}"
    for text in (number, dotted):
        yield "characters in hexadecimal", text.encode().hex().encode()
        yield from (("characters in base64", inner) for inner in _base64_anywhere(text.encode()))
    yield "characters of two bytes", number.encode("utf-16-le")
    for name in _DIGESTS:
        digest = hashlib.new(name, number.encode(), usedforsecurity=False).digest()
        yield f"{name} in bytes", digest
        yield f"{name} in hexadecimal", digest.hex().encode()
        yield from ((f"{name} in base64", inner) for inner in _base64_anywhere(digest))


def _base64_anywhere(data: bytes) -> Iterator[bytes]:
    """The characters of base64 that the data decide alone, at each of the three alignments."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data + b"\0" * 3)
        first, last = -(-8 * before // 6), (8 * before + 8 * len(data)) // 6
        yield whole[first:last]
