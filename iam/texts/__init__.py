"""What people read: texts in four languages, dates and numbers in words, the words of reasons.

French is the source language: a message id is the French sentence. The other languages stand in
`locale/<language>/<room>.po`, one file for each room of the house, merged when first used
(DOMAIN 7.3 nr 69).
"""

from iam.texts.catalogue import N_, Texts, translator
from iam.texts.choice import choose

__all__ = ["N_", "Texts", "choose", "translator"]
