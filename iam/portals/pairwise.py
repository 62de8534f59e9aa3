"""The name under which one portal knows one person, and no other portal does (DOMAIN 7.3 nr 57)."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from iam.kernel.assurance import Level
from iam.kernel.ids import PersonId
from iam.portals.model import Portal

# The person's `sub` at the portal leads back to him, with the level of the present login. A `sub` once given
# stays, even if the key were to change: the portal's records hang on it. For a statement to hold within.
REMEMBER = """
    INSERT INTO portals_pairwise (portal_id, sub, person_id, level)
    VALUES (:portal_id, :sub, :person_id, :level)
    ON CONFLICT (portal_id, person_id) DO UPDATE SET level = excluded.level
    RETURNING sub
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A person a portal knows: under which `sub`, and the level of the login of his last token there."""

    sub: str
    person: PersonId
    level: Level


def sub_of(key: bytes, portal: Portal, person: PersonId) -> str:
    """The `sub` a person gets at the portal: the same each time, and unlinkable without the key.

    OpenID Connect Core §8.1: a pairwise identifier is not reversible by anyone but the issuer, and
    distinct sectors give distinct values. The sector is length-prefixed so that no two inputs meet.
    """
    sector = portal.sector.encode()
    digest = hmac.digest(key, len(sector).to_bytes(4) + sector + person.bytes, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
