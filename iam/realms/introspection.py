"""Asking Keycloak of a token, as `mandate-exchange`: the only place where a national number comes in.

It becomes its fingerprints before anything else happens, and the clear digits are dropped with the
answer (DESIGN 6, 13; ADR 0005).
"""

from collections.abc import Mapping
from typing import Any

import httpx2

from iam.kernel.assurance import Assurance, Level
from iam.kernel.clock import Clock, belgian_day
from iam.kernel.language import Language
from iam.kernel.ssin import Fingerprint, FingerprintKeys, InvalidSsin, Ssin
from iam.realms.errors import InvalidToken, KeycloakUnavailable
from iam.realms.http import post
from iam.realms.model import Introspected
from iam.realms.verify import instant, text
from iam.settings import KeycloakSettings

_ABSENT = "none"  # what the realm's reset mapper leaves when FAS sent no number


class Introspector:
    """Introspects access tokens at the realm (RFC 7662)."""

    def __init__(
        self, keycloak: KeycloakSettings, http: httpx2.AsyncClient, keys: FingerprintKeys, clock: Clock
    ) -> None:
        """Keep who asks and where."""
        self._url = f"{keycloak.issuer}/protocol/openid-connect/token/introspect"
        self._issuer = keycloak.issuer
        self._client = (
            keycloak.exchange_client_id,
            keycloak.exchange_client_secret.get_secret_value(),
        )
        self._http = http
        self._keys = keys
        self._clock = clock

    async def introspect(self, token: str) -> Introspected | None:
        """What the token's session says now; None when it has ended.

        Raises KeycloakUnavailable, and InvalidToken when the answer lacks what a person's token has.
        """
        status, answer = await post(
            self._http, self._url, {"token": token, "token_type_hint": "access_token"}, self._client
        )
        if status != httpx2.codes.OK:
            # our own client is refused: a fault of the installation, not of the token
            raise KeycloakUnavailable
        if answer.get("active") is not True:
            return None
        return self._read(answer)

    def _read(self, answer: Mapping[str, Any]) -> Introspected:
        if answer.get("iss") != self._issuer:
            raise InvalidToken("iss")
        acr = answer.get("acr")
        return Introspected(
            subject=text(answer, "sub"),
            session_id=text(answer, "sid"),
            client_id=text(answer, "azp"),
            fingerprints=self._fingerprints(answer.get("niss")),
            given_name=_name(answer, "given_name"),
            family_name=_name(answer, "family_name"),
            language=language_of(answer.get("locale")),
            assurance=Assurance(
                Level.from_acr(acr if isinstance(acr, str) else None), instant(answer, "auth_time")
            ),
        )

    def _fingerprints(self, number: object) -> tuple[Fingerprint, ...]:
        if number is None or number == _ABSENT:
            return ()
        if not isinstance(number, str):
            raise InvalidToken("number")
        try:
            return self._keys.of(Ssin(number, belgian_day(self._clock())))
        except InvalidSsin:
            # "from None": the chain of causes must not carry the digits along
            raise InvalidToken("number") from None


def _name(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def language_of(locale: object) -> Language | None:
    """The language of a `locale` claim; None for another or none."""
    code = locale.lower().partition("-")[0].partition("_")[0] if isinstance(locale, str) else ""
    return Language(code) if code in {language.value for language in Language} else None
