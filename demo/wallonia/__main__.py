"""`python -m demo.wallonia FOLDER` writes the small Wallonia into FOLDER and says where."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from demo.wallonia.write import write


def main() -> int:
    """Returns 0 once the files are written."""
    if len(sys.argv) != 2:
        print("usage: python -m demo.wallonia FOLDER", file=sys.stderr)
        return 2
    made = write(Path(sys.argv[1]), datetime.now(UTC).replace(microsecond=0))  # noqa: TID251 - no clock of the service
    for path in (*made.extracts, made.functions, made.appointments):
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
