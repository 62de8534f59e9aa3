"""What is taken as an address and what can be sent to are the same thing."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from iam.kernel.email import normal_address
from iam.notify.model import one_address

TODAY = date(2026, 11, 24)
# letters that mean something in an address, and some of every other kind
parts = st.text(st.sampled_from("aZ09.-_+'!#\"\\(),:;<>[]@ \té\u202e\x85") | st.characters(), max_size=12)
typed = st.one_of(st.emails(), st.builds("{}@{}.be".format, parts, parts))


@given(typed)
def test_inv_70_no_address_is_taken_at_which_a_mail_would_fail(text):
    address = normal_address(text, TODAY)
    if address is not None:
        one_address("address", address)


@given(typed)
def test_an_address_once_taken_is_taken_again_unchanged(text):
    address = normal_address(text, TODAY)
    if address is not None:
        assert normal_address(address, TODAY) == address
