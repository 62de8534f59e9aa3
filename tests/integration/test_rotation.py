"""Rotating the key of fingerprints: two keys live, what is known is made anew, no key goes before its time."""

import json
import secrets
from dataclasses import replace
from datetime import date

import anyio
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from iam import rotation
from iam.bce import queries as register
from iam.bce.functions import Limits, apply_feed
from iam.bce.importer import Status, apply_extract
from iam.journal.model import Context
from iam.journal.queries import of_head
from iam.kernel.actor import Capacity, SystemActor
from iam.kernel.assurance import Assurance, Level
from iam.kernel.identity import Identity
from iam.kernel.ids import uuid4
from iam.kernel.ssin import FingerprintKeys, Ssin
from iam.people import keys as people_keys
from iam.people import queries as people
from iam.people.recognise import expect, recognise, replace_number
from iam.rotation import Place, StillNeeded, rests, retire
from iam.storage import Database
from tests.support.extract import Extract, feed, held, number
from tests.support.settings import some_settings

pytestmark = pytest.mark.anyio
TODAY = date(2026, 11, 24)
LUC, ANNE, MARC = "58000000549", "61000001208", "66000001117"
OLD = FingerprintKeys("1", b"a" * 32)
BOTH = FingerprintKeys("2", b"b" * 32, "1", b"a" * 32)
NEW = FingerprintKeys("2", b"b" * 32)


def marks(ssin, keys):
    return keys.of(Ssin(ssin, TODAY))


@pytest.fixture
async def people_of_old(db, clock, tmp_path):
    """Two persons and three functions, all under the old key."""
    assert (await apply_extract(db, Extract.of(0, 1, 7).zip(tmp_path), clock)).status is Status.APPLIED
    await told(db, clock, tmp_path, OLD, held(0, ssin=LUC), held(1, ssin=ANNE), held(1, by=7, permanent=MARC))
    return [await known(db, clock, ssin, OLD) for ssin in (LUC, ANNE)]


async def told(db, clock, folder, keys, *functions, **header):
    clock.advance(minutes=5)
    made = feed(folder, *functions, produced_at=clock.now.isoformat(), **header)
    report = await apply_feed(db, made, keys, clock, limits=Limits(loss_floor=9))
    assert report.status is Status.APPLIED, report


async def known(db, clock, ssin, keys):
    context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=clock.now)
    async with db.write() as conn:
        return await expect(conn, marks(ssin, keys), None, context)


async def logs_in(db, clock, ssin, keys):
    identity = Identity(
        issuer="https://keycloak.test", subject=f"account of {ssin[::-1]}", session_id=str(uuid4()),
        fingerprints=marks(ssin, keys), given_name="A", family_name="B", language=None,
        assurance=Assurance(Level.EID, clock.now),
    )  # fmt: skip
    async with db.write() as conn:
        return await recognise(conn, identity, clock)


async def rest(db, keys, clock, key="1"):
    async with db.read() as conn:
        found = {each.key: each for each in await rests(conn, keys, clock.now)}
    return found[key]


async def test_persons_are_made_anew_by_their_login_and_functions_by_the_next_feed(
    db, clock, people_of_old, tmp_path
):
    luc, _ = people_of_old
    before = await rest(db, BOTH, clock)
    assert (before.place, before.persons, before.functions) == (Place.PREVIOUS, 2, 3)
    assert before.holds

    assert await logs_in(db, clock, LUC, BOTH) == luc, "found under the key before"
    assert (await rest(db, BOTH, clock)).persons == 1

    update = {
        "enterpriseNumber": number(0),
        "functions": [{"function": "XADMI", "holder": {"ssin": LUC}, "from": "2015-01-01"}],
    }
    await told(db, clock, tmp_path, BOTH, update, kind="update", number=2)
    assert (await rest(db, BOTH, clock)).functions == 2, "an update makes anew what it names"

    await told(
        db,
        clock,
        tmp_path,
        BOTH,
        held(0, ssin=LUC),
        held(1, ssin=ANNE),
        held(1, by=7, permanent=MARC),
        number=3,
    )
    await logs_in(db, clock, ANNE, BOTH)
    after = await rest(db, BOTH, clock)
    assert (after.persons, after.functions, after.holds) == (0, 0, False)
    async with db.read() as conn:
        held_now = await register.representations_of(conn, marks(LUC, NEW), clock.now)
    assert len(held_now) == 1


async def test_a_function_that_is_over_holds_no_key(db, clock, tmp_path):
    await apply_extract(db, Extract.of(0).zip(tmp_path), clock)
    await told(
        db, clock, tmp_path, OLD, held(0, ssin=LUC, last="2020-01-01"), held(0, ssin=ANNE, first="2027-01-01")
    )

    assert (await rest(db, BOTH, clock)).functions == 1


async def let_go(db, clock, keys, key="1", **left):
    async with db.write() as conn:
        return await retire(conn, key, keys, clock.now, **left)


async def refused(db, clock, keys, key="1", **left):
    with pytest.raises(StillNeeded) as needed:
        await let_go(db, clock, keys, key, **left)
    return needed.value.why


async def test_no_key_is_let_go_while_something_hangs_on_it(db, clock, people_of_old, tmp_path):
    assert await refused(db, clock, BOTH) == "inSettings"
    assert await refused(db, clock, NEW, key="2") == "inSettings"
    assert await refused(db, clock, NEW, key="9") == "unknown"
    assert await refused(db, clock, NEW, left_behind=2) == "functions"

    await told(db, clock, tmp_path, BOTH, held(0, ssin=LUC), held(1, ssin=ANNE), number=2)
    await logs_in(db, clock, LUC, BOTH)
    assert await refused(db, clock, NEW) == "persons"
    assert await refused(db, clock, NEW, left_behind=2) == "persons", "the number must be right"

    assert await let_go(db, clock, NEW, left_behind=1) == 2
    async with db.read() as conn:
        assert list(await people_keys.ids(conn)) == ["2"]
        assert await people.person_of(conn, marks(LUC, NEW)) == people_of_old[0]
        assert await people.person_of(conn, marks(ANNE, BOTH)) is None


async def test_inv_65_that_a_key_went_is_in_the_journal_and_it_never_comes_back(
    db, clock, people_of_old, tmp_path
):
    await told(db, clock, tmp_path, BOTH, held(0, ssin=LUC), number=2)
    for ssin in (LUC, ANNE):
        await logs_in(db, clock, ssin, BOTH)
    await let_go(db, clock, NEW)

    async with db.read() as conn:
        (entry,) = await of_head(conn, people_keys.KEYS)
    assert entry.kind == "people.key.retired"
    assert entry.data == {"key": "1", "fingerprints": 2, "left_behind": 0}
    assert entry.capacity is Capacity.OPERATOR
    with pytest.raises(people_keys.UnfitKeys, match="let go"):
        async with db.write() as conn:
            await people_keys.know(conn, OLD, clock.now)


async def test_a_number_that_somebody_had_before_goes_with_its_key(db, clock, people_of_old, tmp_path):
    """No login tells it again; a person who is known under the new key is not held back by it."""
    luc, _ = people_of_old
    context = Context(actor=SystemActor(trigger="test"), capacity=Capacity.SYSTEM, at=clock.now)
    async with db.write() as conn:
        await replace_number(conn, luc, marks(MARC, BOTH), context)

    found = await rest(db, BOTH, clock)

    assert (found.former_numbers, found.persons) == (1, 1)


# -- the start of the service


def with_keys(db, **keys):
    base = some_settings(database_url=db.url)
    changed = base.secrets.model_copy(update={name: _secret(value) for name, value in keys.items()})
    return base.model_copy(update={"secrets": changed})


def _secret(value):
    return SecretStr(value) if len(value) > 3 else value


FIRST, SECOND = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
ONE = {"fingerprint_key_id": "1", "fingerprint_key": FIRST}
TWO = {"fingerprint_key_id": "2", "fingerprint_key": SECOND}
ROTATING = {**TWO, "fingerprint_previous_key_id": "1", "fingerprint_previous_key": FIRST}


async def starts(db, clock, settings):
    await rotation.prepare(settings, db, clock)


async def test_the_service_starts_with_the_keys_it_had_and_with_a_new_one_beside_them(db, clock):
    for keys in (ONE, ONE, ROTATING, ROTATING):
        await starts(db, clock, with_keys(db, **keys))


async def test_it_does_not_start_with_another_key_under_an_old_id(db, clock):
    """Everybody would be somebody new."""
    await starts(db, clock, with_keys(db, **ONE))
    with pytest.raises(people_keys.UnfitKeys, match="key 1 is not the one"):
        await starts(db, clock, with_keys(db, fingerprint_key_id="1", fingerprint_key=SECOND))


async def test_it_does_not_start_without_a_key_on_which_somebody_hangs(db, clock, tmp_path):
    one, rotating, two = (with_keys(db, **keys) for keys in (ONE, ROTATING, TWO))
    await apply_extract(db, Extract.of(0).zip(tmp_path), clock)
    await known(db, clock, LUC, one.fingerprint_keys)
    await told(db, clock, tmp_path, one.fingerprint_keys, held(0, ssin=LUC))

    with pytest.raises(people_keys.UnfitKeys, match="1 persons are known under the fingerprint key 1"):
        await starts(db, clock, two)
    await starts(db, clock, rotating)
    await logs_in(db, clock, LUC, rotating.fingerprint_keys)
    with pytest.raises(people_keys.UnfitKeys, match="1 functions are known under the fingerprint key 1"):
        await starts(db, clock, two)
    await told(db, clock, tmp_path, rotating.fingerprint_keys, held(0, ssin=LUC), number=2)
    await starts(db, clock, two)


# -- the command


@pytest.fixture
def habilis(database_url, monkeypatch):
    for name, value in {
        "ENVIRONMENT": "demo",
        "PUBLIC_URL": "http://127.0.0.1:1",
        "DATABASE_URL": database_url,
        "FAS_ISSUER": "http://127.0.0.1:2",
        "SECRETS__WRAPPING_KEY": secrets.token_urlsafe(32),
        "SECRETS__PAIRWISE_KEY": secrets.token_urlsafe(32),
        "KEYCLOAK__BASE_URL": "http://127.0.0.1:3",
        "KEYCLOAK__CONSOLE_CLIENT_SECRET": secrets.token_urlsafe(32),
        "KEYCLOAK__EXCHANGE_CLIENT_SECRET": secrets.token_urlsafe(32),
        "HELPDESK__TELEPHONE": "081 00 00 00",
        "HELPDESK__MAIL": "aide@habilis.test",
    }.items():
        monkeypatch.setenv(f"HABILIS_{name}", value)

    def run(*arguments, **keys):
        for name in ROTATING:
            monkeypatch.delenv(f"HABILIS_SECRETS__{name.upper()}", raising=False)
        for name, value in keys.items():
            monkeypatch.setenv(f"HABILIS_SECRETS__{name.upper()}", value)
        return CliRunner().invoke(rotation.app, [str(each) for each in arguments], catch_exceptions=False)

    return run


def _in_a_loop(database_url, work):
    async def whole():
        database = Database(database_url, pool_size=1)
        try:
            return await work(database)
        finally:
            await database.close()

    return anyio.run(whole)


def test_the_command_says_what_remains_and_lets_the_key_go(habilis, database_url, clock):
    keys = replace(OLD, current=FIRST.encode())
    _in_a_loop(database_url, lambda database: known(database, clock, LUC, keys))

    remains = habilis("status", "--json", **ROTATING)
    still = habilis("retire", "1", **ROTATING)
    hangs = habilis("retire", "1", **TWO)
    gone = habilis("retire", "1", "--leave-behind", "1", **TWO)
    after = habilis("status", **TWO)

    assert (remains.exit_code, still.exit_code, hangs.exit_code) == (3, 3, 3)
    assert json.loads(remains.output) == [
        {"key": "2", "place": "current", "persons": 0, "functions": 0, "formerNumbers": 0},
        {"key": "1", "place": "previous", "persons": 1, "functions": 0, "formerNumbers": 0},
    ]
    assert "out of the settings first" in still.output
    assert "persons are known under it alone" in hangs.output
    assert (gone.exit_code, gone.output.strip()) == (0, "1 is gone, with 1 fingerprints")
    assert after.exit_code == 0
    assert FIRST not in remains.output + still.output + hangs.output + gone.output
