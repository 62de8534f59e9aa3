"""The files of an extract that hold rows: what an enterprise contributes to each."""

from iam.bce.synthetic.files.activities import ACTIVITY
from iam.bce.synthetic.files.addresses import ADDRESS
from iam.bce.synthetic.files.contacts import CONTACT
from iam.bce.synthetic.files.entities import BRANCH, ENTERPRISE, ESTABLISHMENT
from iam.bce.synthetic.files.file import File, Text
from iam.bce.synthetic.files.names import DENOMINATION

FILES = (ENTERPRISE, ESTABLISHMENT, BRANCH, DENOMINATION, ADDRESS, CONTACT, ACTIVITY)

__all__ = [
    "ACTIVITY",
    "BRANCH",
    "DENOMINATION",
    "ENTERPRISE",
    "ESTABLISHMENT",
    "FILES",
    "File",
    "Text",
]
