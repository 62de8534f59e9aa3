"""The national number is in no sink of the running demo (DOMAIN 7.3 nr 6): every process, everything it keeps and shows.

People go their ways in a browser and write numbers where numbers are asked for, and where none belong. Then every
place is read whole and searched: for the number of each persona, of everybody in the feed of functions, and for
the one that was mistyped. The same reading finds a number that was put there.
"""

import json
import re
import smtplib
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager

import httpx2
import jwt
import psycopg
import pytest
from habilis_portal import HabilisClient

from demo import plan
from demo.parts.directory import BASE_DN
from demo.wallonia.source import enterprises
from demo.world import World as Demo
from tests.support import sinks
from tests.support.canary import Scanner
from tests.support.login import Browser, claims_of
from tests.support.register import personas
from tests.support.steps import (
    NUMBERS,
    PRIMES,
    Wording,
    add_enterprise,
    fill_request,
    mail_to,
    mails_to,
    send_request,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480, func_only=True)]

# Other journeys share this demo, before or after. At the first enterprise nothing is left of this one; at the second
# one more person has a role. Mails go to addresses that nobody else waits at.
IMMO, SERVAIS = NUMBERS["lejeune-immo"], NUMBERS["servais"]
APPOINTEE, EMPLOYEE, MANAGER = "olivier", "thierry", "paul"
FORM = "Demander une prime à l’investissement"
PATIENCE = 30.0
SEARCH = "Numéro d'entreprise ou référence d'une demande"

# Where a number stands and has to: each with its reason, and each of them is really there.
SESSIONS = "keycloak table OFFLINE_USER_SESSION"
EXCEPTIONS = {
    # The feeds as they come from the register and from elsewhere: they name people by their number (DESIGN 6).
    "file wallonia/functions.jsonl",
    "file wallonia/appointments.jsonl",
    # Keycloak's own session store: the number is a note of the session while that lives, and no longer (ADR 0007).
    SESSIONS,
    # The file in which that table is. What else is in the file is searched table by table.
    "file keycloak/data/h2/keycloakdb.mv.db",
    # The one answer that tells it, to the one client of ours that may ask (ADR 0007); it becomes a fingerprint there.
    "introspection by mandate-exchange",
}
# And where it may still stand for a while: what a row of ended sessions was, until H2 uses its blocks again.
REMNANTS = {"keycloak, no longer in a table"}


def mistyped(number: str) -> str:
    """Eleven digits that fail their check: the last one is another."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def dotted(number: str) -> str:
    return f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}"


def number_of(key: str) -> str:
    return personas()[key]["ssin"]


CANARIES = sorted(
    {persona["ssin"] for persona in personas().values()}
    | {number for each in enterprises() for held in each.functions for number in (held.ssin, held.permanent) if number}
    | {mistyped(number_of(APPOINTEE))}
)  # fmt: skip
# Nobody's: they are only ever planted, each by one test, so that what one leaves behind disturbs no other.
PLANTED, SHOWN = (f"{first}{97 - first % 97:02d}" for first in (330000777, 330000779))


def found(searched: sinks.Sinks, scanner: Scanner) -> dict[str, list]:
    return {place: findings for place, data in searched.items() if (findings := scanner.find(data))}


@pytest.fixture
def demo(world) -> Demo:
    return Demo.open(world.folder)


@pytest.fixture
def passing():
    """What browsers saw, and the address through which they saw it; it is there until they are closed."""
    with sinks.Seen.listening() as both:
        yield both


@pytest.fixture
def seen(passing) -> sinks.Seen:
    return passing[0]


@pytest.fixture
def watched(passing, person):
    """People in front of browsers of whom everything is noted."""
    _, address = passing
    return lambda key: person(key, proxy={"server": address})


# -- the journey


def told_at(visitor, field: str) -> None:
    """The form came back with an error at this field, which stands empty: what was typed is not shown again."""
    visitor.page.locator(f".ds-error-summary a[href='#{field}']").wait_for()
    assert visitor.page.locator(f"[name={field}]").input_value() == ""


def names_somebody(marc, demo: Demo) -> sinks.Sinks:
    """A representative writes the number: wrong, then where the address belongs, then right."""
    number, label = number_of(APPOINTEE), "Numéro de registre national de la personne"
    marc.login(f"/represent/{IMMO}/appoint/other")
    for field, values in (
        ("number", (dotted(mistyped(number)), f"{APPOINTEE}@canari.exemple.be")),
        ("email", (dotted(number), f"{number}@canari.exemple.be")),
    ):
        marc.page.get_by_label(label).fill(values[0])
        marc.page.get_by_label("Adresse e-mail professionnelle de la personne").fill(values[1])
        marc.click("Voir le résumé")
        told_at(marc, field)
    marc.page.get_by_label(label).fill(number)
    marc.page.get_by_label("Adresse e-mail professionnelle de la personne").fill(
        f"{APPOINTEE}@canari.exemple.be"
    )
    marc.click("Voir le résumé")
    marc.page.get_by_role("button", name="Désigner cette personne").wait_for()
    # What was typed is a draft until it is sent: it is read while it is there.
    draft = {f"draft of {place}": rows for place, rows in sinks.tables(demo).items() if "draft" in place}
    marc.click("Désigner cette personne")
    marc.sees("Annuler cette désignation")
    return draft


def declines(olivier) -> None:
    """The one who was named says no, so that the enterprise is as it was."""
    olivier.goto(mail_to(olivier.world, f"{APPOINTEE}@canari.exemple.be")["links"][0])
    olivier.click("Se connecter", "link")
    olivier.choose("itsme")
    olivier.click("Refuser", "link")
    olivier.click("Refuser")
    olivier.sees("Vous avez refusé")


def asks(thierry) -> None:
    """An employee asks for a role, and writes his own number where none belongs."""
    number = number_of(EMPLOYEE)
    thierry.login("/enterprises", "itsme")
    thierry.click("Ajouter une entreprise", "link")
    thierry.page.get_by_label("Numéro d'entreprise").fill(dotted(number))
    thierry.click("Chercher l'entreprise")
    told_at(thierry, "enterpriseNumber")
    thierry.goto("/enterprises")
    add_enterprise(thierry, "servais")
    fill_request(thierry, email=f"{number}@canari.exemple.be")
    told_at(thierry, "email")
    thierry.page.get_by_label("Pourquoi en avez-vous besoin ?").fill(f"Mon numéro : {dotted(number)}.")
    thierry.page.get_by_label("Votre adresse e-mail professionnelle").fill(f"{EMPLOYEE}@canari.exemple.be")
    thierry.click("Vérifier ma demande")
    told_at(thierry, "motivation")
    fill_request(thierry, email=f"{EMPLOYEE}@canari.exemple.be")
    asked = send_request(thierry)
    thierry.goto(mail_to(thierry.world, f"{EMPLOYEE}@canari.exemple.be")["links"][0])
    thierry.sees("Votre adresse est confirmée")
    for path in (asked, "/requests", "/address", f"/enterprises/{SERVAIS}"):
        thierry.goto(path)


def decides(paul) -> None:
    """The manager gives the role, and starts to take it back with a number in his reason."""
    paul.login(f"/desk/{SERVAIS}")
    paul.page.get_by_role("link", name=re.compile("Thierry")).first.click()
    paul.click("Accepter", "link", exact=True)
    paul.click("Donner le rôle")
    paul.sees("Votre décision est enregistrée")
    paul.goto(f"/desk/{SERVAIS}/people")
    paul.page.get_by_role("link", name=re.compile("Mettre fin à ce rôle : .*Thierry")).first.click()
    paul.page.get_by_label("Raison").fill(f"C'est {number_of(EMPLOYEE)}.")
    paul.click("Mettre fin au rôle")
    told_at(paul, "reason")


def files_a_dossier(thierry) -> None:
    """The portal opens for the enterprise and takes the dossier."""
    thierry.goto(f"/enterprises/{SERVAIS}")
    thierry.click(FORM, "link")
    thierry.sees("Vous agissez pour :")
    thierry.page.get_by_label("Objet de la demande").fill("Une presse")
    thierry.click("Envoyer la demande")
    thierry.sees("Votre demande est envoyée")


def is_told_a_number(hugo) -> None:
    """An agent types what he hears on the telephone where it does not belong: it does not even leave his browser."""
    hugo.login("/helpdesk")
    hugo.page.get_by_label(Wording("nl")(SEARCH)).fill(dotted(number_of(EMPLOYEE)))
    hugo.click(Wording("nl")("Chercher"))
    assert hugo.page.locator("input[name=q]:invalid").count() == 1
    hugo.goto(f"/helpdesk/enterprises/{SERVAIS}")


def arrived(world, demo: Demo) -> bool:
    """What follows from the acts has followed: the mail of the decision, the person in the groups of both directories."""
    subjects = [mail["subject"] for mail in mails_to(world, f"{EMPLOYEE}@canari.exemple.be")]
    return (
        "Votre demande est acceptée" in subjects
        and personas()[EMPLOYEE]["family_name"].encode() in sinks.directory(demo)["directory"]
        and f"{SERVAIS}/{PRIMES}".encode() in sinks.keycloak(demo)["keycloak users"]
    )


def leaves(visitor) -> None:
    visitor.goto("/")
    visitor.page.locator("[data-logout] button").click()
    visitor.page.wait_for_url("**/logout/done")


class Programs:
    """The programs of a portal: what they are given, token by token and answer by answer."""

    def __init__(self, demo: Demo) -> None:
        self.tokens: dict[str, str] = {}
        self.answers: list[bytes] = []
        self.session = ""
        self._demo = demo
        self._endpoint = f"{demo.keycloak_issuer}/protocol/openid-connect"

    def note(self, answer: httpx2.Response) -> None:
        answer.read()
        self.answers.append(sinks.told(answer))

    def log_in(self) -> None:
        """The employee's login gives tokens to the portal and to Mon Espace; the portal's become mandates."""
        browser = Browser(_Keycloak(self._demo))
        browser.http.event_hooks["response"].append(self.note)
        portal = browser.log_in(EMPLOYEE, "itsme", client_id=plan.PORTAL_CLIENT, scope="openid profile")
        console = browser.log_in_silently(client_id="mon-espace", scope="openid profile")
        browser.http.close()
        for who, held in (("the portal", portal), ("Mon Espace", console)):
            self.tokens |= {
                f"access of {who}": held.access_token,
                f"ID of {who}": held.id_token,
                f"refresh of {who}": held.refresh_token,
            }
        self.session = claims_of(portal.access_token)["sid"]

    def act(self) -> None:
        demo, access = self._demo, self.tokens["access of the portal"]
        with httpx2.Client(timeout=20.0, event_hooks={"response": [self.note]}) as http:
            portal = HabilisClient(
                issuer=demo.url("service"),
                audience=demo.url("portal"),
                client_id=plan.PORTAL_CLIENT,
                client_secret=demo.secret("portail-wallonie-habilis"),
                http=http,
            )
            mandate = portal.exchange(access, enterprise=SERVAIS)
            self.tokens |= {"mandate": mandate.token, "citizen": portal.exchange(access).token}
            assert portal.introspect(mandate.token).active
            assert portal.evaluate(mandate.subject, PRIMES, SERVAIS).permitted
            http.get(f"{self._endpoint}/userinfo", headers={"Authorization": f"Bearer {access}"})

    def introspect(self, client_id: str, secret: str) -> bytes:
        """What Keycloak tells this client of the portal's token."""
        answer = httpx2.post(
            f"{self._endpoint}/token/introspect",
            data={"token": self.tokens["access of the portal"]},
            auth=(client_id, self._demo.secret(secret)),
            timeout=20.0,
        )
        return sinks.told(answer)

    def sinks(self) -> sinks.Sinks:
        return {
            "answers to programs": b"\n\n".join(self.answers),
            "introspection by mandate-exchange": self.introspect(
                "mandate-exchange", "mandate-exchange-client"
            ),
            "introspection by the portal": self.introspect(plan.PORTAL_CLIENT, "portail-wallonie-client"),
            **sinks.unfolded_tokens(self.tokens),
        }


class _Keycloak:
    """The demo's Keycloak, as a browser of the tests wants to know it."""

    def __init__(self, demo: Demo) -> None:
        self.endpoint = f"{demo.keycloak_issuer}/protocol/openid-connect"
        self.environment = plan.realm_environment(demo)

    def client_secret(self, client_id: str) -> str:
        return self.environment[f"REALM_{client_id.upper().replace('-', '_')}_CLIENT_SECRET"]


def everything(demo: Demo, seen: sinks.Seen, in_keycloak: Callable[[sinks.Sinks], bool]) -> sinks.Sinks:
    """All that the demo keeps and has shown, once Keycloak's database is as wanted."""
    return {
        **sinks.keycloak_tables(demo, in_keycloak),
        **sinks.keycloak(demo),
        **sinks.logs(demo),
        **sinks.files(demo),
        **sinks.tables(demo),
        **sinks.mails(demo),
        **sinks.directory(demo),
        **sinks.metrics(demo),
        **seen.sinks(),
    }


def ended_sessions(demo: Demo) -> list[bytes]:
    """The sessions of Keycloak that people left by logging out."""
    events = json.loads(sinks.keycloak(demo)["keycloak events"])
    return [
        event["sessionId"].encode() for event in events if event["type"] == "LOGOUT" and "sessionId" in event
    ]


def test_inv_6_the_national_number_is_in_no_sink_of_the_running_demo(watched, seen, world, demo):
    people = [watched(key) for key in ("marc", APPOINTEE, EMPLOYEE, MANAGER, "hugo")]
    marc, olivier, thierry, paul, hugo = people
    draft = names_somebody(marc, demo)
    declines(olivier)
    asks(thierry)
    decides(paul)
    files_a_dossier(thierry)
    is_told_a_number(hugo)
    programs = Programs(demo)
    programs.log_in()
    programs.act()
    given = programs.sinks()
    deadline = time.monotonic() + PATIENCE
    while not arrived(world, demo):
        assert time.monotonic() < deadline, "what follows from a decision did not follow"
        time.sleep(0.2)
    kept: sinks.Sinks = {}
    for visitor in people:
        kept |= sinks.kept_by(visitor)
        leaves(visitor)
    ended = ended_sessions(demo)
    assert len(ended) >= len(people)

    def only_live_sessions(tables: sinks.Sinks) -> bool:
        rows = tables.get(SESSIONS, b"")
        return programs.session.encode() in rows and not any(each in rows for each in ended)

    searched = everything(demo, seen, only_live_sessions) | given | draft | kept

    places = found(searched, Scanner(CANARIES)).keys()
    assert sorted(places - REMNANTS) == sorted(EXCEPTIONS)
    # There is something to look at, and no place is missing: an empty sink would prove nothing.
    logs = {place.removeprefix("log ") for place in searched if place.startswith("log ")}
    assert logs == sinks.processes(demo)
    for part in ("service", "worker", "provisioning", "keycloak", "directory", "functions", "appointments"):
        assert searched[f"log {part}"], part
    for text, place in (
        ("web.request", "log service"),
        (SERVAIS, "pages"),
        (SERVAIS, "addresses and headers"),
        ("set-cookie", "addresses and headers"),
        ("KEYCLOAK_SESSION", "addresses and headers"),
        (f"/represent/{IMMO}/appoint/other", "addresses and headers"),
        ("/fas/choose", "addresses and headers"),
        ("/broker/fas/endpoint?", "addresses and headers"),
        (f"{demo.url('portal')}/dossiers/", "addresses and headers"),
        (SERVAIS, "directory"),
        (SERVAIS, "keycloak groups"),
        ("Masson", "keycloak users"),
        ("LOGOUT", "keycloak events"),
        ("realms/monespace", "answers to programs"),
        (PRIMES, "token mandate"),
        ("authorization_details", "token mandate"),
        (f"{APPOINTEE}@canari.exemple.be", "mails"),
        (f"{EMPLOYEE}@canari.exemple.be", "mails in characters"),
        ("Imprimerie Servais SA", "mails in characters"),
        (f"{APPOINTEE}@canari.exemple.be", "draft of table console_draft"),
        ('"active":false', "introspection by the portal"),
        ("Une presse", "pages"),
        ("habilis-session", f"kept by {EMPLOYEE}'s browser"),
    ):
        assert text.encode() in searched[place], (text, place)
    for table in (
        "journal_entry", "journal_detail", "people_fingerprint", "people_session", "bce_function", "notify_message",
        "delegation_office", "delegation_request", "delegation_request_text", "delegation_grant", "tokens_issue",
        "portals_pairwise", "realms_group",
    ):  # fmt: skip
        assert searched[f"table {table}"], table


# -- the same reading finds what is there


@contextmanager
def in_a_log(demo: Demo):
    file = demo.logs / "planted.log"
    file.write_text(json.dumps({"event": "test.planted", "who": PLANTED}), encoding="utf-8")
    try:
        yield {"log planted"}
    finally:
        file.unlink()


@contextmanager
def in_a_row(demo: Demo):
    with psycopg.connect(sinks.database_url(demo), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA planted")
        connection.execute("CREATE TABLE planted.planted AS SELECT %s::bytea AS said", [PLANTED.encode()])
        try:
            yield {"table planted.planted"}
        finally:
            connection.execute("DROP SCHEMA planted CASCADE")


@contextmanager
def in_a_mail(demo: Demo, number: str = PLANTED):
    kept = demo.folder / "mailbox" / "mails"
    before = set(kept.iterdir())
    with smtplib.SMTP("127.0.0.1", demo.ports["smtp"], timeout=20) as server:
        server.sendmail(
            "test@exemple.be",
            [f"{number[:4]}@canari.exemple.be"],
            "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: quoted-printable\r\n\r\nVotre num=C3=A9ro {dotted(number)}\r\n",
        )
    [file] = set(kept.iterdir()) - before
    yield {"mails", "mails in characters", f"file {file.relative_to(demo.folder)}"}


@contextmanager
def in_a_file(demo: Demo):
    file = demo.folder / "portal" / "planted.json"
    file.write_text(json.dumps({"details": dotted(PLANTED)}), encoding="utf-8")
    try:
        yield {"file portal/planted.json"}
    finally:
        file.unlink()


@contextmanager
def in_keycloak(demo: Demo):
    with sinks.administrator(demo) as http:
        made = http.post("/groups", json={"name": "planted", "attributes": {"note": [PLANTED]}})
        made.raise_for_status()
    try:
        yield {"keycloak groups", "keycloak table GROUP_ATTRIBUTE", "file keycloak/data/h2/keycloakdb.mv.db"}
    finally:
        with sinks.administrator(demo) as http:
            http.delete(f"/groups/{made.headers['location'].rsplit('/', 1)[1]}").raise_for_status()


@contextmanager
def in_the_directory(demo: Demo):
    name = f"uid=planted,ou=people,{BASE_DN}"
    with sinks.bound(demo, "provisioner") as connection:
        said = {"sn": "Canari", "cn": "Canari", "description": dotted(PLANTED)}
        done, result, *_ = connection.add(name, "inetOrgPerson", said)
        assert done, result
        try:
            yield {"directory"}
        finally:
            connection.delete(name)


@contextmanager
def in_an_address(visitor):
    answer = visitor.page.goto(f"{visitor.world.urls['monEspace']}/no-such-page?n={dotted(PLANTED)}")
    assert answer.status == 404
    # The links to the other languages lead to the same address. No log holds it: it stays with the one who wrote it.
    yield {"addresses and headers", "pages"}


def has_planted(tables: sinks.Sinks) -> bool:
    return PLANTED.encode() in tables.get("keycloak table GROUP_ATTRIBUTE", b"")


def test_inv_6_the_same_reading_finds_a_number_in_each_sink(watched, seen, demo):
    sophie = watched("sophie")
    plants = (in_a_log, in_a_row, in_a_mail, in_a_file, in_keycloak, in_the_directory)
    with ExitStack() as planted:
        expected = set().union(*(planted.enter_context(plant(demo)) for plant in plants))
        expected |= planted.enter_context(in_an_address(sophie))
        searched = everything(demo, seen, has_planted)

    assert sorted(found(searched, Scanner([PLANTED]))) == sorted(expected)


def test_inv_6_the_same_reading_finds_a_number_in_a_page_in_a_token_and_in_what_a_browser_keeps(
    watched, seen, demo
):
    sophie = watched("sophie")
    with in_a_mail(demo, SHOWN):
        sophie.goto(f"{demo.url('mailbox')}/boxes/{SHOWN[:4]}@canari.exemple.be")
    sophie.page.locator("main a[href^='/messages/']").first.click()
    sophie.sees(dotted(SHOWN))
    sophie.page.evaluate("number => sessionStorage.setItem('planted', number)", SHOWN)
    token = jwt.encode({"sub": "x", "niss": SHOWN}, "k" * 32, "HS256")

    searched = sinks.unfolded_tokens({"planted": token}) | seen.sinks() | sinks.kept_by(sophie)

    places = ["kept by sophie's browser", "pages", "token planted"]
    assert sorted(found(searched, Scanner([SHOWN]))) == places
