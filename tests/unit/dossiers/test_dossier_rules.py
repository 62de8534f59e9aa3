"""Dossiers by the rules alone: who may do what, in which state, until when (DOMAIN 7.2, 7.3)."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest

from iam.bce.model import Basis, Consequence, EnterpriseKind, RegisterState, Suspension
from iam.dossiers import commands as c
from iam.dossiers import events as e
from iam.dossiers.model import FOLLOWS, Kind, Stage, State, kind_of
from iam.dossiers.rules import decide
from iam.dossiers.rules.checks import LONGEST_TEXT, capacities
from iam.kernel.actor import Capacity, PortalActor, SystemActor
from iam.kernel.assurance import Level
from iam.kernel.clock import end_of_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import DocumentId, uuid4
from iam.kernel.reasons import Reason
from iam.kernel.ssin import Fingerprint
from tests.support.dossiers import (
    BOOK,
    CHURCH,
    GRANT,
    JPEG,
    NOW,
    PDF,
    PNG,
    SCRIPT,
    TODAY,
    Case,
    document,
    event,
    opening,
    representation,
    why,
)
from tests.support.worlds import person

FIRST, SECOND = person(), person()
# The digits of a national number with an unknown birth date, which is nobody's.
NUMBER = "71000000333"


def at_state(state: State) -> Case:
    """A dossier as it is in each state."""
    case = Case()
    changes: dict = {}
    if state in {State.SECOND_REVIEW, State.ACCEPTED, State.REVOKED}:
        changes |= {"first_reviewer": FIRST, "first_until": TODAY + timedelta(days=100)}
    if state in {State.ACCEPTED, State.REVOKED}:
        changes |= {"second_reviewer": SECOND, "ends_at": NOW + timedelta(days=50)}
    if state in {State.FIRST_REVIEW, State.SECOND_REVIEW}:
        changes |= {"started": frozenset({SECOND})}
    return case.is_(state, **changes)


def accept(case: Case, stage=Stage.FIRST, until=TODAY + timedelta(days=30), note="Vu le procès-verbal."):
    return c.Accept(dossier=case.dossier.id, stage=stage, until=until, note=note)


def refuse(case: Case, stage=Stage.FIRST, reason="Il manque la décision."):
    return c.Refuse(dossier=case.dossier.id, stage=stage, reason=reason)


# -- which act in which state


def attempts(case: Case) -> dict:
    """Every act but those that look, by whom it is, with the state that it leads to."""
    it, stage = case.dossier.id, case.dossier.stage
    return {
        "add": (case.claimant, c.AddDocument(dossier=it, content=PDF)),
        "remove": (case.claimant, c.RemoveDocument(dossier=it, document=case.dossier.documents[0].id)),
        "submit": (case.claimant, c.Submit(dossier=it)),
        "withdraw": (case.claimant, c.Withdraw(dossier=it)),
        "start": (SECOND, c.StartReview(dossier=it, stage=stage)),
        "accept": (SECOND, accept(case, stage)),
        "refuse": (SECOND, refuse(case, stage)),
        "revoke": (SECOND, c.Revoke(dossier=it, reason="La nomination est annulée.")),
    }


ALLOWED = {
    State.OPENED: {"add", "remove", "submit", "withdraw"},
    State.SUBMITTED: {"start", "withdraw"},
    State.FIRST_REVIEW: {"start", "accept", "refuse", "withdraw"},
    State.SECOND_REVIEW: {"start", "accept", "refuse", "withdraw"},
    State.ACCEPTED: {"revoke", "withdraw"},
    State.REFUSED: set(),
    State.WITHDRAWN: set(),
    State.EXPIRED: set(),
    State.REVOKED: set(),
}
LEADS_TO = {
    e.DossierSubmitted: State.SUBMITTED,
    e.DossierWithdrawn: State.WITHDRAWN,
    e.ReviewAccepted: State.SECOND_REVIEW,
    e.DossierAccepted: State.ACCEPTED,
    e.DossierRefused: State.REFUSED,
    e.DossierRevoked: State.REVOKED,
    e.DossierExpired: State.EXPIRED,
}


ACTS = ("add", "remove", "submit", "withdraw", "start", "accept", "refuse", "revoke")


@pytest.mark.parametrize(("state", "what"), list(product(State, ACTS)))
def test_an_act_is_possible_in_its_states_and_in_no_other(state, what):
    case = at_state(state)
    case.limits = replace(case.limits, documents=9)
    who, command = attempts(case)[what]

    outcome = case.by(who, command)

    assert (not isinstance(outcome, Refusal)) is (what in ALLOWED[state]), outcome
    for happened in () if isinstance(outcome, Refusal) else outcome.events:
        if type(happened) in LEADS_TO:
            assert LEADS_TO[type(happened)] in FOLLOWS[state]
        elif isinstance(happened, e.ReviewStarted) and state is State.SUBMITTED:
            assert State.FIRST_REVIEW in FOLLOWS[state]


@pytest.mark.parametrize("state", State)
def test_what_is_over_stays_over_whatever_is_asked(state):
    case = at_state(state)
    if FOLLOWS[state]:
        return
    for who, command in attempts(case).values():
        assert isinstance(case.by(who, command), Refusal)
    assert decide(c.Lapse(dossier=case.dossier.id), case.facts(SystemActor(trigger="clock"))).events == ()


# -- opening


def test_a_dossier_is_opened_for_its_claimant_with_what_he_said():
    opened = event(Case(dossier=None).claims(opening(motivation="  Nommée.  ", email="Agathe@Exemple.be")))

    assert (opened.code, opened.motivation, opened.email) == ("XPOUV", "Nommée.", "agathe@exemple.be")
    assert opened.lapses_at == NOW + timedelta(days=14)


@pytest.mark.parametrize(
    ("changes", "wanted", "field"),
    [
        ({"since": TODAY}, None, None),
        ({"since": TODAY + timedelta(days=1)}, Reason.SINCE_IN_FUTURE, "since"),
        ({"since": None}, Reason.SINCE_IN_FUTURE, "since"),
        ({"code": ""}, Reason.CAPACITY_UNKNOWN, "code"),
        ({"code": "XPRES"}, Reason.CAPACITY_UNKNOWN, "code"),
        ({"code": "XCURA"}, Reason.CAPACITY_UNKNOWN, "code"),
        ({"motivation": " \n"}, Reason.EXPLANATION_MISSING, "motivation"),
        ({"motivation": "x" * LONGEST_TEXT}, None, None),
        ({"motivation": "x" * (LONGEST_TEXT + 1)}, Reason.TEXT_TOO_LONG, "motivation"),
        ({"motivation": f"Moi, {NUMBER}"}, Reason.TEXT_HOLDS_NATIONAL_NUMBER, "motivation"),
        ({"motivation": "Moi, 71.00.00-003.33"}, Reason.TEXT_HOLDS_NATIONAL_NUMBER, "motivation"),
        ({"email": "agathe"}, Reason.EMAIL_INVALID, "email"),
        ({"email": f"{NUMBER}@exemple.be"}, Reason.EMAIL_INVALID, "email"),
    ],
)
def test_what_is_typed_is_looked_at(changes, wanted, field):
    outcome = Case().claims(opening(**changes))

    assert why(outcome) is wanted
    assert getattr(outcome, "about", None) == field


def test_inv_18_a_dossier_claims_what_would_represent_alone_by_the_rules_and_nothing_else():
    assert set(capacities(CHURCH, BOOK, TODAY)) == {"XADMI", "XADMD", "XADMP", "XGERA", "XPOUV"}
    association = replace(CHURCH, form="017")
    assert "XPRES" in capacities(association, BOOK, TODAY)
    assert "XADMI" not in capacities(association, BOOK, TODAY), "directors of an ASBL sign together"
    assert capacities(CHURCH, BOOK, date(1999, 12, 31)) == (), "the rules hold from a day on"


def test_inv_22_for_the_enterprise_of_a_natural_person_only_he_himself_is_claimed():
    alone = replace(CHURCH, kind=EnterpriseKind.NATURAL, form=None)

    assert capacities(alone, BOOK, TODAY) == ("XTITU",)


def test_inv_24_in_a_controlled_situation_only_who_takes_over_is_claimed():
    bankrupt = replace(CHURCH, consequence=Consequence.CONTROLLED)

    assert set(capacities(bankrupt, BOOK, TODAY)) == {"XADMP", "XCURA", "XLIQU"}


OTHER, OWN = Fingerprint("1", b"other"), Fingerprint("1", b"own")


@pytest.mark.parametrize(
    ("has_number", "held", "own", "wanted"),
    [
        (True, (), (), None),
        (True, (representation(OTHER),), (), Reason.REPRESENTATIVE_KNOWN),
        (True, (representation(OTHER, alone=False),), (), None),
        (True, (representation(OTHER, why_suspended=Suspension.CONTROLLED),), (), None),
        (True, (representation(OTHER, how=Basis.MANUAL_DOSSIER),), (), None),
        (False, (representation(OTHER),), (), None),
        (True, (representation(OWN),), (representation(OWN),), Reason.ALREADY_REPRESENTATIVE),
        (True, (representation(OWN, alone=False),), (representation(OWN, alone=False),), None),
        (False, (representation(OWN),), (representation(OWN),), Reason.ALREADY_REPRESENTATIVE),
    ],
)
def test_a_dossier_is_for_an_enterprise_without_a_usable_representative_or_a_person_without_a_number(
    has_number, held, own, wanted
):
    case = Case(has_number=has_number, representations=held, own=own)

    assert why(case.claims(opening())) is wanted
    assert why(case.claims(c.Submit(dossier=case.dossier.id))) is wanted
    reviewed = at_state(State.FIRST_REVIEW)
    reviewed.has_number, reviewed.representations, reviewed.own = has_number, held, own
    assert why(reviewed.by(SECOND, accept(reviewed))) is wanted, "looked at anew at the decision (nr 47)"


def test_inv_21_an_enterprise_that_has_ceased_is_represented_by_nobody():
    for ceased in (
        replace(CHURCH, state=RegisterState.VANISHED),
        replace(CHURCH, consequence=Consequence.TERMINAL),
    ):
        assert why(Case(enterprise=ceased).claims(opening())) is Reason.ENTERPRISE_CEASED


@pytest.mark.parametrize(
    ("around", "wanted"),
    [
        ({"under_way": True}, Reason.DOSSIER_UNDER_WAY),
        ({"open": 2}, None),
        ({"open": 3}, Reason.TOO_MANY_DOSSIERS),
        ({"recent": 4}, None),
        ({"recent": 5}, Reason.TOO_MANY_DOSSIERS),
        ({"blocked": True}, Reason.PERSON_BLOCKED),
    ],
)
def test_a_person_opens_a_few_and_one_an_enterprise(around, wanted):
    assert why(Case(**around).claims(opening())) is wanted


def test_opening_and_sending_ask_for_the_level_of_an_appointment():
    case = Case()
    for command in (opening(), c.Submit(dossier=case.dossier.id)):
        assert why(case.claims(command, level=Level.ITSME)) is Reason.LEVEL_TOO_LOW
        assert why(case.claims(command, age=timedelta(hours=3))) is None, "writing a dossier takes a while"


def test_no_program_and_no_clock_opens_sends_or_decides_anything():
    case = at_state(State.FIRST_REVIEW)
    for who in (SystemActor(trigger="clock"), PortalActor(client_id="portail-wallonie")):
        for command in (opening(), *(command for _, command in attempts(case).values())):
            case.reviewer = Refusal(reason=Reason.NOT_STAFF)
            assert isinstance(decide(command, case.facts(who)), Refusal), command


# -- whose it is


@pytest.mark.parametrize("state", State)
def test_somebody_elses_dossier_is_not_there(state):
    case = at_state(state)
    for what in ("add", "remove", "submit", "withdraw"):
        assert why(case.by(person(), attempts(case)[what][1])) is Reason.DOSSIER_UNKNOWN


# -- documents


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PDF, Kind.PDF), (JPEG, Kind.JPEG), (PNG, Kind.PNG),
        (SCRIPT, None), (b"", None), (b"%PDF-", None), (b"\xff\xd8\xff", None),
        (SCRIPT + PDF, None), (b"GIF89a" + PNG, None), (b"PK\x03\x04 a zip", None),
        (PDF[:-6], None), (PNG[:-4], None),
        (PDF + b"\n" * 1000, Kind.PDF), (PDF + SCRIPT * 30, None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
    ],
)  # fmt: skip
def test_what_a_document_is_its_content_says(content, kind):
    assert kind_of(content) is kind


def test_a_document_is_taken_by_its_content_within_its_size_and_number():
    case = Case()

    def adding(content):
        return case.claims(c.AddDocument(dossier=case.dossier.id, content=content))

    assert event(adding(PNG)).kind is Kind.PNG
    assert why(adding(b"")) is Reason.DOCUMENT_MISSING
    assert why(adding(SCRIPT)) is Reason.DOCUMENT_KIND
    padding = case.limits.document_bytes - len(PDF)
    whole = PDF[:9] + b" " * padding + PDF[9:]
    assert event(adding(whole)).size == case.limits.document_bytes
    assert why(adding(whole + b"\n")) is Reason.DOCUMENT_TOO_LARGE
    case.is_(State.OPENED, documents=(document(), document()))
    assert why(adding(PDF)) is Reason.TOO_MANY_DOCUMENTS


def test_only_a_document_of_the_dossier_is_taken_out():
    case = Case()

    assert why(
        case.claims(c.RemoveDocument(dossier=case.dossier.id, document=DocumentId(uuid4())))
    ) is Reason.DOSSIER_UNKNOWN  # fmt: skip


def test_nothing_is_sent_without_a_document():
    case = Case().is_(State.OPENED, documents=())

    assert why(case.claims(c.Submit(dossier=case.dossier.id))) is Reason.DOCUMENT_MISSING


# -- the reviews


def test_two_reviewers_accept_and_the_earlier_day_counts():
    case = at_state(State.FIRST_REVIEW)
    half = case.by(SECOND, accept(case, until=TODAY + timedelta(days=30)))
    first = event(half)
    assert (first.until, first.note) == (TODAY + timedelta(days=30), "Vu le procès-verbal.")
    assert (half.capacity, half.basis) == (Capacity.STAFF, {"grant": str(GRANT)})

    for days, ends in ((10, 10), (100, 30)):
        case = at_state(State.SECOND_REVIEW).is_(
            State.SECOND_REVIEW, first_until=first.until, first_reviewer=FIRST
        )
        second = event(case.by(SECOND, accept(case, Stage.SECOND, TODAY + timedelta(days=days))))
        assert second.ends_at == end_of_day(TODAY + timedelta(days=ends))
        assert second.documents_until == NOW + timedelta(days=90)


def test_inv_43_a_claimant_never_reviews_his_own():
    case = at_state(State.FIRST_REVIEW)
    case.dossier = replace(case.dossier, started=frozenset({case.claimant}))
    for what in ("start", "accept", "refuse", "revoke"):
        assert why(case.by(case.claimant, attempts(case)[what][1])) is Reason.OWN_DOSSIER
    assert why(case.by(case.claimant, c.Read(dossier=case.dossier.id))) is Reason.OWN_DOSSIER


@pytest.mark.parametrize("state", [State.SUBMITTED, State.FIRST_REVIEW, State.SECOND_REVIEW, State.ACCEPTED])
def test_whoever_is_somebody_in_the_enterprise_neither_looks_nor_decides(state):
    case = at_state(state)
    case.involved = True
    for what in ("start", "accept", "refuse", "revoke"):
        assert why(case.by(SECOND, attempts(case)[what][1])) is Reason.INVOLVED_REVIEWER
    assert why(case.by(SECOND, c.Read(dossier=case.dossier.id))) is Reason.INVOLVED_REVIEWER
    [only] = case.dossier.documents
    assert why(case.by(SECOND, c.Read(dossier=case.dossier.id, document=only.id))) is Reason.INVOLVED_REVIEWER


def test_whoever_accepted_first_is_not_the_second():
    case = at_state(State.SECOND_REVIEW)
    case.dossier = replace(case.dossier, started=frozenset({FIRST, SECOND}))
    for what in ("start", "accept", "refuse"):
        assert why(case.by(FIRST, attempts(case)[what][1])) is Reason.SECOND_REVIEWER_NEEDED


def test_a_decision_is_about_the_review_that_was_shown():
    """Of two who decide on the first review, the second is told so, and has not made the second review."""
    case = at_state(State.SECOND_REVIEW)

    assert why(case.by(SECOND, accept(case, Stage.FIRST))) is Reason.REVIEW_OVERTAKEN
    assert why(case.by(SECOND, refuse(case, Stage.FIRST))) is Reason.REVIEW_OVERTAKEN
    case = at_state(State.FIRST_REVIEW)
    assert why(case.by(SECOND, accept(case, Stage.SECOND))) is Reason.REVIEW_OVERTAKEN


def test_whoever_decides_has_taken_it_up_and_seen_it():
    case = at_state(State.FIRST_REVIEW)
    other = person()

    assert why(case.by(other, accept(case))) is Reason.REVIEW_NOT_STARTED
    assert why(case.by(other, refuse(case))) is Reason.REVIEW_NOT_STARTED


@pytest.mark.parametrize("what", ["accept", "refuse"])
def test_a_decision_asks_for_a_strong_and_fresh_login(what):
    case = at_state(State.FIRST_REVIEW)
    command = attempts(case)[what][1]

    assert why(case.by(SECOND, command, level=Level.ITSME)) is Reason.LEVEL_TOO_LOW
    assert why(case.by(SECOND, command, age=timedelta(minutes=10, seconds=1))) is Reason.LOGIN_TOO_OLD
    assert why(case.by(SECOND, command, age=timedelta(minutes=10))) is None


def test_a_revocation_asks_for_a_strong_and_fresh_login_and_a_reason():
    case = at_state(State.ACCEPTED)
    command = c.Revoke(dossier=case.dossier.id, reason="Annulée.")

    assert why(case.by(FIRST, command, level=Level.ITSME)) is Reason.LEVEL_TOO_LOW
    assert why(case.by(FIRST, command, age=timedelta(minutes=11))) is Reason.LOGIN_TOO_OLD
    assert why(case.by(FIRST, replace(command, reason=" "))) is Reason.REASON_MISSING
    assert event(case.by(person(), command)).reason == "Annulée.", "any reviewer may take it back"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Reason.NOTE_MISSING),
        ("x" * (LONGEST_TEXT + 1), Reason.TEXT_TOO_LONG),
        (f"Elle est {NUMBER}", Reason.TEXT_HOLDS_NATIONAL_NUMBER),
    ],
)
def test_a_reviewer_says_what_he_relied_on_and_why_he_refuses_and_no_national_number(text, wanted):
    case = at_state(State.FIRST_REVIEW)

    assert why(case.by(SECOND, accept(case, note=text))) is wanted
    missing = Reason.REASON_MISSING if wanted is Reason.NOTE_MISSING else wanted
    assert why(case.by(SECOND, refuse(case, reason=text))) is missing


@pytest.mark.parametrize(
    ("until", "wanted"),
    [
        (None, Reason.PERIOD_IN_PAST),
        (TODAY - timedelta(days=1), Reason.PERIOD_IN_PAST),
        (TODAY, None),
        (TODAY + timedelta(days=365), None),
        (TODAY + timedelta(days=366), Reason.UNTIL_TOO_FAR),
    ],
)
def test_it_is_accepted_until_a_day_that_is_not_too_far(until, wanted):
    case = at_state(State.FIRST_REVIEW)

    assert why(case.by(SECOND, accept(case, until=until))) is wanted


def test_the_days_are_belgian_ones():
    """23:30 in Brussels on the 24th is the 24th, half an hour later the 25th; winter time."""
    case = at_state(State.FIRST_REVIEW)
    case.now = NOW.replace(hour=22, minute=30)
    assert why(case.by(SECOND, accept(case, until=TODAY))) is None
    assert why(case.claims(opening(since=TODAY + timedelta(days=1)))) is Reason.SINCE_IN_FUTURE
    case.now = NOW.replace(hour=23, minute=0)
    assert why(case.by(SECOND, accept(case, until=TODAY))) is Reason.PERIOD_IN_PAST
    assert why(case.claims(opening(since=TODAY + timedelta(days=1)))) is None


def test_an_acceptance_ends_at_belgian_midnight_in_summer_too():
    case = at_state(State.SECOND_REVIEW).is_(State.SECOND_REVIEW, first_until=date(2027, 6, 30))
    accepted = event(case.by(SECOND, accept(case, Stage.SECOND, date(2027, 7, 31))))

    assert accepted.ends_at.isoformat() == "2027-06-30T22:00:00+00:00"


def test_a_blocked_claimant_is_not_made_a_representative_and_a_blocked_reviewer_makes_none():
    case = at_state(State.FIRST_REVIEW)
    case.blocked = True
    assert why(case.by(SECOND, accept(case))) is Reason.CLAIMANT_BLOCKED
    assert why(case.by(SECOND, refuse(case))) is None
    case.blocked, case.actor_blocked = False, True
    for what in ("start", "accept", "refuse", "revoke"):
        assert why(case.by(SECOND, attempts(case)[what][1])) is Reason.PERSON_BLOCKED


def test_what_somebody_accepted_who_was_blocked_since_does_not_count_and_may_be_refused():
    case = at_state(State.SECOND_REVIEW)
    case.first_reviewer_blocked = True
    assert why(case.by(SECOND, accept(case, Stage.SECOND))) is Reason.FIRST_REVIEWER_BLOCKED
    assert why(case.by(SECOND, refuse(case, Stage.SECOND))) is None


def test_a_capacity_that_the_rules_have_lost_is_not_accepted():
    case = at_state(State.FIRST_REVIEW)
    case.dossier = replace(case.dossier, code="XPRES")

    assert why(case.by(SECOND, accept(case))) is Reason.CAPACITY_UNKNOWN


def test_without_the_role_there_is_nothing_to_review():
    case = at_state(State.FIRST_REVIEW)
    case.reviewer = Refusal(reason=Reason.NOT_STAFF)
    for what in ("start", "accept", "refuse", "revoke"):
        assert why(case.by(SECOND, attempts(case)[what][1])) is Reason.NOT_STAFF
    assert why(case.by(SECOND, c.Read(dossier=case.dossier.id))) is Reason.NOT_STAFF


def test_what_was_not_sent_is_not_there_for_reviewers():
    case = at_state(State.OPENED)

    assert why(case.by(SECOND, c.Read(dossier=case.dossier.id))) is Reason.DOSSIER_UNKNOWN
    assert why(case.by(SECOND, attempts(case)["start"][1])) is Reason.DOSSIER_UNKNOWN


def test_to_take_it_up_twice_is_to_take_it_up_once():
    case = at_state(State.FIRST_REVIEW)

    assert case.by(SECOND, c.StartReview(dossier=case.dossier.id, stage=Stage.FIRST)).events == ()


# -- looking


def test_inv_65_a_look_is_an_event_and_asks_that_the_review_was_taken_up():
    case = at_state(State.FIRST_REVIEW)
    it, inside = case.dossier.id, case.dossier.documents[0].id

    assert event(case.by(SECOND, c.Read(dossier=it))).document is None
    assert event(case.by(SECOND, c.Read(dossier=it, document=inside))).document == inside
    assert why(case.by(person(), c.Read(dossier=it))) is Reason.REVIEW_NOT_STARTED
    assert why(case.by(person(), c.Read(dossier=it, document=inside))) is Reason.DOSSIER_UNKNOWN
    assert why(
        case.by(SECOND, c.Read(dossier=it, document=DocumentId(uuid4())))
    ) is Reason.DOSSIER_UNKNOWN  # fmt: skip


def test_documents_are_for_the_review_alone_and_a_destroyed_one_for_nobody():
    case = at_state(State.ACCEPTED)
    case.dossier = replace(case.dossier, started=frozenset({SECOND}))
    inside = case.dossier.documents[0].id

    assert event(case.by(SECOND, c.Read(dossier=case.dossier.id))), "to take it back, one must see it"
    assert why(
        case.by(SECOND, c.Read(dossier=case.dossier.id, document=inside))
    ) is Reason.DOSSIER_UNKNOWN  # fmt: skip
    case = at_state(State.FIRST_REVIEW)
    gone = document(destroyed=True)
    case.dossier = replace(case.dossier, documents=(gone,))
    assert why(
        case.by(SECOND, c.Read(dossier=case.dossier.id, document=gone.id))
    ) is Reason.DOSSIER_UNKNOWN  # fmt: skip
    for state in (State.REFUSED, State.WITHDRAWN, State.EXPIRED, State.REVOKED):
        case = at_state(state)
        assert why(case.by(SECOND, c.Read(dossier=case.dossier.id))) is Reason.REVIEW_NOT_STARTED


# -- time


def lapse(case: Case):
    return decide(c.Lapse(dossier=case.dossier.id), case.facts(SystemActor(trigger="clock")))


@pytest.mark.parametrize(
    ("state", "reason", "kept"),
    [
        (State.OPENED, e.Lapsed.UNSENT, NOW),
        (State.SUBMITTED, e.Lapsed.UNDECIDED, NOW + timedelta(days=90)),
        (State.FIRST_REVIEW, e.Lapsed.UNDECIDED, NOW + timedelta(days=90)),
        (State.SECOND_REVIEW, e.Lapsed.UNDECIDED, NOW + timedelta(days=90)),
        (State.ACCEPTED, e.Lapsed.OVER, None),
    ],
)
def test_time_ends_what_is_over_and_nothing_before(state, reason, kept):
    case = at_state(state)
    end = "ends_at" if state is State.ACCEPTED else "lapses_at"
    case.dossier = replace(case.dossier, **{end: NOW + timedelta(microseconds=1)})
    assert lapse(case).events == ()
    assert case.dossier.shown(NOW) is state

    case.dossier = replace(case.dossier, **{end: NOW})
    expired = event(lapse(case))
    assert (expired.why, expired.documents_until) == (reason, kept)
    assert case.dossier.shown(NOW) is State.EXPIRED, "whether it is recorded or not"
    assert not case.dossier.in_force(NOW)


@pytest.mark.parametrize("state", [State.OPENED, State.SUBMITTED, State.FIRST_REVIEW, State.SECOND_REVIEW])
def test_what_is_over_by_time_alone_is_over_for_every_act(state):
    case = at_state(state)
    case.dossier = replace(case.dossier, lapses_at=NOW)
    for who, command in attempts(case).values():
        assert isinstance(case.by(who, command), Refusal), command


def test_only_the_clock_lets_time_pass():
    case = at_state(State.ACCEPTED)
    case.dossier = replace(case.dossier, ends_at=NOW)

    assert why(case.claims(c.Lapse(dossier=case.dossier.id))) is Reason.NO_STANDING


def test_of_what_nobody_has_seen_nothing_is_kept():
    for state, kept in ((State.OPENED, NOW), (State.SUBMITTED, NOW + timedelta(days=90))):
        case = at_state(state)
        assert event(case.claims(c.Withdraw(dossier=case.dossier.id))).documents_until == kept
