"""`python -m demo.parts`: the servers that the tests need are here, fetched and built if need be."""

import sys

from demo.parts.directory import find_slapd
from demo.parts.errors import PartFailedError, PartUnavailableError
from demo.parts.keycloak import distribution
from demo.parts.postgres import find_binaries


def main() -> int:
    """Every part can be started. Returns 1 after naming the first that cannot, and the remedy."""

    def tell(line: str) -> None:
        print(f"parts: {line}", flush=True)

    try:
        find_binaries()
        find_slapd()
        distribution(tell)
    except (PartUnavailableError, PartFailedError) as error:
        print(f"parts: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
