"""Children that cannot outlive their parent, and their orderly end."""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from demo.parts.accounts import Account

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
