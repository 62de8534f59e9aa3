"""What can go wrong. Every error has a stable `code`; no message repeats a token or a secret."""


class HabilisError(Exception):
    """Anything this library raises on purpose. `code` is stable; the message is for engineers."""

    def __init__(self, code: str, message: str = "") -> None:
        """Keep the code."""
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


class InvalidMandate(HabilisError):
    """The token is not a mandate for this portal now: answer 401 with `invalid_token` (RFC 6750 §3.1).

    Codes: malformed, size, header, type, algorithm, unknownKey, signature, claims, issuer, audience,
    client, expired, notYetValid, lifetime, tooOld, details.
    """


class KeysUnavailable(HabilisError):
    """The issuer's keys cannot be had now, and none are kept: answer 503. Code: keysUnavailable."""


class Denied(HabilisError):
    """The person has no right that this portal may see. Code: the coarse reason, `noRight` today."""


class StepUpNeeded(HabilisError):
    """The login was too weak: log in again with these `acr_values`. Code: stepUpNeeded."""

    def __init__(self, acr_values: str) -> None:
        """Keep the level to ask for."""
        super().__init__("stepUpNeeded", acr_values)
        self.acr_values = acr_values


class Rejected(HabilisError):
    """The request itself was refused: code is the OAuth error, as `invalid_client`, `invalid_request`.

    `invalid_request` on an exchange most often means that the person's own token has ended: let him
    log in again.
    """


class Unavailable(HabilisError):
    """The service cannot be reached or cannot answer now. Code: unavailable."""
