"""Which extract comes next, whatever order the files are listed in."""

from iam.bce.fetch.model import Offered
from iam.bce.fetch.names import Claim, claim_of
from iam.bce.fetch.plan import End, Item, Missing, Take, in_order, in_question, next_step


def full(number):
    return item(f"KboOpenData_{number:04d}_2026_10_04_Full.zip")


def update(number):
    return item(f"KboOpenData_{number:04d}_2026_10_05_Update.zip")


def item(name, *, size=1, claim=None, looked_into=False):
    return Item(offered=Offered(name=name, size=size), claim=claim or claim_of(name), looked_into=looked_into)


def taken(applied, *items):
    found, step = in_order(applied, items)
    return [(each.claim.number, each.claim.full) for each in found], step


def test_the_first_is_the_newest_full_and_then_come_the_updates_after_it():
    listed = [update(12), full(8), update(9), full(10), update(11), update(10)]

    assert taken(None, *listed) == ([(10, True), (11, False), (12, False)], End())


def test_updates_come_by_number_and_not_by_place():
    assert taken(10, update(12), update(11), full(10)) == ([(11, False), (12, False)], End())


def test_an_update_is_preferred_to_a_full_of_its_number():
    assert taken(10, full(11), update(11)) == ([(11, False)], End())


def test_inv_10_over_a_gap_helps_the_newest_full():
    listed = [update(11), update(13), full(12), full(13), update(14)]

    assert taken(10, *listed) == ([(11, False), (13, True), (14, False)], End())


def test_inv_10_a_gap_with_no_full_after_it_names_the_number_that_is_wanted():
    assert taken(10, update(11), update(13), full(10)) == ([(11, False)], Missing(12))


def test_without_any_full_there_is_no_beginning():
    assert taken(None, update(11)) == ([], Missing(None))


def test_what_is_older_than_the_register_is_left():
    assert taken(20, full(10), update(15), update(20)) == ([], End())


def test_at_the_end_only_a_name_that_says_nothing_is_looked_into():
    odd = item("latest.zip")

    assert in_question(End(), [full(10), odd]) == odd
    assert in_question(End(), [full(10), item("latest.zip", looked_into=True)]) is None


def test_where_a_number_is_missing_everything_else_is_looked_into_small_ones_first():
    old = item("KboOpenData_0003_2026_10_04_Full.zip", size=300)
    small = item("KboOpenData_0005_2026_10_04_Update.zip", size=2)
    odd = item("latest.zip", size=500)

    assert in_question(Missing(12), [old, small, odd]) == odd
    assert in_question(Missing(12), [old, small]) == small
    assert in_question(Missing(12), [item(old.offered.name, looked_into=True)]) is None


def test_while_something_comes_next_nothing_is_in_question():
    assert in_question(Take(update(11)), [update(11), item("latest.zip")]) is None


def test_what_updates_left_aside_is_made_good_by_the_newest_full_of_the_same_number_or_later():
    listed = [full(9), full(10), update(11)]

    assert in_order(10, listed, left_aside=True) == ([full(10), update(11)], End())
    assert in_order(10, [full(12), *listed], left_aside=True) == ([full(12)], End())
    assert in_order(10, [full(9), update(11)], left_aside=True) == ([update(11)], End())
    assert in_order(10, listed) == ([update(11)], End())


def test_of_two_that_say_the_same_the_one_that_was_looked_into_is_taken():
    told = item("b.zip", claim=Claim(number=11, full=False), looked_into=True)

    assert next_step(10, [update(11), told]) == Take(told)
    assert next_step(10, [told, update(11)]) == Take(told)
