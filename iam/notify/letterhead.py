"""What every mail of this installation says."""

from dataclasses import dataclass

from iam.notify.model import one_address, one_line
from iam.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """Who sends, under which name people know us, where the service is, who helps."""

    sender: str
    product: str
    public_url: str
    telephone: str
    mail: str

    def __post_init__(self) -> None:
        """Refuse what could end a header line early. Raises `UnfitMessage`."""
        one_address("sender", self.sender)
        one_line("product", self.product)

    @property
    def domain(self) -> str:
        """The domain mails come from; their identifiers are made at it."""
        return self.sender.rpartition("@")[2]


def letterhead(settings: Settings) -> Letterhead:
    """The letterhead of the settings. Raises `UnfitMessage` when the sender is no address."""
    return Letterhead(
        sender=settings.mail.sender,
        product=settings.mail.sender_name,
        public_url=settings.public_url,
        telephone=settings.helpdesk.telephone,
        mail=settings.helpdesk.mail,
    )
