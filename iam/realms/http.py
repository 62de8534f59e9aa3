"""The one way to Keycloak from the service: bounded in time and size, no redirect, no proxy of chance."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from iam.realms.errors import KeycloakUnavailable

_LARGEST = 256 * 1024
_SERVER_ERROR = 500


def make_client(timeout_seconds: float) -> httpx2.AsyncClient:
    """A client for Keycloak alone; its owner closes it."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeout_seconds),
        follow_redirects=False,
        trust_env=False,
        limits=httpx2.Limits(max_connections=50, max_keepalive_connections=20),
        headers={"Accept": "application/json"},
    )


async def get(http: httpx2.AsyncClient, url: str) -> Mapping[str, Any]:
    """The JSON object at the address. Raises KeycloakUnavailable."""
    status, document = await _ask(http, http.build_request("GET", url))
    if status != httpx2.codes.OK:
        raise KeycloakUnavailable
    return document


async def post(
    http: httpx2.AsyncClient, url: str, form: Mapping[str, str], client: tuple[str, str]
) -> tuple[int, Mapping[str, Any]]:
    """Status and JSON object of the answer; the client shows itself by its secret (RFC 6749 §2.3.1).

    Raises KeycloakUnavailable when there is no answer, a 5xx, or none that is a JSON object.
    """
    request = http.build_request("POST", url, data=dict(form))
    authorization = httpx2.BasicAuth(*client)
    return await _ask(http, request, authorization)


async def _ask(
    http: httpx2.AsyncClient, request: httpx2.Request, auth: httpx2.Auth | None = None
) -> tuple[int, Mapping[str, Any]]:
    try:
        answer = await http.send(request, auth=auth, stream=True)
        try:
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _LARGEST:
                    raise KeycloakUnavailable
        finally:
            await answer.aclose()
        document = json.loads(body)
    except (httpx2.HTTPError, ValueError) as error:
        raise KeycloakUnavailable from error
    if answer.status_code >= _SERVER_ERROR or not isinstance(document, dict):
        raise KeycloakUnavailable
    return answer.status_code, document
