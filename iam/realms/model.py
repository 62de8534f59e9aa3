"""What Keycloak tells us, in our words. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from iam.kernel.assurance import Assurance, Level
from iam.kernel.identity import Identity
from iam.kernel.ids import PersonId
from iam.kernel.language import Language
from iam.kernel.ssin import Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Introspected:
    """A live token as introspection tells it; the national number has become its fingerprints."""

    subject: str
    session_id: str
    client_id: str
    fingerprints: tuple[Fingerprint, ...]
    given_name: str
    family_name: str
    language: Language | None
    assurance: Assurance

    def identity(self, issuer: str) -> Identity:
        """The identity that the token's login proves."""
        return Identity(
            issuer=issuer,
            subject=self.subject,
            session_id=self.session_id,
            fingerprints=self.fingerprints,
            given_name=self.given_name,
            family_name=self.family_name,
            language=self.language,
            assurance=self.assurance,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a login is to be: at which level, whether the person must show himself anew, where it leads."""

    path: str
    level: Level | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A login under way: where the browser goes, and the secret that binds it to this browser."""

    url: str
    binding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login that came about. `id_token` serves the log-out and nothing else."""

    identity: Identity
    wish: Wish
    id_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectToken:
    """A verified Keycloak access token that a portal presents for a person.

    `person` is who he is; level and time are those of the token, computed by us.
    """

    person: PersonId
    issuer: str
    subject: str
    session_id: str
    client_id: str
    expires_at: datetime
    assurance: Assurance


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSession:
    """A session of Keycloak as we remember it. One that ended before we saw it is nobody's."""

    session_id: str
    subject: str | None
    person: PersonId | None
    authenticated_at: datetime | None
    expires_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut:
    """A session of Keycloak has ended. `session_id` is None when the log-out is for all of the subject's."""

    issuer: str
    subject: str | None
    session_id: str | None
    token_id: str
    expires_at: datetime
