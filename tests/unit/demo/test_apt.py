"""A package that is installed for the demo does not start its service."""

import subprocess
from pathlib import Path

import pytest

from demo.parts import apt
from demo.parts.errors import PartUnavailableError


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "policy-rc.d"
    monkeypatch.setattr(apt, "_POLICY", file)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return file


def test_services_are_kept_off_while_it_installs_and_only_then(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[int] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        answers.append(subprocess.call([str(policy), "slapd", "start"]))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(apt, "_run", run)
    apt.install(["slapd"])
    assert set(answers) == {101}
    assert not policy.exists()


def test_a_policy_of_the_machine_is_left_alone(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy.write_text("#!/bin/sh\nexit 0\n")
    monkeypatch.setattr(apt, "_run", lambda command, **_: subprocess.CompletedProcess(command, 0, "", ""))
    apt.install(["slapd"])
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_a_failure_is_told_and_the_policy_goes(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess(["apt-get"], 100, "", "E: Unable to locate package slapd\n")
    monkeypatch.setattr(apt, "_run", lambda *_, **__: failed)
    with pytest.raises(PartUnavailableError, match="Unable to locate package slapd"):
        apt.install(["slapd"])
    assert not policy.exists()


def test_an_ordinary_user_cannot(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(PartUnavailableError, match="only root can run `apt-get install slapd`"):
        apt.install(["slapd"])
    assert not policy.exists()
