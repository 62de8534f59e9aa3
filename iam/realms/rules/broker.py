"""The broker: fresh notes in the right order, and the number nowhere but in its session."""

import json
from collections.abc import Mapping
from typing import Any

from iam.realms.rules.reading import (
    NAMES_OF_NUMBER,
    NOTES_WE_RELY_ON,
    NUMBER_NOTE,
    Environment,
    Found,
    Realm,
    is_true,
    protocol_mappers,
)

_RESET = "hardcoded-user-session-attribute-idp-mapper"
_CLAIM = "oidc-user-session-note-idp-mapper"
_PINNED_RESET = "00000000-"
_PINNED_CLAIM = "ffffffff-"
_SHOWN_IN = (
    "access.token.claim",
    "id.token.claim",
    "userinfo.token.claim",
    "access.tokenResponse.claim",
    "lightweight.claim",
)


def _is_note_mapper(mapper: Mapping[str, Any], kind: str, note: str) -> bool:
    config = mapper.get("config", {})
    if mapper.get("identityProviderMapper") != kind:
        return False
    if kind == _RESET:
        return bool(config.get("attribute") == note)
    try:
        return any(claim.get("key") == note for claim in json.loads(config.get("claims", "[]")))
    except (ValueError, AttributeError):
        return False


def notes_are_reset(realm: Realm, _: Environment) -> Found:
    """Each note we rely on is forgotten before it is taken anew, in pinned order (ADR 0007)."""
    for provider in realm.get("identityProviders", []):
        alias = provider.get("alias")
        mappers = [
            each
            for each in realm.get("identityProviderMappers", [])
            if each.get("identityProviderAlias") == alias
        ]
        for note in NOTES_WE_RELY_ON:
            yield from _one_note(alias, note, mappers)


def _one_note(alias: Any, note: str, mappers: list[Mapping[str, Any]]) -> Found:
    resets = [each for each in mappers if _is_note_mapper(each, _RESET, note)]
    claims = [each for each in mappers if _is_note_mapper(each, _CLAIM, note)]
    if not claims:
        yield "note-missing", f"No mapper of {alias} keeps the note {note}."
    if not resets:
        yield "note-reset", f"No mapper of {alias} forgets the note {note} of the login before."
    for wanted, group in ((_PINNED_RESET, resets), (_PINNED_CLAIM, claims)):
        if any(not str(each.get("id", "")).startswith(wanted) for each in group):
            yield (
                "mapper-id",
                f"A mapper of {alias} for the note {note} does not have an id pinned at {wanted}….",
            )
    for each in (*resets, *claims):
        if each.get("config", {}).get("syncMode") != "FORCE":
            yield "mapper-sync", f"A mapper of {alias} for the note {note} runs only at the first login."
    for each in claims:
        if not is_true(each.get("config", {}).get("are.claim.values.regex")):
            yield (
                "note-missing",
                f"The mapper of {alias} for the note {note} does not take its value by a pattern.",
            )


def broker(realm: Realm, _: Environment) -> Found:
    """The broker passes max_age on, verifies what it gets, and writes the number to no account."""
    for provider in realm.get("identityProviders", []):
        alias, config = provider.get("alias"), provider.get("config", {})
        if not is_true(config.get("passMaxAge")):
            yield (
                "pass-max-age",
                f"The broker {alias} does not pass max_age on: it would answer from an old login.",
            )
        if not is_true(config.get("validateSignature")):
            yield "broker-trust", f"The broker {alias} does not verify signatures."
        if provider.get("trustEmail") or provider.get("storeToken"):
            yield "broker-trust", f"The broker {alias} trusts addresses or keeps tokens."
    for mapper in realm.get("identityProviderMappers", []):
        kind, config = str(mapper.get("identityProviderMapper")), mapper.get("config", {})
        claims = {config.get("claim"), config.get("user.attribute")}
        if kind == "oidc-user-attribute-idp-mapper" and claims & set(NAMES_OF_NUMBER):
            yield "number", "A mapper writes the national number to an account."
        if kind == "oidc-username-idp-mapper" and any(
            name in config.get("template", "") for name in NAMES_OF_NUMBER
        ):
            yield "number", "A mapper makes the username from the national number."


def number_only_by_introspection(realm: Realm, _: Environment) -> Found:
    """The national number is shown by introspection and by nothing else (DOMAIN 7.3 nr 6)."""
    for place, mapper in protocol_mappers(realm):
        config = mapper.get("config", {})
        if config.get("user.session.note") != NUMBER_NOTE:
            continue
        # Absent means the mapper's own default, which is to show it: each is refused in writing.
        shown = [each for each in _SHOWN_IN if str(config.get(each)).lower() != "false"]
        if shown or not is_true(config.get("introspection.token.claim")):
            yield "number", f"A mapper of {place} shows the national number in more than an introspection."
