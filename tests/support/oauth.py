"""A small world around the OAuth side: portals in PostgreSQL, rights and logins as plain values.

The rights come from a list of grants that a test changes; the real query has its own tests.
"""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

import httpx2
from sqlalchemy import insert, select
from starlette.applications import Starlette

from iam.decisions import api as decisions_api
from iam.decisions.evaluate import DecisionService
from iam.delegation.rights import Rights, RoleRight
from iam.journal.model import Context
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, GrantId, PersonId, uuid4
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from iam.kernel.revision import Revision
from iam.portals.authentication import hash_of
from iam.portals.commands import apply_to
from iam.portals.definition import read
from iam.realms.errors import InvalidToken, KeycloakUnavailable
from iam.realms.model import SubjectToken
from iam.storage.tables import core
from iam.tokens import api as tokens_api
from iam.tokens.keyring import KeyRing, ensure_keys
from iam.tokens.partitions import ensure_partitions
from iam.tokens.service import TokenService
from iam.tokens.tables import TokensKey

ISSUER = "https://habilis.test"
_KEY = core(TokensKey)
TYPE = f"{ISSUER}/authorization-details/mandate"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
DUPONT = EnterpriseNumber("1900000069")
OTHER = EnterpriseNumber("0314595348")
WRAPPING_KEY = b"w" * 32
PAIRWISE_KEY = b"p" * 32
SECRETS = {
    "primes": "bWvZ4rY6Xn0r5dJ8o1qk3M-0n7c9",
    "permis": "Qp0x9-hT3kLr7aWc2zYv5nBm8sDf",
    "vieux": "Zt6_uJ1mNe4bVr9cXq2wGy7hKp5a",
}

PORTALS = """
[[portal]]
client_id = "primes"
audience = "https://primes.test"
secret_sha256 = ["${PRIMES}"]
return_urls = ["https://primes.test/retour"]
roles = ["primes.deposer", "primes.suivre", "primes.signer"]
citizens = true
receives = ["enterpriseName"]
names = { fr = "Primes", nl = "Premies", de = "Prämien", en = "Grants" }
[[portal.demarche]]
code = "demander-prime"
audience = "enterprise"
start_url = "https://primes.test/demander"
roles = ["primes.deposer", "primes.suivre"]
labels = { fr = "a", nl = "b", de = "c", en = "d" }
descriptions = { fr = "a", nl = "b", de = "c", en = "d" }

[[portal]]
client_id = "permis"
audience = "https://permis.test"
secret_sha256 = ["${PERMIS}"]
roles = ["permis.suivre"]
level = 450
alg = "RS256"
longest_seconds = 60
names = { fr = "Permis", nl = "Vergunningen", de = "Genehmigungen", en = "Permits" }

[[portal]]
client_id = "vieux"
audience = "https://vieux.test"
secret_sha256 = ["${VIEUX}"]
active = false
names = { fr = "Vieux", nl = "Oud", de = "Alt", en = "Old" }
"""


@dataclass
class Grant:
    person: PersonId
    number: EnterpriseNumber
    role: str
    until: datetime | None = None
    level: Level = Level.TOTP
    id: GrantId = field(default_factory=lambda: GrantId(uuid4()))


class World:
    """Everything a test of the OAuth side may move."""

    def __init__(self, db, clock):
        self.db = db
        self.clock = clock
        self.grants = []
        self.subjects = {}
        self.persons = {}
        self.blocked = set()
        self.entities = {DUPONT: EntityId(uuid4()), OTHER: EntityId(uuid4())}
        self.keycloak_is_down = False
        self.head = 1
        self.client = None
        self.app = None
        self.service = None

    # what the OAuth side asks of other rooms

    def session_of(self, token):
        found = self.subjects.get(token)
        return None if found is None else (found.issuer, found.session_id)

    async def verify(self, token, client_id, _seen):
        if self.keycloak_is_down:
            raise KeycloakUnavailable
        found = self.subjects.get(token)
        if found is None or found.client_id != client_id or found.expires_at <= self.clock():
            raise InvalidToken("azp")
        return found

    def read_rights(self, _row, *, person, number, roles, level):
        if person in self.blocked:
            return Refusal(reason=Reason.PERSON_BLOCKED)
        revision = Revision(self.head, 1, 1, 1)
        if number is None:
            return Rights(person=person, capacity=Capacity.CITIZEN, revision=revision)
        held = [
            RoleRight(code=g.role, grant=g.id, until=g.until, minimum_level=g.level)
            for g in self.grants
            if g.person == person and g.number == number and g.role in roles
            if g.until is None or self.clock() < g.until
        ]
        if not held:
            return Refusal(reason=Reason.ROLE_MISSING)
        enough = tuple(r for r in held if level >= r.minimum_level)
        too_weak = tuple(r for r in held if level < r.minimum_level)
        if not enough:
            return Refusal(reason=Reason.LEVEL_TOO_LOW, level=min(r.minimum_level for r in too_weak))
        return Rights(
            person=person, capacity=Capacity.ROLE_HOLDER, revision=revision, entity=self.entities[number],
            number=number, name="Menuiserie Dupont SRL", roles=enough, too_weak=too_weak,
        )  # fmt: skip

    # what a test says

    def person(self, name):
        return self.persons.setdefault(name, PersonId(uuid4()))

    def login(self, name="karim", *, azp="primes", level=Level.ITSME, seconds=300):
        """A Keycloak access token of somebody, as a word."""
        token = f"kc-{len(self.subjects)}-{name}"
        self.subjects[token] = SubjectToken(
            person=self.person(name), issuer="https://kc.test/realms/monespace", subject=name,
            session_id=f"session-{name}", client_id=azp, expires_at=self.clock() + timedelta(seconds=seconds),
            assurance=Assurance(level, self.clock()),
        )  # fmt: skip
        return token

    def grant(self, name="karim", role="primes.deposer", number=DUPONT, **more):
        made = Grant(self.person(name), number, role, **more)
        self.grants.append(made)
        return made

    def end(self, grant):
        self.grants.remove(grant)
        self.head += 1

    async def post(self, path, form, *, client="primes", headers=None, content=None, **more):
        auth = None if client is None else (client, SECRETS[client])
        head = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        body = urlencode(form) if content is None else content
        return await self.client.post(path, content=body, headers=head, auth=auth, **more)

    async def exchange(self, token, number=DUPONT, *, client="primes", actions=None, **more):
        form = {
            "grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, **more,
        }  # fmt: skip
        if number is not None and "authorization_details" not in form:
            detail = {"type": TYPE, "identifier": number.digits}
            if actions is not None:
                detail["actions"] = actions
            form["authorization_details"] = json.dumps([detail])
        form = {name: value for name, value in form.items() if value is not None}
        return await self.post("/oauth2/token", form, client=client)

    async def token(self, *args, **more):
        answer = await self.exchange(*args, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    async def introspect(self, token, client="primes"):
        answer = await self.post("/oauth2/introspect", {"token": token}, client=client)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def evaluate(self, body, *, client="primes", headers=None, content=None):
        auth = None if client is None else (client, SECRETS[client])
        head = {"content-type": "application/json", **(headers or {})}
        data = json.dumps(body).encode() if content is None else content
        return await self.client.post("/access/v1/evaluation", content=data, headers=head, auth=auth)

    def with_service(self, **changes):
        """The same world, with other parts of the service."""
        self.service = replace(self.service, **changes)
        self.open()
        return self

    def open(self):
        decisions = DecisionService(
            db=self.service.db, clock=self.clock, issuer=self.service.issuer, read_rights=self.read_rights
        )
        self.app = Starlette(routes=[*tokens_api.routes(self.service), *decisions_api.routes(decisions)])
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app), base_url=self.service.issuer
        )


_KEYS = []


def done_at(now):
    """Somebody at the command line does it now."""
    return Context(actor=SystemActor(trigger="test"), capacity=Capacity.OPERATOR, at=now)


async def _keys(conn, now):
    """The keys of the first world serve them all: making RSA keys takes a second."""
    if _KEYS:
        dates = {"published_at": now, "active_at": now}
        await conn.execute(
            insert(_KEY), [{**row, **{k: v for k, v in dates.items() if row[k]}} for row in _KEYS]
        )
    else:
        await ensure_keys(conn, done_at(now), issuer=ISSUER, wrapping_key=WRAPPING_KEY)
        _KEYS.extend(dict(row._mapping) for row in await conn.execute(select(_KEY)))


async def world(db, clock):
    """A world with three portals, keys and partitions."""
    made = World(db, clock)
    environment = {name.upper(): hash_of(secret).hex() for name, secret in SECRETS.items()}
    await apply_to(db, read(PORTALS, environment), clock, dry_run=False)
    async with db.write() as conn:
        await _keys(conn, clock())
        await ensure_partitions(conn, clock().date())
    made.service = TokenService(
        db=db, clock=clock, issuer=ISSUER,
        ring=KeyRing(db, clock, issuer=ISSUER, wrapping_key=WRAPPING_KEY),
        pairwise_key=PAIRWISE_KEY, longest_seconds=300,
        subject_tokens=made, read_rights=made.read_rights,
    )  # fmt: skip
    made.open()
    return made


def payload(token):
    return _part(token, 1)


def header(token):
    return _part(token, 0)


def _part(token, place):
    part = token.split(".")[place]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
