"""The hot routes of the service as it is composed, against the smallest answer the same application can give.

    python -m bench.endpoints [rounds] [seconds per measurement]

`iam.app.create` behind uvicorn on loopback, a PostgreSQL that writes its commits to disk, and a client in a
process of its own that keeps 1 or 16 requests in flight; all three share the machine. Rights, sessions,
logins and portals are real; of Keycloak there is only the key, as in a service whose sessions were all seen
before. `hello` is a plain route behind the same edge (origin, limits, headers, one line of log), beside it
stands the hello of a FastAPI route. The parts say what one token costs, called one by one in this process:
microseconds, an indication of this machine.
"""

import asyncio
import base64
import hashlib
import json
import logging
import os
import socket
import statistics
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import uvicorn
import uvloop
from alembic import command
from fastapi import APIRouter
from sqlalchemy import text
from starlette.responses import Response
from starlette.routing import Route

from bench.delegation import EMPLOYEE, fill, key, number
from bench.direct import call
from bench.rounds import rate, summary
from demo.parts.postgres import PostgresServer
from iam.app import create
from iam.delegation.rights import rights_of
from iam.kernel.assurance import Level
from iam.kernel.clock import system_clock as now
from iam.kernel.ids import uuid7
from iam.kernel.numbers import EnterpriseNumber
from iam.migrations import config
from iam.portals.commands import apply_to
from iam.portals.definition import read
from iam.portals.pairwise import Known
from iam.realms.subject_tokens import SubjectTokens
from iam.storage import Database
from iam.tokens import facts, record
from iam.tokens import service as tokens
from iam.tokens.keyring import KeyRing
from iam.tokens.rfc9068_access_token import claimed, claims, sign
from iam.web.logging import configure
from tests.support.issuer import ISSUER, SETTINGS, Issuer, Persona
from tests.support.settings import some_settings

ENTERPRISES, PERSONS = 2_000, 50
PORTAL, CLIENT, SECRET = "https://portail.test", "portail-wallonie", "Rk7pX2mB9vQw4ZtL8sYd3NcJ6hGf"
PORTALS = Path(__file__).parents[1] / "demo" / "portals.toml"
FORM, JSON = b"application/x-www-form-urlencoded", b"application/json"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
HELLO, FASTAPI_HELLO = "/oauth2/hello", "/oauth2/hello-of-fastapi"
IN_FLIGHT = (1, 16)


def place(person):
    """The enterprise for which the person of a number has his roles."""
    return person * (ENTERPRISES // PERSONS)


class Side:
    """The composed service and what its callers send."""

    def __init__(self, url):
        self.db, self.issuer = Database(url), Issuer(now)
        self.settings = some_settings(database_url=url).model_copy(update={"keycloak": SETTINGS})
        self.outward = self.issuer.http()
        self.app = create(self.settings, clock=now, http=self.outward)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode())
        self.headers = {"host": b"127.0.0.1:8600", "authorization": b"Basic " + basic}
        self._hellos()

    def _hellos(self):
        async def hello(_request):
            return Response(b'{"hello":"world"}', media_type="application/json")

        router = APIRouter()

        @router.post(FASTAPI_HELLO)
        async def hello_of_fastapi():
            return {"hello": "world"}

        self.app.include_router(router)
        routes = self.app.router.routes
        # as early among the routes as the hot ones
        routes.insert(1, routes.pop())
        routes.insert(1, Route(HELLO, hello, methods=["POST"]))

    async def settle(self):
        """Portal, keys and partitions are there, and each person's session was seen before."""
        variables = {
            "PORTAIL_WALLONIE_URL": PORTAL,
            "PORTAIL_WALLONIE_SECRET_SHA256": hashlib.sha256(SECRET.encode()).hexdigest(),
        }
        await apply_to(self.db, read(PORTALS.read_text(encoding="utf-8"), variables), now, dry_run=False)
        await tokens.prepare(self.settings, self.db, now)
        seen = text(
            "INSERT INTO realms_session (issuer, session_id, subject, person_id, authenticated_at, seen_at,"
            " expires_at) VALUES (:issuer, :session, :subject, :person, :later, :later, :later)"
        )
        rows = [
            {
                "issuer": ISSUER, "session": f"sid-{each}", "subject": f"sub-{each}",
                "person": key(EMPLOYEE, place(each)), "later": now() + timedelta(hours=12),
            }
            for each in range(PERSONS)
        ]  # fmt: skip
        async with self.db.write() as conn:
            await conn.execute(seen, rows)

    def login(self, person):
        return self.issuer.access_token(Persona(subject=f"sub-{person}", session=f"sid-{person}"))

    def exchange(self, person):
        """The body of a request for a token."""
        detail = {
            "type": f"{self.settings.issuer}/authorization-details/mandate",
            "identifier": number(place(person)),
        }
        form = {
            "grant_type": EXCHANGE, "subject_token": self.login(person), "subject_token_type": ACCESS_TOKEN,
            "authorization_details": json.dumps([detail]),
        }  # fmt: skip
        return urlencode(form).encode()

    def head(self, kind, body):
        more = {"content-type": kind, "content-length": str(len(body)).encode()}
        return [(name.encode(), value) for name, value in {**self.headers, **more}.items()]

    async def post(self, path, kind, body):
        status, answer = await call(self.app, path, self.head(kind, body), body)
        if status != 200:
            raise RuntimeError(answer.decode())
        return answer

    def message(self, path, kind, body):
        lines = b"".join(b"%s: %s\r\n" % each for each in self.head(kind, body))
        return b"POST %s HTTP/1.1\r\n%s\r\n%s" % (path.encode(), lines, body)

    async def messages(self):
        """What is sent to each route, by name."""
        exchanges = [self.exchange(each) for each in range(PERSONS)]
        given = [
            json.loads(await self.post("/oauth2/token", FORM, each))["access_token"] for each in exchanges
        ]
        questions = []
        for person, token in enumerate(given):
            said = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
            question = {
                "subject": {"type": "person", "id": said["sub"]},
                "action": {"name": "primes.deposer"},
                "resource": {"type": "enterprise", "id": number(place(person))},
            }
            questions.append(json.dumps(question).encode())
        introspections = [urlencode({"token": token}).encode() for token in given]
        return {
            "hello": [self.message(HELLO, FORM, b"hello=world")],
            "fastapi_hello": [self.message(FASTAPI_HELLO, FORM, b"hello=world")],
            "token": [self.message("/oauth2/token", FORM, each) for each in exchanges],
            "introspection": [self.message("/oauth2/introspect", FORM, each) for each in introspections],
            "evaluation": [self.message("/access/v1/evaluation", JSON, each) for each in questions],
        }

    async def close(self):
        await self.outward.aclose()
        await self.app.state.edge.database.close()
        await self.db.close()


@asynccontextmanager
async def serving(app):
    """The port at which the application is served, as `habilis serve` does it."""
    settings = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, proxy_headers=False, lifespan="off"
    )
    server = uvicorn.Server(settings)
    # listening already: who calls before the server has started waits for it
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        running = asyncio.create_task(server.serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await running


@asynccontextmanager
async def loading(port):
    """A function that orders some seconds of load and says how many answers a second there were."""
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", str(port),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20,
    )  # fmt: skip

    async def order(requests, connections, seconds):
        sent = [base64.b64encode(each).decode() for each in requests]
        what = {"requests": sent, "connections": connections, "seconds": seconds}
        client.stdin.write(json.dumps(what).encode() + b"\n")
        answer = await client.stdout.readline()
        if not answer:
            raise RuntimeError("the client has ended: an answer was not 200")
        return json.loads(answer)

    yield order
    client.stdin.close()
    await client.wait()


async def over_http(side, rounds, seconds):
    """The rates of each route, by requests in flight, against those of the hello in the same round."""
    messages = await side.messages()
    found = {}
    async with serving(side.app) as port, loading(port) as order:
        for requests in messages.values():
            await order(requests, max(IN_FLIGHT), seconds)
        for connections in IN_FLIGHT:
            rates = {name: [] for name in messages}
            for turn in range(rounds):
                names = list(messages) if turn % 2 == 0 else list(reversed(messages))
                for name in names:
                    rates[name].append(await order(messages[name], connections, seconds))
            for floor in ("hello", "fastapi_hello"):
                for name in messages.keys() - {"hello", "fastapi_hello"}:
                    both = list(zip(rates[name], rates[floor], strict=True))
                    found[f"{name}_against_{floor}_{connections}_in_flight"] = summary(both)
            both = list(zip(rates["fastapi_hello"], rates["hello"], strict=True))
            found[f"fastapi_hello_against_hello_{connections}_in_flight"] = summary(both)
    return dict(sorted(found.items()))


async def parts(side, rounds, seconds):
    """What a token is made of, each part by itself: the median of its rounds, in microseconds."""
    body, login, person = side.exchange(1), side.login(1), key(EMPLOYEE, place(1))
    of = EnterpriseNumber(number(place(1)))
    token = json.loads(await side.post("/oauth2/token", FORM, body))["access_token"]
    verifier = SubjectTokens(side.issuer.realm(), side.db, None)
    wrapping = side.settings.secrets.wrapping_key.get_secret_value().encode()
    ring = KeyRing(side.db, now, issuer=side.settings.issuer, wrapping_key=wrapping)

    async def read_facts():
        return await facts.of_exchange(
            side.db, client_id=CLIENT, session=verifier.session_of(login), person=None, number=of, at=now()
        )

    found = await read_facts()
    issue = (await facts.of_token(side.db, client_id=CLIENT, token=claimed(token), at=now())).issue
    known = Known(sub=found.known.sub, person=person, level=issue.level)
    signer = await ring.signer(found.portal.alg)

    async def verify():
        await verifier.verify(login, CLIENT, found.seen)

    async def rights():
        rights_of(found.rights, person=person, number=of, roles=found.portal.roles, level=Level.ITSME)

    async def write():
        await record.record(side.db, replace(issue, jti=uuid7()), known, known.sub)

    async def signature():
        sign(signer, claims(issue, known.sub, issuer=side.settings.issuer, portal=found.portal))

    async def whole():
        await side.post("/oauth2/token", FORM, body)

    async def edge():
        await side.post(HELLO, FORM, b"hello=world")

    acts = {
        "whole": whole, "edge": edge, "one_read": read_facts, "login_verified": verify,
        "rights_from_the_row": rights, "one_write": write, "claims_and_signature": signature,
    }  # fmt: skip
    rates = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            rates[name].append(await rate(act, seconds))
    return {name: round(1e6 / statistics.median(each), 1) for name, each in rates.items()}


async def run(url, rounds, seconds):
    await fill(url, ENTERPRISES)
    side = Side(url)
    try:
        await side.settle()
        return {
            "bench": "endpoints",
            "enterprises": ENTERPRISES,
            "rounds": rounds,
            "seconds": seconds,
            "goals": {"token_against_fastapi_hello_16_in_flight": ">= 0.35"},
            "results": await over_http(side, rounds, seconds),
            "parts_of_a_token_microseconds": await parts(side, rounds, seconds / 4),
        }
    finally:
        await side.close()


def main(rounds=5, seconds=0.4):
    """The figures, from a PostgreSQL of its own that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="habilis-bench-"))
    folder.chmod(0o755)
    server = PostgresServer(folder)
    before = logging.getLogger().handlers[:]
    # each line of the log is made as in a running service, and read by nobody
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        configure("info", nowhere)
        try:
            with server:
                server.create_database("bench")
                command.upgrade(config(server.url("bench")), "head")
                return uvloop.run(run(server.url("bench"), rounds, seconds))
        finally:
            server.erase()
            logging.getLogger().handlers[:] = before


if __name__ == "__main__":
    arguments = sys.argv[1:]
    found = main(int(arguments[0]) if arguments else 5, float(arguments[1]) if arguments[1:] else 0.4)
    print(json.dumps(found, indent=2))
