"""The national number is in no sink (DOMAIN 7.3 nr 6): the journey with canary numbers, then everything is searched.

The numbers go in where they go in in life: the feeds, the introspection answer of Keycloak, the field in
which a representative writes her appointee's number, and free text where somebody should not have written
one. What is searched afterwards: every row of every table, the log of the process at its most talkative, every
mail as it arrived, every HTTP answer with its headers, every URL, every token.
"""

import base64
import hashlib
import io
import json
import logging
import re
from contextlib import contextmanager

import httpx2
import pytest
import structlog
from habilis_portal import AsyncHabilisClient
from sqlalchemy import text

from demo.wallonia.source import enterprises
from demo.wallonia.write import appointment_lines
from iam.app import create
from iam.delegation import commands as c
from iam.delegation import feed
from iam.duties import consumers
from iam.kernel.reasons import Reason
from iam.notify.deliver import deliver
from iam.notify.letterhead import letterhead
from iam.people.links import Minter
from iam.portals.commands import apply_to
from iam.portals.definition import read
from iam.tokens import service as tokens
from iam.web.logging import configure
from iam.worker import relay_all, seal_all
from tests.support.acts import DUPONT, act, did, dump, gap, requested, submission
from tests.support.canary import Scanner
from tests.support.issuer import LEVEL, SETTINGS, Issuer, Persona
from tests.support.mail import mail_server
from tests.support.register import REPOSITORY, Town, personas
from tests.support.settings import some_settings

pytestmark = pytest.mark.anyio

NUMBERS = sorted(
    {persona["ssin"] for persona in personas().values()}
    | {number for each in enterprises() for held in each.functions for number in (held.ssin, held.permanent) if number}
)  # fmt: skip
SCANNER = Scanner(NUMBERS)
PORTAL, SECRET = "https://portail.test", "Rk7pX2mB9vQw4ZtL8sYd3NcJ6hGf"
OURS = "http://127.0.0.1:8600"


def numbers_of(key: str) -> tuple[str, str]:
    """A persona's number, plain and dotted."""
    n = personas()[key]["ssin"]
    return n, f"{n[:2]}.{n[2:4]}.{n[4:6]}-{n[6:9]}.{n[9:]}"


def persona(key: str, level: int = 500) -> Persona:
    said = personas()[key]
    return Persona(
        subject=f"sub-{key}", session=f"sid-{key}", number=said["ssin"], acr=f"{LEVEL}{level}",
        given_name=said["given_name"], family_name=said["family_name"], locale=said["language"],
    )  # fmt: skip


@contextmanager
def whole_log():
    """Everything that anybody in this process logs, as the service writes it, at the lowest level."""
    root, stream = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    configure("debug", stream)
    try:
        yield stream
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
        structlog.reset_defaults()


class Seen:
    """Everything that left the service over HTTP, and every address that was asked for."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.answers = 0

    async def note(self, answer: httpx2.Response) -> None:
        await answer.aread()
        self.answers += 1
        self.bytes += f"{answer.request.method} {answer.request.url}\n{answer.status_code}\n".encode()
        self.bytes += b"".join(name + b": " + value + b"\n" for name, value in answer.headers.raw)
        self.bytes += b"\n" + answer.content + b"\n"


class Browser:
    """Somebody's browser at our pages."""

    def __init__(self, app, seen: Seen, issuer: Issuer) -> None:
        self.issuer = issuer
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False), base_url=OURS,
            headers={"Accept": "text/html"}, event_hooks={"response": [seen.note]},
        )  # fmt: skip

    async def log_in(self, key: str) -> None:
        started = await self.http.get("/login?next=/enterprises&level=500")
        back = await self.http.get(
            "/login/callback", params=self.issuer.answer(started.headers["location"], persona(key))
        )
        assert back.status_code == 303, back.text
        assert back.headers["location"] == "/enterprises"

    async def look(self, path: str) -> httpx2.Response:
        answer = await self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer

    async def send(self, page: httpx2.Response, path: str, **fields: str) -> httpx2.Response:
        """The form of a page, its hidden fields with it."""
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        return await self.http.post(path, data={**hidden, **fields}, headers={"Origin": OURS})


@pytest.fixture
async def world(town, tmp_path):
    """The composed service, its portal and its mail server, with everything recorded."""
    issuer = Issuer(town.clock)
    async with mail_server(tmp_path / "mails") as post:
        settings = some_settings(database_url=town.db.url).model_copy(update={"keycloak": SETTINGS})
        secret = hashlib.sha256(SECRET.encode()).hexdigest()
        variables = {"PORTAIL_WALLONIE_URL": PORTAL, "PORTAIL_WALLONIE_SECRET_SHA256": secret}
        definition = (REPOSITORY / "demo" / "portals.toml").read_text(encoding="utf-8")
        await apply_to(town.db, read(definition, variables), town.clock, dry_run=False)
        await tokens.prepare(settings, town.db, town.clock)
        outward = issuer.http()
        app = create(settings, clock=town.clock, http=outward)
        yield World(town, settings, issuer, app, post)
        await outward.aclose()
        await app.state.edge.database.close()


class World:
    """The service in this process and what has come out of it."""

    def __init__(self, town: Town, settings, issuer: Issuer, app, post) -> None:
        self.town, self.settings, self.issuer, self.app, self.post = town, settings, issuer, app, post
        self.seen = Seen()
        self.drafts = b""

    def browser(self) -> Browser:
        return Browser(self.app, self.seen, self.issuer)

    def portal(self) -> AsyncHabilisClient:
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        http = httpx2.AsyncClient(transport=transport, event_hooks={"response": [self.seen.note]})
        return AsyncHabilisClient(
            issuer=self.settings.issuer, audience=PORTAL, client_id="portail-wallonie", client_secret=SECRET,
            http=http, clock=lambda: self.town.clock().timestamp(),
        )  # fmt: skip

    async def work(self) -> None:
        """The worker's turn: the journal sealed and relayed, the mails gone."""
        readers = consumers(self.settings, self.town.door)
        for _ in range(10):
            await seal_all(self.town.db, self.town.clock)
            if not await relay_all(self.town.db, readers, self.town.clock):
                break
        mint = Minter.of(self.settings.policy, self.town.clock)
        await deliver(self.town.db, self.post.mailer(), mint, self.town.clock, letterhead(self.settings))

    async def sinks(self, log: io.StringIO) -> dict[str, bytes]:
        """All that was written down or sent, by where."""
        return {
            **{
                f"table {name}": "\n".join(rows).encode() for name, rows in (await dump(self.town.db)).items()
            },
            "drafts": self.drafts,
            "log": log.getvalue().encode(),
            "http": bytes(self.seen.bytes),
            "mails": b"\n\n".join(mail.message.as_bytes() for mail in self.post.mails),
            "mails in characters": "\n".join(mail.text + mail.html for mail in self.post.mails).encode(),
        }


def found(sinks: dict[str, bytes]) -> dict[str, list]:
    return {place: findings for place, data in sinks.items() if (findings := SCANNER.find(data))}


async def journey(world: World, tmp_path) -> None:
    """From the feeds to a token and its end, with the wrong turns that people take."""
    town, (jeanne, dotted), (karim, _) = world.town, numbers_of("jeanne"), numbers_of("karim")
    path = tmp_path / "appointments.jsonl"
    bad = json.dumps({"kind": "gap", "enterpriseNumber": DUPONT, "ssin": jeanne + "1", "email": "x"})
    path.write_text("\n".join([*appointment_lines(), bad, "{" + karim]), encoding="utf-8")
    await feed.apply(town.db, town.door, path, town.settings.fingerprint_keys, town.clock, dry_run=False)

    luc = world.browser()
    await luc.log_in("luc")
    form = await luc.look(f"/represent/{DUPONT}/appoint/other")
    for wrong in (
        {"number": dotted[:-1] + "0"},
        {"email": f"{karim}@exemple.be"},
        {"email": "", "number": dotted},
    ):
        refused = await luc.send(
            form,
            f"/represent/{DUPONT}/appoint/other",
            **{"number": dotted, "email": "jeanne@exemple.be", **wrong},
        )
        assert refused.status_code in {200, 400, 422}, refused.status_code
    sent = await luc.send(
        form, f"/represent/{DUPONT}/appoint/other", number=dotted, email="jeanne@exemple.be", language="fr"
    )
    assert sent.status_code == 303, sent.text
    check = await luc.look(sent.headers["location"])
    # a draft lives until its form is sent: it is searched while it is there
    world.drafts = "\n".join((await dump(town.db))["console_draft"]).encode()
    named = await luc.send(check, f"/represent/{DUPONT}/check")
    assert named.status_code == 303, named.text
    await luc.look(named.headers["location"])
    await world.work()

    async with town.db.read() as conn:
        query = text(
            "SELECT office_id FROM delegation_office WHERE person_id = :p AND recorded_until IS NULL"
        )
        office = (await conn.execute(query, {"p": town.person("jeanne")})).scalar_one()
    manager = world.browser()
    await manager.log_in("jeanne")
    proposed = await manager.look(f"/appointments/{office}")
    accepted = await manager.send(proposed, f"/appointments/{office}/accept")
    assert accepted.status_code == 303, accepted.text

    for command, who in (
        (submission(town, "karim", motivation=f"Mon numéro : {karim}"), "karim"),
        (submission(town, "karim", email=f"{karim}@exemple.be"), "karim"),
    ):
        refused = await act(town, command, who)
        assert refused.reason in {Reason.TEXT_HOLDS_NATIONAL_NUMBER, Reason.EMAIL_INVALID}
    asked = await requested(town, "karim")
    await did(town, c.ApproveRequest(entity=town.entity(DUPONT), request=asked), "jeanne")
    await world.work()

    employee = world.browser()
    await employee.log_in("karim")
    ask = await employee.look(f"/enterprises/{DUPONT}/request")
    await employee.send(
        ask, f"/enterprises/{DUPONT}/request", motivation=f"Je suis le {karim}", email="karim@exemple.be",
        role="permis.deposer", roles="permis.deposer", relation="employee",
    )  # fmt: skip
    await employee.http.post("/enterprises/add", data={"number": karim}, headers={"Origin": OURS})
    for page in ("/", "/enterprises", f"/enterprises/{DUPONT}", "/requests", f"/requests/{asked}"):
        await employee.look(page)
    for page in ("/desk", f"/desk/{DUPONT}", f"/desk/{DUPONT}/people"):
        await manager.look(page)

    portal = world.portal()
    subject = world.issuer.access_token(persona("karim", 450))
    mandate = await portal.exchange(subject, enterprise=DUPONT)
    assert (await portal.introspect(mandate.token)).active
    assert (await portal.evaluate(mandate.subject, "primes.deposer", DUPONT)).permitted
    citizen = await portal.exchange(subject)
    world.seen.bytes += f"{mandate.token}\n{citizen.token}\n".encode()
    for token in (mandate.token, citizen.token):
        for part in token.split(".")[:2]:
            world.seen.bytes += base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) + b"\n"
    await world.work()


@pytest.mark.timeout(240)
async def test_inv_6_the_national_number_is_in_no_sink(world, tmp_path):
    with whole_log() as log:
        await journey(world, tmp_path)
        sinks = await world.sinks(log)

    assert found(sinks) == {}
    # There is something to look at: an empty sink would prove nothing.
    assert world.seen.answers > 25
    assert len(world.post.mails) >= 4
    for place in (
        "log", "http", "mails", "table journal_entry", "table journal_detail", "table people_fingerprint",
        "table bce_function", "table notify_message", "table delegation_grant", "table people_session",
        "drafts",
    ):  # fmt: skip
        assert len(sinks[place]) > 100, place


class TestThePlantedOne:
    """The same search finds a number that was put there."""

    async def test_inv_6_in_a_row(self, world):
        number, dotted = numbers_of("karim")
        await gap(world.town, "luc", "jeanne")
        await requested(world.town, "karim")
        plants = {
            "delegation_request_text": ("motivation", f"Je suis le {dotted}."),
            "people_person": ("family_name", base64.b64encode(f"<{number}>".encode()).decode()),
            "journal_detail": ("salt", number.encode()),
        }
        for table, (column, plant) in plants.items():
            async with world.town.db.write() as conn:
                await conn.execute(text(f"UPDATE {table} SET {column} = :v"), {"v": plant})

        with whole_log() as log:
            sinks = await world.sinks(log)

        planted = {f"table {table}" for table in plants}
        assert found(sinks).keys() == planted

    async def test_inv_6_in_a_line_of_the_log(self, world):
        number, _ = numbers_of("luc")
        with whole_log() as log:
            structlog.get_logger("iam").info("test.planted", who=number)
            logging.getLogger("library").debug("a library says %s", number.encode().hex())
            sinks = await world.sinks(log)

        [place] = found(sinks)
        which = {finding.which for finding in found(sinks)[place]}
        assert (place, which) == ("log", {NUMBERS.index(number)})
        assert {finding.form for finding in found(sinks)[place]} == {"digits", "characters in hexadecimal"}

    async def test_inv_6_in_a_mail_and_in_an_answer(self, world):
        number, dotted = numbers_of("luc")
        world.seen.bytes += f"Location: /x?n={dotted.replace('.', '%2E')}\n".encode()
        world.post.catcher.store.add(
            ["a@exemple.be"],
            f"Subject: x\r\n\r\nVotre num=\r\n=C3=A9ro {number[:6]}=\r\n{number[6:]}\r\n".encode(),
        )

        with whole_log() as log:
            assert found(await world.sinks(log)).keys() >= {"http", "mails"}


NUMBER = "71000000333"
FORMS = {
    "digits": NUMBER.encode(),
    "within other digits": b"00" + NUMBER.encode() + b"00",
    "dotted": b"71.00.00-003.33",
    "spaces": b"71 00 00 003 33",
    "no-break spaces": "71\u00a000\u00a000\u00a0003\u00a033".encode(),
    "percent-encoded": b"71%2E00%2E00-003%2E33",
    "escaped no-break spaces": b"71\\u00a000\\u00a000\\u00a0003\\u00a033",
    "over two lines": b"7100000\r\n0333",
    "soft break of a mail": b"7100000=\r\n0333",
    "hexadecimal": NUMBER.encode().hex().encode(),
    "upper hexadecimal of the dotted": b"71.00.00-003.33".hex().upper().encode(),
    "bytea as PostgreSQL writes it": b"\\x" + NUMBER.encode().hex().encode(),
    "base64 at 0": base64.b64encode(NUMBER.encode()),
    "base64 at 1": base64.b64encode(b"x" + NUMBER.encode() + b"yy"),
    "base64 at 2": base64.urlsafe_b64encode(b"xx" + NUMBER.encode() + b"y"),
    "base64 of the dotted in a document": base64.urlsafe_b64encode(b'{"niss":"71.00.00-003.33"}'),
    "base64 over two lines": base64.b64encode(b"abc" + NUMBER.encode())[:9] + b"\n" + base64.b64encode(b"abc" + NUMBER.encode())[9:],
    "two bytes a character": NUMBER.encode("utf-16-le"),
    "a digest without a key": hashlib.sha256(NUMBER.encode()).hexdigest().encode(),
    "a digest in base64": base64.b64encode(hashlib.sha1(NUMBER.encode(), usedforsecurity=False).digest()),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_inv_6_the_scanner_finds_every_form(form):
    scanner = Scanner(["84000000612", NUMBER])
    [finding, *_] = scanner.find(b"before " + FORMS[form] + b" after")
    assert finding.which == 1
    assert NUMBER not in repr(finding)


@pytest.mark.parametrize(
    "innocent",
    [
        b"71000000334", b"7100000033", b"710000003 and then 33 apart", b"1900.000.069", b"081 00 11 22",
        b"0198f3a1-7100-7000-8000-333000000000", hashlib.sha256(b"salt" + NUMBER.encode()).hexdigest().encode(),
    ],
)  # fmt: skip
def test_inv_6_the_scanner_finds_nothing_in_what_is_innocent(innocent):
    assert Scanner([NUMBER]).find(innocent) == []


@pytest.mark.parametrize("numbers", [[], ["7100000033"], ["7100000033x"]])
def test_a_scanner_without_numbers_is_refused(numbers):
    with pytest.raises(ValueError, match="eleven digits"):
        Scanner(numbers)
