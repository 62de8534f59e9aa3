"""What a person does when a run has stopped; the operator's page says the same at length. Pure."""

from iam.bce.fetch.model import Outcome

_REASONS = {
    "busy": "another run or import is going on: wait until it has ended",
    "gap": "wait for the next full extract, or put the missing update where the source lists it",
    "noFull": "the first extract must be a full one: see that the source lists one",
    "workFolder": "make room in HABILIS_REGISTER__SOURCE__WORK_FOLDER, and let this account write there",
    "tooManyVanish": "look at the list, then `habilis bce confirm` the file, or leave it",
    "hostKey": "the server shows another key than the pinned ones: ask its owner before you change HOST_KEYS",
    "login": "the source refuses the account: see whether its password, key or licence has ended",
    "emptyListing": "the source lists no extract at all: look at it yourself with the same account",
    "folder": "the folder or page is not there for this account: see FOLDER or LISTING_PATH",
    "certificate": "the certificate of the source is not to be trusted: ask its owner, or set CA_FILE",
    "redirect": "the source sends elsewhere: see whether its address has changed",
    "notAFile": "a page came where a file should: look at the source yourself with the same account",
    "tooLarge": "the file is larger than LARGEST_BYTES: see what it is before you raise it",
    "sha256": "the file is not what its digest says, twice: ask the owner of the source",
    "size": "the file is not as long as was told, twice: ask the owner of the source",
    "changed": "the file changed while it was read, twice: try again when it rests",
    "gone": "a file was listed and is not there, twice: ask the owner of the source",
    "hostKeySetting": "HOST_KEYS holds a line that is no key: take it from `ssh-keyscan`",
    "keySetting": "KEY is no private key, or KEY_PASSPHRASE does not open it",
}  # fmt: skip
_OUTCOMES = {
    Outcome.REFUSED: "give the right file, or wait for the import that is running",
    Outcome.REJECTED: "see `habilis bce errors`; a damaged file is fetched anew by the next run",
    Outcome.HALTED: "look at the list, then `habilis bce confirm` the file, or leave it",
    Outcome.UNAVAILABLE: "nothing: the next run tries again and goes on where this one stopped",
    Outcome.DISTRUSTED: "look at the source yourself with the same account",
}


def advice(outcome: Outcome, reason: str | None) -> str | None:
    """What to do; None when there is nothing to be done about it."""
    return _REASONS.get(reason or "") or _OUTCOMES.get(outcome)
