"""A day's full extract is the day before and the update, whichever country it is (DOMAIN 7.3 nr 11)."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from iam.bce.synthetic import Plan, generate
from tests.support import open_data


@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**63),
    enterprises=st.integers(1, 700),
    days=st.integers(1, 7),
    activities=st.booleans(),
)
def test_inv_11_a_full_extract_is_an_earlier_one_and_the_updates_between(seed, enterprises, days, activities):
    plan = Plan(
        enterprises=enterprises,
        seed=seed,
        days=days,
        month=date(2026, 1, 1),
        activities=activities,
        full_after=True,
    )
    with TemporaryDirectory() as folder:
        first, *others = generate(plan, Path(folder)).extracts
        state = open_data.full(first)
        for update, full in zip(others[::2], others[1::2], strict=True):
            open_data.apply(state, update)
            for file, after in open_data.full(full).items():
                assert state[file] == after, (update.name, file)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**63), enterprises=st.integers(1, 500), days=st.integers(1, 6))
def test_inv_11_a_full_feed_is_an_earlier_one_and_the_updates_between(seed, enterprises, days):
    plan = Plan(
        enterprises=enterprises,
        seed=seed,
        days=days,
        month=date(2026, 1, 1),
        activities=False,
        full_after=True,
    )
    with TemporaryDirectory() as folder:
        first, *others = generate(plan, Path(folder)).feeds
        held = open_data.functions(first)
        for update, full in zip(others[::2], others[1::2], strict=True):
            open_data.apply_functions(held, update)
            assert held == open_data.functions(full), update.name
