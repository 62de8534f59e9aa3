"""The port: somebody who knows who represents whom. Its adapters are the feed of functions and the dossier.

Both tell functions, dated, and stand behind them with a name; both end in the same rows, and what a
function is worth the one rule table says (ADR 0013). Neither knows anybody by his name (DOMAIN 7.3 nr 21).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from iam.bce.model import FunctionId
from iam.kernel.ids import PersonId
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.ssin import Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A person by his number: under the key in use and, while a rotation lasts, under the one before."""

    current: Fingerprint
    before: Fingerprint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A function as a source tells it: of a person by number, of a person known here, or of an enterprise.

    Exactly one of the three. `permanent` goes with an enterprise. `id` is given by a source that has one.
    """

    code: str
    period: Period
    by_number: Mark | None = None
    by_person: PersonId | None = None
    by_enterprise: EnterpriseNumber | None = None
    permanent: Mark | None = None
    id: FunctionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An enterprise that a source speaks of, with functions in it; `line` is where it stands."""

    number: EnterpriseNumber
    functions: tuple[Held, ...]
    line: int = 0


class Source(Protocol):
    """What it speaks of is in question: functions there that it no longer tells have ended."""

    @property
    def name(self) -> str:
        """Who stands behind the rows; permanent, it is stored with each."""
        ...

    @property
    def whole(self) -> bool:
        """Whether it speaks of every enterprise, also of those it does not name."""
        ...

    @property
    def unsure(self) -> frozenset[EnterpriseNumber]:
        """Enterprises of which it could not be understood: they stay as they are. Known once all is told."""
        ...

    def tell(self) -> Iterator[Told]:
        """All it has to say, once."""
        ...
