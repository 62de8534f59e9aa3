"""In which language to speak. Pure."""

import re

from iam.kernel.language import Language

_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*"
)
_MOST_RANGES = 20


def parse(text: str | None) -> Language | None:
    """The language that a two-letter code stands for; None for anything else."""
    if text is None:
        return None
    code = re.split("[-_]", text.strip().lower(), maxsplit=1)[0]
    return Language(code) if code in set(Language) else None


def _accepted(header: str) -> list[Language]:
    found: list[tuple[float, Language]] = []
    for part in header.split(",")[:_MOST_RANGES]:
        match = _RANGE.fullmatch(part)
        language = None if match is None else parse(match[1])
        quality = 1.0 if match is None or match[2] is None else float(match[2])
        if language is not None and quality > 0:
            found.append((quality, language))
    return [language for _, language in sorted(found, key=lambda pair: -pair[0])]


def choose(
    preference: Language | None,
    accept_language: str | None,
    query: str | None,
    default: Language = Language.FR,
) -> Language:
    """The language to answer in: what was just chosen, else the person's own, else the browser's.

    `query` is what the language switch put in the address; `accept_language` is the header as it
    came (RFC 9110 §12.5.4). Source: ECOSYSTEM 3.3.
    """
    chosen = parse(query) or preference
    if chosen is not None:
        return chosen
    return next(iter(_accepted(accept_language or "")), default)
