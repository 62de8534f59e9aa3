"""The rules that a realm file obeys before a Keycloak is started with it.

Keycloak is silent about most of these: a missing variable becomes the literal secret `${NAME}`, a client
without a word about it gets the full scope, mappers run in the order of ids that it makes up itself.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

EXCHANGE_CLIENT = "mandate-exchange"
NOTES_WE_RELY_ON = ("acr", "egovNRN")
_NUMBER_NOTE = "egovNRN"
_BROKER_CLAIMS_OF_NUMBER = ("egovNRN", "niss", "insz")
_SHORTEST_SECRET = 16

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_SECRET_KEYS = re.compile(r"(?:secret|password|private|credential)", re.IGNORECASE)
_NO_SECRETS = {
    # Settings whose names sound like secrets and whose values are none.
    "resetPasswordAllowed",
    "resetCredentialsFlow",
    "passwordPolicy",
    "clientAuthenticatorType",
    "clientAuthMethod",
    "require.password.update.after.registration",
}
_PLACEHOLDERS = {
    "changeme",
    "change-me",
    "secret",
    "password",
    "placeholder",
    "example",
    "todo",
    "admin",
    "xxx",
}
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

Realm = Mapping[str, Any]
Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One thing that is wrong: where, a stable code, and a sentence. It never repeats a value."""

    file: str
    code: str
    sentence: str

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.file}: {self.code}: {self.sentence}"


def lint(files_dir: Path, environment: Environment) -> list[Finding]:
    """Every finding in the realm files of a folder; an empty list lets a start go on.

    A folder without a readable realm is a finding too. Source: DESIGN 7 and 13, STANDARDS 2.2.
    """
    files = sorted(files_dir.glob("*.json"))
    if not files:
        return [
            Finding(file=str(files_dir.name), code="no-realm", sentence="The folder holds no realm file.")
        ]
    findings: list[Finding] = []
    for file in files:
        try:
            realm = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            findings.append(
                Finding(
                    file=file.name,
                    code="unreadable",
                    sentence=f"The file is not JSON: {type(error).__name__}.",
                )
            )
            continue
        if not isinstance(realm, dict) or "realm" not in realm:
            findings.append(Finding(file=file.name, code="unreadable", sentence="The file is not a realm."))
            continue
        findings.extend(check(file.name, realm, environment))
    return findings


def check(file: str, realm: Realm, environment: Environment) -> list[Finding]:
    """Every finding in one realm, in the order of the rules."""
    return [
        Finding(file=file, code=code, sentence=sentence)
        for rule in _RULES
        for code, sentence in rule(realm, environment)
    ]


Found = Iterator[tuple[str, str]]
Rule = Callable[[Realm, Environment], Found]


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every scalar of the file with its path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, str(index)))
    else:
        yield path, value


def _dotted(path: Iterable[str]) -> str:
    return ".".join(path)


def _clients(realm: Realm) -> list[Mapping[str, Any]]:
    return list(realm.get("clients", []))


def _fills(client: Mapping[str, Any]) -> bool:
    """Whether the client can receive a code."""
    return bool(client.get("enabled", True)) and bool(client.get("standardFlowEnabled", True))


def _protocol_mappers(realm: Realm) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for scope in realm.get("clientScopes", []):
        for mapper in scope.get("protocolMappers", []):
            yield f"client scope {scope.get('name')}", mapper
    for client in _clients(realm):
        for mapper in client.get("protocolMappers", []):
            yield f"client {client.get('clientId')}", mapper


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _no_secret_in_clear(realm: Realm, _: Environment) -> Found:
    for path, value in _leaves(realm):
        key = path[-1] if path else ""
        if key in _NO_SECRETS or not _SECRET_KEYS.search(key) or not isinstance(value, str) or not value:
            continue
        if not re.fullmatch(r"\$\{[A-Z][A-Z0-9_]*\}", value):
            yield (
                "secret-in-clear",
                f"{_dotted(path)} is written out; it must be a variable and nothing else.",
            )
    if any(user.get("credentials") for user in realm.get("users", [])):
        yield "secret-in-clear", "A user has credentials; nobody logs in here with a password."


def _used_variables(realm: Realm) -> Iterator[tuple[tuple[str, ...], str]]:
    for path, value in _leaves(realm):
        if isinstance(value, str):
            yield from ((path, found) for found in _VARIABLE.findall(value))


def _is_template(path: tuple[str, ...], inner: str) -> bool:
    # The template of the username mapper is Keycloak's own language. A bare `${UUID}` there would be taken
    # for a variable at the import; with a transformer after a bar it cannot be.
    return path[-2:] == ("config", "template") and (" | " in inner or inner.startswith("CLAIM."))


def _variables_are_set(realm: Realm, environment: Environment) -> Found:
    names: set[str] = set()
    for path, inner in _used_variables(realm):
        if _is_template(path, inner):
            continue
        if _NAME.fullmatch(inner):
            names.add(inner)
        else:
            yield "variable-form", f"{_dotted(path)} holds a variable with a default or of a wrong form."
    for name in sorted(names):
        value = environment.get(name, "").strip()
        if not value:
            yield "variable-unset", f"{name} has no value; Keycloak would take the literal text for it."
        elif value.lower() in _PLACEHOLDERS or _VARIABLE.search(value):
            yield "variable-placeholder", f"{name} holds a placeholder."
        elif _SECRET_KEYS.search(name) and len(value) < _SHORTEST_SECRET:
            yield "variable-placeholder", f"{name} is a secret of fewer than {_SHORTEST_SECRET} characters."


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _encrypted(realm: Realm, environment: Environment) -> Found:
    for name in sorted({inner for _, inner in _used_variables(realm)}):
        value = environment.get(name, "").strip()
        if value.startswith("http://") and not _is_loopback(value):
            yield "plain-http", f"{name} is an unencrypted address of another machine."


def _no_full_scope(realm: Realm, _: Environment) -> Found:
    for client in _clients(realm):
        # Keycloak's default is the full scope: it must be refused in writing.
        if client.get("fullScopeAllowed", True) is not False:
            yield "full-scope", f"Client {client.get('clientId')} does not say fullScopeAllowed=false."


def _no_enterprise_group(realm: Realm, _: Environment) -> Found:
    if realm.get("groups") or realm.get("defaultGroups"):
        yield (
            "group-in-file",
            "The file holds groups; they are made by provisioning, one enterprise at a time.",
        )


def _no_people(realm: Realm, _: Environment) -> Found:
    for user in realm.get("users", []):
        if not user.get("serviceAccountClientId"):
            yield "person-in-file", "The file holds a user that is not the service account of a client."


def _audience_is_ours(realm: Realm, _: Environment) -> Found:
    for place, mapper in _protocol_mappers(realm):
        kind, config = mapper.get("protocolMapper"), mapper.get("config", {})
        if kind == "oidc-audience-resolve-mapper":
            yield "audience", f"A mapper of {place} puts every client of a role into the audience."
        elif kind == "oidc-audience-mapper" and (
            config.get("included.client.audience") != EXCHANGE_CLIENT
            or config.get("included.custom.audience")
        ):
            yield "audience", f"A mapper of {place} names an audience other than {EXCHANGE_CLIENT}."


def _pkce(realm: Realm, _: Environment) -> Found:
    for client in filter(_fills, _clients(realm)):
        if client.get("authorizationServicesEnabled") and client.get("clientId") == "admin-permissions":
            continue
        if client.get("attributes", {}).get("pkce.code.challenge.method") != "S256":
            yield "pkce", f"Client {client.get('clientId')} takes codes without PKCE by S256."
    for provider in realm.get("identityProviders", []):
        config = provider.get("config", {})
        if not _is_true(config.get("pkceEnabled")) or config.get("pkceMethod") != "S256":
            yield "pkce", f"The broker {provider.get('alias')} does not use PKCE by S256."


def _exact_redirects(realm: Realm, environment: Environment) -> Found:
    for client in _clients(realm):
        name = client.get("clientId")
        attributes = client.get("attributes", {})
        addresses = [
            *client.get("redirectUris", []),
            *attributes.get("post.logout.redirect.uris", "").split("##"),
            *client.get("webOrigins", []),
        ]
        for address in filter(None, addresses):
            known = _VARIABLE.sub(
                lambda match: environment.get(match.group(1), "").strip() or match.group(), address
            )
            if "*" in known or known == "+":
                yield "redirect", f"Client {name} has an address with a wildcard."
            elif not re.match(r"(?:https?://[^/]|\$\{)", known):
                yield "redirect", f"Client {name} has an address that is not complete."
        if _fills(client) and not client.get("redirectUris") and name != "admin-permissions":
            yield "redirect", f"Client {name} takes codes and has no redirect address."


def _flows(realm: Realm, _: Environment) -> Found:
    for client in _clients(realm):
        for flow in ("directAccessGrantsEnabled", "implicitFlowEnabled"):
            if client.get(flow, False) is not False:
                yield "flow", f"Client {client.get('clientId')} has {flow}."
        if client.get("publicClient") and client.get("enabled", True):
            yield "flow", f"Client {client.get('clientId')} has no secret of its own."
    for name in ("registrationAllowed", "resetPasswordAllowed", "rememberMe", "editUsernameAllowed"):
        if realm.get(name, False) is not False:
            yield "flow", f"The realm has {name}."


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


def _notes_are_reset(realm: Realm, _: Environment) -> Found:
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
        if not _is_true(each.get("config", {}).get("are.claim.values.regex")):
            yield (
                "note-missing",
                f"The mapper of {alias} for the note {note} does not take its value by a pattern.",
            )


def _broker(realm: Realm, _: Environment) -> Found:
    for provider in realm.get("identityProviders", []):
        alias, config = provider.get("alias"), provider.get("config", {})
        if not _is_true(config.get("passMaxAge")):
            yield (
                "pass-max-age",
                f"The broker {alias} does not pass max_age on: it would answer from an old login.",
            )
        if not _is_true(config.get("validateSignature")):
            yield "broker-trust", f"The broker {alias} does not verify signatures."
        if provider.get("trustEmail") or provider.get("storeToken"):
            yield "broker-trust", f"The broker {alias} trusts addresses or keeps tokens."
    for mapper in realm.get("identityProviderMappers", []):
        kind, config = str(mapper.get("identityProviderMapper")), mapper.get("config", {})
        claims = {config.get("claim"), config.get("user.attribute")}
        if kind == "oidc-user-attribute-idp-mapper" and claims & set(_BROKER_CLAIMS_OF_NUMBER):
            yield "number", "A mapper writes the national number to an account."
        if kind == "oidc-username-idp-mapper" and any(
            name in config.get("template", "") for name in _BROKER_CLAIMS_OF_NUMBER
        ):
            yield "number", "A mapper makes the username from the national number."


def _number_only_by_introspection(realm: Realm, _: Environment) -> Found:
    for place, mapper in _protocol_mappers(realm):
        config = mapper.get("config", {})
        if config.get("user.session.note") != _NUMBER_NOTE:
            continue
        # Absent means the mapper's own default, which is to show it: each is refused in writing.
        shown = [each for each in _SHOWN_IN if str(config.get(each)).lower() != "false"]
        if shown or not _is_true(config.get("introspection.token.claim")):
            yield "number", f"A mapper of {place} shows the national number in more than an introspection."


def _no_acr_mapper(realm: Realm, _: Environment) -> Found:
    for place, mapper in _protocol_mappers(realm):
        if mapper.get("protocolMapper") == "oidc-acr-mapper":
            yield "acr-mapper", f"{place} has Keycloak's own acr, which does not know what the broker said."


def _profiles(realm: Realm) -> Iterator[Mapping[str, Any]]:
    for component in realm.get("components", {}).get("org.keycloak.userprofile.UserProfileProvider", []):
        for text in component.get("config", {}).get("kc.user.profile.config", []):
            try:
                profile = json.loads(text)
            except ValueError:
                continue
            if isinstance(profile, dict):
                yield profile


def _profile(realm: Realm, _: Environment) -> Found:
    profiles = list(_profiles(realm))
    if not profiles:
        yield "profile", "The realm declares no user profile; everybody could edit his own."
    for profile in profiles:
        if profile.get("unmanagedAttributePolicy") not in {None, "DISABLED"}:
            yield "profile", "The user profile lets attributes in that it does not declare."
        for attribute in profile.get("attributes", []):
            if "user" in attribute.get("permissions", {}).get("edit", []):
                yield "profile", f"A person may edit {attribute.get('name')} himself."
            if attribute.get("name") in _BROKER_CLAIMS_OF_NUMBER:
                yield "number", "The user profile has a place for the national number."


def _service_accounts(realm: Realm, _: Environment) -> Found:
    for user in realm.get("users", []):
        roles = {role for each in user.get("clientRoles", {}).values() for role in each}
        if too_much := roles - {"query-groups"}:
            yield "privilege", f"A service account has {', '.join(sorted(too_much))}."
    if realm.get("sslRequired", "external") == "none":
        yield "ssl", "The realm takes unencrypted requests from anywhere; loopback needs no exception."


_RULES: tuple[Rule, ...] = (
    _no_secret_in_clear,
    _variables_are_set,
    _encrypted,
    _no_full_scope,
    _no_enterprise_group,
    _no_people,
    _audience_is_ours,
    _pkce,
    _exact_redirects,
    _flows,
    _notes_are_reset,
    _broker,
    _number_only_by_introspection,
    _no_acr_mapper,
    _profile,
    _service_accounts,
)
