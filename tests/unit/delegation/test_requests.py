"""Requests for roles: who may ask, what is asked for, who decides, once."""

from datetime import date, timedelta

import pytest

from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.model import RequestState
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import RequestId, uuid4
from iam.kernel.reasons import Reason
from tests.support.worlds import ENTITY, NOW, SYSTEM, TODAY, World, ladder, login, submit


def reason(outcome):
    return outcome.reason if isinstance(outcome, Refusal) else None


def kinds(outcome):
    return [type(event) for event in outcome.events]


def test_inv_44_without_a_gap_the_request_waits_and_is_routed_when_one_activates():
    world = World()
    who = world.known()

    asked = world.do(submit(world, who), login(who, Level.TOTP))
    assert [e.RequestSubmitted, e.RequestConfirmed] == kinds(asked)
    [request] = world.state.requests.values()
    assert RequestState.WAITING_FOR_GAP is request.state

    new = world.known()
    world.do(c.MigrateGap(entity=ENTITY, person=new, email=None), SYSTEM)
    assert RequestState.UNDER_REVIEW is world.state.requests[request.id].state


def test_inv_44_with_a_gap_the_request_lies_with_him_at_once():
    world = World()
    world.gap()
    who = world.known()

    assert [e.RequestSubmitted, e.RequestConfirmed, e.RequestRouted] == kinds(
        world.do(submit(world, who), login(who))
    )


def test_inv_51_an_unconfirmed_address_holds_the_request_back():
    world = World()
    gap = world.gap()
    who = world.known(verified=False)

    assert [e.RequestSubmitted] == kinds(world.do(submit(world, who), login(who)))
    [request] = world.state.requests
    command = c.ApproveRequest(entity=ENTITY, request=request)
    assert Reason.REQUEST_UNKNOWN is reason(world.do(command, login(gap)))
    assert Reason.EMAIL_UNVERIFIED is reason(
        world.do(c.ConfirmRequest(entity=ENTITY, request=request), SYSTEM)
    )


def test_inv_49_the_answer_says_nothing_of_a_gap():
    """With and without a chief access manager the refusals of a submission are the same."""
    for change in ({"motivation": " "}, {"roles": ("inconnu",)}, {"relation": None}, {"email": "x"}):
        with_gap, without = World(), World()
        with_gap.gap()
        answers = []
        for world in (with_gap, without):
            who = world.known()
            answers.append(world.do(submit(world, who, **change), login(who)))
        assert answers[0] == answers[1]
        assert isinstance(answers[0], Refusal)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"motivation": "  "}, Reason.MOTIVATION_MISSING),
        ({"motivation": "x" * 1001}, Reason.TEXT_TOO_LONG),
        ({"motivation": "mon numéro est 71.00.00-003.33"}, Reason.TEXT_HOLDS_NATIONAL_NUMBER),
        ({"relation": None}, Reason.RELATION_MISSING),
        ({"roles": ()}, Reason.ROLE_UNKNOWN),
        ({"roles": ("inconnu",)}, Reason.ROLE_UNKNOWN),
        ({"roles": ("staff.helpdesk",)}, Reason.ROLE_UNKNOWN),
        ({"roles": ("ancien.role",)}, Reason.ROLE_RETIRED),
        ({"email": "pas une adresse"}, Reason.EMAIL_INVALID),
        ({"email": "a@b.be\r\nBcc: c@d.be"}, Reason.EMAIL_INVALID),
        ({"email": "karim..benali@b.be"}, Reason.EMAIL_INVALID),
        ({"first": TODAY - timedelta(days=1)}, Reason.PERIOD_IN_PAST),
        ({"last": TODAY - timedelta(days=1)}, Reason.PERIOD_REVERSED),
        ({"last": TODAY + timedelta(days=730)}, Reason.PERIOD_TOO_LONG),
        ({"first": date(9999, 12, 31), "last": None}, Reason.PERIOD_TOO_LONG),
    ],
)
def test_inv_42_a_request_that_lacks_something_is_refused_and_changes_nothing(change, expected):
    world = World()
    who = world.known()
    before = world.state

    assert expected is reason(world.do(submit(world, who, **change), login(who)))
    assert before == world.state
    assert reason(world.do(submit(world, who), login(who))) is None  # the same set-up can succeed


def test_inv_39_the_longest_period_is_allowed_to_the_day():
    world = World()
    who = world.known()

    assert reason(world.do(submit(world, who, last=TODAY + timedelta(days=729)), login(who))) is None


def test_inv_39_an_open_end_becomes_the_longest():
    world = World()
    who = world.known()

    outcome = world.do(submit(world, who, last=None), login(who))

    [request] = world.state.requests.values()
    assert request.wished.last_day == TODAY + timedelta(days=729)
    assert outcome.events[0].ends_at is not None


def test_inv_41_what_is_held_or_asked_is_not_asked_again():
    world = World()
    holder, _ = world.holder()
    asker = world.known()
    world.do(submit(world, asker), login(asker))

    assert Reason.ALREADY_GRANTED is reason(world.do(submit(world, holder), login(holder)))
    assert Reason.ALREADY_REQUESTED is reason(world.do(submit(world, asker), login(asker)))


def test_too_many_requests_a_day_are_refused():
    world = World()
    who = world.known()
    world.recent = 20
    assert Reason.TOO_MANY_REQUESTS is reason(world.do(submit(world, who), login(who)))
    world.recent = 19
    assert reason(world.do(submit(world, who), login(who))) is None


def test_a_ceased_enterprise_takes_no_requests():
    world = World(operating=False)
    who = world.known()
    assert Reason.ENTERPRISE_CEASED is reason(world.do(submit(world, who), login(who)))


def test_inv_43_the_gap_does_not_ask_himself():
    world = World()
    gap = world.gap()
    assert Reason.OWN_REQUEST is reason(world.do(submit(world, gap), login(gap)))


@pytest.mark.parametrize("verb", ["approve", "refuse"])
def test_inv_25_30_only_the_gap_decides(verb):
    """The ladder of actors: everybody but the chief access manager of this enterprise is refused."""
    expected = {
        "anonymous": Reason.NO_STANDING,
        "unrelated": Reason.NO_STANDING,
        "requester": Reason.OWN_REQUEST,
        "holder": Reason.NOT_GAP,
        "foreign_gap": Reason.NO_STANDING,
        "representative": Reason.NOT_GAP,
        "past_representative": Reason.NO_STANDING,
        "portal": Reason.NO_STANDING,
        "gap": None,
    }
    for name, wanted in expected.items():
        world = World()
        world.gap()
        actors = ladder(world)
        [request] = world.state.requests
        command = (
            c.ApproveRequest(entity=ENTITY, request=request)
            if verb == "approve"
            else c.RefuseRequest(entity=ENTITY, request=request, reason="Pas chez nous.")
        )
        before = world.state
        assert wanted is reason(world.do(command, actors[name])), name
        assert (before == world.state) is (wanted is not None)


def test_inv_42_a_refusal_needs_a_reason():
    world = World()
    gap = world.gap()
    request = world.request()
    for text, wanted in (("", Reason.REASON_MISSING), ("N° 71000000333", Reason.TEXT_HOLDS_NATIONAL_NUMBER)):
        command = c.RefuseRequest(entity=ENTITY, request=request, reason=text)
        assert wanted is reason(world.do(command, login(gap)))


def test_inv_47_everything_is_checked_again_at_the_decision():
    def world_with(**changes):
        world = World()
        gap = world.gap()
        codes = changes.pop("codes", ("primes.deposer",))
        who = world.known()
        request = world.request(who, codes=codes)
        for name, value in changes.items():
            setattr(world, name, value)
        return world, gap, who, request

    world, gap, _, request = world_with(operating=False)
    assert Reason.ENTERPRISE_CEASED is reason(
        world.do(c.ApproveRequest(entity=ENTITY, request=request), login(gap))
    )
    world, gap, _, request = world_with(codes=("ancien.role",))
    assert Reason.ROLE_RETIRED is reason(
        world.do(c.ApproveRequest(entity=ENTITY, request=request), login(gap))
    )
    world, gap, _, request = world_with(codes=("nul.ne.donne",))
    assert Reason.ROLE_NOT_GRANTABLE is reason(
        world.do(c.ApproveRequest(entity=ENTITY, request=request), login(gap))
    )
    world, gap, who, request = world_with()
    world.people[who] = type(world.people[who])(id=who, blocked=True, verified=world.people[who].verified)
    assert Reason.PERSON_BLOCKED is reason(
        world.do(c.ApproveRequest(entity=ENTITY, request=request), login(gap))
    )
    world, gap, who, request = world_with()
    world.people[who] = type(world.people[who])(id=who, blocked=False)
    assert Reason.HOLDER_EMAIL_UNVERIFIED is reason(
        world.do(c.ApproveRequest(entity=ENTITY, request=request), login(gap))
    )


def test_inv_60_a_weak_login_does_not_decide():
    world = World()
    gap = world.gap()
    request = world.request()
    command = c.ApproveRequest(entity=ENTITY, request=request)
    weak = world.do(command, login(gap, Level.TOTP))
    assert Reason.LEVEL_TOO_LOW is reason(weak)
    assert Level.ITSME is weak.level
    assert reason(world.do(command, login(gap, Level.ITSME))) is None


def test_inv_46_the_second_decision_sees_the_outcome():
    world = World()
    gap = world.gap()
    request = world.request()
    assert reason(world.do(c.ApproveRequest(entity=ENTITY, request=request), login(gap))) is None
    again = world.do(c.ApproveRequest(entity=ENTITY, request=request), login(gap))
    assert Reason.REQUEST_NOT_OPEN is reason(again)
    assert again.facts == {"state": "approved"}
    assert 1 == len(world.state.grants)


def test_inv_45_time_closes_a_request_without_a_write():
    world = World()
    gap = world.gap()
    request = world.request()
    world.now = NOW + timedelta(days=60)
    late = world.do(c.ApproveRequest(entity=ENTITY, request=request), login(gap, now=world.now))
    assert Reason.REQUEST_NOT_OPEN is reason(late)
    assert late.facts == {"state": "expired"}
    world.do(c.Lapse(entity=ENTITY), SYSTEM)
    assert RequestState.EXPIRED is world.state.requests[request].state


def test_a_shorter_period_may_be_given_and_a_wider_one_not():
    world = World()
    gap = world.gap()
    request = world.request()
    wider = c.ApproveRequest(entity=ENTITY, request=request, last=TODAY + timedelta(days=101))
    assert Reason.PERIOD_WIDER_THAN_ASKED is reason(world.do(wider, login(gap)))
    shorter = c.ApproveRequest(entity=ENTITY, request=request, last=TODAY + timedelta(days=10))
    outcome = world.do(shorter, login(gap))
    assert outcome.events[0].shortened
    [grant] = world.state.grants.values()
    assert TODAY + timedelta(days=10) == grant.period.last_day


def test_a_full_approval_is_not_called_shortened():
    world = World()
    gap = world.gap()
    request = world.request()
    assert not world.do(c.ApproveRequest(entity=ENTITY, request=request), login(gap)).events[0].shortened


def test_only_the_requester_withdraws():
    world = World()
    gap = world.gap()
    who = world.known()
    request = world.request(who)
    command = c.WithdrawRequest(entity=ENTITY, request=request)
    for other in (world.known(), gap):
        assert Reason.REQUEST_UNKNOWN is reason(world.do(command, login(other)))
    assert reason(world.do(command, login(who))) is None
    assert Reason.REQUEST_NOT_OPEN is reason(world.do(command, login(who)))


def test_an_unknown_request_is_unknown():
    world = World()
    gap = world.gap()
    command = c.ApproveRequest(entity=ENTITY, request=RequestId(uuid4()))
    assert Reason.REQUEST_UNKNOWN is reason(world.do(command, login(gap)))


def test_a_blocked_person_asks_nothing():
    world = World()
    who = world.known(blocked=True)
    assert Reason.PERSON_BLOCKED is reason(world.do(submit(world, who), login(who)))


def test_a_ceased_enterprise_voids_its_open_requests():
    world = World()
    world.gap()
    request = world.request()
    world.operating = False
    world.do(c.Reassess(entity=ENTITY), SYSTEM)
    assert RequestState.VOID is world.state.requests[request].state
