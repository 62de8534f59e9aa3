"""The packages of Debian and Ubuntu that the tests need and that only root can install.

    python3 tools/deps.py            installs what is missing (root), without starting any service
    python3 tools/deps.py --ensure   the same as root; as anyone else says the one command and fails
    python3 tools/deps.py --check    changes nothing; fails when something is missing

Standard library alone: it runs before there is an environment.
"""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from demo.parts import apt
from demo.parts.errors import PartUnavailableError

COMMAND = "make deps"
BROWSERS = ("chromium", "chromium-headless-shell", "google-chrome", "google-chrome-stable")
FONTS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/truetype/noto")


def missing() -> dict[str, str]:
    """Returns what this machine lacks: package -> what it is for."""
    lacks = {}
    # /usr/sbin is not on an ordinary user's PATH.
    if shutil.which("slapd", path=f"/usr/sbin:{os.environ.get('PATH', '')}") is None:
        lacks["slapd"] = "the directory"
    if not (os.environ.get("HABILIS_CHROMIUM") or any(shutil.which(name) for name in BROWSERS)):
        lacks["chromium"] = "the tests in a browser"
    if not any(Path(folder).is_dir() for folder in FONTS):
        lacks["fonts-dejavu-core"] = "the tests in a browser"
    return lacks


def main(arguments: list[str]) -> int:
    lacks = missing()
    if not lacks:
        return 0
    for package, purpose in lacks.items():
        print(f"deps: {package} is missing ({purpose})", flush=True)
    if arguments == ["--check"]:
        return 1
    if os.geteuid() != 0:
        print(f"deps: run `sudo {COMMAND}`, which installs {' '.join(lacks)}", file=sys.stderr)
        return 1
    if "chromium" in lacks and ubuntu():
        # Ubuntu's package is a stub for a snap, which does not run headless in a container.
        print(
            "deps: Ubuntu has no Chromium package; install a browser and name it in HABILIS_CHROMIUM",
            file=sys.stderr,
        )
        return 1
    try:
        apt.install(list(lacks))
    except PartUnavailableError as error:
        print(f"deps: {error}", file=sys.stderr)
        return 1
    left = missing()
    for package in left:
        print(f"deps: {package} is still missing after its installation", file=sys.stderr)
    return 1 if left else 0


def ubuntu() -> bool:
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return "ID=ubuntu" in lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
