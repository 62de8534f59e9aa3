"""What the reading of the demo's sinks unfolds before anything is searched."""

import http.client
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.support import sinks

SCRIPT = b"""-- MVStore
INSERT INTO INFORMATION_SCHEMA.LOB_BLOCKS VALUES(2, 0, X'6f6e65');
INSERT INTO INFORMATION_SCHEMA.LOB_BLOCKS VALUES(2, 1, X'2074776f');
INSERT INTO INFORMATION_SCHEMA.LOB_BLOCKS VALUES(4, 0, X'676f6e65');
CREATE TABLE O_7(C0 VARCHAR);
INSERT INTO O_7 VALUES('a', READ_CLOB_MAP(2, 7));
INSERT INTO O_9 VALUES('b');
INSERT INTO O_9 VALUES('c');
INSERT INTO "PUBLIC"."SESSION" SELECT * FROM O_7;
INSERT INTO "PUBLIC"."ACCOUNT" SELECT * FROM O_9;
"""


def test_rows_of_keycloak_stand_under_their_table_with_their_large_values():
    found = sinks._by_table(SCRIPT)
    assert found.keys() == {
        "keycloak table SESSION",
        "keycloak table ACCOUNT",
        "keycloak, no longer in a table",
    }
    assert found["keycloak table SESSION"].endswith(b"\none two")
    assert found["keycloak table ACCOUNT"] == b"VALUES('b');\nVALUES('c');"
    assert found["keycloak, no longer in a table"] == b"gone"


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(303)
        for name, value in (("Location", "/there"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, *_):
        pass


def test_what_passes_to_a_browser_is_kept_whole_and_what_a_form_sends_is_not():
    with (
        HTTPServer(("127.0.0.1", 0), Answering) as server,
        sinks.Seen.listening() as (seen, proxy),
    ):
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.02))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/here?q=1"
        browser = http.client.HTTPConnection(proxy.removeprefix("http://"), timeout=10)
        browser.request("POST", address, body=b"typed", headers={"Cookie": "c=3", "Accept-Encoding": "gzip"})
        answer = browser.getresponse()
        body = answer.read()
        browser.close()
        server.shutdown()
        thread.join()

    assert (answer.status, body) == (303, b"depyt")
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    found = seen.sinks()
    assert found["pages"] == b"depyt"
    for part in (f"POST {address}", "Cookie: c=3", "303 See Other", "Location: /there", "a=1", "b=2"):
        assert part.encode() in found["addresses and headers"], part
    assert b"typed" not in b"".join(found.values())


def test_a_token_is_read_part_by_part():
    [(name, text)] = sinks.unfolded_tokens({"x": "eyJhIjoxfQ.eyJzdWIiOiJiIn0.c2ln"}).items()
    assert name == "token x"
    assert text.splitlines()[1:] == [b'{"a":1}', b'{"sub":"b"}', b"sig"]
