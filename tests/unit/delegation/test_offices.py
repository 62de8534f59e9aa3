"""The chief access manager: appointed by a representative, active once he accepts."""

from datetime import timedelta

from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.model import OfficeEnd, OfficeOrigin, OfficeState
from iam.kernel.assurance import Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import OfficeId, uuid4
from iam.kernel.language import Language
from iam.kernel.reasons import Reason
from tests.support.worlds import ENTITY, NOW, SYSTEM, World, ladder, login


def reason(outcome):
    return outcome.reason if isinstance(outcome, Refusal) else None


def appoint(who, email="gap@exemple.be"):
    return c.AppointGap(entity=ENTITY, appointee=who, email=email, language=Language.FR)


def test_inv_25_only_a_representative_appoints():
    """The ladder of actors; even the chief access manager cannot name his successor."""
    expected = {
        "anonymous": Reason.NO_STANDING,
        "unrelated": Reason.NO_STANDING,
        "requester": Reason.NOT_REPRESENTATIVE,
        "holder": Reason.NOT_REPRESENTATIVE,
        "foreign_gap": Reason.NO_STANDING,
        "gap": Reason.NOT_REPRESENTATIVE,
        "past_representative": Reason.NO_STANDING,
        "portal": Reason.NO_STANDING,
        "representative": None,
    }
    for name, wanted in expected.items():
        world = World()
        world.gap()
        actors = ladder(world)
        before = world.state
        assert wanted is reason(world.do(appoint(world.known()), actors[name])), name
        assert (before == world.state) is (wanted is not None)


def test_inv_25_the_login_must_be_strong_and_fresh():
    world = World()
    luc = world.representative()
    command = appoint(world.known())
    for level, age, wanted in (
        (Level.ITSME, timedelta(minutes=1), Reason.LEVEL_TOO_LOW),
        (Level.EID, timedelta(minutes=10, seconds=1), Reason.LOGIN_TOO_OLD),
        (Level.EID, timedelta(minutes=10), None),
    ):
        outcome = world.do(command, login(luc, level, age))
        assert wanted is reason(outcome)


def test_inv_23_a_stale_register_accepts_no_appointment():
    world = World(register_fresh=False)
    luc = world.representative()
    command = appoint(world.known())
    assert Reason.REGISTER_UNAVAILABLE is reason(world.do(command, login(luc)))
    world.register_fresh = True
    assert reason(world.do(command, login(luc))) is None


def test_inv_24_a_suspended_director_does_not_appoint_and_a_joint_one_not_alone():
    world = World()
    suspended, joint = world.representative(suspended=True), world.representative(alone=False)
    assert Reason.REPRESENTATION_SUSPENDED is reason(world.do(appoint(world.known()), login(suspended)))
    assert Reason.JOINT_SIGNATURE_NEEDED is reason(world.do(appoint(world.known()), login(joint)))


def test_appointed_and_active_are_two_states():
    world = World()
    luc, jeanne = world.representative(), world.known()
    world.do(appoint(jeanne), login(luc))
    assert world.state.gap(NOW) is None
    pending = world.state.pending_gap(NOW)
    assert jeanne == pending.person

    outcome = world.do(c.AcceptOffice(entity=ENTITY, office=pending.id), login(jeanne, Level.ITSME))

    assert reason(outcome) is None
    assert jeanne == world.state.gap(NOW).person
    assert world.state.pending_gap(NOW) is None


def test_a_representative_who_names_herself_is_active_at_once():
    world = World()
    luc = world.representative()
    outcome = world.do(appoint(luc), login(luc))
    assert [e.OfficeAppointed, e.OfficeActivated] == [type(event) for event in outcome.events]
    assert luc == world.state.gap(NOW).person


def test_accepting_is_the_appointees_own_strong_act():
    world = World()
    luc, jeanne = world.representative(), world.known()
    world.do(appoint(jeanne), login(luc))
    office = world.state.pending_gap(NOW).id
    command = c.AcceptOffice(entity=ENTITY, office=office)
    assert Reason.APPOINTMENT_UNKNOWN is reason(world.do(command, login(luc)))
    assert Reason.APPOINTMENT_UNKNOWN is reason(world.do(command, login(world.known())))
    assert Reason.LEVEL_TOO_LOW is reason(world.do(command, login(jeanne, Level.TOTP)))
    assert reason(world.do(command, login(jeanne, Level.ITSME))) is None
    assert Reason.APPOINTMENT_CLOSED is reason(world.do(command, login(jeanne)))


def test_inv_26_one_appointment_at_a_time():
    world = World()
    luc = world.representative()
    assert reason(world.do(appoint(world.known()), login(luc))) is None
    assert Reason.APPOINTMENT_PENDING is reason(world.do(appoint(world.known()), login(luc)))


def test_inv_26_the_same_person_is_not_appointed_again():
    world = World()
    gap = world.gap()
    luc = world.representative()
    assert Reason.ALREADY_GAP is reason(world.do(appoint(gap), login(luc)))


def test_inv_27_the_old_one_stays_until_the_new_one_activates():
    world = World()
    old = world.gap()
    old_office = world.state.gap(NOW).id
    luc, new = world.representative(), world.known()
    request = world.request()
    world.do(appoint(new), login(luc))
    assert old == world.state.gap(NOW).person  # no gap in between

    pending = world.state.pending_gap(NOW)
    outcome = world.do(c.AcceptOffice(entity=ENTITY, office=pending.id), login(new))

    ended = outcome.events[0]
    assert (old_office, OfficeEnd.REPLACED, pending.id) == (ended.office, ended.why, ended.by_office)
    assert new == world.state.gap(NOW).person
    assert OfficeState.ENDED is world.state.offices[old_office].state
    approve = c.ApproveRequest(entity=ENTITY, request=request)
    assert Reason.NO_STANDING is reason(world.do(approve, login(old)))
    assert reason(world.do(approve, login(new))) is None


def test_inv_32_an_appointment_lapses_by_itself_and_another_can_follow():
    world = World()
    luc, jeanne = world.representative(), world.known()
    world.do(appoint(jeanne), login(luc))
    office = world.state.pending_gap(NOW).id
    world.now = NOW + timedelta(days=30)
    late = world.do(c.AcceptOffice(entity=ENTITY, office=office), login(jeanne, now=world.now))
    assert Reason.APPOINTMENT_CLOSED is reason(late)
    assert reason(world.do(appoint(world.known()), login(luc, now=world.now))) is None
    ended = [event for event in world.journal if isinstance(event, e.OfficeEnded)]
    assert [OfficeEnd.EXPIRED] == [event.why for event in ended]


def test_declining_and_cancelling_close_the_appointment():
    world = World()
    luc, jeanne = world.representative(), world.known()
    world.do(appoint(jeanne), login(luc))
    office = world.state.pending_gap(NOW).id
    assert Reason.NO_STANDING is reason(
        world.do(c.CancelAppointment(entity=ENTITY, office=office), login(world.known()))
    )
    assert reason(world.do(c.DeclineOffice(entity=ENTITY, office=office), login(jeanne))) is None
    assert Reason.APPOINTMENT_CLOSED is reason(
        world.do(c.CancelAppointment(entity=ENTITY, office=office), login(luc))
    )
    world.do(appoint(jeanne), login(luc))
    second = world.state.pending_gap(NOW).id
    assert reason(world.do(c.CancelAppointment(entity=ENTITY, office=second), login(luc))) is None
    assert Reason.APPOINTMENT_UNKNOWN is reason(
        world.do(c.CancelAppointment(entity=ENTITY, office=OfficeId(uuid4())), login(luc))
    )


def test_a_feed_brings_a_gap_with_his_origin_once_and_never_over_another():
    world = World()
    paul = world.known()
    command = c.MigrateGap(entity=ENTITY, person=paul, email="paul@exemple.be")
    assert Reason.NO_STANDING is reason(world.do(command, login(paul)))
    world.do(command, SYSTEM)
    assert OfficeOrigin.MIGRATED is world.state.gap(NOW).origin
    assert () == world.do(command, SYSTEM).events
    other = c.MigrateGap(entity=ENTITY, person=world.known(), email=None)
    assert Reason.ALREADY_GAP is reason(world.do(other, SYSTEM))


def test_a_ceased_enterprise_has_nobody_appointed():
    world = World(operating=False)
    luc = world.representative()
    assert Reason.ENTERPRISE_CEASED is reason(world.do(appoint(world.known()), login(luc)))
