"""A TCP proxy that misbehaves when told: between us and Keycloak, the directory, or anything else.

It looks at what the client sends, not at a protocol: a fault strikes at the next chunk of a request for
which `when` is true.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from demo.parts.ports import LOOPBACK

_CHUNK = 64 << 10
_PATIENCE = 10.0


class Fault(Enum):
    """What goes wrong."""

    RESET = "reset before anything is sent on"
    ANSWER_LOST = "sent on and carried out, the answer is lost"
    ANSWER_LATE = "sent on, the answer comes after `seconds`"
    ANSWER_TWICE = "the answer is given twice"
    ANSWER_CUT = "half of the answer, then the end"
    ANSWER_REPLACED = "sent on, but `instead` is what comes back"
    NOT_SENT_REPLACED = "not sent on, and `instead` comes back"


def _always(_: bytes) -> bool:
    return True


@dataclass(slots=True)
class _Order:
    fault: Fault
    times: int
    when: Callable[[bytes], bool]
    instead: bytes
    seconds: float
    struck: int = 0


@dataclass(slots=True)
class FaultProxy:
    """Listens on a port of its own and hands everything on to `target`. It is a context manager."""

    target: int
    port: int = 0
    seen: list[bytes] = field(default_factory=list)
    _orders: list[_Order] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: socket.socket | None = None
    _sockets: set[socket.socket] = field(default_factory=set)
    _closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self.down()

    def up(self) -> None:
        """Connections are accepted, on the same port as before."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, self.port))
        listener.listen()
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        """Connections are refused, and those that were open are cut."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.cut()

    def cut(self) -> None:
        """Every open connection is reset."""
        with self._lock:
            for each in list(self._sockets):
                _reset(each)
            self._sockets.clear()

    def strike(
        self,
        fault: Fault,
        *,
        times: int = 1,
        when: Callable[[bytes], bool] = _always,
        instead: bytes = b"",
        seconds: float = 0.0,
    ) -> _Order:
        """The next `times` requests for which `when` is true meet the fault; `struck` counts them."""
        order = _Order(fault, times, when, instead, seconds)
        with self._lock:
            self._orders.append(order)
        return order

    def calm(self) -> None:
        """No fault is waiting."""
        with self._lock:
            self._orders.clear()

    def requests(self, beginning: bytes) -> int:
        """How many chunks that a client sent began like this."""
        with self._lock:
            return sum(chunk.startswith(beginning) for chunk in self.seen)

    def _next(self, chunk: bytes) -> _Order | None:
        with self._lock:
            self.seen.append(chunk)
            for order in self._orders:
                if order.struck < order.times and order.when(chunk):
                    order.struck += 1
                    return order
        return None

    def _accept(self, listener: socket.socket) -> None:
        while not self._closing.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((LOOPBACK, self.target), timeout=_PATIENCE)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        with self._lock:
            self._sockets |= {client, server}
        waiting: list[_Order] = []
        back = threading.Thread(target=self._answers, args=(server, client, waiting), daemon=True)
        back.start()
        try:
            while chunk := client.recv(_CHUNK):
                order = self._next(chunk)
                if order is not None and order.fault is Fault.RESET:
                    _reset(client)
                    break
                if order is not None and order.fault is Fault.NOT_SENT_REPLACED:
                    client.sendall(order.instead)
                    break
                if order is not None:
                    waiting.append(order)
                server.sendall(chunk)
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_WR)
            back.join(_PATIENCE)
            self._close(client, server)

    def _answers(self, server: socket.socket, client: socket.socket, waiting: list[_Order]) -> None:
        try:
            while chunk := server.recv(_CHUNK):
                order = waiting.pop(0) if waiting else None
                match order and order.fault:
                    case Fault.ANSWER_LOST:
                        _reset(client)
                        return
                    case Fault.ANSWER_CUT:
                        client.sendall(chunk[: len(chunk) // 2])
                        client.shutdown(socket.SHUT_RDWR)
                        return
                    case Fault.ANSWER_TWICE:
                        client.sendall(chunk + chunk)
                    case Fault.ANSWER_LATE:
                        # Waits for the end of the test as well, so that no thread outlives it for long.
                        self._closing.wait(order.seconds if order else 0)
                        client.sendall(chunk)
                    case Fault.ANSWER_REPLACED:
                        client.sendall(order.instead if order else b"")
                        client.shutdown(socket.SHUT_RDWR)
                        return
                    case _:
                        client.sendall(chunk)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _close(self, *sockets: socket.socket) -> None:
        for each in sockets:
            with self._lock:
                self._sockets.discard(each)
            each.close()


def _reset(connection: socket.socket) -> None:
    """The other side sees a reset (RST), not an orderly end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
