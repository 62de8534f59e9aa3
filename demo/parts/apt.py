"""Packages of Debian and Ubuntu: installed as root without starting their services, or unpacked as anyone."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.parts.errors import PartUnavailableError

_POLICY = Path("/usr/sbin/policy-rc.d")
_SECONDS = 900


def installed(package: str) -> bool:
    """True when dpkg has the package, complete."""
    if shutil.which("dpkg-query") is None:
        return False
    answer = _run(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package])
    return answer.returncode == 0 and answer.stdout == "installed"


def install(packages: Sequence[str]) -> None:
    """The packages are installed and none of their services was started.

    Raises PartUnavailableError when the caller is not root, or apt-get fails.
    """
    command = "apt-get install " + " ".join(packages)
    if os.geteuid() != 0:
        raise PartUnavailableError(f"only root can run `{command}`")
    if shutil.which("apt-get") is None:
        raise PartUnavailableError(f"there is no apt-get on this machine; install {' '.join(packages)}")
    with _services_stay_off():
        _run(["apt-get", "update", "--quiet"])
        answer = _run(["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages])
    if answer.returncode != 0:
        raise PartUnavailableError(f"`{command}` failed: {_last(answer)}")


def unpack(package: str, folder: Path) -> None:
    """The files of the package, and of those it needs and this machine lacks, are under the folder.

    Needs no root, but package lists that somebody fetched (`apt-get update`). Raises PartUnavailableError.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise PartUnavailableError(f"there is no apt-get on this machine; install {package}")
    plan = _run(["apt-get", "install", "--simulate", "--no-install-recommends", package])
    wanted = {package, *re.findall(r"^Inst (\S+)", plan.stdout, re.MULTILINE)}
    if plan.returncode != 0:
        raise PartUnavailableError(f"apt-get does not know {package} here: {_last(plan)}")
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        fetched = _run(["apt-get", "download", "--quiet", *sorted(wanted)], folder=scratch)
        if fetched.returncode != 0:
            raise PartUnavailableError(f"apt-get could not download {package}: {_last(fetched)}")
        for archive in sorted(scratch.glob("*.deb")):
            opened = _run(["dpkg", "--extract", str(archive), str(scratch / "root")])
            if opened.returncode != 0:
                raise PartUnavailableError(f"dpkg could not unpack {archive.name}: {_last(opened)}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        (scratch / "root").rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _services_stay_off() -> Iterator[None]:
    """invoke-rc.d asks this script before it starts a service; 101 is its word for no."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _run(command: Sequence[str], *, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        raise PartUnavailableError(f"`{' '.join(command)}` took more than {_SECONDS} s") from late


def _last(answer: subprocess.CompletedProcess[str]) -> str:
    lines = (answer.stderr or answer.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit status {answer.returncode}"
