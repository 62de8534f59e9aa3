"""What the name of a file says, as far as it can be believed: the order of the download. Pure.

`KboOpenData_0137_2025_07_Full.zip` as the cookbook has it, `KboOpenData_0147_2025_10_12_Update.zip` as they
have been since October 2025. What a file is, only its meta.csv tells (DOMAIN 3.2).
"""

import re
from dataclasses import dataclass

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.zip", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![0-9])([0-9]{1,9})_(?:19|20)[0-9]{2}_")
_KIND = re.compile(r"(full|update)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Which extract a file is said to be: by its name, or, once it is here, by itself."""

    number: int
    full: bool


def is_plain(name: str) -> bool:
    """Whether the name is that of a zip and nothing else: no path, no blank, no leading dot."""
    return _PLAIN.fullmatch(name) is not None


def claim_of(name: str) -> Claim | None:
    """What the name says, or None when it says nothing that we understand."""
    number, kinds = _NUMBER.search(name), _KIND.findall(name)
    if number is None or len(kinds) != 1:
        return None
    return Claim(number=int(number[1]), full=kinds[0].lower() == "full")
