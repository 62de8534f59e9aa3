"""Addresses within the service, as they may come back from a browser. Pure."""

import re

_LONGEST = 2000
_LOCAL = re.compile(r"/(?![/\\])[\x21\x23-\x5b\x5d-\x7e]*")


def local_path(text: str | None) -> str | None:
    r"""The path, when it leads to a page of ours and nowhere else; None otherwise.

    Browsers read `//host`, `/\host` and a tab within as another host: only printable ASCII without
    backslash or quote passes, and the second character is neither slash nor backslash.
    """
    if text is None or len(text) > _LONGEST or not _LOCAL.fullmatch(text):
        return None
    return text
