"""An application called as a server calls it, so that no client and no socket is measured with it."""

import asyncio


async def call(app, path, headers, body):
    """Status and body of the answer to a POST."""
    sent = iter([{"type": "http.request", "body": body, "more_body": False}])
    answer = []

    async def receive():
        found = next(sent, None)
        return found or await asyncio.get_running_loop().create_future()  # nothing more comes

    async def send(message):
        answer.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": "POST", "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in headers], "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8600), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    return answer[0]["status"], b"".join(message.get("body", b"") for message in answer[1:])
