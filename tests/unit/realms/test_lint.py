"""Each rule of the realm lint is broken alone, and found alone."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iam.realms.lint import check, lint

FILES = Path(__file__).parents[3] / "iam" / "realms" / "files"
GOOD: dict[str, Any] = json.loads((FILES / "monespace-realm.json").read_text(encoding="utf-8"))
ENVIRONMENT = {
    "REALM_FAS_ISSUER": "http://127.0.0.1:8700/fas/oauth2",
    "REALM_FAS_CLIENT_ID": "monespace-keycloak",
    "REALM_FAS_CLIENT_SECRET": "f" * 32,
    "REALM_MON_ESPACE_CLIENT_SECRET": "m" * 32,
    "REALM_MON_ESPACE_REDIRECT_URI": "http://127.0.0.1:8600/login/callback",
    "REALM_MON_ESPACE_POST_LOGOUT_REDIRECT_URI": "http://127.0.0.1:8600/",
    "REALM_MON_ESPACE_BACKCHANNEL_LOGOUT_URI": "http://127.0.0.1:8600/backchannel-logout",
    "REALM_MANDATE_EXCHANGE_CLIENT_SECRET": "x" * 32,
    "REALM_PORTAIL_WALLONIE_CLIENT_SECRET": "w" * 32,
    "REALM_PORTAIL_WALLONIE_REDIRECT_URI": "http://127.0.0.1:8601/login/callback",
    "REALM_PORTAIL_WALLONIE_POST_LOGOUT_REDIRECT_URI": "http://127.0.0.1:8601/",
    "REALM_PORTAIL_WALLONIE_BACKCHANNEL_LOGOUT_URI": "http://127.0.0.1:8601/backchannel-logout",
    "REALM_PROVISIONER_CLIENT_SECRET": "p" * 32,
}

Break = Callable[[dict[str, Any]], None]


def client(realm: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in realm["clients"] if each["clientId"] == name)


def scope(realm: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in realm["clientScopes"] if each["name"] == name)


def scope_mapper(realm: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in scope(realm, "habilis-identity")["protocolMappers"] if each["name"] == name)


def broker_mapper(realm: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in realm["identityProviderMappers"] if each["name"].startswith(name))


def drop_broker_mapper(name: str) -> Break:
    return lambda realm: realm["identityProviderMappers"].remove(broker_mapper(realm, name))


def in_client(name: str, **settings: Any) -> Break:
    return lambda realm: client(realm, name).update(settings)


def in_attributes(name: str, key: str, value: str) -> Break:
    return lambda realm: client(realm, name)["attributes"].update({key: value})


def in_broker(key: str, value: Any) -> Break:
    return lambda realm: realm["identityProviders"][0]["config"].update({key: value})


def in_realm(key: str, value: Any) -> Break:
    return lambda realm: realm.update({key: value})


def in_broker_mapper(name: str, key: str, value: Any) -> Break:
    return lambda realm: broker_mapper(realm, name).update({key: value})


def in_broker_mapper_config(name: str, key: str, value: Any) -> Break:
    return lambda realm: broker_mapper(realm, name)["config"].update({key: value})


def in_scope_mapper(name: str, key: str, value: str) -> Break:
    return lambda realm: scope_mapper(realm, name)["config"].update({key: value})


def add_scope_mapper(kind: str, **config: str) -> Break:
    return lambda realm: scope(realm, "basic")["protocolMappers"].append(
        {"name": "one more", "protocolMapper": kind, "config": config}
    )


def profile(change: Callable[[dict[str, Any]], None]) -> Break:
    def apply(realm: dict[str, Any]) -> None:
        config = realm["components"]["org.keycloak.userprofile.UserProfileProvider"][0]["config"]
        read = json.loads(config["kc.user.profile.config"][0])
        change(read)
        config["kc.user.profile.config"] = [json.dumps(read)]

    return apply


def without_key(name: str, key: str) -> Break:
    return lambda realm: client(realm, name).pop(key)


BREAKS: list[tuple[str, str, Break]] = [
    ("a client secret written out", "secret-in-clear", in_client("mon-espace", secret="q" * 32)),
    (
        "half a secret",
        "secret-in-clear",
        in_client("mon-espace", secret="x${REALM_MON_ESPACE_CLIENT_SECRET}"),
    ),
    ("the broker's secret written out", "secret-in-clear", in_broker("clientSecret", "q" * 32)),
    (
        "a mail password written out",
        "secret-in-clear",
        in_realm("smtpServer", {"host": "mail.example", "password": "q" * 20}),
    ),
    (
        "a service account with a password",
        "secret-in-clear",
        lambda realm: realm["users"][0].update(
            credentials=[{"type": "password", "value": "${REALM_FAS_CLIENT_ID}"}]
        ),
    ),
    ("a variable nobody set", "variable-unset", in_client("mon-espace", description="${REALM_FORGOTTEN}")),
    (
        "a variable with a default",
        "variable-form",
        in_client("mon-espace", description="${REALM_FORGOTTEN:no}"),
    ),
    (
        "a template that is a variable",
        "variable-unset",
        in_broker_mapper_config("opaque username", "template", "${UUID}"),
    ),
    ("full scope", "full-scope", in_client("mon-espace", fullScopeAllowed=True)),
    ("full scope by silence", "full-scope", without_key("portail-wallonie", "fullScopeAllowed")),
    ("an enterprise group", "group-in-file", in_realm("groups", [{"name": "1900000069"}])),
    ("a default group", "group-in-file", in_realm("defaultGroups", ["/everybody"])),
    ("a person", "person-in-file", lambda realm: realm["users"].append({"username": "karim"})),
    (
        "a portal in the audience",
        "audience",
        in_scope_mapper("audience mandate-exchange", "included.client.audience", "portail-wallonie"),
    ),
    (
        "one more audience",
        "audience",
        in_scope_mapper("audience mandate-exchange", "included.custom.audience", "https://portal.example"),
    ),
    ("audiences by roles", "audience", add_scope_mapper("oidc-audience-resolve-mapper")),
    (
        "an audience at a client",
        "audience",
        in_client(
            "portail-wallonie",
            protocolMappers=[
                {
                    "protocolMapper": "oidc-audience-mapper",
                    "config": {"included.client.audience": "portail-wallonie"},
                }
            ],
        ),
    ),
    (
        "a client without PKCE",
        "pkce",
        lambda realm: client(realm, "mon-espace")["attributes"].pop("pkce.code.challenge.method"),
    ),
    ("a client with plain PKCE", "pkce", in_attributes("mon-espace", "pkce.code.challenge.method", "plain")),
    ("a broker without PKCE", "pkce", in_broker("pkceEnabled", "false")),
    ("a broker with plain PKCE", "pkce", in_broker("pkceMethod", "plain")),
    ("a wildcard", "redirect", in_client("mon-espace", redirectUris=["https://mon-espace.example/*"])),
    ("any origin", "redirect", in_client("mon-espace", webOrigins=["+"])),
    ("a relative address", "redirect", in_client("mon-espace", redirectUris=["/login/callback"])),
    ("no address", "redirect", in_client("mon-espace", redirectUris=[])),
    (
        "a wildcard after the log-out",
        "redirect",
        in_attributes(
            "mon-espace", "post.logout.redirect.uris", "https://mon-espace.example/##https://b.example/*"
        ),
    ),
    ("the direct grant", "flow", in_client("mandate-exchange", directAccessGrantsEnabled=True)),
    ("the implicit flow", "flow", in_client("mon-espace", implicitFlowEnabled=True)),
    ("a public client", "flow", in_client("mon-espace", publicClient=True)),
    ("registration", "flow", in_realm("registrationAllowed", True)),
    ("a password that can be reset", "flow", in_realm("resetPasswordAllowed", True)),
    ("no reset of the acr", "note-reset", drop_broker_mapper("forget the acr")),
    ("no reset of the number", "note-reset", drop_broker_mapper("forget the national number")),
    ("no acr", "note-missing", drop_broker_mapper("acr of this login")),
    ("no number", "note-missing", drop_broker_mapper("national number of this login")),
    (
        "an acr of any kind",
        "note-missing",
        in_broker_mapper_config("acr of this login", "are.claim.values.regex", "false"),
    ),
    ("a reset with a late id", "mapper-id", in_broker_mapper("forget the acr", "id", "aaaaaaaa-1")),
    ("a claim with an early id", "mapper-id", in_broker_mapper("acr of this login", "id", "00000000-9")),
    ("a claim without an id", "mapper-id", lambda realm: broker_mapper(realm, "acr of this login").pop("id")),
    (
        "a reset at the first login only",
        "mapper-sync",
        in_broker_mapper_config("forget the acr", "syncMode", "IMPORT"),
    ),
    (
        "a claim at the first login only",
        "mapper-sync",
        in_broker_mapper_config("national number of this login", "syncMode", "INHERIT"),
    ),
    ("max_age that stops here", "pass-max-age", in_broker("passMaxAge", "false")),
    ("signatures not verified", "broker-trust", in_broker("validateSignature", "false")),
    (
        "addresses trusted",
        "broker-trust",
        lambda realm: realm["identityProviders"][0].update(trustEmail=True),
    ),
    (
        "tokens of FAS kept",
        "broker-trust",
        lambda realm: realm["identityProviders"][0].update(storeToken=True),
    ),
    (
        "the number as an attribute",
        "number",
        in_broker_mapper_config("givenName is", "claim", "egovNRN"),
    ),
    (
        "the number as the username",
        "number",
        in_broker_mapper_config("opaque username", "template", "${CLAIM.egovNRN}"),
    ),
    (
        "the number in access tokens",
        "number",
        in_scope_mapper("national number", "access.token.claim", "true"),
    ),
    ("the number in ID tokens", "number", in_scope_mapper("national number", "id.token.claim", "true")),
    ("the number in userinfo", "number", in_scope_mapper("national number", "userinfo.token.claim", "true")),
    (
        "the number by the mapper's own default",
        "number",
        lambda realm: scope_mapper(realm, "national number")["config"].pop("userinfo.token.claim"),
    ),
    ("a place for the number", "number", profile(lambda read: read["attributes"].append({"name": "niss"}))),
    ("Keycloak's own acr", "acr-mapper", add_scope_mapper("oidc-acr-mapper")),
    ("no profile", "profile", lambda realm: realm.pop("components")),
    (
        "sec 8: unmanaged attributes",
        "profile",
        profile(lambda read: read.update(unmanagedAttributePolicy="ENABLED")),
    ),
    (
        "sec 8: a name that a person edits",
        "profile",
        profile(lambda read: read["attributes"][2]["permissions"]["edit"].append("user")),
    ),
    (
        "a service account that manages users",
        "privilege",
        lambda realm: realm["users"][0]["clientRoles"]["realm-management"].append("manage-users"),
    ),
    ("no encryption anywhere", "ssl", in_realm("sslRequired", "none")),
]


def test_the_realm_of_the_repository_breaks_no_rule():
    assert lint(FILES, ENVIRONMENT) == []


@pytest.mark.parametrize(("what", "code", "breaks"), BREAKS, ids=[what for what, _, _ in BREAKS])
def test_a_file_that_breaks_one_rule_is_told_so_and_nothing_else(what, code, breaks):
    realm = copy.deepcopy(GOOD)
    breaks(realm)
    found = check("monespace-realm.json", realm, ENVIRONMENT)
    assert {finding.code for finding in found} == {code}, what
    assert all(finding.sentence.endswith(".") for finding in found)
    assert "q" * 20 not in str(found), "a finding never repeats a secret"


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_each_variable_must_be_set(name):
    for value in ("", "  "):
        found = check("f", GOOD, {**ENVIRONMENT, name: value})
        assert [finding.code for finding in found] == ["variable-unset"]
        assert name in found[0].sentence


@pytest.mark.parametrize("value", ["changeme", "CHANGEME", "${REALM_OTHER}", "s" * 15])
def test_a_placeholder_or_a_short_secret_is_none(value):
    found = check("f", GOOD, {**ENVIRONMENT, "REALM_PROVISIONER_CLIENT_SECRET": value})
    assert [finding.code for finding in found] == ["variable-placeholder"]
    assert value not in str(found)


def test_a_secret_of_sixteen_characters_is_long_enough():
    assert check("f", GOOD, {**ENVIRONMENT, "REALM_PROVISIONER_CLIENT_SECRET": "s" * 16}) == []


def test_a_wildcard_that_comes_with_the_environment_is_seen_too():
    found = check("f", GOOD, {**ENVIRONMENT, "REALM_MON_ESPACE_REDIRECT_URI": "https://mon-espace.example/*"})
    assert [finding.code for finding in found] == ["redirect"]


@pytest.mark.parametrize(
    "address", ["http://fas.example/fas/oauth2", "http://127.0.0.1.example/", "http://10.0.0.1/"]
)
def test_an_unencrypted_address_of_another_machine_is_refused(address):
    found = check("f", GOOD, {**ENVIRONMENT, "REALM_FAS_ISSUER": address})
    assert [finding.code for finding in found] == ["plain-http"]


@pytest.mark.parametrize(
    "address", ["https://fas.example/fas/oauth2", "http://localhost:1/", "http://[::1]:1/"]
)
def test_an_encrypted_address_or_one_of_this_machine_is_good(address):
    assert check("f", GOOD, {**ENVIRONMENT, "REALM_FAS_ISSUER": address}) == []


def test_a_folder_without_a_realm_is_not_good(tmp_path: Path):
    assert [finding.code for finding in lint(tmp_path, ENVIRONMENT)] == ["no-realm"]


@pytest.mark.parametrize("text", ["{", "[]", '{"clients": []}'])
def test_a_file_that_is_no_realm_is_not_good(tmp_path: Path, text):
    (tmp_path / "x-realm.json").write_text(text)
    assert [finding.code for finding in lint(tmp_path, ENVIRONMENT)] == ["unreadable"]


def test_a_finding_reads_as_one_line(tmp_path: Path):
    (tmp_path / "x-realm.json").write_text("{")
    assert str(lint(tmp_path, {})[0]) == "x-realm.json: unreadable: The file is not JSON: JSONDecodeError."


def test_every_code_of_the_lint_is_broken_by_a_test_here():
    source = "".join(file.read_text(encoding="utf-8") for file in (FILES.parent / "rules").glob("*.py"))
    codes = set(re.findall(r'yield \(?\s*"([a-z-]+)"', source))
    elsewhere = {"variable-placeholder", "plain-http"}
    assert codes == {code for _, code, _ in BREAKS} | elsewhere
