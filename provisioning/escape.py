"""Text in names and filters of a directory: nothing in it can end its place and begin another. Pure."""

_SPECIAL = frozenset('"+,;<>\\=')
_DELETE = 0x7F


def rdn_value(value: str) -> str:
    """The attribute value as it stands in a distinguished name (RFC 4514 §2.4).

    Escapes the special characters, a leading `#` or space, a trailing space, and every control
    character as hex pairs. Raises `ValueError` for an empty value, which no naming attribute has.
    """
    if not value:
        message = "a name has no empty value"
        raise ValueError(message)
    last = len(value) - 1
    return "".join(_in_name(char, first=at == 0, last=at == last) for at, char in enumerate(value))


def _in_name(char: str, *, first: bool, last: bool) -> str:
    if char in _SPECIAL or (char == "#" and first):
        return f"\\{char}"
    if char == " " and (first or last):
        # As a hex pair: some parsers strip spaces around a comma before they unescape.
        return "\\20"
    if ord(char) < ord(" ") or ord(char) == _DELETE:
        return f"\\{ord(char):02x}"
    return char


def filter_value(value: str) -> str:
    r"""The assertion value as it stands in a search filter (RFC 4515 §3).

    `*`, `(`, `)`, `\` and NUL are escaped as the RFC demands; so is every other octet that is not
    printable ASCII, which the RFC allows.
    """
    return "".join(
        chr(octet) if ord(" ") <= octet < _DELETE and chr(octet) not in "*()\\" else f"\\{octet:02x}"
        for octet in value.encode("utf-8")
    )


def name(*parts: tuple[str, str], base: str) -> str:
    """A distinguished name: attribute and value, innermost first, under `base`, which is trusted."""
    return ",".join([*(f"{attribute}={rdn_value(value)}" for attribute, value in parts), base])
