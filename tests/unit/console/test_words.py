"""The words that pages share."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from iam.bce.model import Consequence, Enterprise, EnterpriseKind, Name, RegisterState
from iam.console import words
from iam.delegation.model import Grant, GrantOrigin, RequestState
from iam.kernel.ids import EntityId, GrantId, PersonId, uuid4, uuid7
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from tests.support.worlds import role

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DUPONT = Enterprise(
    entity=EntityId(uuid4()),
    number=EnterpriseNumber("1900000069"),
    kind=EnterpriseKind.LEGAL,
    form="610",
    situation="000",
    consequence=Consequence.NORMAL,
    state=RegisterState.ACTIVE,
    start_on=date(1998, 3, 2),
    names=(Name(text="Menuiserie Dupont SRL", language="1", kind="001"),),
)
ROLE = replace(
    role("primes.deposer"),
    allows={
        Language.FR: "déposer et suivre des demandes de primes à l'investissement",
        Language.DE: "Anträge auf Investitionsprämien einreichen und verfolgen",
        Language.NL: "aanvragen voor investeringspremies indienen en opvolgen",
        Language.EN: "submit and follow applications for investment grants",
    },
)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        (
            Language.FR,
            (
                "Karim Benali peut déposer et suivre des demandes de primes à l'investissement pour "
                "Menuiserie Dupont SRL (1900.000.069), jusqu'au 31 mars 2027."
            ),
        ),
        (
            Language.DE,
            (
                "Für Menuiserie Dupont SRL (1900.000.069) kann Karim Benali bis zum 31. März 2027 Anträge auf "
                "Investitionsprämien einreichen und verfolgen."
            ),
        ),
        (
            Language.NL,
            (
                "Karim Benali kan voor Menuiserie Dupont SRL (1900.000.069) tot en met 31 maart 2027 aanvragen "
                "voor investeringspremies indienen en opvolgen."
            ),
        ),
        (
            Language.EN,
            (
                "Karim Benali may submit and follow applications for investment grants for Menuiserie Dupont SRL "
                "(1900.000.069), until 31 March 2027."
            ),
        ),
    ],
)
def test_inv_69_the_grant_sentence_reads_well_in_each_language(language, sentence):
    period = Period.of_days(date(2026, 11, 24), date(2027, 3, 31))
    period = Period(NOW, period.end)
    assert words.grant_sentence("Karim Benali", ROLE, DUPONT, period, NOW, language) == sentence


def test_a_grant_that_has_not_begun_says_from_when():
    period = Period.of_days(date(2026, 12, 1), date(2027, 3, 31))
    said = words.grant_sentence("Karim Benali", ROLE, DUPONT, period, NOW, Language.FR)
    assert said.endswith("du 1er décembre 2026 au 31 mars 2027.")


@pytest.mark.parametrize(
    ("origin", "to_oneself", "says"),
    [
        (GrantOrigin.REQUEST, False, "Accordé par Jeanne Dupont"),
        (GrantOrigin.DIRECT, True, "s'est donné ce rôle"),
        (GrantOrigin.MIGRATED, False, "Repris d'un autre service"),
        (GrantOrigin.BOOTSTRAP, False, "mise en service"),
    ],
)
def test_inv_35_who_gave_a_role_is_said_and_oneself_is_flagged(origin, to_oneself, says):
    grant = Grant(
        id=GrantId(uuid4()), entity=DUPONT.entity, person=PersonId(uuid4()), role="primes.deposer",
        period=Period(NOW, NOW + timedelta(days=9)), origin=origin, granted_by=PersonId(uuid4()),
        granted_at=NOW, to_oneself=to_oneself,
    )  # fmt: skip
    by = "Jeanne Dupont" if origin in {GrantOrigin.REQUEST, GrantOrigin.DIRECT} else None
    assert says in words.grant_basis(grant, by, Language.FR)


@pytest.mark.parametrize("language", list(Language))
def test_inv_49_waiting_and_under_review_read_alike_to_the_requester(language):
    waiting = words.requester_state(RequestState.WAITING_FOR_GAP, language)
    assert waiting == words.requester_state(RequestState.UNDER_REVIEW, language)
    assert words.manager_state(RequestState.WAITING_FOR_GAP, language) != words.manager_state(
        RequestState.UNDER_REVIEW, language
    )


@pytest.mark.parametrize("state", list(RequestState))
def test_every_state_has_its_words(state):
    for language in Language:
        assert words.requester_state(state, language).word
        assert words.manager_state(state, language).sentence


def test_a_reference_is_short_and_the_same_for_the_same_thing():
    wanted = UUID("00000000-0000-4000-8000-0123456789ab")
    assert words.reference(wanted) == words.reference(wanted)
    assert len(words.reference(wanted)) == 9
    assert not set(words.reference(wanted)) & set("ILOU")
    made = {words.reference(uuid7()) for _ in range(200)}
    assert len(made) == 200, "ids made one after the other have references of their own"
