"""Send a message, once per event, in the reader's language.

Knows only `Message`: why it is sent is the business of the room that queues it.
"""

from iam.notify.model import Link, Message

__all__ = ["Link", "Message"]
