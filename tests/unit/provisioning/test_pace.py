"""How fast, and how long after a failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.pace import TokenBucket, backoff


class Time:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@given(st.integers(0, 10_000), st.floats(0, 0.999))
def test_a_pause_is_bounded_and_never_nothing(failures, chance):
    seconds = backoff(failures, first=0.5, longest=30, chance=lambda: chance)

    assert 0.25 <= seconds <= 30


def test_a_pause_doubles_until_the_longest():
    pauses = [backoff(failures, first=1, longest=8, chance=lambda: 0.999999999) for failures in range(1, 7)]

    assert pytest.approx(pauses) == [1, 2, 4, 8, 8, 8]


def test_those_who_failed_together_do_not_come_back_together():
    early = backoff(5, first=1, longest=60, chance=lambda: 0.0)
    late = backoff(5, first=1, longest=60, chance=lambda: 0.9)

    assert late - early > 5


def test_a_bucket_lets_a_burst_through_and_then_its_rate():
    time = Time()
    bucket = TokenBucket(10, monotonic=time.monotonic, sleep=time.sleep)

    for _ in range(30):
        bucket.take()

    assert time.now - 100.0 == pytest.approx(2.0)


def test_a_bucket_fills_no_further_than_its_burst():
    time = Time()
    bucket = TokenBucket(10, monotonic=time.monotonic, sleep=time.sleep)
    time.now += 3600

    for _ in range(11):
        bucket.take()

    assert pytest.approx(time.slept) == [0.1]
