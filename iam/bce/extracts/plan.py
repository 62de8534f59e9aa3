"""What an extract is to change: which of its files are read, and how it speaks. Pure."""

from dataclasses import dataclass

from iam.bce.dialect import ACTIVITY, FILES, File

ABOUT_ANY = ("denomination", "address", "contact", "activity")
"""The files whose rows may be about an enterprise, an establishment unit or a branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An extract puts in question everything, or, as an update, only what its files name."""

    update: bool
    activities: bool
    branches: bool

    @property
    def files(self) -> tuple[File, ...]:
        """The files that are read."""
        kept = tuple(file for file in FILES if self.branches or file.name != "branch")
        return (*kept, ACTIVITY) if self.activities else kept

    @property
    def about_any(self) -> tuple[str, ...]:
        """Those of them whose rows may be about anything."""
        return tuple(file.name for file in self.files if file.name in ABOUT_ANY)
