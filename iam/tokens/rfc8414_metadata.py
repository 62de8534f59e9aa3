"""RFC 8414: what this authorization server offers, and nothing that it does not."""

from typing import Any
from urllib.parse import urlsplit

from iam.tokens.rfc8693_exchange import GRANT_TYPE
from iam.tokens.rfc9396_details import details_type

_METHODS = ["client_secret_basic", "client_secret_post"]


def path(issuer: str) -> str:
    """Where the document stands: §3.1 puts the well-known part *before* the issuer's own path."""
    return "/.well-known/oauth-authorization-server" + urlsplit(issuer).path.rstrip("/")


def document(issuer: str) -> dict[str, Any]:
    """The metadata. §3.3: `issuer` is identical to the one it was asked for."""
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth2/token",
        "introspection_endpoint": f"{issuer}/oauth2/introspect",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        # §2: required; we have no authorization endpoint, people log in at Keycloak
        "response_types_supported": [],
        "grant_types_supported": [GRANT_TYPE],
        "token_endpoint_auth_methods_supported": _METHODS,
        "introspection_endpoint_auth_methods_supported": _METHODS,
        "revocation_endpoint_auth_methods_supported": _METHODS,
        # RFC 9396 §10
        "authorization_details_types_supported": [details_type(issuer)],
    }
