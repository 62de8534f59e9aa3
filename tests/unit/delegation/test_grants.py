"""Roles given directly and taken back."""

from datetime import timedelta

from iam.delegation import commands as c
from iam.delegation.facts_model import PersonFacts
from iam.delegation.model import GrantEnd, GrantOrigin
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import GrantId, uuid4
from iam.kernel.reasons import Fixer, Reason
from tests.support.worlds import ENTITY, NOW, SYSTEM, TODAY, World, ladder, login


def reason(outcome):
    return outcome.reason if isinstance(outcome, Refusal) else None


def give(who, code="primes.deposer", first=TODAY, last=None):
    return c.GrantRole(entity=ENTITY, person=who, role=code, first=first, last=last)


def test_inv_30_only_the_gap_gives_roles():
    expected = {
        "anonymous": Reason.NO_STANDING,
        "unrelated": Reason.NO_STANDING,
        "requester": Reason.NOT_GAP,
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
        before = world.state
        assert wanted is reason(world.do(give(world.known()), actors[name])), name
        assert (before == world.state) is (wanted is not None)


def test_inv_35_a_gap_gives_himself_a_role_and_it_is_flagged():
    world = World()
    gap = world.gap()
    world.do(give(gap), login(gap))
    [grant] = world.state.grants.values()
    assert grant.to_oneself
    other = world.known()
    world.do(give(other), login(gap))
    assert [False] == [g.to_oneself for g in world.state.grants.values() if g.person == other]


def test_inv_35_43_never_a_role_that_needs_four_eyes():
    world = World()
    gap = world.gap()
    assert Reason.FOUR_EYES is reason(world.do(give(gap, "comptes.signer"), login(gap)))
    assert reason(world.do(give(world.known(), "comptes.signer"), login(gap))) is None


def test_inv_38_a_role_nobody_may_give_is_not_given():
    world = World()
    gap = world.gap()
    assert Reason.ROLE_NOT_GRANTABLE is reason(world.do(give(gap, "nul.ne.donne"), login(gap)))


def test_inv_74_a_staff_role_lives_only_in_the_administration():
    world = World()
    gap = world.gap()
    assert Reason.ROLE_UNKNOWN is reason(world.do(give(gap, "staff.helpdesk"), login(gap)))
    world.staff = True
    assert reason(world.do(give(gap, "staff.helpdesk"), login(gap))) is None
    assert Reason.ROLE_UNKNOWN is reason(world.do(give(gap, "primes.deposer"), login(gap)))


def test_inv_41_the_same_role_is_not_given_twice_at_a_time():
    world = World()
    gap = world.gap()
    who = world.known()
    world.do(give(who, last=TODAY + timedelta(days=10)), login(gap))
    assert Reason.ALREADY_GRANTED is reason(world.do(give(who, first=TODAY + timedelta(days=10)), login(gap)))
    assert reason(world.do(give(who, first=TODAY + timedelta(days=11)), login(gap))) is None


def test_inv_51_no_grant_without_a_confirmed_address():
    world = World()
    gap = world.gap()
    somebody = world.known(verified=False)
    assert Reason.HOLDER_EMAIL_UNVERIFIED is reason(world.do(give(somebody), login(gap)))
    assert reason(world.do(give(world.known()), login(gap))) is None


def test_inv_51_who_can_mend_it_is_told_to_oneself_and_to_the_manager():
    world = World()
    gap = world.gap()
    world.people[gap] = PersonFacts(id=gap, blocked=False)
    own = world.do(give(gap), login(gap))
    other = world.do(give(world.known(verified=False)), login(gap))
    assert (own.reason, own.reason.fixer) == (Reason.EMAIL_UNVERIFIED, Fixer.YOU)
    assert (other.reason, other.reason.fixer) == (Reason.HOLDER_EMAIL_UNVERIFIED, Fixer.HOLDER)


def test_ending_by_the_gap_needs_a_reason_and_by_the_holder_none():
    world = World()
    gap = world.gap()
    who, grant = world.holder()
    end = c.EndGrant(entity=ENTITY, grant=grant, reason="")
    assert Reason.REASON_MISSING is reason(world.do(end, login(gap)))
    assert reason(world.do(end, login(who))) is None
    assert GrantEnd.RENOUNCED is world.state.grants[grant].ended
    _, second = world.holder()
    because = c.EndGrant(entity=ENTITY, grant=second, reason="Il a quitté l'entreprise.")
    assert Reason.LEVEL_TOO_LOW is reason(world.do(because, login(gap, Level.TOTP)))
    assert reason(world.do(because, login(gap))) is None
    assert GrantEnd.REVOKED is world.state.grants[second].ended
    assert not world.state.grants[second].is_live(NOW)
    assert Reason.GRANT_ENDED is reason(world.do(because, login(gap)))


def test_inv_59_an_ended_future_grant_never_comes_alive():
    world = World()
    gap = world.gap()
    who = world.known()
    world.do(give(who, first=TODAY + timedelta(days=5)), login(gap))
    [grant] = world.state.grants
    world.do(c.EndGrant(entity=ENTITY, grant=grant, reason="Erreur."), login(gap))
    assert not world.state.grants[grant].is_live(NOW)
    assert not world.state.grants[grant].period.holds(NOW + timedelta(days=6))


def test_others_cannot_end_a_grant_and_learn_nothing_of_it():
    expected = {
        "anonymous": Reason.NO_STANDING,
        "unrelated": Reason.GRANT_UNKNOWN,
        "requester": Reason.NOT_GAP,
        "foreign_gap": Reason.GRANT_UNKNOWN,
        "representative": Reason.NOT_GAP,
        "past_representative": Reason.GRANT_UNKNOWN,
    }
    for name, wanted in expected.items():
        world = World()
        world.gap()
        _, grant = world.holder()
        actors = ladder(world)
        command = c.EndGrant(entity=ENTITY, grant=grant, reason="x")
        assert wanted is reason(world.do(command, actors[name])), name
        nothing = c.EndGrant(entity=ENTITY, grant=GrantId(uuid4()), reason="x")
        assert Reason.GRANT_UNKNOWN is reason(world.do(nothing, actors["unrelated"]))


def test_a_feed_brings_roles_with_their_origin_once():
    world = World()
    who = world.known()
    command = c.MigrateRole(entity=ENTITY, person=who, role="primes.deposer", ends_at=NOW + timedelta(days=9))
    assert Reason.NO_STANDING is reason(world.do(command, login(who)))
    world.do(command, SYSTEM)
    assert () == world.do(command, SYSTEM).events
    [grant] = world.state.grants.values()
    assert GrantOrigin.MIGRATED is grant.origin
