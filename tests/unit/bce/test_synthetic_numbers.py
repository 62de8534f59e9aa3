"""Numbers of the made-up country are right, nobody's, and each is given once."""

from datetime import date
from itertools import pairwise

import pytest

from iam.bce.synthetic import numbers
from iam.bce.synthetic.draw import PAGE, SIZE, Draws, weighted
from iam.kernel.numbers import EnterpriseNumber, EstablishmentNumber, InvalidNumber
from iam.kernel.ssin import is_ssin

SNAPSHOT = date(2026, 1, 2)
PLACES = sorted({*range(400), *range(0, numbers.MOST, 9973), numbers.MOST - 1})


def test_inv_01_enterprises_have_right_numbers_that_grow_from_1100_to_1899():
    found = [EnterpriseNumber.parse(numbers.enterprise(place)) for place in PLACES]

    assert [each.dotted for each in found] == [numbers.enterprise(place) for place in PLACES]
    assert all(before < after for before, after in pairwise(found[:400]))
    assert all("1100000000" <= each.digits <= "1899999999" for each in found)


def test_inv_02_establishment_units_have_right_numbers_each_of_its_own():
    found = [
        EstablishmentNumber.parse(numbers.unit(place, which))
        for place in PLACES
        for which in (0, 1, numbers.UNITS - 1)
    ]

    assert len(set(found)) == len(found)
    assert {each.digits[0] for each in found} == set("2345678")
    assert numbers.unit(0, numbers.UNITS - 1) < numbers.unit(1, 0)


def test_inv_02_branches_look_like_numbers_and_are_refused_as_such():
    found = [numbers.branch(place, which) for place in PLACES for which in range(numbers.BRANCHES)]

    assert len(set(found)) == len(found)
    for each in found:
        with pytest.raises(InvalidNumber, match="branch"):
            EnterpriseNumber.parse(each)
        digits = each.replace(".", "")
        assert int(digits[8:]) == 97 - int(digits[:8]) % 97


def test_inv_04_national_numbers_are_valid_and_of_a_day_in_no_month():
    people = [*range(3000), *range(0, numbers.MOST, 997)]
    found = [numbers.national(person) for person in people]

    assert all(is_ssin(number, SNAPSHOT) for number in found)
    assert len(set(found)) == len(set(people))
    assert {int(number[2:4]) % 20 for number in found} == {0}
    assert all(number[4:6] != "00" for number in found), "those of the demo's personas"


def test_what_is_drawn_alone_is_what_is_drawn_with_its_page():
    draws = Draws(7)

    assert draws.page("who", 3) == [Draws(7).row("who", 3 * PAGE + place) for place in range(PAGE)]
    assert draws.one("unit", 4, 5) == Draws(7).one("unit", 4, 5)


def test_another_seed_part_or_thing_draws_otherwise():
    drawn = [
        Draws(1).row("who", 0), Draws(2).row("who", 0), Draws(1).row("names", 0), Draws(1).row("who", 1),
        Draws(1).one("unit", 1, 2), Draws(1).one("unit", 12), Draws(1).one("unit", 2, 1),
    ]  # fmt: skip

    assert len(set(drawn)) == len(drawn)


def test_a_table_gives_each_its_share_and_the_rarest_a_place():
    table = weighted((("often", 3.0), ("seldom", 1.0), ("once", 1e-9), ("never", 0.0)))

    assert len(table) == SIZE
    assert (table.count("once"), table.count("never")) == (1, 0)
    assert table.count("often") / table.count("seldom") == pytest.approx(3, rel=0.001)
