"""The way out: a port, because the tests have a second one. The real one is SMTP."""

from email.message import EmailMessage
from typing import Protocol


class MailServerUnavailable(Exception):
    """The mail server takes no mail at all now: it is no fault of a message. `code` is its answer, if any."""

    def __init__(self, code: int | None = None) -> None:
        """Keep the code; the server's words may repeat an address."""
        super().__init__(code)
        self.code = code


class MailRefused(Exception):
    """The server did not take this mail: for good, or for now. `code` is its answer, if any."""

    def __init__(self, *, permanent: bool, code: int | None = None) -> None:
        """Keep the code; the server's words may repeat an address."""
        super().__init__(code)
        self.permanent = permanent
        self.code = code


class Mailer(Protocol):
    """Hands a mail to a server."""

    async def send(self, sender: str, recipient: str, mail: EmailMessage) -> None:
        """The server has taken responsibility for the mail.

        Raises `MailServerUnavailable` or `MailRefused`; a refusal that is not permanent may have
        come after the mail was taken (RFC 5321 §4.5.4.1: better twice than never).
        """
        ...
