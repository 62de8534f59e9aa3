"""The account a server runs under: the caller's own, or an unprivileged one when the caller is root."""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from demo.parts.errors import PartUnavailableError

# Where a server that was dropped to an unprivileged account keeps what it may not reach in a closed
# folder (a root home is 0700).
OPEN_STATE = Path("/var/lib/habilis-demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of this machine, by number, as processes are started under it."""

    name: str
    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """True when this account may use what is in the folder, as the kernel sees it."""
        probe = subprocess.run(
            ["/bin/sh", "-c", 'test -x "$1" && test -r "$1"', "sh", str(folder)],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        return probe.returncode == 0

    def owns(self, path: Path) -> None:
        """The path belongs to this account and is closed to others."""
        os.chown(path, self.uid, self.gid)
        path.chmod(0o700)


def unprivileged(*names: str) -> Account | None:
    """Returns the account to drop to when the caller is root, or None when the caller is an ordinary user.

    Raises PartUnavailableError when none of the named accounts exists.
    """
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return Account(name=name, uid=found.pw_uid, gid=found.pw_gid)
    raise PartUnavailableError(f"none of the accounts {', '.join(names)} exists to run a server under")


def owner_of(path: Path) -> Account | None:
    """Returns the ordinary account that owns a path, or None when root does or nobody known."""
    uid = path.stat().st_uid
    if uid == 0:
        return None
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(name=found.pw_name, uid=found.pw_uid, gid=found.pw_gid)


def place(home: Path, name: str, account: Account | None) -> tuple[Path, Account | None]:
    """Returns the folder `name` of a home, and the account that owns it and runs the server on it.

    A folder that exists stays with its owner. Where the home is closed to the account, the folder is under
    OPEN_STATE and the home holds a link to it.
    """
    folder = home / name
    if folder.exists():
        return folder.resolve(), (owner_of(folder) or account) if account else None
    folder.unlink(missing_ok=True)  # a link whose target is gone
    if account is None:
        folder.mkdir(mode=0o700)
        return folder, None
    if account.can_enter(home):
        folder.mkdir(mode=0o700)
    else:
        elsewhere = OPEN_STATE / hashlib.sha256(str(home).encode()).hexdigest()[:16] / name
        elsewhere.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        # What an erased folder of the same name left behind is nobody's.
        shutil.rmtree(elsewhere, ignore_errors=True)
        elsewhere.mkdir(mode=0o700)
        folder.symlink_to(elsewhere)
        folder = elsewhere
    account.owns(folder)
    return folder, account


def erase_place(home: Path, name: str) -> None:
    """The folder that `place` made is gone, with what it holds."""
    folder = home / name
    if folder.is_symlink():
        shutil.rmtree(folder.resolve().parent, ignore_errors=True)
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def copy_readable(source: Path, target: Path, *, ignore: tuple[str, ...] = ()) -> None:
    """The target is a copy of the source that every account may read, made at once or not at all."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    scratch = target.with_name(f"{target.name}.{os.getpid()}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(source, scratch, symlinks=True, ignore=shutil.ignore_patterns(*ignore))
    for folder, _, files in os.walk(scratch):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    try:
        scratch.rename(target)
    except OSError:
        # Somebody else was faster; theirs is the same.
        shutil.rmtree(scratch, ignore_errors=True)
        if not target.is_dir():
            raise
