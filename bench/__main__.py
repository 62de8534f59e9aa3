"""`python -m bench [name ...]`: measures, and prints one JSON document with ratios. Never a test.

Each figure is a ratio of two things measured side by side in the same run (A B A B); how much of it is the
machine's, the smallest and the largest round say.
"""

import asyncio
import contextlib
import json
import os
import platform
import sys
import time

from alembic import command

from bench import delegation, endpoints, register, search, tokens
from demo.parts.postgres import PostgresServer, find_binaries
from iam.migrations import config

ROUNDS, SECONDS = 5, 0.4


def of_tokens():
    with PostgresServer.throwaway() as server:
        server.create_database("bench")
        command.upgrade(config(server.url("bench")), "head")
        return asyncio.run(tokens.run(server.url("bench"), ROUNDS, SECONDS))


def of_delegation():
    return delegation.main(ROUNDS, SECONDS)


def of_endpoints():
    return endpoints.main(ROUNDS, SECONDS)


def of_search():
    return search.main(ROUNDS, SECONDS)


def of_register():
    return register.main(ROUNDS)


BENCHES = {
    "delegation": of_delegation, "tokens": of_tokens, "endpoints": of_endpoints, "search": of_search,
    "register": of_register,
}  # fmt: skip


def main(names):
    unknown = set(names) - BENCHES.keys()
    if unknown:
        sys.exit(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    began, found = time.monotonic(), []
    for name in names or BENCHES:
        # whatever a part prints goes where it disturbs no reader of the document
        with contextlib.redirect_stdout(sys.stderr):
            found.append(BENCHES[name]())
    machine = {
        "cores": os.cpu_count(),
        "load": [round(each, 2) for each in os.getloadavg()],
        "python": platform.python_version(),
        "postgresql": find_binaries().version,
    }
    took = round(time.monotonic() - began, 1)
    print(json.dumps({"machine": machine, "took_seconds": took, "benches": found}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
