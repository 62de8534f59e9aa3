"""For relying portals of Habilis: exchange, verify and keep mandate tokens; ask one decision."""

from habilis_portal.client import AsyncHabilisClient, HabilisClient
from habilis_portal.errors import (
    Denied,
    HabilisError,
    InvalidMandate,
    KeysUnavailable,
    Rejected,
    StepUpNeeded,
    Unavailable,
)
from habilis_portal.evidence import Evidence, InvalidEvidence
from habilis_portal.mandate import Mandate, Role, StepUp
from habilis_portal.protocol import Decision, Introspection
from habilis_portal.verifier import AsyncVerifier, Verifier

__all__ = [
    "AsyncHabilisClient",
    "AsyncVerifier",
    "Decision",
    "Denied",
    "Evidence",
    "HabilisClient",
    "HabilisError",
    "Introspection",
    "InvalidEvidence",
    "InvalidMandate",
    "KeysUnavailable",
    "Mandate",
    "Rejected",
    "Role",
    "StepUp",
    "StepUpNeeded",
    "Unavailable",
    "Verifier",
]
