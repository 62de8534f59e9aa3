"""A message's words to a JSON document and back. Pure."""

import re
from typing import Any

import msgspec

from iam.kernel.language import Language
from iam.notify.model import Message

_OUTSIDE = ("key", "address", "language")
_LINE_BREAK = re.compile("\r\n?|[\u2028\u2029\u0085]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def body_of(message: Message) -> dict[str, Any]:
    """Everything but key, address and language, with what cannot be printed taken out."""
    document: dict[str, Any] = msgspec.to_builtins(message, str_keys=True)
    for name in _OUTSIDE:
        del document[name]
    cleaned: dict[str, Any] = _clean(document)
    return cleaned


def message_of(key: str, address: str, language: str, body: dict[str, Any]) -> Message:
    """The message that was queued. Raises `msgspec.ValidationError` on a foreign document."""
    whole = {**body, "key": key, "address": address, "language": Language(language).value}
    return msgspec.convert(whole, Message)


def _clean(value: Any) -> Any:
    match value:
        case str():
            return _UNPRINTABLE.sub("", _LINE_BREAK.sub("\n", value))
        case list() | tuple():
            return [_clean(each) for each in value]
        case dict():
            return {_clean(name): _clean(each) for name, each in value.items()}
        case other:
            return other
