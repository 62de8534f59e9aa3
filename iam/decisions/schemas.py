"""AuthZEN Authorization API 1.0: the body of an evaluation, read strictly."""

import json
import re
from typing import Any

from iam.decisions.model import Question
from iam.kernel.assurance import Level
from iam.kernel.numbers import EnterpriseNumber, InvalidNumber

PERSON = "person"
ENTERPRISE = "enterprise"
_LONGEST_TEXT = 512
_TEN_DIGITS = re.compile(r"[0-9]{10}", re.ASCII)
# What no text in a database may hold: NUL, and half of a character, which JSON can escape.
_NO_TEXT = re.compile("[\\x00\\ud800-\\udfff]")


class BadRequest(ValueError):
    """The request is not an evaluation; the message says why and repeats nothing of it."""


def read(body: bytes) -> Question:
    """The question of a body. Raises `BadRequest`.

    §5: subject, action and resource are required objects with `type` and `id`, or `name`. Members we
    do not know are passed over; a repeated one is refused, because readers differ on which counts.
    What a caller says in `properties` is never believed: rights come from our own store.
    """
    document = _object(body)
    subject, action, resource = (_member(document, name) for name in ("subject", "action", "resource"))
    subject_type, sub = _text(subject, "subject", "type"), _text(subject, "subject", "id")
    resource_type, number = _text(resource, "resource", "type"), _text(resource, "resource", "id")
    for name, holder in (("subject", subject), ("action", action), ("resource", resource)):
        if not isinstance(holder.get("properties", {}), dict):
            raise BadRequest(f"{name}.properties must be an object")
    return Question(
        sub=sub if subject_type == PERSON else "",
        action=_text(action, "action", "name"),
        number=_number(number) if resource_type == ENTERPRISE else None,
        level=_level(document),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body must be one JSON object in which no name is repeated") from error
    if not isinstance(document, dict):
        raise BadRequest("the body must be a JSON object")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _refuse(_constant: str) -> None:
    raise ValueError


def _member(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    if not isinstance(found, dict):
        raise BadRequest(f"{name} must be an object")
    return found


def _text(holder: dict[str, Any], where: str, name: str) -> str:
    found = holder.get(name)
    if not isinstance(found, str) or not 1 <= len(found) <= _LONGEST_TEXT or _NO_TEXT.search(found):
        raise BadRequest(f"{where}.{name} must be a text")
    return found


def _number(text: str) -> EnterpriseNumber | None:
    # Exactly the ten digits: another spelling of the same number is another id (STANDARDS 5 nr 14).
    if not _TEN_DIGITS.fullmatch(text):
        return None
    try:
        return EnterpriseNumber(text)
    except InvalidNumber:
        return None


def _level(document: dict[str, Any]) -> Level | None:
    context = document.get("context", {})
    if not isinstance(context, dict):
        raise BadRequest("context must be an object")
    if "acr" not in context:
        return None
    if not isinstance(context["acr"], str):
        raise BadRequest("context.acr must be a text")
    return Level.from_acr(context["acr"])
