"""Settings for tests: everything set, every secret random for the run and the same within it."""

import secrets
from functools import cache

from iam.settings import Settings


@cache
def _secret(name: str) -> str:
    return secrets.token_urlsafe(32)


def some_settings(**changes) -> Settings:
    """The settings of a demo on loopback that nobody reaches."""
    base = {
        "environment": "demo",
        "public_url": "http://127.0.0.1:8600",
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "fas_issuer": "http://127.0.0.1:8601/fas/oauth2",
        "secrets": {
            "fingerprint_key": _secret("fingerprint"),
            "wrapping_key": _secret("wrapping"),
            "pairwise_key": _secret("pairwise"),
            "dossier_key": _secret("dossier"),
        },
        "keycloak": {
            "base_url": "http://127.0.0.1:8602",
            "console_client_secret": _secret("console"),
            "exchange_client_secret": _secret("exchange"),
        },
        "helpdesk": {"telephone": "081 00 00 00", "mail": "aide@habilis.test"},
        "staff_enterprise": "1900001356",
    }
    return Settings(**{**base, **changes})
