"""A test that does not run is a failure: nothing is skipped silently, nor expected to fail."""

from collections.abc import Generator
from typing import TypeVar

import pytest

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)


def _failed(report: _Report) -> _Report:
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "it was expected to fail"
        report.outcome = "failed"
        # Without this mark pytest would still count an expected failure as one.
        vars(report).pop("wasxfail", None)
        report.longrepr = f"{report.nodeid} was skipped ({reason}): a part that the tests need and cannot have fails the run"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _failed((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _failed((yield))
