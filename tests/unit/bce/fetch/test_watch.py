"""How a download is told: on a screen one line, in a file a line now and then."""

import io
import json

from iam.bce.fetch.model import Meter
from iam.bce.fetch.watch import AsJson, OnStream, words


class Ticking:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_the_rate_and_the_time_left_are_those_of_this_download_and_not_of_what_was_here():
    meter = Meter(name="x.zip", total=300_000_000, begun_at=100_000_000, have=150_000_000, seconds=5.0)

    assert words(meter) == "x.zip: 50 %, 150.0 of 300.0 MB, 10.0 MB/s, 0:15 left"


def test_without_a_size_it_is_told_how_much_is_here():
    assert words(Meter(name="x.zip", total=None, have=2_500_000, seconds=1.0)) == "x.zip: 2.5 MB, 2.5 MB/s"


def test_in_a_file_there_is_a_line_at_the_start_one_every_ten_seconds_and_the_last():
    stream, clock = io.StringIO(), Ticking()
    watcher = OnStream(stream, monotonic=clock)
    watcher.downloading("x.zip", 0, 30_000_000)
    for _ in range(30):
        clock.now += 1
        watcher.received(1_000_000)
    watcher.applying("x.zip", 147)

    assert stream.getvalue().splitlines() == [
        "x.zip: 0 %, 0.0 of 30.0 MB",
        "x.zip: 33 %, 10.0 of 30.0 MB, 1.0 MB/s, 0:20 left",
        "x.zip: 66 %, 20.0 of 30.0 MB, 1.0 MB/s, 0:10 left",
        "x.zip: 100 %, 30.0 of 30.0 MB, 1.0 MB/s, 0:00 left",
        "x.zip: extract 0147 is being applied",
    ]


def test_on_a_screen_the_line_is_written_over_until_the_file_is_here():
    stream, clock = Screen(), Ticking()
    watcher = OnStream(stream, monotonic=clock)
    watcher.downloading("x.zip", 0, 2_000_000)
    clock.now += 1
    watcher.received(1_000_000)
    clock.now += 1
    watcher.received(1_000_000)

    assert stream.getvalue().count("\r") == 3
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("100 %, 2.0 of 2.0 MB, 1.0 MB/s, 0:00 left\n")


def test_a_machine_is_told_a_line_a_second_whatever_the_stream_is():
    stream, clock = Screen(), Ticking()
    watcher = AsJson(stream, monotonic=clock)
    watcher.downloading("x.zip", 1_000_000, 3_000_000)
    for _ in range(4):
        clock.now += 0.5
        watcher.received(500_000)
    watcher.applying("x.zip", 147)

    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [each["done"] for each in told] == [1_000_000, 2_000_000, 3_000_000]
    assert told[1] == {
        "phase": "download", "what": "x.zip", "done": 2_000_000, "total": 3_000_000, "share": 0.667,
        "seconds": 1.0, "bytesPerSecond": 1_000_000, "secondsLeft": 1.0,
    }  # fmt: skip


def test_a_machine_is_told_nothing_that_nobody_knows():
    stream = io.StringIO()
    AsJson(stream, monotonic=Ticking()).downloading("x.zip", 0, None)

    told = json.loads(stream.getvalue())
    assert (told["total"], told["share"], told["bytesPerSecond"], told["secondsLeft"]) == (None,) * 4
