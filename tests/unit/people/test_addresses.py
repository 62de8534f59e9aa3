"""Which of a person's addresses counts for which enterprise."""

from datetime import UTC, datetime

import pytest

from iam.kernel.ids import EntityId, uuid4
from iam.people.model import Address, confirmed_for, usual_address

HERE, THERE = EntityId(uuid4()), EntityId(uuid4())
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def address(email, entity, *, confirmed=True):
    return Address(id=uuid4(), email=email, entity=entity, verified_at=NOW if confirmed else None)


def test_inv_51_only_what_was_confirmed_for_this_enterprise_counts_for_it():
    known = [
        address("a@x.be", HERE),
        address("b@x.be", HERE),
        address("c@x.be", HERE, confirmed=False),
        address("d@x.be", THERE),
        address("e@x.be", None),
    ]
    assert confirmed_for(known, HERE) == {"a@x.be", "b@x.be"}
    assert confirmed_for(known, THERE) == {"d@x.be"}
    assert confirmed_for(known, EntityId(uuid4())) == frozenset()


def test_inv_51_the_same_mailbox_counts_where_it_was_confirmed_and_nowhere_else():
    known = [address("a@x.be", HERE), address("a@x.be", THERE, confirmed=False)]
    assert confirmed_for(known, HERE) == {"a@x.be"}
    assert confirmed_for(known, THERE) == frozenset()


@pytest.mark.parametrize(
    ("entities", "wanted"),
    [
        ((THERE, None, HERE), "2@x.be"),
        ((THERE, None), "1@x.be"),
        ((THERE, THERE), "0@x.be"),
        ((), None),
    ],
    ids=["the one for it", "one for none", "the first of another", "none"],
)
def test_the_usual_address_is_the_nearest_confirmed_one(entities, wanted):
    known = [address(f"{place}@x.be", entity) for place, entity in enumerate(entities)]
    unconfirmed = address("0@a.be", HERE, confirmed=False)
    assert usual_address([unconfirmed, *known], HERE) == wanted
