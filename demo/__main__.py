"""`python -m demo`: the small Wallonia in the foreground. `make demo` makes its environment first."""

import argparse
import sys

from demo.parts.processes import end_with_parent
from demo.starter import Starter
from demo.world import demo_folder


def main(arguments: list[str] | None = None) -> int:
    """The demo has run and ended; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--reset", action="store_true", help="forget the demo's data first")
    parser.add_argument(
        "--end-with-parent", action="store_true", help="end when the process that started this ends"
    )
    chosen = parser.parse_args(arguments)
    if chosen.end_with_parent:
        end_with_parent()
    return Starter(demo_folder()).run(reset=chosen.reset)


if __name__ == "__main__":
    sys.exit(main())
