"""Children that cannot outlive their parent, and their orderly end."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo.parts.accounts import Account
from demo.parts.errors import PartFailedError

_POLL_SECONDS = 0.05

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1

# What a server needs of our environment; the rest (secrets above all) stays with us.
_INHERITED = ("PATH", "TMPDIR", "TZ")


def plain_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns an environment for a server: search path and a UTF-8 locale, and what is given."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    kept.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    return {**kept, "LC_ALL": "C.UTF-8", **(extra or {})}


def _die_with(parent: int, death_signal: int) -> Callable[[], None]:
    def prepare() -> None:
        # Between fork and exec, after the change of user (which would clear the setting).
        _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def end_with_parent() -> None:
    """This process is asked to end (SIGTERM) when the one that started it does."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    folder: Path = Path("/"),
) -> subprocess.Popen[bytes]:
    """A child runs in a session of its own, writes to the log, and is told when the calling thread ends.

    Call it from a thread that lives as long as the child should: the kernel ties the signal to the
    thread, not to the process (prctl(2), PR_SET_PDEATHSIG).
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            # A Ctrl-C at the terminal reaches the starter alone, which then ends its children in order.
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_die_with(os.getpid(), death_signal),  # noqa: PLW1509 - one prctl, no lock is taken
        )


def end(process: subprocess.Popen[bytes], *, steps: Sequence[tuple[signal.Signals, float]]) -> int:
    """The process has ended: each signal is given its seconds; at last its whole group gets SIGKILL."""
    for step, patience in steps:
        if process.poll() is not None:
            break
        process.send_signal(step)
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait(timeout=10)


def tail(log: Path, lines: int = 15) -> str:
    """Returns the last lines of a log, for the message about a part that failed."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


class Guard:
    """A small process that outlives us, whatever kills us, and then ends what we left running.

    The kernel's death signal reaches our children at once; the guard is for a child that takes too long
    over it, and for the children of our children.
    """

    def __init__(self, *, patience: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _GUARD, str(patience)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=plain_environment(),
            cwd="/",
            start_new_session=True,
            text=True,
        )

    def watch(self, pid: int) -> None:
        """The group of this process will be ended when we are gone."""
        self._say(str(pid))

    def dismiss(self) -> None:
        """All is ended already; the guard goes too."""
        self._say("done")
        self._process.communicate(timeout=10)

    def _say(self, line: str) -> None:
        if self._process.stdin is not None and self._process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()


# The standard library alone, and no file: it must work while the folder it came from is erased.
_GUARD = """
import os, signal, sys, time

for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(name, signal.SIG_IGN)
groups = set()
for line in sys.stdin:
    if line.strip() == "done":
        sys.exit(0)
    groups.add(int(line))

def tell(number):
    for group in list(groups):
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            groups.discard(group)

tell(signal.SIGTERM)
deadline = time.monotonic() + float(sys.argv[1])
while groups and time.monotonic() < deadline:
    time.sleep(0.1)
    tell(0)
tell(signal.SIGKILL)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A process of ours that runs as long as the demo: how it starts, and how one sees that it is ready."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Callable[[], bool] = field(default=lambda: True)
    patience: float = 60.0


@dataclass(slots=True)
class _Running:
    name: str
    log: Path
    process: Callable[[], subprocess.Popen[bytes] | None]
    stop: Callable[[], None]


class Supervisor:
    """Starts parts, sees when one ends by itself, and stops them all in reverse order."""

    def __init__(self, logs: Path, folder: Path, *, stop_seconds: float = 15.0) -> None:
        self._stop_seconds = stop_seconds
        self._logs = logs
        self._folder = folder
        self._running: list[_Running] = []
        self._guard = Guard(patience=stop_seconds)

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def start(self, part: Part) -> None:
        """The part runs and is ready. Raises PartFailedError when it ends, or is not ready in time."""
        process = self.launch(part)
        deadline = time.monotonic() + part.patience
        while not part.ready():
            if process.poll() is not None:
                raise PartFailedError(self._obituary(part.name, process))
            if time.monotonic() > deadline:
                raise PartFailedError(
                    f"{part.name} was not ready after {part.patience:.0f} s; see {self.log(part.name)}"
                )
            time.sleep(_POLL_SECONDS)
        if process.poll() is not None:
            raise PartFailedError(self._obituary(part.name, process))

    def launch(self, part: Part) -> subprocess.Popen[bytes]:
        """The part was started; whether it is ready is not known yet."""
        process = self._spawn(part.name, part.command, part.environment)
        self.adopt(
            part.name,
            process=lambda: process,
            stop=lambda: _forget(end(process, steps=((signal.SIGTERM, self._stop_seconds),))),
            log=self.log(part.name),
        )
        return process

    def adopt(
        self,
        name: str,
        *,
        process: Callable[[], subprocess.Popen[bytes] | None],
        stop: Callable[[], None],
        log: Path,
    ) -> None:
        """A server that was started elsewhere is watched and stopped with the others."""
        self._running.append(_Running(name, log, process, stop))
        running = process()
        if running is not None:
            self._guard.watch(running.pid)

    def run(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, patience: float
    ) -> None:
        """A command ran to its end and succeeded. Raises PartFailedError with the end of its log."""
        log = self.log(name)
        process = self._spawn(name, command, environment)
        self._guard.watch(process.pid)
        try:
            status = process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            raise PartFailedError(f"{name} took more than {patience:.0f} s; see {log}") from None
        finally:
            end(process, steps=((signal.SIGTERM, 5.0),))
        if status != 0:
            raise PartFailedError(f"{name} failed (exit status {status}); see {log}:\n{tail(log)}")

    def check(self) -> None:
        """All parts run. Raises PartFailedError naming the first that ended, and its log."""
        for each in self._running:
            process = each.process()
            if process is not None and process.poll() is not None:
                raise PartFailedError(self._obituary(each.name, process))

    def stop(self) -> None:
        """Nothing that was started here runs any more."""
        while self._running:
            self._running.pop().stop()
        self._guard.dismiss()

    def _spawn(
        self, name: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        try:
            return spawn(command, log=self.log(name), environment=environment, folder=self._folder)
        except OSError as error:
            raise PartFailedError(f"{name} cannot be started: {error}") from error

    def _obituary(self, name: str, process: subprocess.Popen[bytes]) -> str:
        status = process.returncode
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        log = self.log(name)
        return f"{name} ended by itself ({how}); see {log}:\n{tail(log)}"


def _forget(_: int) -> None:
    return
