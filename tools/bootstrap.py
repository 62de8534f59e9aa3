"""Makes `.venv` what the lock says: run by the system's Python, with the standard library alone.

    python3 tools/bootstrap.py demo     what `make demo` needs
    python3 tools/bootstrap.py dev      what `make test` and `make check` need (includes the former)

Nothing is fetched, and no network is needed, when the stamp in `.venv` says that the lock was installed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = REPOSITORY / ".venv"
STAMP = ENVIRONMENT / "habilis.json"
OLDEST = (3, 11)
# Which locks one lock contains: `dev` was resolved on top of `demo`.
CONTAINS = {"demo": ("demo",), "dev": ("demo", "dev")}
# Our own code, run from where it stands: editing a file needs no installation.
SOURCES = (REPOSITORY, REPOSITORY / "client" / "src")
SCRIPT = """#!{python}
import sys

from iam.cli import main

sys.exit(main())
"""


class BootstrapError(Exception):
    """The environment could not be made; the text says what to do."""


def say(text: str) -> None:
    print(f"bootstrap: {text}", flush=True)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in CONTAINS:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.version_info < OLDEST:
        return with_newer_python(arguments)
    try:
        ready(arguments[0])
    except BootstrapError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    return 0


def with_newer_python(arguments: list[str]) -> int:
    """Another Python of this machine has done it; the one that `python3` names is too old."""
    for minor in range(20, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return subprocess.call([found, __file__, *arguments])
    print("bootstrap: Python 3.11 or later is needed, and none was found on the PATH", file=sys.stderr)
    return 1


def ready(lock: str) -> None:
    """The environment holds what the lock says. Raises BootstrapError."""
    wanted = {name: digest(name) for name in CONTAINS[lock]}
    if all(installed().get(name) == value for name, value in wanted.items()) and interpreter_works():
        link_sources()
        return
    begun = time.monotonic()
    if not interpreter_works():
        make_environment()
    install(lock)
    link_sources()
    STAMP.write_text(json.dumps({**installed(), **wanted}), encoding="utf-8")
    say(f"environment ready ({time.monotonic() - begun:.0f} s)")


def digest(lock: str) -> str:
    """What was installed: the lock, for this Python, at this place."""
    text = (REPOSITORY / "requirements" / f"{lock}.txt").read_bytes()
    place = f"\0{sys.version_info[0]}.{sys.version_info[1]}\0{ENVIRONMENT}".encode()
    return hashlib.sha256(text + place).hexdigest()


def installed() -> dict[str, str]:
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def python() -> Path:
    return ENVIRONMENT / "bin" / "python"


def interpreter_works() -> bool:
    """True when the environment has a Python of the series that runs this."""
    program = "import sys; print(*sys.version_info[:2])"
    try:
        answer = subprocess.run([str(python()), "-c", program], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.stdout.split() == [str(part) for part in sys.version_info[:2]]


def make_environment() -> None:
    say(f"making {ENVIRONMENT.name} with Python {sys.version.split()[0]}")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    if not has_ensurepip() and os.geteuid() == 0:
        install_venv_package()
    options = [] if has_ensurepip() else ["--without-pip"]
    if options and not has_pip():
        raise BootstrapError(
            "this Python has neither ensurepip nor pip; run `apt-get install python3-venv` as root"
        )
    answer = subprocess.run(
        [sys.executable, "-m", "venv", *options, str(ENVIRONMENT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        raise BootstrapError(f"python3 -m venv failed: {(answer.stdout + answer.stderr).strip()}")


def has_ensurepip() -> bool:
    # In a process of its own: Debian's stub exists, and is asked after a package was installed.
    return succeeds([sys.executable, "-c", "import ensurepip, venv"])


def has_pip() -> bool:
    return succeeds([sys.executable, "-m", "pip", "--version"])


def install_venv_package() -> None:
    if shutil.which("apt-get") is None:
        return
    say("installing python3-venv")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    series = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    subprocess.run(["apt-get", "update", "--quiet"], env=environment, capture_output=True, check=False)
    for package in (series, "python3-venv"):
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", package]
        if subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0:
            return


def install(lock: str) -> None:
    """The packages of the lock are there, each with a hash that the lock knows."""
    say(f"installing requirements/{lock}.txt (the first time it takes about a minute)")
    answer = subprocess.run(
        [
            *pip(),
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--require-hashes",
            "--requirement",
            str(REPOSITORY / "requirements" / f"{lock}.txt"),
        ],
        check=False,
    )
    if answer.returncode != 0:
        raise BootstrapError(f"pip could not install requirements/{lock}.txt (its reason stands above)")


def pip() -> list[str]:
    if succeeds([str(python()), "-m", "pip", "--version"]):
        return [str(python()), "-m", "pip"]
    if succeeds([str(python()), "-m", "ensurepip", "--default-pip"]):
        return [str(python()), "-m", "pip"]
    if has_pip():
        return [sys.executable, "-m", "pip", "--python", str(python())]
    raise BootstrapError("there is no pip; run `apt-get install python3-venv` as root and try again")


def link_sources() -> None:
    """Our packages are importable, and `.venv/bin/habilis` is their command."""
    folder = next((ENVIRONMENT / "lib").glob("python3*/site-packages"))
    write(folder / "habilis-sources.pth", "".join(f"{source}\n" for source in SOURCES))
    script = ENVIRONMENT / "bin" / "habilis"
    write(script, SCRIPT.format(python=python()))
    script.chmod(0o755)


def write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
