"""Clients: no more scope, audience, flow or address than each needs."""

import re

from iam.realms.rules.reading import (
    EXCHANGE_CLIENT,
    VARIABLE,
    Environment,
    Found,
    Realm,
    clients,
    fills,
    is_true,
    protocol_mappers,
)


def no_full_scope(realm: Realm, _: Environment) -> Found:
    """Each client refuses the full scope in writing (STANDARDS 2.6)."""
    for client in clients(realm):
        # Keycloak's default is the full scope: it must be refused in writing.
        if client.get("fullScopeAllowed", True) is not False:
            yield "full-scope", f"Client {client.get('clientId')} does not say fullScopeAllowed=false."


def audience_is_ours(realm: Realm, _: Environment) -> Found:
    """No portal is in the audience of a token: only our own client may introspect (ADR 0007)."""
    for place, mapper in protocol_mappers(realm):
        kind, config = mapper.get("protocolMapper"), mapper.get("config", {})
        if kind == "oidc-audience-resolve-mapper":
            yield "audience", f"A mapper of {place} puts every client of a role into the audience."
        elif kind == "oidc-audience-mapper" and (
            config.get("included.client.audience") != EXCHANGE_CLIENT
            or config.get("included.custom.audience")
        ):
            yield "audience", f"A mapper of {place} names an audience other than {EXCHANGE_CLIENT}."


def pkce(realm: Realm, _: Environment) -> Found:
    """Whoever takes codes, the broker included, uses PKCE by S256 (RFC 9700 §2.1.1)."""
    for client in filter(fills, clients(realm)):
        if client.get("authorizationServicesEnabled") and client.get("clientId") == "admin-permissions":
            continue
        if client.get("attributes", {}).get("pkce.code.challenge.method") != "S256":
            yield "pkce", f"Client {client.get('clientId')} takes codes without PKCE by S256."
    for provider in realm.get("identityProviders", []):
        config = provider.get("config", {})
        if not is_true(config.get("pkceEnabled")) or config.get("pkceMethod") != "S256":
            yield "pkce", f"The broker {provider.get('alias')} does not use PKCE by S256."


def exact_redirects(realm: Realm, environment: Environment) -> Found:
    """Addresses are complete and compared to the letter (RFC 9700 §2.1)."""
    for client in clients(realm):
        name = client.get("clientId")
        attributes = client.get("attributes", {})
        addresses = [
            *client.get("redirectUris", []),
            *attributes.get("post.logout.redirect.uris", "").split("##"),
            *client.get("webOrigins", []),
        ]
        for address in filter(None, addresses):
            known = VARIABLE.sub(
                lambda match: environment.get(match.group(1), "").strip() or match.group(), address
            )
            if "*" in known or known == "+":
                yield "redirect", f"Client {name} has an address with a wildcard."
            elif not re.match(r"(?:https?://[^/]|\$\{)", known):
                yield "redirect", f"Client {name} has an address that is not complete."
        if fills(client) and not client.get("redirectUris") and name != "admin-permissions":
            yield "redirect", f"Client {name} takes codes and has no redirect address."


def flows(realm: Realm, _: Environment) -> Found:
    """No password, no implicit flow, no client without a secret (RFC 9700 §2.1.2, §2.4)."""
    for client in clients(realm):
        for flow in ("directAccessGrantsEnabled", "implicitFlowEnabled"):
            if client.get(flow, False) is not False:
                yield "flow", f"Client {client.get('clientId')} has {flow}."
        if client.get("publicClient") and client.get("enabled", True):
            yield "flow", f"Client {client.get('clientId')} has no secret of its own."
    for name in ("registrationAllowed", "resetPasswordAllowed", "rememberMe", "editUsernameAllowed"):
        if realm.get(name, False) is not False:
            yield "flow", f"The realm has {name}."


def no_acr_mapper(realm: Realm, _: Environment) -> Found:
    """Keycloak's own `acr` is in no token: after a broker it says 1 (STANDARDS 2.7)."""
    for place, mapper in protocol_mappers(realm):
        if mapper.get("protocolMapper") == "oidc-acr-mapper":
            yield "acr-mapper", f"{place} has Keycloak's own acr, which does not know what the broker said."
