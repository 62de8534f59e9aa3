"""The same real Keycloak as in the integration tests."""

from tests.integration.conftest import addresses, fas_process, keycloak

__all__ = ["addresses", "fas_process", "keycloak"]
