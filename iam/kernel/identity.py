"""What a login proves about a person."""

from dataclasses import dataclass

from iam.kernel.assurance import Assurance
from iam.kernel.language import Language
from iam.kernel.ssin import Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A login seen by us: who, by which account, in which Keycloak session, how surely.

    `fingerprints` is empty when the login carried no national number.
    """

    issuer: str
    subject: str
    session_id: str
    fingerprints: tuple[Fingerprint, ...]
    given_name: str
    family_name: str
    language: Language | None
    assurance: Assurance
