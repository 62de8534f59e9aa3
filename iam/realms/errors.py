"""What can be wrong with a login, a token, or the identity server. No message holds a token or a number."""


class KeycloakUnavailable(RuntimeError):
    """Keycloak did not answer, or not as Keycloak does; it may be tried again later."""


class InvalidToken(ValueError):
    """A token is not what it must be; `fault` says in which way, for the log and never for its bearer."""

    def __init__(self, fault: str) -> None:
        """Keep the fault, a code."""
        super().__init__(fault)
        self.fault = fault


class LoginFailed(ValueError):
    """A login did not come about; `fault` says at which step."""

    def __init__(self, fault: str) -> None:
        """Keep the fault, a code."""
        super().__init__(fault)
        self.fault = fault


class LoginExpired(LoginFailed):
    """The answer belongs to no login that this browser has under way: too old, used, or from elsewhere."""
