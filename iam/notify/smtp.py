"""Mail over SMTP, by aiosmtplib. One connection a mail: a mail server is near, and mails are few."""

import contextlib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib

from iam.notify.mailer import MailRefused, MailServerUnavailable
from iam.settings import MailSettings

_SECONDS = 15.0
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_PERMANENT = range(500, 600)
_CLOSING = 421


class SmtpMailer:
    """Hands mails to the server of the settings."""

    def __init__(self, settings: MailSettings, *, seconds: float = _SECONDS) -> None:
        """Remember where. Raises `ValueError` when a password would travel in clear."""
        if settings.username is not None and not settings.start_tls and settings.host not in _LOOPBACK:
            raise ValueError("HABILIS_MAIL__USERNAME needs HABILIS_MAIL__START_TLS")
        self._settings = settings
        self._seconds = seconds

    async def send(self, sender: str, recipient: str, mail: EmailMessage) -> None:
        """The server has answered 250 to the whole mail (RFC 5321 §4.2.5, §6.1).

        Raises `MailServerUnavailable` or `MailRefused`, without the words of the server.
        """
        octets = mail.as_bytes(policy=SMTP)
        async with self._session(sender) as client:
            try:
                await client.sendmail(sender, [recipient], octets)
            except aiosmtplib.SMTPSenderRefused as error:
                # the same for every mail: the server does not know us, the message is innocent
                raise MailServerUnavailable(error.code) from None
            except aiosmtplib.SMTPRecipientsRefused as error:
                raise _answered(error.recipients[0].code) from None
            except aiosmtplib.SMTPResponseException as error:
                raise _answered(error.code) from None
            except ValueError:
                raise MailRefused(permanent=True) from None
            except (aiosmtplib.SMTPException, OSError):
                raise MailRefused(permanent=False) from None

    @contextlib.asynccontextmanager
    async def _session(self, sender: str) -> AsyncIterator[aiosmtplib.SMTP]:
        password = self._settings.password
        client = aiosmtplib.SMTP(
            hostname=self._settings.host,
            port=self._settings.port,
            username=self._settings.username,
            password=None if password is None else password.get_secret_value(),
            start_tls=self._settings.start_tls,
            # the default asks the resolver for our name, which may take long and tells it around
            local_hostname=sender.rpartition("@")[2],
            timeout=self._seconds,
        )
        try:
            await client.connect()
            await _greet(client)
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            raise MailServerUnavailable(error.code) from None
        except (aiosmtplib.SMTPException, OSError):
            client.close()
            raise MailServerUnavailable from None
        try:
            yield client
            # the mail is the server's already: how it says goodbye changes nothing
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        finally:
            client.close()


async def _greet(client: aiosmtplib.SMTP) -> None:
    # here and not with the mail: who refuses the greeting refuses every mail
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            await client.helo()


def _answered(code: int) -> MailServerUnavailable | MailRefused:
    if code == _CLOSING:
        return MailServerUnavailable(code)
    return MailRefused(permanent=code in _PERMANENT, code=code)
