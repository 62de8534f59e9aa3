"""The OAuth side as it is composed: the service's own application, rights from delegation's tables, logins
verified by the realm's room. Only Keycloak is the small issuer of the test's process."""

import base64
import json
from datetime import timedelta

import httpx2
import psycopg
import pytest
from habilis_portal import Denied, Rejected, StepUpNeeded, Unavailable
from sqlalchemy import text

from iam.decisions import facts as decisions
from iam.delegation import commands as c
from iam.delegation import rights
from iam.kernel.assurance import Level
from iam.kernel.ids import uuid4
from iam.people.commands import block
from iam.tokens import facts
from tests.support.acts import DUPONT, SERVAIS, did, gap, given
from tests.support.issuer import LEVEL, LUC, Persona
from tests.support.oauth_side import SECRET, open_side

pytestmark = pytest.mark.anyio


@pytest.fixture
async def side(town):
    async with open_side(town) as opened:
        yield opened


@pytest.fixture
async def grant(side):
    """Karim may file grants for Dupont: Luc represents it, Jeanne is its chief access manager."""
    await gap(side.town, "luc", "jeanne")
    return await given(side.town, "jeanne", "karim", "primes.deposer")


async def test_the_employee_gets_a_mandate_that_says_what_was_given(side, grant):
    mandate = await side.exchange()

    assert (mandate.enterprise_number, mandate.enterprise_name) == (DUPONT, "Menuiserie Dupont SRL")
    [role] = mandate.roles
    assert (role.code, role.grant) == ("primes.deposer", str(grant))
    assert mandate.level == 450
    assert mandate.capacity == "role_holder"
    assert (await side.habilis.introspect(mandate.token)).active
    decision = await side.habilis.evaluate(mandate.subject, "primes-investissement", DUPONT)
    assert decision.permitted
    assert decision.revision == mandate.revision
    assert decision.until == mandate.until


class Trips:
    """Counts how often the database is gone to, and how."""

    def __init__(self, database, monkeypatch):
        self.made = []
        for name in ("ask", "tell", "read", "write"):
            monkeypatch.setattr(database, name, self._counted(name, getattr(database, name)))

    def _counted(self, name, act):
        def counted(*args):
            self.made.append(name)
            return act(*args)

        return counted

    async def of(self, act):
        self.made.clear()
        await act
        return self.made


async def test_a_token_is_one_read_and_one_write_and_an_answer_one_read(side, grant, monkeypatch):
    """ADR 0012. The first token of a session is more: its person is recognised first."""
    trips = Trips(side.app.state.edge.database, monkeypatch)
    mandate = await side.exchange()

    assert await trips.of(side.exchange()) == ["ask", "tell"]
    assert await trips.of(side.exchange(None)) == ["ask", "tell"]
    assert await trips.of(side.habilis.introspect(mandate.token)) == ["ask"]
    for action in ("primes.deposer", "primes-investissement", "nothing"):
        assert await trips.of(side.habilis.evaluate(mandate.subject, action, DUPONT)) == ["ask"]
    with pytest.raises(Denied):
        await trips.of(side.exchange(SERVAIS))
    assert trips.made == ["ask"]


async def test_case_36_the_session_that_a_token_only_claims_gives_nothing(side, grant):
    """The session is looked up before the signature is checked: whoever writes another's there is refused."""
    await side.exchange()
    luc = Persona(subject="sub-luc", session="sid-luc", number=LUC, given_name="Luc", family_name="Dupont")
    head, payload, signature = side.issuer.access_token(luc).split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    said |= {"sid": "sid-karim", "sub": "sub-karim"}
    changed = base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
    with pytest.raises(Rejected):
        await side.exchange(token=f"{head}.{changed}.{signature}")
    with pytest.raises(Rejected):  # well signed, of the right session, of another account
        await side.exchange(token=side.issuer.access_token(luc, sid="sid-karim"))
    async with side.town.db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM tokens_issue"))).scalar_one() == 1


async def test_inv_57_the_first_token_gives_the_name_and_another_level_is_remembered(side, grant):
    first = await side.exchange()
    strong = await side.exchange(persona=Persona(acr=f"{LEVEL}500"))
    assert first.subject == strong.subject
    async with side.town.db.read() as conn:
        [row] = (await conn.execute(text("SELECT sub, level FROM portals_pairwise"))).all()
    assert (row.sub, row.level) == (first.subject, 500)


async def test_a_hot_statement_reaches_every_table_by_a_key_and_no_exclusion_constraint(side, grant):
    """What makes it fast, said without a clock: where a plan may choose, it takes the indexes made for it."""
    mandate = await side.exchange()
    now, one_row = side.town.clock(), {"delegation_catalogue"}
    values = {
        "client_id": "portail-wallonie", "issuer": "x", "session": "x", "person": uuid4(), "number": DUPONT,
        "at": now, "day": now.date(), "jti": uuid4(), "sub": mandate.subject, "action": "x",
    }  # fmt: skip
    statements = (facts._EXCHANGE, facts._TOKEN, decisions._EVALUATION, rights._RIGHTS)
    url = side.town.db.url
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, options=PLANS) as conn:
        await conn.execute("VACUUM (ANALYZE)")
        for statement in statements:
            plan = await (await conn.execute(b"EXPLAIN (FORMAT JSON) " + statement.driver, values)).fetchone()
            nodes = list(_nodes(plan[0][0]["Plan"]))
            assert {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"} <= one_row
            assert [
                node["Index Name"] for node in nodes if node.get("Index Name", "").startswith("ex_")
            ] == []
            tables = {node.get("Relation Name") for node in nodes}
            assert {"bce_number", "bce_snapshot", "delegation_grant", "people_person"} <= tables


PLANS = "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan"


def _nodes(node):
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


async def test_inv_59_the_gap_ends_the_role_and_everything_says_no(side, grant):
    mandate = await side.exchange()
    town = side.town

    await did(
        town, c.EndGrant(entity=town.entity(DUPONT), grant=grant, reason="Il change de service."), "jeanne"
    )

    with pytest.raises(Denied):
        await side.exchange()
    assert not (await side.habilis.introspect(mandate.token)).active
    assert not (await side.habilis.evaluate(mandate.subject, "primes.deposer", DUPONT)).permitted


async def test_inv_62_whoever_was_given_nothing_gets_nothing(side, grant):
    luc = Persona(subject="sub-luc", session="sid-luc", number=LUC, given_name="Luc", family_name="Dupont")
    for persona, number in ((luc, DUPONT), (None, SERVAIS), (None, "0200065765")):
        with pytest.raises(Denied):
            await side.exchange(number, persona)


async def test_a_citizen_needs_no_grant(side):
    mandate = await side.exchange(None)
    assert (mandate.capacity, mandate.roles) == ("citizen", ())


async def test_inv_60_a_role_that_wants_eid(side, grant):
    await given(side.town, "jeanne", "karim", "aides.signer")

    weak = await side.exchange()
    assert [role.code for role in weak.roles] == ["primes.deposer"]
    assert [(each.action, each.acr_values) for each in weak.step_up] == [("aides.signer", Level.EID.acr)]
    with pytest.raises(StepUpNeeded) as caught:
        await side.exchange(actions=["aides.signer"])
    assert caught.value.acr_values == Level.EID.acr

    side.town.clock.advance(seconds=5)
    strong = await side.exchange(persona=Persona(acr=f"{LEVEL}500"), actions=["aides.signer"])
    assert strong.has_role("aides.signer")
    assert strong.level == 500


async def test_inv_58_the_mandate_ends_with_the_right(side):
    await gap(side.town, "luc", "jeanne")
    today = side.town.clock().date()
    await given(side.town, "jeanne", "karim", "primes.deposer", last=today)
    midnight = side.town.clock().replace(hour=23, minute=0)  # in Brussels, in winter
    side.town.clock.now = midnight - timedelta(seconds=40)
    mandate = await side.exchange()
    assert mandate.expires_at == midnight
    side.town.clock.now = midnight
    with pytest.raises(Denied):
        await side.exchange()


async def test_a_blocked_person(side, grant):
    from iam.journal.model import Context
    from iam.kernel.actor import Capacity, SystemActor

    mandate = await side.exchange()
    context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=side.town.clock())
    async with side.town.db.write() as conn:
        await block(conn, side.town.person("karim"), context)
    with pytest.raises(Denied):
        await side.exchange()
    assert not (await side.habilis.introspect(mandate.token)).active


async def test_case_43_a_login_at_another_client_is_not_ours(side, grant):
    with pytest.raises(Rejected) as caught:
        await side.exchange(token=side.issuer.access_token(client="mon-espace"))
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    "changes", [{"iss": "https://evil.test"}, {"aud": "portail-wallonie"}, {"exp": 1}, {"sid": ...}]
)
async def test_case_38_a_subject_token_that_is_not_right(side, grant, changes):
    with pytest.raises(Rejected):
        await side.exchange(token=side.issuer.access_token(**changes))


async def test_a_session_that_ended_at_keycloak(side, grant):
    side.issuer.ended.add("sid-karim")
    with pytest.raises(Rejected):
        await side.exchange()


async def test_keycloak_down_is_said_and_nothing_is_issued(side, grant):
    side.issuer.down = True
    with pytest.raises(Unavailable):
        await side.exchange()
    async with side.town.db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM tokens_issue"))).scalar_one() == 0


async def test_inv_6_and_57_the_national_number_is_in_no_token_row_or_answer(side, grant):
    from tests.support.issuer import KARIM

    mandate = await side.exchange()
    seen = [mandate.token, repr(mandate), repr(await side.habilis.introspect(mandate.token))]
    async with side.town.db.read() as conn:
        for table in ("tokens_issue", "tokens_key", "portals_pairwise", "portals_portal"):
            seen += (await conn.execute(text(f"SELECT t::text FROM {table} t"))).scalars()
    claims = base64.urlsafe_b64decode(mandate.token.split(".")[1] + "==").decode()
    for spelling in (KARIM, f"{KARIM[:2]}.{KARIM[2:4]}.{KARIM[4:6]}-{KARIM[6:9]}.{KARIM[9:]}"):
        assert spelling not in claims
        assert not [each for each in seen if spelling in each]
    assert str(side.town.person("karim")) not in claims


async def test_the_edge_lets_the_protocols_answer_for_themselves(side):
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=side.app), base_url=side.settings.issuer)
    no_client = await http.post("/oauth2/token", data={"grant_type": "x"})
    assert (no_client.status_code, no_client.json()["error"]) == (401, "invalid_client")
    as_json = await http.post("/oauth2/token", json={})
    assert (as_json.status_code, as_json.json()["error"]) == (400, "invalid_request")
    foreign = await http.post("/oauth2/token", data={"a": "b"}, headers={"origin": "https://evil.test"})
    assert foreign.json()["error"] == "invalid_client"
    asked = await http.post(
        "/access/v1/evaluation",
        content=b"{",
        auth=("portail-wallonie", SECRET),
        headers={"x-request-id": "r"},
    )
    assert (asked.status_code, asked.headers["x-request-id"]) == (400, "r")
    metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == side.settings.issuer
    assert (await http.get("/.well-known/jwks.json")).headers["cache-control"].startswith("public")
    await http.aclose()
