"""Decisions: a command and facts give events or a refusal. No clock, no database, no setting. Pure.

`decide` is total: a command without a rule cannot exist. Nothing to check means no.
"""

from typing import assert_never

from iam.delegation import commands as c
from iam.delegation.facts_model import Facts
from iam.delegation.rules import bootstrap, grants, lapses, offices, requests
from iam.delegation.rules.outcome import Outcome
from iam.kernel.decision import Refusal

__all__ = ["Outcome", "decide", "due"]

due = lapses.due


def decide(command: c.Command, facts: Facts) -> Outcome | Refusal:  # noqa: C901, PLR0911, PLR0912 - one line a command
    """The events the command leads to, and on which basis; or why not."""
    match command:
        case c.SubmitRequest():
            return requests.submit(command, facts)
        case c.ConfirmRequest():
            return requests.confirm(command, facts)
        case c.WithdrawRequest():
            return requests.withdraw(command, facts)
        case c.ApproveRequest():
            return requests.approve(command, facts)
        case c.RefuseRequest():
            return requests.refuse(command, facts)
        case c.AppointGap():
            return offices.appoint(command, facts)
        case c.AcceptOffice():
            return offices.accept(command, facts)
        case c.DeclineOffice():
            return offices.decline(command, facts)
        case c.CancelAppointment():
            return offices.cancel(command, facts)
        case c.MigrateGap():
            return offices.migrate(command, facts)
        case c.MigrateRole():
            return grants.migrate(command, facts)
        case c.GrantRole():
            return grants.give(command, facts)
        case c.EndGrant():
            return grants.end(command, facts)
        case c.OpenBootstrap():
            return bootstrap.open_link(command, facts)
        case c.ClaimBootstrap():
            return bootstrap.claim(command, facts)
        case c.Reassess():
            return lapses.reassess(command, facts)
        case c.Lapse():
            return lapses.nothing_more(command, facts)
        case _:
            assert_never(command)
