"""A token that a portal presents: whose it is, how often Keycloak is asked, and when the answer is no."""

import asyncio

import pytest
from sqlalchemy import text

from iam.kernel.assurance import Level
from iam.people import queries
from iam.people.recognise import recognise
from iam.realms import sessions
from iam.realms.errors import InvalidToken, KeycloakUnavailable
from iam.realms.model import LoggedOut
from iam.realms.subject_tokens import SubjectTokens
from tests.support.issuer import ISSUER, KARIM, LEVEL, LUC, Issuer, Persona
from tests.support.presented import Presented

pytestmark = pytest.mark.anyio

PORTAL = "portail-wallonie"


@pytest.fixture
def issuer(clock):
    return Issuer(clock)


@pytest.fixture
def tokens(db, clock, issuer):
    async def resolve(conn, identity):
        return await recognise(conn, identity, clock)

    return Presented(SubjectTokens(issuer.realm(), db, resolve), db, clock)


async def fault(tokens, token, client=PORTAL):
    with pytest.raises(InvalidToken) as raised:
        await tokens.verify(token, client)
    return raised.value.fault


async def test_the_first_token_of_a_session_is_introspected_once(issuer, tokens, db):
    first = await tokens.verify(issuer.access_token(), PORTAL)
    second = await tokens.verify(issuer.access_token(), PORTAL)

    assert first.person == second.person
    assert issuer.asked.count("introspect") == 1
    assert (first.session_id, first.client_id, first.assurance.level) == ("sid-karim", PORTAL, Level.ITSME)
    async with db.read() as conn:
        person = await queries.person(conn, first.person)
    assert (person.given_name, person.family_name) == ("Karim", "Benali")


async def test_inv_6_the_number_is_nowhere_afterwards(issuer, tokens, db):
    found = await tokens.verify(issuer.access_token(), PORTAL)
    async with db.read() as conn:
        rows = (await conn.execute(text("SELECT t::text FROM realms_session t"))).scalars().all()
    assert KARIM not in repr(found) + "".join(rows)


async def test_inv_60_the_level_is_that_of_the_token_and_computed_by_us(issuer, tokens):
    for acr, level in (
        (f"{LEVEL}500", Level.EID),
        ("1", Level.NONE),
        ("none", Level.NONE),
        (None, Level.NONE),
    ):
        found = await tokens.verify(issuer.access_token(Persona(acr=acr)), PORTAL)
        assert found.assurance.level is level


async def test_sec_43_a_token_of_another_portal_is_refused(issuer, tokens):
    token = issuer.access_token(client="autre-portail")
    assert await fault(tokens, token) == "azp"
    assert await fault(tokens, issuer.access_token(azp=...)) == "azp"
    assert "introspect" not in issuer.asked


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "portail-wallonie"},
        {"iss": "https://evil.test"},
        {"typ": "ID"},
        {"sid": ...},
        {"sub": ...},
        {"auth_time": ...},
    ],
)
async def test_a_wrong_token_is_refused_before_keycloak_is_asked(issuer, tokens, changes):
    await fault(tokens, issuer.access_token(**changes))
    assert "introspect" not in issuer.asked


async def test_a_session_that_has_ended_before_we_saw_it_is_refused(issuer, tokens, db):
    issuer.ended.add("sid-karim")
    assert await fault(tokens, issuer.access_token()) == "session"
    async with db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM people_person"))).scalar_one() == 0


async def logged_out(db, clock, **changes):
    given = {
        "issuer": ISSUER,
        "subject": "sub-karim",
        "session_id": "sid-karim",
        "token_id": "j",
        "expires_at": clock(),
    }
    async with db.write() as conn:
        return await sessions.obey(conn, LoggedOut(**{**given, **changes}), clock())


async def test_a_back_channel_log_out_ends_what_we_remember(issuer, tokens, db, clock):
    await tokens.verify(issuer.access_token(), PORTAL)
    assert await logged_out(db, clock)
    assert await fault(tokens, issuer.access_token()) == "session"
    assert issuer.asked.count("introspect") == 1


async def test_a_log_out_that_overtakes_the_first_token_wins(issuer, tokens, db, clock):
    assert await logged_out(db, clock)
    assert await fault(tokens, issuer.access_token()) == "session"


async def test_a_log_out_without_a_session_ends_all_of_the_account(issuer, tokens, db, clock):
    one, two = Persona(), Persona(session="sid-2")
    await tokens.verify(issuer.access_token(one), PORTAL)
    await tokens.verify(issuer.access_token(two), PORTAL)
    assert await logged_out(db, clock, session_id=None)
    assert [await fault(tokens, issuer.access_token(who)) for who in (one, two)] == ["session", "session"]


async def test_a_step_up_makes_us_look_again(issuer, tokens, clock):
    first = await tokens.verify(issuer.access_token(), PORTAL)
    clock.advance(minutes=2)
    second = await tokens.verify(issuer.access_token(Persona(acr=f"{LEVEL}500")), PORTAL)
    assert (second.person, second.assurance.level) == (first.person, Level.EID)
    assert issuer.asked.count("introspect") == 2


async def test_a_number_that_changed_at_the_step_up_is_noticed(issuer, tokens, clock):
    """The session is the same, the person behind it would be another: the number wins."""
    karim = await tokens.verify(issuer.access_token(), PORTAL)
    luc = await tokens.verify(
        issuer.access_token(Persona(subject="sub-luc", session="sid-luc", number=LUC)), PORTAL
    )
    clock.advance(minutes=2)
    found = await tokens.verify(issuer.access_token(Persona(number=LUC)), PORTAL)
    assert found.person == luc.person != karim.person


async def test_a_session_never_changes_its_account(issuer, tokens):
    await tokens.verify(issuer.access_token(), PORTAL)
    assert await fault(tokens, issuer.access_token(Persona(subject="sub-luc"))) == "sub"


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "sub-luc"},
        {"sid": "sid-luc"},
        {"niss": "71000000334"},
        {"niss": 5},
        {"iss": "https://evil.test"},
    ],
)
async def test_an_introspection_that_does_not_fit_the_token_is_refused(issuer, tokens, changes):
    issuer.introspection_changes = changes
    with pytest.raises(InvalidToken) as raised:
        await tokens.verify(issuer.access_token(), PORTAL)
    assert "7100000033" not in repr(raised.value) + repr(raised.value.__context__) + repr(
        raised.value.__cause__
    )


async def test_keycloak_down_is_said_and_known_sessions_go_on(issuer, tokens, clock):
    await tokens.verify(issuer.access_token(), PORTAL)
    issuer.down = True
    known = issuer.access_token()
    new = issuer.access_token(Persona(session="sid-2"))
    assert (await tokens.verify(known, PORTAL)).session_id == "sid-karim"
    with pytest.raises(KeycloakUnavailable):
        await tokens.verify(new, PORTAL)
    issuer.down = False
    assert (await tokens.verify(new, PORTAL)).session_id == "sid-2"


async def test_sec_36_many_persons_at_once_are_not_mixed_up(issuer, tokens):
    numbers = ["71000000333", "58000000549", "84000000612", "90000000839", "66000001117"]
    people = [
        Persona(subject=f"sub-{n}", session=f"sid-{n}-{turn}", number=n) for n in numbers for turn in range(8)
    ]
    found = await asyncio.gather(*(tokens.verify(issuer.access_token(who), PORTAL) for who in people))
    by_number = {}
    for who, token in zip(people, found, strict=True):
        assert token.subject == who.subject
        by_number.setdefault(who.number, set()).add(token.person)
    assert [len(persons) for persons in by_number.values()] == [1] * 5
    assert len(set().union(*by_number.values())) == 5
