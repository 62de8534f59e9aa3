"""Talking to Habilis: exchange a login for a mandate, ask what holds now, ask one decision."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import httpx2

from habilis_portal import protocol
from habilis_portal.mandate import Mandate
from habilis_portal.protocol import Decision, Introspection
from habilis_portal.verifier import AsyncVerifier, Verifier, safe_url

_TIMEOUT = 10.0


def _auth(client_id: str, client_secret: str) -> tuple[str, str]:
    # RFC 6749 §2.3.1: both are form-encoded before they go into the Basic header
    return quote_plus(client_id), quote_plus(client_secret)


class HabilisClient:
    """Everything a portal asks of Habilis. One per process; safe to share between threads.

    `audience` is your portal's, as it is registered. `options` go to the `Verifier`.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        client_id: str,
        client_secret: str,
        http: httpx2.Client | None = None,
        **options: Any,
    ) -> None:
        """Nothing is asked yet. Raises ValueError for a configuration that is not safe."""
        self._issuer = safe_url(issuer.rstrip("/"))
        self._http = http or httpx2.Client(timeout=_TIMEOUT)
        self._auth = _auth(client_id, client_secret)
        self._audience = audience
        self.verifier = Verifier(self._issuer, audience, client_id=client_id, http=self._http, **options)

    def exchange(
        self, subject_token: str, *, enterprise: str | None = None, actions: Sequence[str] | None = None
    ) -> Mandate:
        """The verified mandate of the person whose Keycloak access token this is.

        Without `enterprise` he acts for himself. Raises `Denied`, `StepUpNeeded`, `Rejected`,
        `Unavailable`, `InvalidMandate`, `KeysUnavailable`.
        """
        form = protocol.exchange_form(self._issuer, self._audience, subject_token, enterprise, actions)
        token, hints = protocol.exchanged(self._post("/oauth2/token", data=form))
        return replace(self.verifier.verify(token), step_up=hints)

    def introspect(self, token: str) -> Introspection:
        """What holds of a token at this moment."""
        return protocol.introspected(self._post("/oauth2/introspect", data={"token": token}))

    def revoke(self, token: str) -> None:
        """The token is believed no more by anyone who asks."""
        protocol.revoked(self._post("/oauth2/revoke", data={"token": token}))

    def evaluate(self, subject: str, action: str, enterprise: str, *, acr: str | None = None) -> Decision:
        """Whether the person whose `sub` this is may do `action` for the enterprise, now."""
        body = protocol.evaluation_body(subject, action, enterprise, acr)
        return protocol.evaluated(self._post("/access/v1/evaluation", json=body))

    def _post(self, path: str, **body: Any) -> httpx2.Response:
        try:
            return self._http.post(self._issuer + path, auth=self._auth, follow_redirects=False, **body)
        except httpx2.HTTPError as error:
            raise protocol.unreachable(error) from error


class AsyncHabilisClient:
    """Everything a portal asks of Habilis, in asynchronous code. See `HabilisClient`."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        client_id: str,
        client_secret: str,
        http: httpx2.AsyncClient | None = None,
        **options: Any,
    ) -> None:
        """Nothing is asked yet. Raises ValueError for a configuration that is not safe."""
        self._issuer = safe_url(issuer.rstrip("/"))
        self._http = http or httpx2.AsyncClient(timeout=_TIMEOUT)
        self._auth = _auth(client_id, client_secret)
        self._audience = audience
        self.verifier = AsyncVerifier(self._issuer, audience, client_id=client_id, http=self._http, **options)

    async def exchange(
        self, subject_token: str, *, enterprise: str | None = None, actions: Sequence[str] | None = None
    ) -> Mandate:
        """The verified mandate of the person whose Keycloak access token this is.

        Raises as `HabilisClient.exchange`.
        """
        form = protocol.exchange_form(self._issuer, self._audience, subject_token, enterprise, actions)
        token, hints = protocol.exchanged(await self._post("/oauth2/token", data=form))
        return replace(await self.verifier.verify(token), step_up=hints)

    async def introspect(self, token: str) -> Introspection:
        """What holds of a token at this moment."""
        return protocol.introspected(await self._post("/oauth2/introspect", data={"token": token}))

    async def revoke(self, token: str) -> None:
        """The token is believed no more by anyone who asks."""
        protocol.revoked(await self._post("/oauth2/revoke", data={"token": token}))

    async def evaluate(
        self, subject: str, action: str, enterprise: str, *, acr: str | None = None
    ) -> Decision:
        """Whether the person whose `sub` this is may do `action` for the enterprise, now."""
        body = protocol.evaluation_body(subject, action, enterprise, acr)
        return protocol.evaluated(await self._post("/access/v1/evaluation", json=body))

    async def _post(self, path: str, **body: Any) -> httpx2.Response:
        try:
            return await self._http.post(self._issuer + path, auth=self._auth, follow_redirects=False, **body)
        except httpx2.HTTPError as error:
            raise protocol.unreachable(error) from error
