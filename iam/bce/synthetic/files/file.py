"""What a file of an extract is here."""

from collections.abc import Callable
from dataclasses import dataclass

from iam.bce.synthetic.country import Being, Country
from iam.bce.synthetic.draw import Row

# The number that rows are about, and all of them as they stand in the file.
Text = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file: its columns, the first of which is the key of its deletions, and how it is written.

    `what` is the part of an enterprise it draws from; `texts` is all that an enterprise has in it.
    """

    name: str
    columns: tuple[str, ...]
    what: str
    texts: Callable[[Country, Being, Row], list[Text]]

    @property
    def header(self) -> str:
        """Its first line."""
        return ",".join(f'"{column}"' for column in self.columns) + "\n"

    @property
    def key_header(self) -> str:
        """The first line of its deletions."""
        return f'"{self.columns[0]}"\n'
