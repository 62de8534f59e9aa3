"""What other rooms ask of the register: by number, by key, by what a person typed, through the view."""

import pytest
from sqlalchemy import select, text

from iam.bce import queries
from iam.bce.importer import apply_extract
from iam.bce.model import Enterprise, RegisterState
from iam.bce.views import ENTERPRISE
from iam.kernel.decision import Refusal
from iam.kernel.ids import EntityId, uuid4
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from tests.support.extract import Extract, dotted, number, unit

pytestmark = pytest.mark.anyio
GONE, TERMINAL, BANKRUPT = 1, 2, 3


@pytest.fixture
async def register(db, clock, tmp_path):
    extract = Extract.of(0, GONE)
    extract.enterprise(TERMINAL, situation="014")
    extract.enterprise(BANKRUPT, situation="050")
    await apply_extract(db, extract.zip(tmp_path), clock)
    without = Extract(number=2, snapshot="30-10-2026")
    without.enterprise(0)
    without.enterprise(TERMINAL, situation="014")
    without.enterprise(BANKRUPT, situation="050")
    await apply_extract(db, without.zip(tmp_path), clock)


async def ask(db, typed):
    async with db.read() as conn:
        return await queries.lookup(conn, typed)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", Reason.NUMBER_SHAPE),
        ("Menuiserie", Reason.NUMBER_SHAPE),
        ("0123456789", Reason.NUMBER_CHECKSUM),
        (unit(0), Reason.NUMBER_IS_ESTABLISHMENT),
        (unit(0, 95_000_000), Reason.NUMBER_IS_BRANCH),
        ("0123.456.749", Reason.ENTERPRISE_UNKNOWN),
        (dotted(GONE), Reason.ENTERPRISE_CEASED),
        (dotted(TERMINAL), Reason.ENTERPRISE_CEASED),
    ],
)
async def test_inv_02_each_wrong_answer_is_told_apart(db, register, typed, reason):
    """The number of an establishment or of a branch, though in the register, chooses nothing."""
    answer = await ask(db, typed)

    assert isinstance(answer, Refusal)
    assert (answer.reason, answer.about) == (reason, "enterpriseNumber")


@pytest.mark.parametrize("typed", [dotted(0), f"BE{number(0)}", f"be {dotted(0)}", number(0)])
async def test_inv_03_every_usual_writing_finds_it(db, register, typed):
    answer = await ask(db, typed)

    assert isinstance(answer, Enterprise)
    assert answer.number == EnterpriseNumber(number(0))
    assert queries.display_name(answer, Language.FR) == "Entreprise 0"


async def test_a_bankrupt_enterprise_is_found(db, register):
    answer = await ask(db, dotted(BANKRUPT))

    assert answer.operating
    assert answer.consequence.value == "controlled"


async def test_by_key_the_unknown_are_absent(db, register):
    async with db.read() as conn:
        first = await queries.find_by_number(conn, EnterpriseNumber(number(0)))
        gone = await queries.find_by_number(conn, EnterpriseNumber(number(GONE)))
        found = await queries.load(conn, [first.entity, gone.entity, EntityId(uuid4())])
        nothing = await queries.load(conn, [])

    assert found == {first.entity: first, gone.entity: gone}
    assert gone.state is RegisterState.VANISHED
    assert nothing == {}


async def test_the_view_has_one_row_an_entity_with_what_others_join_on(db, register):
    async with db.read() as conn:
        rows = {row.number: row for row in await conn.execute(select(ENTERPRISE))}
        entities = (await conn.execute(text("SELECT count(*) FROM bce_entity"))).scalar_one()

    assert len(rows) == entities == 4
    assert [
        (rows[number(place)].state, rows[number(place)].operating, rows[number(place)].consequence)
        for place in (0, GONE, TERMINAL, BANKRUPT)
    ] == [
        ("active", True, "normal"),
        ("vanished", False, "normal"),
        ("active", False, "terminal"),
        ("active", True, "controlled"),
    ]
    assert (rows[number(0)].form, rows[number(0)].kind) == ("610", 2)


async def test_labels_of_functions_come_with_the_reference_data(db, register):
    async with db.read() as conn:
        words = await queries.function_labels(conn, Language.NL)

    assert words["XCURA"] == "Curator"


async def test_before_the_first_extract_there_is_none(db):
    async with db.read() as conn:
        assert await queries.extract_number(conn) == 0
        assert await queries.feed_state(conn) is None
        assert await queries.find_by_number(conn, EnterpriseNumber(number(0))) is None
        assert await queries.set_aside(conn) == []
