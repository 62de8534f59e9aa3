"""How a run with several processes is shared out: file by file, and the demo's tests to one of them.

A demo is a dozen servers; a machine that runs the tests has room for one.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

_OF_THE_DEMO = ("tests/e2e/", "tests/faults/")


class OneDemo(LoadFileScheduling):
    """Files are shared out one by one, but those of the demo stay together."""

    def _split_scope(self, nodeid: str) -> str:
        return "the demo" if nodeid.startswith(_OF_THE_DEMO) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneDemo:
    """Return how tests are shared out, whatever `--dist` says."""
    return OneDemo(config, log)
