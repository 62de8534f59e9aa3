"""Ports on the loopback interface."""

import socket
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Returns a port on which nothing listened a moment ago."""
    return free_ports(1)[0]


def free_ports(count: int, *, avoid: Iterable[int] = ()) -> list[int]:
    """Returns distinct free ports: all of them are held open until the last is known."""
    held: list[socket.socket] = []
    refused = set(avoid)
    found: list[int] = []
    try:
        while len(found) < count:
            candidate = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            held.append(candidate)
            candidate.bind((LOOPBACK, 0))
            port = int(candidate.getsockname()[1])
            if port not in refused:
                found.append(port)
    finally:
        for each in held:
            each.close()
    return found


def is_free(port: int) -> bool:
    """True when a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a former run that linger in TIME_WAIT do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """True when something accepts connections on this port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
