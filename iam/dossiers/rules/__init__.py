"""Decisions about dossiers: a command and facts give events or a refusal. Pure.

`decide` is total: a command without a rule cannot exist. Nothing to check means no.
"""

from typing import assert_never

from iam.dossiers import commands as c
from iam.dossiers.facts_model import Facts
from iam.dossiers.rules import claim, lapses, review
from iam.dossiers.rules.outcome import Outcome
from iam.kernel.decision import Refusal

__all__ = ["Outcome", "decide"]


def decide(command: c.Command, facts: Facts) -> Outcome | Refusal:
    """The events the command leads to, and on which basis; or why not."""
    match command:
        case c.OpenDossier():
            return claim.open_dossier(command, facts)
        case c.AddDocument():
            return claim.add_document(command, facts)
        case c.RemoveDocument():
            return claim.remove_document(command, facts)
        case c.Submit():
            return claim.submit(command, facts)
        case c.Withdraw():
            return claim.withdraw(command, facts)
        case c.StartReview():
            return review.start(command, facts)
        case c.Accept():
            return review.accept(command, facts)
        case c.Refuse():
            return review.refuse(command, facts)
        case c.Revoke():
            return review.revoke(command, facts)
        case c.Read():
            return review.read(command, facts)
        case c.Lapse():
            return lapses.lapse(command, facts)
        case _:
            assert_never(command)
