"""Events to messages: who is told what, in his language, with a link (DOMAIN 7.3 nr 42, 69, 70).

`table` says which event tells whom what, `readers` finds the people, `facts` what may be spoken of,
`words` are the texts, and `consumer` reads the journal and queues the messages.
"""

from iam.delegation.mails.consumer import Mails

__all__ = ["Mails"]
