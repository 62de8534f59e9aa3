"""The small Wallonia goes through the real importer, and its people represent what they should."""

import tomllib
from datetime import timedelta

import pytest

from demo.wallonia import write
from demo.world import PERSONAS
from iam.bce import queries
from iam.bce.functions import apply_feed
from iam.bce.importer import Status, apply_extract
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.reasons import Reason
from iam.kernel.ssin import FingerprintKeys, Ssin

pytestmark = pytest.mark.anyio
KEYS = FingerprintKeys("1", b"k" * 32)


@pytest.fixture
async def wallonia(db, clock, tmp_path):
    made = write(tmp_path, clock.now - timedelta(hours=1))
    for extract in made.extracts:
        report = await apply_extract(db, extract, clock)
        assert (report.status, report.bad, report.warnings) == (Status.APPLIED, (), ())
    report = await apply_feed(db, made.functions, KEYS, clock)
    assert (report.status, report.bad, report.warnings) == (Status.APPLIED, (), ())
    return made


async def test_every_persona_represents_what_the_story_says(db, clock, wallonia):
    story = {
        "luc": [("Menuiserie Dupont SRL", None)],
        "denis": [("Ferronnerie Hardy", None)],
        "marc": [("Lejeune Toitures", None), ("Lejeune Immo", None)],
        "anne": [("Imprimerie Servais SA", None)],
        "nadia": [("Haddad, Nadia", None)],
        "pierre": [("Les Amis du Vieux Moulin", None)],
        "isabelle": [("Commune de Valmont", None)],
        "vincent": [("Garage Masson", None)],
        "thierry": [("Garage Masson", "controlled")],
        "olivier": [("Boulangerie Noël", "ceased")],
        "claire": [("Service public de Wallonie (démonstration)", None)],
    }
    personas = tomllib.loads(PERSONAS.read_text(encoding="utf-8"))["persona"]
    told = {}
    async with db.read() as conn:
        for persona in personas:
            ssin = Ssin(persona["ssin"], clock.now.date())
            found = await queries.representations_of(conn, KEYS.of(ssin), clock.now)
            enterprises = await queries.load(conn, [each.entity for each in found])
            if found:
                told[persona["key"]] = [
                    (queries.display_name(enterprises[each.entity], Language.FR), each.why_suspended)
                    for each in found
                ]

    assert told == story


async def test_the_first_enterprise_is_the_one_the_guide_names(db, wallonia):
    async with db.read() as conn:
        found = await queries.lookup(conn, "BE 1900.000.069")

    assert queries.display_name(found, Language.FR) == "Menuiserie Dupont SRL"
    assert (found.form, found.municipality_fr) == ("610", "Namur")


@pytest.mark.parametrize(("digits", "expected"), [("1900001059", []), ("1900001158", [True]), ("1900001257", [False, False])])  # fmt: skip
async def test_the_directors_who_are_enterprises_and_those_who_sign_together(
    db, clock, wallonia, digits, expected
):
    """No permanent representative; one; two directors of an association, jointly."""
    async with db.read() as conn:
        found = await queries.find_by_number(conn, EnterpriseNumber(digits))
        representatives = await queries.representatives(conn, found.entity, clock.now)

    assert [each.alone for each in representatives] == expected


async def test_the_ceased_one_is_gone_with_the_second_extract(db, wallonia):
    async with db.read() as conn:
        answer = await queries.lookup(conn, "1900.000.960")

    assert answer.reason is Reason.ENTERPRISE_CEASED


async def test_a_second_start_changes_nothing(db, clock, wallonia, tmp_path):
    clock.advance(hours=5)
    again = write(tmp_path / "again", clock.now)

    for extract in again.extracts:
        report = await apply_extract(db, extract, clock)
        assert (report.status, report.warnings) == (Status.ALREADY_APPLIED, ())
    report = await apply_feed(db, again.functions, KEYS, clock)
    assert report.status is Status.APPLIED
    assert not any(report.written["bce_function"].values())
