"""Children that do not outlive their parent, watched and stopped in order."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from demo.parts.errors import PartFailedError
from demo.parts.processes import Part, Supervisor, plain_environment

REPOSITORY = Path(__file__).parents[2]

# Ends on SIGTERM, after it said so.
POLITE = """
import pathlib, signal, sys, time
def end(*_):
    with open(sys.argv[1], "a") as file: file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1] + "." + sys.argv[2]).touch()
time.sleep(600)
"""
# Deaf to SIGTERM, and with a child that is deaf too.
DEAF = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    scratch = pathlib.Path(sys.argv[1] + ".part")
    scratch.write_text(f"{os.getpid()} {child}")
    scratch.rename(sys.argv[1])
time.sleep(600)
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "log", REPOSITORY)
    yield made
    made.stop()


def _part(name: str, program: str, *arguments: str | Path, **more: object) -> Part:
    command = (sys.executable, "-c", program, *map(str, arguments))
    return Part(name=name, command=command, environment=plain_environment(), **more)  # type: ignore[arg-type]


def _gone(processes: list[psutil.Process], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(_lives(each) for each in processes):
            return True
        os.sched_yield()
    return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_parts_stop_in_reverse_order(supervisor: Supervisor, tmp_path: Path) -> None:
    record = tmp_path / "record"
    for name in ("first", "second", "third"):
        mark = Path(f"{record}.{name}")
        supervisor.start(_part(name, POLITE, record, name, ready=mark.exists))
    supervisor.check()
    supervisor.stop()
    assert record.read_text().split() == ["third", "second", "first"]


def test_one_that_is_deaf_to_the_first_signal_is_ended_with_its_children(
    tmp_path: Path,
) -> None:
    supervisor = Supervisor(tmp_path / "log", REPOSITORY, stop_seconds=0.5)
    pids = tmp_path / "pids"
    supervisor.start(_part("deaf", DEAF, pids, ready=pids.exists))
    family = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
    supervisor.stop()
    assert _gone(family, 5)


def test_a_part_that_ends_by_itself_is_named_with_its_log(supervisor: Supervisor) -> None:
    process = supervisor.launch(_part("brief", "print('the reason', flush=True); input()"))
    process.wait(timeout=20)
    with pytest.raises(PartFailedError) as noticed:
        supervisor.check()
    assert "brief ended by itself (exit status 1)" in str(noticed.value)
    assert "brief.log" in str(noticed.value)
    assert "the reason" in str(noticed.value)


def test_a_part_that_dies_before_it_is_ready_is_not_waited_for(supervisor: Supervisor) -> None:
    begun = time.monotonic()
    with pytest.raises(PartFailedError, match="stillborn ended by itself"):
        supervisor.start(_part("stillborn", "raise SystemExit(3)", ready=lambda: False, patience=60.0))
    assert time.monotonic() - begun < 30


def test_a_command_that_does_not_exist_is_named(supervisor: Supervisor) -> None:
    absent = Part(name="absent", command=("/nonexistent/server",), environment=plain_environment())
    with pytest.raises(PartFailedError, match=r"absent cannot be started.*/nonexistent/server"):
        supervisor.start(absent)


def test_a_part_that_is_never_ready_is_given_up(supervisor: Supervisor) -> None:
    with pytest.raises(PartFailedError, match="mute was not ready"):
        supervisor.start(_part("mute", "import time; time.sleep(600)", ready=lambda: False, patience=0.3))


def test_a_step_that_fails_shows_the_end_of_its_log(supervisor: Supervisor) -> None:
    supervisor.run("good", [sys.executable, "-c", ""], plain_environment(), patience=20)
    with pytest.raises(PartFailedError, match=r"(?s)bad failed \(exit status 2\).*no such table"):
        supervisor.run(
            "bad",
            [sys.executable, "-c", "print('no such table'); raise SystemExit(2)"],
            plain_environment(),
            patience=20,
        )


def test_secrets_of_our_environment_are_not_handed_on(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "canary-of-the-environment")
    supervisor.run(
        "env", [sys.executable, "-c", "import os; print(dict(os.environ))"], plain_environment(), patience=20
    )
    assert "canary" not in supervisor.log("env").read_text()


STARTER = f"""
import sys, time, pathlib
from demo.parts.processes import Part, Supervisor, plain_environment
folder = pathlib.Path(sys.argv[1])
supervisor = Supervisor(folder / "log", folder, stop_seconds=1.0)
pids = folder / "pids"
supervisor.start(Part(
    name="deaf", command=(sys.executable, "-c", {DEAF!r}, str(pids)), environment=plain_environment(),
    ready=pids.exists,
))
print("up", flush=True)
time.sleep(600)
"""


CHILD = """
import sys, time
from demo.parts.processes import end_with_parent
end_with_parent()
print("up", flush=True)
time.sleep(600)
"""


def test_a_starter_that_make_started_ends_with_make(tmp_path: Path) -> None:
    # The colon keeps the shell from replacing itself by its only command.
    shell = subprocess.Popen(
        ["/bin/sh", "-c", '"$0" -c "$1"; :', sys.executable, CHILD],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert shell.stdout is not None
    assert shell.stdout.readline() == "up\n"
    family = psutil.Process(shell.pid).children(recursive=True)
    assert len(family) == 1
    shell.kill()
    shell.wait(timeout=10)
    shell.stdout.close()
    assert _gone(family, 10)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killing_the_starter_leaves_no_process_not_even_a_deaf_one(
    tmp_path: Path, how: signal.Signals
) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == "up\n"
    family = psutil.Process(starter.pid).children(recursive=True)
    assert len(family) == 3  # the guard, the part and the child of the part

    starter.send_signal(how)
    starter.wait(timeout=10)
    starter.stdout.close()

    assert _gone(family, 40)
