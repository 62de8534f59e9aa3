"""Whose login it is, as a function of what is known."""

import pytest

from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId, uuid4
from iam.kernel.ssin import Fingerprint
from iam.people.model import RebindCause, normalise_address
from iam.people.rules import Account, Known, Recognition, recognise
from tests.support.worlds import TODAY

ANNE, BERT = PersonId(uuid4()), PersonId(uuid4())
NUMBER = (Fingerprint("2", b"n" * 32), Fingerprint("1", b"m" * 32))
OTHER = frozenset({Fingerprint("2", b"o" * 32)})
ELDER = frozenset({Fingerprint("0", b"e" * 32)})
NOBODY = Known(by_number=None, by_account=None, of_account=frozenset(), has_account=False)


def known(number=None, account=None, of_account=frozenset(), has_account=False):
    return Known(by_number=number, by_account=account, of_account=of_account, has_account=has_account)


@pytest.mark.parametrize("fingerprints", [(), NUMBER])
def test_nobody_known_is_somebody_new(fingerprints):
    assert recognise(fingerprints, NOBODY) == Recognition(person=None, account=Account.LINK, cause=None)


def test_the_number_of_somebody_expected_links_the_account():
    found = recognise(NUMBER, known(number=ANNE))
    assert found == Recognition(person=ANNE, account=Account.LINK, cause=None)


def test_the_same_number_with_a_new_account_is_the_same_person():
    found = recognise(NUMBER, known(number=ANNE, has_account=True))
    assert found == Recognition(person=ANNE, account=Account.REPLACE, cause=RebindCause.ACCOUNT_CHANGED)


def test_the_number_wins_over_the_account_of_another():
    found = recognise(NUMBER, known(number=ANNE, account=BERT, of_account=OTHER))
    assert found == Recognition(person=ANNE, account=Account.MOVE, cause=RebindCause.NUMBER_WINS)


def test_a_number_that_nobody_has_on_a_known_account_is_his_new_number():
    found = recognise(NUMBER, known(account=ANNE, of_account=OTHER))
    assert found == Recognition(
        person=ANNE, account=Account.KEEP, cause=RebindCause.NUMBER_CHANGED, number_changed=True
    )


@pytest.mark.parametrize("before", [frozenset(), ELDER])
def test_a_number_of_an_account_without_a_comparable_one_is_learned(before):
    found = recognise(NUMBER, known(account=ANNE, of_account=before))
    assert found == Recognition(person=ANNE, account=Account.KEEP, cause=RebindCause.NUMBER_LEARNED)


def test_without_a_number_the_account_tells():
    found = recognise((), known(account=ANNE, of_account=OTHER))
    assert found == Recognition(person=ANNE, account=Account.KEEP, cause=None)


def test_number_and_account_of_the_same_person_change_nothing():
    found = recognise(
        NUMBER, known(number=ANNE, account=ANNE, of_account=frozenset(NUMBER), has_account=True)
    )
    assert found == Recognition(person=ANNE, account=Account.KEEP, cause=None)


@pytest.mark.parametrize(
    "text",
    ["", "anne", "anne@", "@exemple.be", "anne@exemple", "a b@exemple.be", "anne@exemple.be\nBcc: x@y.be",
     "71000000333@exemple.be", "a\u202e@exemple.be", "a" * 65 + "@exemple.be", "a@" + "b" * 250 + ".be"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    assert isinstance(normalise_address(text, TODAY), Refusal)


def test_an_address_is_in_lower_case():
    assert normalise_address("  Anne.Servais@Exemple.BE ", TODAY) == "anne.servais@exemple.be"
