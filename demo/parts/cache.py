"""Where large things that can be fetched again are kept between runs and between clones."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

_REPOSITORY = Path(__file__).parents[2]


def cache_folder() -> Path:
    """Returns the cache: HABILIS_CACHE_DIR, else the user's (XDG), else `.cache` of the repository."""
    chosen = os.environ.get("HABILIS_CACHE_DIR")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    folder = Path(base, "habilis")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return _REPOSITORY / ".cache"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else on this machine is inside with the same path; the kernel lets go when a holder dies."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
