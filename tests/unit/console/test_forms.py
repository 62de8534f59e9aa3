"""Days as they are chosen or typed, and forms as they are sent."""

from datetime import UTC, date, datetime

import pytest

from iam.console.forms import Form, InvalidDay, day_errors, errors_of, read_day, shown_again
from iam.kernel.decision import Refusal
from iam.kernel.language import Language
from iam.kernel.reasons import Reason

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["2027-03-31", "31/03/2027", "31.3.2027", "31-03-2027", " 31 3 2027 "])
def test_a_day_is_read_in_each_usual_form(typed):
    assert read_day(typed) == date(2027, 3, 31)


@pytest.mark.parametrize("typed", ["", "  "])
def test_nothing_is_no_day(typed):
    assert read_day(typed) is None


@pytest.mark.parametrize(
    "typed", ["31/02/2027", "demain", "03/31/2027", "31/03/27", "2027-3", "0-0-0", "²/3/2027"]
)
def test_what_is_no_day_is_refused(typed):
    with pytest.raises(InvalidDay):
        read_day(typed)


def test_a_form_gives_text_with_one_sort_of_line_end_and_each_choice_once():
    form = Form((("a", " x\r\ny "), ("b", "1"), ("b", "2"), ("b", "1")))
    assert form.text("a") == "x\ny"
    assert form.texts("b") == ("1", "2")
    assert form.text("c") == ""


def test_inv_06_a_form_says_nothing_of_what_it_holds():
    assert "71000000333" not in repr(Form((("ssin", "71000000333"),)))
    assert shown_again("je suis 71.00.00-003.33", NOW) == ""
    assert shown_again("1900000069", NOW) == "1900000069"


def test_a_refusal_is_an_error_of_its_field_only_where_the_form_has_it():
    refusal = Refusal(reason=Reason.EMAIL_INVALID, about="email")
    [error] = errors_of(refusal, Language.FR, {"email"})
    assert error.field == "email"
    assert errors_of(refusal, Language.FR, {"roles"}) == []
    assert errors_of(Refusal(reason=Reason.OWN_REQUEST), Language.FR, {"email"}) == []


def test_each_wrong_day_has_its_error():
    form = Form((("first", "hier"), ("last", "2027-01-01")))
    assert [error.field for error in day_errors(form, Language.EN, ["first", "last"])] == ["first"]
