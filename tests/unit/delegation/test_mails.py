"""What each mail says, in four languages, and which event brings which: no database is asked."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from iam.delegation import events as e
from iam.delegation.mails import words
from iam.delegation.mails.model import Told
from iam.delegation.mails.table import ALL, TABLE
from iam.delegation.model import GrantEnd, GrantOrigin, OfficeEnd, OfficeKind, OfficeOrigin, Relation
from iam.kernel.ids import GrantId, OfficeId, RequestId, uuid4
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.notify.model import Message
from tests.support.worlds import ENTITY, NOW, person

KARIM, JEANNE = person(), person()
REQUEST, OFFICE, GRANT = RequestId(uuid4()), OfficeId(uuid4()), GrantId(uuid4())
LAST = datetime(2026, 12, 24, 9, 0, tzinfo=UTC)
FR, NL, DE, EN = Language.FR, Language.NL, Language.DE, Language.EN
ENTERPRISE = {FR: "Dupont (FR)", NL: "Dupont (NL)", DE: "Dupont (DE)", EN: "Dupont (EN)"}
ROLE = {FR: "les primes", NL: "de premies", DE: "die Prämien", EN: "the grants"}
ALLOWED = {
    FR: "déposer une prime",
    NL: "een premie aanvragen",
    DE: "eine Prämie beantragen",
    EN: "ask for one",
}


def ended(why):
    return e.OfficeEnded(office=OFFICE, entity=ENTITY, kind=OfficeKind.GAP, person=JEANNE, why=why, at=NOW)


def grant(origin=GrantOrigin.DIRECT, *, to_oneself=False):
    return e.RoleGranted(
        grant=GRANT, entity=ENTITY, person=KARIM, role="r", starts_at=NOW, ends_at=LAST, origin=origin,
        by=JEANNE, to_oneself=to_oneself, at=NOW,
    )  # fmt: skip


def grant_ended(why, reason="Il est parti."):
    return e.GrantEnded(
        grant=GRANT, entity=ENTITY, person=KARIM, role="r", why=why, by=JEANNE, at=NOW, reason=reason
    )


def named(by=JEANNE):
    return e.OfficeAppointed(
        office=OFFICE, entity=ENTITY, kind=OfficeKind.GAP, person=KARIM, at=NOW, lapses_at=LAST, language=FR,
        by=by, email="karim@exemple.be",
    )  # fmt: skip


def approval(*, shortened=False):
    return e.RequestApproved(
        request=REQUEST, entity=ENTITY, person=KARIM, by=JEANNE, shortened=shortened, at=NOW
    )


ASKED = {"request": REQUEST, "entity": ENTITY, "person": KARIM, "at": NOW}
SUBMITTED = e.RequestSubmitted(
    **ASKED, roles=("r",), relation=Relation.EMPLOYEE, language=FR, starts_at=NOW, ends_at=LAST,
    lapses_at=LAST, motivation="m", email="karim@exemple.be",
)  # fmt: skip
REFUSED = e.RequestRefused(**ASKED, by=JEANNE, reason="Pas vous.")
ACTIVATED = e.OfficeActivated(
    office=OFFICE, entity=ENTITY, kind=OfficeKind.GAP, person=JEANNE, origin=OfficeOrigin.APPOINTED, at=NOW,
    email="jeanne@exemple.be",
)  # fmt: skip
EVENTS = (
    SUBMITTED, e.RequestConfirmed(**ASKED), e.RequestRouted(**ASKED, office=OFFICE), approval(),
    approval(shortened=True), REFUSED, e.RequestExpired(**ASKED), e.RequestVoided(**ASKED), named(), ACTIVATED,
    *(ended(why) for why in OfficeEnd), grant(), *(grant_ended(why) for why in GrantEnd),
)  # fmt: skip
MAILS = [(mail, event) for event in EVENTS for mail in TABLE[type(event)] if mail.when(event)]


def told(event, **changes):
    known = {
        "enterprise": ENTERPRISE, "number": EnterpriseNumber("1900000069"), "person": "Karim Benali",
        "url": "https://mon.test", "roles": (ROLE,), "allowed": (ALLOWED,), "wished": Period(NOW, LAST),
    }  # fmt: skip
    return Told(event=event, **{**known, **changes})


def texts(said) -> list[str]:
    labels = [label for label, _ in said.facts]
    return [said.subject, *said.paragraphs, said.link.label, *labels, *said.closing]


def name_of(case) -> str:
    mail, event = case
    why = getattr(event, "why", None)
    return f"{mail.event.__name__}-{mail.words.__name__}" + (f"-{why}" if why else "")


class TestEveryMail:
    @pytest.mark.parametrize("language", Language)
    @pytest.mark.parametrize("case", MAILS, ids=name_of)
    def test_inv_69_it_speaks_the_readers_language_and_no_other(self, case, language):
        mail, event = case
        said, french = (mail.words(told(event), each) for each in (language, FR))
        assert [sentence for sentence in texts(said) if "%(" in sentence] == []
        assert all(paragraph.endswith(".") for paragraph in said.paragraphs)
        if language is not FR:
            # where two languages have the same word there is nothing to tell apart, and no mail has one
            assert [text for text in texts(said) if text in texts(french)] == []

    @pytest.mark.parametrize("language", Language)
    @pytest.mark.parametrize("case", MAILS, ids=name_of)
    def test_it_names_the_enterprise_as_the_reader_knows_it(self, case, language):
        mail, event = case
        assert ENTERPRISE[language] in " ".join(mail.words(told(event), language).paragraphs)

    @pytest.mark.parametrize("case", MAILS, ids=name_of)
    def test_it_can_become_a_message_and_leads_to_a_page_of_ours(self, case):
        mail, event = case
        said = mail.words(told(event), FR)
        Message(
            key="k", address="karim@exemple.be", language=FR, subject=said.subject, paragraphs=said.paragraphs,
            facts=said.facts, link=said.link, closing=said.closing,
        )  # fmt: skip
        assert said.link.intent is None
        assert said.link.path.startswith(
            ("/requests/", "/address/", "/represent/", "/desk/", "/enterprises/", "/appointments/")
        )


class TestWords:
    @pytest.mark.parametrize(
        ("language", "sentence", "asked"),
        [
            (FR, "Votre demande pour Dupont (FR) est envoyée.", ("Rôle", "les primes")),
            (NL, "Uw aanvraag voor Dupont (NL) is verstuurd.", ("Rol", "de premies")),
            (DE, "Ihr Antrag für Dupont (DE) ist abgeschickt.", ("Rolle", "die Prämien")),
            (EN, "Your request for Dupont (EN) has been sent.", ("Role", "the grants")),
        ],
    )
    def test_a_request_that_is_sent_is_repeated_with_its_roles(self, language, sentence, asked):
        said = words.sent(told(SUBMITTED), language)
        assert said.paragraphs[0] == sentence
        assert said.facts[0] == asked
        assert len(said.facts) == 2

    def test_inv_49_the_requester_reads_the_same_text_to_hand_on_before_and_after_he_confirms(self):
        assert words.sent(told(SUBMITTED), FR).closing == words.confirm(told(SUBMITTED), FR).closing
        assert (
            "https://mon.test/represent?enterprise=1900000069" in words.sent(told(SUBMITTED), NL).closing[0]
        )

    @pytest.mark.parametrize("language", Language)
    def test_a_shorter_period_is_said_and_a_whole_one_is_not(self, language):
        whole, shorter = (
            words.approved(told(approval(shortened=each)), language).paragraphs for each in (False, True)
        )
        assert len(shorter) == len(whole) + 1
        assert shorter[:-1] == whole

    @pytest.mark.parametrize("language", Language)
    def test_inv_42_the_reason_is_told_as_it_was_written_and_nothing_where_there_is_none(self, language):
        assert words.refused(told(REFUSED), language).facts[0][1] == "Pas vous."
        assert words.revoked(told(grant_ended(GrantEnd.REVOKED)), language).facts[0][1] == "Il est parti."
        assert words.renounced(told(grant_ended(GrantEnd.RENOUNCED, None)), language).facts == ()

    def test_a_role_that_the_catalogue_lost_is_named_and_promises_nothing(self):
        lost = told(grant(), roles=(dict.fromkeys(Language, "ancien.role"),), allowed=())
        assert words.granted(lost, FR).paragraphs == ("Vous pouvez agir pour Dupont (FR).",)
        assert (
            "« ancien.role »"
            in words.revoked(told(grant_ended(GrantEnd.REVOKED), roles=lost.roles), FR).paragraphs[0]
        )

    @pytest.mark.parametrize(
        ("language", "day"),
        [
            (FR, "24 décembre 2026"),
            (NL, "24 december 2026"),
            (DE, "24. Dezember 2026"),
            (EN, "24 December 2026"),
        ],
    )
    def test_inv_32_the_appointee_reads_until_when_to_answer(self, language, day):
        assert day in words.appointed(told(named()), language).paragraphs[-1]

    @pytest.mark.parametrize("language", Language)
    def test_each_end_of_an_office_is_told_in_words_of_its_own(self, language):
        said = {words.office_ended(told(ended(why)), language).paragraphs for why in OfficeEnd}
        assert len(said) == len(OfficeEnd)

    def test_who_gave_up_a_role_is_named_to_the_manager_alone(self):
        manager = words.renounced(told(grant_ended(GrantEnd.RENOUNCED)), FR)
        holder = words.revoked(told(grant_ended(GrantEnd.REVOKED)), FR)
        assert ("Karim Benali" in manager.paragraphs[0], "Karim Benali" in holder.paragraphs[0]) == (
            True,
            False,
        )
        assert (manager.link.path, holder.link.path) == ("/desk/1900000069", "/enterprises/1900000069")


class TestTable:
    def test_every_event_has_its_mails_or_is_known_to_have_none(self):
        silent = {kind for kind in get_args(e.Event) if kind not in TABLE}
        assert silent == {e.RequestWithdrawn, e.BootstrapOpened, e.BootstrapClaimed}
        assert {mail for mails in TABLE.values() for mail in mails} == set(ALL)

    @pytest.mark.parametrize(
        "event",
        [named(by=KARIM), grant(GrantOrigin.REQUEST), grant(GrantOrigin.MIGRATED), grant(to_oneself=True)],
        ids=["who names herself", "an approval", "a feed", "to oneself"],
    )
    def test_who_acted_himself_or_has_another_mail_is_not_told_again(self, event):
        assert [mail for mail in TABLE[type(event)] if mail.when(event)] == []

    @pytest.mark.parametrize(
        ("event", "reader"),
        [
            (ended(OfficeEnd.REPLACED), "office_holder"),
            (ended(OfficeEnd.CANCELLED), "office_holder"),
            (ended(OfficeEnd.DECLINED), "appointer"),
            (ended(OfficeEnd.EXPIRED), "appointer"),
            (grant_ended(GrantEnd.REVOKED), "role_holder"),
            (grant_ended(GrantEnd.RENOUNCED), "gap"),
        ],
        ids=["replaced", "cancelled", "declined", "expired", "revoked", "renounced"],
    )
    def test_an_end_is_told_to_the_other_side(self, event, reader):
        [mail] = [mail for mail in TABLE[type(event)] if mail.when(event)]
        assert mail.to.__name__ == reader

    def test_inv_51_three_links_confirm_the_address_that_was_typed(self):
        proving = {mail.what: mail.proves(event) for mail, event in MAILS if mail.proves(event) is not None}
        assert proving == {
            "confirm": "karim@exemple.be",
            "appointed": "karim@exemple.be",
            "active": "jeanne@exemple.be",
        }

    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
    def test_inv_70_no_reader_could_get_two_mails_of_one_event_under_one_key(self, event):
        whats = [mail.what for mail in TABLE[type(event)] if mail.when(event)]
        assert len(whats) == len(set(whats))
