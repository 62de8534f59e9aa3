"""The way on in an enterprise, for each kind of person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from iam.bce.model import Basis, RegisterState, Representation, Suspension
from iam.console.next_steps import Around, Step, steps
from iam.delegation.model import (
    Grant,
    GrantOrigin,
    Office,
    OfficeKind,
    OfficeOrigin,
    OfficeState,
    Relation,
    RequestState,
    RoleRequest,
)
from iam.delegation.queries import Standing
from iam.kernel.ids import GrantId, OfficeId, PersonId, RequestId, uuid4
from iam.kernel.period import Period
from iam.kernel.ssin import Fingerprint
from tests.unit.console.test_words import DUPONT, NOW

ME = PersonId(uuid4())
NOBODY = Standing(entity=DUPONT.entity)


def office(state):
    return Office(
        id=OfficeId(uuid4()), entity=DUPONT.entity, kind=OfficeKind.GAP, person=ME, state=state,
        origin=OfficeOrigin.APPOINTED, period=Period(NOW, NOW + timedelta(days=30)),
    )  # fmt: skip


def function(**changes):
    held = Representation(
        entity=DUPONT.entity, holder=Fingerprint("1", b"x"), basis="f", how=Basis.FUNCTION, code="XADMI",
        alone=True, period=Period(NOW),
    )  # fmt: skip
    return replace(held, **changes)


def grant(starts=NOW):
    return Grant(
        id=GrantId(uuid4()), entity=DUPONT.entity, person=ME, role="primes.deposer",
        period=Period(starts, starts + timedelta(days=9)), origin=GrantOrigin.DIRECT, granted_by=None, granted_at=NOW,
    )  # fmt: skip


def request(state, lapses=timedelta(days=60)):
    return RoleRequest(
        id=RequestId(uuid4()), entity=DUPONT.entity, person=ME, roles=("primes.deposer",),
        relation=Relation.EMPLOYEE, wished=Period(NOW), state=state, submitted_at=NOW, lapses_at=NOW + lapses,
    )  # fmt: skip


REPRESENTS = replace(NOBODY, representations=(function(),))
GAP = replace(NOBODY, office=office(OfficeState.ACTIVE))


@pytest.mark.parametrize(
    ("standing", "around", "expected"),
    [
        (NOBODY, Around(), [Step.ASK]),
        (replace(NOBODY, requests=(request(RequestState.UNCONFIRMED),)), Around(), [Step.CONFIRM, Step.ASK]),
        (replace(NOBODY, requests=(request(RequestState.UNDER_REVIEW),)), Around(), [Step.WAIT, Step.ASK]),
        (replace(NOBODY, requests=(request(RequestState.WAITING_FOR_GAP),)), Around(), [Step.WAIT, Step.ASK]),
        (replace(NOBODY, requests=(request(RequestState.REFUSED),)), Around(), [Step.ASK]),
        (replace(NOBODY, grants=(grant(),)), Around(), [Step.OPEN, Step.ASK]),
        (replace(NOBODY, grants=(grant(NOW + timedelta(days=1)),)), Around(), [Step.ASK]),
        (REPRESENTS, Around(has_gap=False, gap_named=False), [Step.APPOINT, Step.ASK]),
        (REPRESENTS, Around(has_gap=False, gap_named=True), [Step.ASK]),
        (REPRESENTS, Around(has_gap=True, gap_named=False), [Step.ASK]),
        (replace(NOBODY, representations=(function(alone=False),)), Around(has_gap=False), [Step.ASK]),
        (
            replace(NOBODY, representations=(function(why_suspended=Suspension.CONTROLLED),)),
            Around(has_gap=False),
            [Step.ASK],
        ),
        (GAP, Around(), [Step.TAKE]),
        (GAP, Around(to_decide=2), [Step.DECIDE, Step.TAKE]),
        (replace(GAP, grants=(grant(),)), Around(to_decide=2), [Step.DECIDE, Step.OPEN, Step.TAKE]),
        (replace(NOBODY, proposed=office(OfficeState.PENDING)), Around(), [Step.ANSWER, Step.ASK]),
    ],
)
def test_inv_67_everybody_has_a_next_step(standing, around, expected):
    assert steps(DUPONT, standing, around, NOW) == expected


def test_inv_36_an_enterprise_that_has_ceased_offers_nothing():
    gone = replace(DUPONT, state=RegisterState.VANISHED)
    assert steps(gone, replace(GAP, grants=(grant(),)), Around(to_decide=1), NOW) == [Step.NOTHING]


def test_inv_49_without_being_told_nobody_is_sent_to_appoint():
    assert Step.APPOINT not in steps(DUPONT, REPRESENTS, Around(), NOW)
