"""The state an answer was given on."""

import base64
from dataclasses import dataclass


class InvalidRevision(ValueError):
    """A text is not a revision of ours."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Counters of the enterprise's head, the person, the catalogue and the register's extract.

    Opaque outside: whoever hands one back is answered on at least that state (DESIGN 4).
    """

    head: int
    person: int
    catalogue: int
    extract: int

    def encode(self) -> str:
        """The opaque text, URL-safe."""
        raw = f"1.{self.head}.{self.person}.{self.catalogue}.{self.extract}"
        return base64.urlsafe_b64encode(raw.encode()).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> "Revision":
        """The revision meant by an opaque text. Raises `InvalidRevision`."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            version, *counters = raw.split(".")
            head, person, catalogue, extract = (int(counter) for counter in counters)
        except ValueError as error:
            raise InvalidRevision from error
        if version != "1" or min(head, person, catalogue, extract) < 0:
            raise InvalidRevision
        return cls(head, person, catalogue, extract)

    def covers(self, other: "Revision") -> bool:
        """Whether this state is at least as fresh as `other` in every part."""
        return (
            self.head >= other.head
            and self.person >= other.person
            and self.catalogue >= other.catalogue
            and self.extract >= other.extract
        )
