"""A client in a process of its own that keeps requests in flight over loopback: `python -m bench.load PORT`.

Reads orders from its input, one JSON document a line: the requests to send in turn, how many connections, for
how long. Answers each with the number of answers a second. Any status but 200 ends it.
"""

import asyncio
import base64
import itertools
import json
import sys
import time

import uvloop

_LENGTH = b"content-length:"


class Caller(asyncio.Protocol):
    """One connection: sends the next request as soon as the answer to the last one is whole."""

    def __init__(self, requests, until):
        self.requests, self.until = requests, until
        self.done, self.received = 0, b""
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(next(self.requests))

    def data_received(self, data):
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 200 "):
            self._end(RuntimeError(self.received[:300].decode(errors="replace")))
            return
        length = head.lower().partition(_LENGTH)[2].partition(b"\r")[0]
        if len(body) < int(length):
            return
        self.done, self.received = self.done + 1, b""
        if time.perf_counter() < self.until:
            self.transport.write(next(self.requests))
        else:
            self._end(None)

    def connection_lost(self, error):
        if not self.over.done():
            self.over.set_exception(error or RuntimeError("the server closed the connection"))

    def _end(self, error):
        if error is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(error)
        self.transport.close()


async def load(port, requests, connections, seconds):
    """Answers a second."""
    turn, began = itertools.cycle(requests), time.perf_counter()
    loop = asyncio.get_running_loop()
    callers = [
        (await loop.create_connection(lambda: Caller(turn, began + seconds), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(caller.over for caller in callers))
    return sum(caller.done for caller in callers) / (time.perf_counter() - began)


async def main(port):
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        requests = [base64.b64decode(each) for each in order["requests"]]
        found = await load(port, requests, order["connections"], order["seconds"])
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
