"""E-mail addresses that are kept: only such as a mail can be sent to.

One rule for every way in, so that no event names an address at which the mail about it would fail.
"""

import re
from datetime import date

from iam.kernel.ssin import holds_ssin

_LONGEST = 254
_LONGEST_LOCAL = 64
# RFC 5321 4.1.2: a dot-string, never a quoted one; RFC 1123 2.1 for the host, which is no single label.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")


def normal_address(text: str, today: date) -> str | None:
    """The address, trimmed and in lower case; None for what is none, or holds a national number."""
    address = text.strip().lower()
    local = address.partition("@")[0]
    fits = len(address) <= _LONGEST and len(local) <= _LONGEST_LOCAL and _ADDRESS.fullmatch(address)
    return address if fits and not holds_ssin(address, today) else None
