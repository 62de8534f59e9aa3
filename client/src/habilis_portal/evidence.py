"""What to keep with a dossier, so that years later one can show who was allowed to file it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from habilis_portal.errors import HabilisError, InvalidMandate
from habilis_portal.jwt_checks import (
    ALGORITHMS,
    MOST_SKEW,
    check_claims,
    check_signature,
    json_object,
    keys_of,
    take_apart,
)
from habilis_portal.mandate import Mandate, from_claims

_VERSION = 1


class InvalidEvidence(HabilisError):
    """The evidence does not prove what it should. Codes: form, unknownKey, and those of a mandate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The token that was believed, the key it was believed under, and when that was.

    Keep it with the dossier, and keep the issuer's key sets apart (`Verifier.kept_keys`): the key in
    here shows that nothing was changed, the key set kept apart shows that the key was the issuer's.
    """

    token_id: str
    revision: str
    issuer: str
    audience: str
    verified_at: datetime
    token: str = field(repr=False)
    key: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_mandate(cls, mandate: Mandate, *, issuer: str, audience: str, at: datetime) -> "Evidence":
        """The evidence of a mandate that was verified at `at`."""
        return cls(
            token_id=mandate.token_id,
            revision=mandate.revision,
            issuer=issuer,
            audience=audience,
            verified_at=at.astimezone(UTC),
            token=mandate.token,
            key=dict(mandate.key),
        )

    def to_json(self) -> str:
        """The text to store."""
        return json.dumps(
            {
                "version": _VERSION,
                "token_id": self.token_id,
                "revision": self.revision,
                "issuer": self.issuer,
                "audience": self.audience,
                "verified_at": self.verified_at.isoformat(),
                "token": self.token,
                "key": dict(self.key),
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> "Evidence":
        """The evidence of a stored text. Raises `InvalidEvidence`."""
        try:
            document = json.loads(text)
            if document.pop("version") != _VERSION:
                raise InvalidEvidence("form")
            document["verified_at"] = datetime.fromisoformat(document["verified_at"])
            return cls(**document)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidEvidence("form") from error

    def verify(self, key_set: Mapping[str, Any]) -> Mandate:
        """The mandate that held when it was verified, under a key of the kept `key_set`.

        Raises `InvalidEvidence`: nothing of it may be believed then.
        """
        try:
            parts = take_apart(self.token, ALGORITHMS)
            key = keys_of(key_set, ALGORITHMS).get(parts.kid)
            if key is None:
                raise InvalidEvidence("unknownKey")
            check_signature(parts, key)
            claims = json_object(parts.payload)
            check_claims(
                claims,
                issuer=self.issuer,
                audience=self.audience,
                client_id=None,
                now=self.verified_at.timestamp(),
                skew=MOST_SKEW,
            )
            mandate = from_claims(
                claims, issuer=self.issuer, audience=self.audience, token=self.token, key=key.document
            )
        except InvalidMandate as error:
            raise InvalidEvidence(error.code) from error
        except ValueError as error:
            raise InvalidEvidence("form") from error
        if (mandate.token_id, mandate.revision) != (self.token_id, self.revision):
            raise InvalidEvidence("details")
        return mandate
