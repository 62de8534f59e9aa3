"""Numbers of the Crossroads Bank for Enterprises: enterprises, establishment units, branches."""

import re
from dataclasses import dataclass

_SEPARATORS = re.compile(r"[\s.\-/\u00a0\u202f]")
_MODULUS = 97


class InvalidNumber(ValueError):
    """A text is not an enterprise number; `fault` says in which way.

    `fault` is one of: `shape` (not ten digits), `checksum`, `establishment` (a number of an
    establishment unit), `branch` (an identifier of a branch, never to be used for searching).
    """

    def __init__(self, fault: str) -> None:
        """Keep the fault; the text itself is left out on purpose."""
        super().__init__(fault)
        self.fault = fault


def _digits(text: str) -> str:
    cleaned = _SEPARATORS.sub("", text).upper()
    return cleaned.removeprefix("BE")


def _checksum_holds(digits: str) -> bool:
    return int(digits[8:]) == _MODULUS - int(digits[:8]) % _MODULUS


@dataclass(frozen=True, slots=True, order=True)
class EnterpriseNumber:
    """Ten digits that begin with 0 or 1 and whose check digits hold (DOMAIN 7.3 nr 1)."""

    digits: str

    def __post_init__(self) -> None:
        """Refuse anything that is not the canonical form."""
        if not re.fullmatch(r"[01][0-9]{9}", self.digits):
            raise InvalidNumber("shape")
        if not _checksum_holds(self.digits):
            raise InvalidNumber("checksum")

    @classmethod
    def parse(cls, text: str) -> "EnterpriseNumber":
        """The number meant by a usual form: `BE 0314.595.348`, spaces, dashes, or nine digits.

        Raises `InvalidNumber` with the fault. Source: DOMAIN 3.1, 7.3 nr 3.
        """
        digits = _digits(text)
        if re.fullmatch(r"[0-9]{9}", digits):
            digits = "0" + digits
        if not re.fullmatch(r"[0-9]{10}", digits):
            raise InvalidNumber("shape")
        if digits[0] == "9":
            raise InvalidNumber("branch")
        if digits[0] not in "01":
            raise InvalidNumber("establishment" if _checksum_holds(digits) else "shape")
        return cls(digits)

    @property
    def dotted(self) -> str:
        """The form for people: 0314.595.348."""
        return f"{self.digits[:4]}.{self.digits[4:7]}.{self.digits[7:]}"

    def __str__(self) -> str:
        """The dotted form."""
        return self.dotted


@dataclass(frozen=True, slots=True, order=True)
class EstablishmentNumber:
    """Ten digits that begin with 2 to 8 and whose check digits hold (DOMAIN 7.3 nr 2)."""

    digits: str

    def __post_init__(self) -> None:
        """Refuse anything that is not the canonical form."""
        if not re.fullmatch(r"[2-8][0-9]{9}", self.digits):
            raise InvalidNumber("branch" if self.digits[:1] == "9" else "shape")
        if not _checksum_holds(self.digits):
            raise InvalidNumber("checksum")

    @classmethod
    def parse(cls, text: str) -> "EstablishmentNumber":
        """The number meant by a usual form. Raises `InvalidNumber`."""
        return cls(_digits(text))

    @property
    def dotted(self) -> str:
        """The form for people: 2.190.171.611."""
        d = self.digits
        return f"{d[0]}.{d[1:4]}.{d[4:7]}.{d[7:]}"
