"""The national number (NRN, BIS): it lives in memory only, and only its keyed fingerprint is kept.

Source of the rules: DOMAIN 4.4, 4.5 and 7.3 nr 4 and 6.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_SEPARATORS = re.compile(r"[\s.\-/\u00a0]")
_MODULUS = 97
_BIS_STEP = 20
_HIGHEST_MONTH = 52  # December of a BIS number whose bearer's sex is known
_MONTHS, _DAYS = 12, 31


class InvalidSsin(ValueError):
    """A text is not a national number. The text is never repeated."""

    def __init__(self) -> None:
        """Say so without the number."""
        super().__init__("not a national number")


def _centuries(digits: str) -> Iterator[int]:
    check = int(digits[9:])
    if check == _MODULUS - int(digits[:9]) % _MODULUS:
        yield 1900
    if check == _MODULUS - int("2" + digits[:9]) % _MODULUS:
        yield 2000


def _date_is_possible(digits: str, century: int, today: date) -> bool:
    year, month, day = century + int(digits[:2]), int(digits[2:4]) % _BIS_STEP, int(digits[4:6])
    if month == 0 or day == 0:
        return month <= _MONTHS and day <= _DAYS and year <= today.year
    try:
        return date(year, month, day) <= today
    except ValueError:
        return False


def is_ssin(digits: str, today: date) -> bool:
    """Whether eleven digits obey every rule of a national number at `today`."""
    if not re.fullmatch(r"[0-9]{11}", digits):
        return False
    month, counter = int(digits[2:4]), int(digits[6:9])
    if month > _HIGHEST_MONTH or month % _BIS_STEP > _MONTHS:
        return False
    if counter in {0, 999} and month < _BIS_STEP:
        return False
    return any(_date_is_possible(digits, century, today) for century in _centuries(digits))


class Ssin:
    """A valid national number in memory. It neither prints, pickles nor compares by accident."""

    __slots__ = ("_digits",)

    def __init__(self, text: str, today: date) -> None:
        """Accept eleven digits in any usual writing. Raises `InvalidSsin`."""
        digits = _SEPARATORS.sub("", text)
        if not is_ssin(digits, today):
            raise InvalidSsin
        self._digits = digits

    def reveal(self) -> str:
        """The eleven digits, for the keyed hash alone."""
        return self._digits

    def __repr__(self) -> str:
        """Nothing of the number."""
        return "Ssin(***)"

    def __reduce__(self) -> str:
        """Refuse to be serialised."""
        message = "a national number is not serialised"
        raise TypeError(message)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A keyed hash of a national number: HMAC-SHA-256, 32 bytes, and the id of the key."""

    key_id: str
    digest: bytes

    def __repr__(self) -> str:
        """The key's id only."""
        return f"Fingerprint({self.key_id}, ***)"


@dataclass(frozen=True, slots=True)
class FingerprintKeys:
    """The key in use and, during a rotation, the one before. Secrets of at least 32 bytes."""

    current_id: str
    current: bytes
    previous_id: str | None = None
    previous: bytes | None = None

    def __repr__(self) -> str:
        """The ids only."""
        return f"FingerprintKeys({self.current_id}, {self.previous_id})"

    def of(self, ssin: Ssin) -> tuple[Fingerprint, ...]:
        """The fingerprints under which a person may be known, the current key's first."""
        fingerprints = [self._one(self.current_id, self.current, ssin)]
        if self.previous_id is not None and self.previous is not None:
            fingerprints.append(self._one(self.previous_id, self.previous, ssin))
        return tuple(fingerprints)

    @staticmethod
    def _one(key_id: str, key: bytes, ssin: Ssin) -> Fingerprint:
        return Fingerprint(key_id, hmac.digest(key, ssin.reveal().encode(), hashlib.sha256))


# Looked for from every digit on: another number before it in the text must not hide one.
_CANDIDATE = re.compile(r"(?<![0-9])(?=((?:[0-9][\s.\-/\u00a0]{0,3}){10}[0-9])(?![0-9]))")


def holds_ssin(text: str, today: date) -> bool:
    """Whether a free text holds a checksum-valid national number, however it is punctuated."""
    return any(is_ssin(_SEPARATORS.sub("", match.group(1)), today) for match in _CANDIDATE.finditer(text))
