"""Why the answer is no. A refusal is data: a stable code, its kind, and who can change it.

The same code is a problem document of the API, a sentence on a screen in four languages
(`iam.texts.reasons`), and a line in the helpdesk's view (DESIGN 4).
"""

from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """What sort of no it is; the web edge turns it into a status."""

    INVALID = "invalid"
    NOT_FOUND = "notFound"
    FORBIDDEN = "forbidden"
    STEP_UP = "stepUp"
    CONFLICT = "conflict"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"


class Fixer(StrEnum):
    """Who can change it."""

    YOU = "you"
    HOLDER = "holder"
    GAP = "gap"
    REPRESENTATIVE = "representative"
    REGISTER = "register"
    HELPDESK = "helpdesk"
    REVIEWER = "reviewer"
    TIME = "time"
    NOBODY = "nobody"


class Reason(StrEnum):
    """Every reason for a no. Values are permanent: they are published."""

    kind: Kind
    fixer: Fixer

    def __new__(cls, code: str, kind: Kind, fixer: Fixer) -> Self:
        """A member whose value is the code and which carries kind and fixer."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.kind = kind
        member.fixer = fixer
        return member

    # The number that was typed
    NUMBER_SHAPE = "numberShape", Kind.INVALID, Fixer.YOU
    NUMBER_CHECKSUM = "numberChecksum", Kind.INVALID, Fixer.YOU
    NUMBER_IS_ESTABLISHMENT = "numberIsEstablishment", Kind.INVALID, Fixer.YOU
    NUMBER_IS_BRANCH = "numberIsBranch", Kind.INVALID, Fixer.YOU
    # The enterprise
    ENTERPRISE_UNKNOWN = "enterpriseUnknown", Kind.INVALID, Fixer.YOU
    ENTERPRISE_CEASED = "enterpriseCeased", Kind.CONFLICT, Fixer.REGISTER
    NO_USABLE_REPRESENTATIVE = "noUsableRepresentative", Kind.CONFLICT, Fixer.HELPDESK
    REGISTER_UNAVAILABLE = "registerUnavailable", Kind.UNAVAILABLE, Fixer.TIME
    # Who acts
    NO_STANDING = "noStanding", Kind.NOT_FOUND, Fixer.NOBODY
    NOT_REPRESENTATIVE = "notRepresentative", Kind.FORBIDDEN, Fixer.REGISTER
    REPRESENTATION_SUSPENDED = "representationSuspended", Kind.FORBIDDEN, Fixer.REGISTER
    JOINT_SIGNATURE_NEEDED = "jointSignatureNeeded", Kind.FORBIDDEN, Fixer.HELPDESK
    NOT_GAP = "notGap", Kind.FORBIDDEN, Fixer.GAP
    NOT_STAFF = "notStaff", Kind.NOT_FOUND, Fixer.NOBODY
    LEVEL_TOO_LOW = "levelTooLow", Kind.STEP_UP, Fixer.YOU
    LOGIN_TOO_OLD = "loginTooOld", Kind.STEP_UP, Fixer.YOU
    PERSON_BLOCKED = "personBlocked", Kind.FORBIDDEN, Fixer.HELPDESK
    # Offices
    APPOINTEE_NUMBER_INVALID = "appointeeNumberInvalid", Kind.INVALID, Fixer.YOU
    EMAIL_INVALID = "emailInvalid", Kind.INVALID, Fixer.YOU
    APPOINTMENT_PENDING = "appointmentPending", Kind.CONFLICT, Fixer.REPRESENTATIVE
    ALREADY_GAP = "alreadyGap", Kind.CONFLICT, Fixer.NOBODY
    APPOINTMENT_UNKNOWN = "appointmentUnknown", Kind.NOT_FOUND, Fixer.NOBODY
    APPOINTMENT_CLOSED = "appointmentClosed", Kind.CONFLICT, Fixer.REPRESENTATIVE
    # Roles and grants
    ROLE_UNKNOWN = "roleUnknown", Kind.INVALID, Fixer.YOU
    ROLE_RETIRED = "roleRetired", Kind.CONFLICT, Fixer.NOBODY
    ROLE_NOT_GRANTABLE = "roleNotGrantable", Kind.FORBIDDEN, Fixer.GAP
    PERIOD_REVERSED = "periodReversed", Kind.INVALID, Fixer.YOU
    PERIOD_IN_PAST = "periodInPast", Kind.INVALID, Fixer.YOU
    PERIOD_TOO_LONG = "periodTooLong", Kind.INVALID, Fixer.YOU
    PERIOD_WIDER_THAN_ASKED = "periodWiderThanAsked", Kind.INVALID, Fixer.YOU
    ALREADY_GRANTED = "alreadyGranted", Kind.CONFLICT, Fixer.NOBODY
    GRANT_UNKNOWN = "grantUnknown", Kind.NOT_FOUND, Fixer.NOBODY
    GRANT_ENDED = "grantEnded", Kind.CONFLICT, Fixer.NOBODY
    FOUR_EYES = "fourEyes", Kind.FORBIDDEN, Fixer.GAP
    EMAIL_UNVERIFIED = "emailUnverified", Kind.CONFLICT, Fixer.YOU
    HOLDER_EMAIL_UNVERIFIED = "holderEmailUnverified", Kind.CONFLICT, Fixer.HOLDER
    LINK_INVALID = "linkInvalid", Kind.INVALID, Fixer.YOU
    # Requests
    MOTIVATION_MISSING = "motivationMissing", Kind.INVALID, Fixer.YOU
    REASON_MISSING = "reasonMissing", Kind.INVALID, Fixer.YOU
    RELATION_MISSING = "relationMissing", Kind.INVALID, Fixer.YOU
    TEXT_TOO_LONG = "textTooLong", Kind.INVALID, Fixer.YOU
    TEXT_HOLDS_NATIONAL_NUMBER = "textHoldsNationalNumber", Kind.INVALID, Fixer.YOU
    ALREADY_REQUESTED = "alreadyRequested", Kind.CONFLICT, Fixer.GAP
    TOO_MANY_REQUESTS = "tooManyRequests", Kind.LIMITED, Fixer.TIME
    REQUEST_UNKNOWN = "requestUnknown", Kind.NOT_FOUND, Fixer.NOBODY
    REQUEST_NOT_OPEN = "requestNotOpen", Kind.CONFLICT, Fixer.NOBODY
    OWN_REQUEST = "ownRequest", Kind.FORBIDDEN, Fixer.GAP
    # Dossiers
    ALREADY_REPRESENTATIVE = "alreadyRepresentative", Kind.CONFLICT, Fixer.NOBODY
    REPRESENTATIVE_KNOWN = "representativeKnown", Kind.CONFLICT, Fixer.REPRESENTATIVE
    CAPACITY_UNKNOWN = "capacityUnknown", Kind.INVALID, Fixer.YOU
    SINCE_IN_FUTURE = "sinceInFuture", Kind.INVALID, Fixer.YOU
    EXPLANATION_MISSING = "explanationMissing", Kind.INVALID, Fixer.YOU
    DOSSIER_UNDER_WAY = "dossierUnderWay", Kind.CONFLICT, Fixer.YOU
    TOO_MANY_DOSSIERS = "tooManyDossiers", Kind.LIMITED, Fixer.TIME
    DOSSIER_UNKNOWN = "dossierUnknown", Kind.NOT_FOUND, Fixer.NOBODY
    DOSSIER_CLOSED = "dossierClosed", Kind.CONFLICT, Fixer.NOBODY
    DOCUMENT_MISSING = "documentMissing", Kind.INVALID, Fixer.YOU
    DOCUMENT_KIND = "documentKind", Kind.INVALID, Fixer.YOU
    DOCUMENT_TOO_LARGE = "documentTooLarge", Kind.INVALID, Fixer.YOU
    TOO_MANY_DOCUMENTS = "tooManyDocuments", Kind.INVALID, Fixer.YOU
    OWN_DOSSIER = "ownDossier", Kind.FORBIDDEN, Fixer.REVIEWER
    INVOLVED_REVIEWER = "involvedReviewer", Kind.FORBIDDEN, Fixer.REVIEWER
    SECOND_REVIEWER_NEEDED = "secondReviewerNeeded", Kind.FORBIDDEN, Fixer.REVIEWER
    REVIEW_NOT_STARTED = "reviewNotStarted", Kind.CONFLICT, Fixer.YOU
    REVIEW_OVERTAKEN = "reviewOvertaken", Kind.CONFLICT, Fixer.NOBODY
    FIRST_REVIEWER_BLOCKED = "firstReviewerBlocked", Kind.CONFLICT, Fixer.HELPDESK
    CLAIMANT_BLOCKED = "claimantBlocked", Kind.CONFLICT, Fixer.HELPDESK
    UNTIL_TOO_FAR = "untilTooFar", Kind.INVALID, Fixer.YOU
    NOTE_MISSING = "noteMissing", Kind.INVALID, Fixer.YOU
    # Portals, tokens, answers
    PORTAL_UNKNOWN = "portalUnknown", Kind.INVALID, Fixer.HELPDESK
    ROLE_MISSING = "roleMissing", Kind.FORBIDDEN, Fixer.GAP
    PERSON_UNKNOWN = "personUnknown", Kind.FORBIDDEN, Fixer.YOU
