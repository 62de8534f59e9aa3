"""Chief access managers and roles known elsewhere enter through the one door, a dry run first (DOMAIN 7.3 nr 72)."""

import io
import json

import pytest
import structlog

from demo.wallonia.write import appointment_lines
from iam.delegation import feed
from iam.delegation.facts import grants_where, offices_of
from iam.delegation.model import GrantOrigin, OfficeOrigin
from iam.delegation.tables import DelegationGrant
from iam.journal.model import Head, HeadKind
from iam.journal.queries import of_head
from iam.kernel.clock import end_of_day
from iam.people import queries as people
from iam.storage.tables import core
from tests.support.acts import DUPONT, SERVAIS, dump, gap
from tests.support.canary import Scanner
from tests.support.register import STAFF, personas

pytestmark = pytest.mark.anyio

EUPEN = "1900000762"
NOEL = "1900000960"


def line(who="jeanne", number=DUPONT, **changes):
    base = {
        "kind": "gap",
        "enterpriseNumber": number,
        "ssin": personas()[who]["ssin"],
        "email": f"{who}@exemple.be",
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


@pytest.fixture
def run(town, tmp_path):
    async def once(*lines, dry_run=False):
        path = tmp_path / "appointments.jsonl"
        texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8", errors="surrogateescape")
        return await feed.apply(
            town.db, town.door, path, town.settings.fingerprint_keys, town.clock, dry_run=dry_run
        )

    return once


def codes(reports):
    return [report.code for report in reports]


async def test_inv_72_a_dry_run_says_what_would_be_and_changes_nothing(town, run):
    before = await dump(town.db)

    reports = await run(*appointment_lines(), dry_run=True)

    assert codes(reports) == ["applied"] * 5
    assert await dump(town.db) == before


async def test_what_is_known_elsewhere_is_in_force_and_marked_by_its_origin(town, run):
    assert codes(await run(*appointment_lines())) == ["applied"] * 5

    async with town.db.read() as conn:
        found = await offices_of(conn, [town.entity(SERVAIS), town.entity(EUPEN)])
        grants = await grants_where(conn, core(DelegationGrant).c.entity_id == town.entity(STAFF))
    assert {(o.person, o.origin, o.is_active(town.clock())) for o in found.values()} == {
        (town.person("paul"), OfficeOrigin.MIGRATED, True),
        (town.person("katrin"), OfficeOrigin.MIGRATED, True),
    }
    assert {(g.person, g.role, g.origin, g.granted_by) for g in grants.values()} == {
        (town.person("hugo"), "staff.helpdesk", GrantOrigin.MIGRATED, None),
        (town.person("ines"), "staff.reviewer", GrantOrigin.MIGRATED, None),
        (town.person("ruben"), "staff.reviewer", GrantOrigin.MIGRATED, None),
    }


async def test_inv_72_the_same_feed_again_changes_nothing(town, run):
    await run(*appointment_lines())
    before = await dump(town.db)

    assert codes(await run(*appointment_lines())) == ["unchanged"] * 5
    assert await dump(town.db) == before


async def test_inv_72_each_line_is_judged_alone(town, run):
    await gap(town, "luc", "jeanne")
    ssin = personas()["karim"]["ssin"]
    lines = (
        ("{not json", "notUnderstood"),
        ('{"k\udca2": 1}', "notUnderstood"),
        (line(extra="field"), "notUnderstood"),
        (line(kind="boss"), "notUnderstood"),
        (line(number="1900.000.068"), "enterpriseNumber"),
        (line(ssin=ssin[:-1] + "9"), "ssin"),
        (line(kind="role"), "role"),
        (line(role="primes.deposer"), "role"),
        (line(number="0202239951"), "enterpriseUnknown"),
        (line("olivier", NOEL), "enterpriseCeased"),
        (line("paul", SERVAIS, email="paul..renard@exemple.be"), "emailInvalid"),
        (line("karim"), "alreadyGap"),
        (line("karim", kind="role", role="no.such"), "roleUnknown"),
        (line("karim", kind="role", role="staff.helpdesk"), "roleUnknown"),
        (line("karim", kind="role", role="primes.deposer", until="2026-11-23"), "periodInPast"),
        (line("jeanne"), "unchanged"),
        (line("karim", "BE 1900.000.069", kind="role", role="primes.deposer", until="2027-03-31"), "applied"),
    )

    reports = await run(*(given for given, _ in lines))

    assert codes(reports) == [code for _, code in lines]
    assert [report.line for report in reports] == list(range(1, len(lines) + 1))
    assert [report.is_bad for report in reports] == [
        code not in {"applied", "unchanged"} for _, code in lines
    ]
    async with town.db.read() as conn:
        [grant] = (
            await grants_where(conn, core(DelegationGrant).c.person_id == town.person("karim"))
        ).values()
    assert grant.period.end == end_of_day(grant.period.last_day)
    assert grant.period.last_day.isoformat() == "2027-03-31"


async def test_a_refused_line_leaves_nothing_not_even_its_person(town, run):
    stranger = "47000099886"
    before = await dump(town.db)

    reports = await run(line(number="0202239951", ssin=stranger), line("olivier", NOEL, ssin=stranger))

    assert codes(reports) == ["enterpriseUnknown", "enterpriseCeased"]
    assert await dump(town.db) == before


async def test_somebody_never_seen_is_expected_under_his_fingerprint(town, run):
    stranger = "47000099886"

    assert codes(await run(line(ssin=stranger, language="de"))) == ["applied"]

    async with town.db.read() as conn:
        [office] = (await offices_of(conn, [town.entity(DUPONT)])).values()
        person = await people.person(conn, office.person)
        marks = await people.fingerprints(conn, office.person)
    assert person.language == "de"
    assert person.recognised_at is None
    assert set(marks) == set(town.settings.fingerprint_keys.of(_ssin(stranger, town)))


def _ssin(digits, town):
    from iam.kernel.clock import belgian_day
    from iam.kernel.ssin import Ssin

    return Ssin(digits, belgian_day(town.clock()))


async def test_inv_66_the_journal_names_the_feed(town, run):
    await run(line())

    async with town.db.read() as conn:
        [entry] = await of_head(conn, Head(HeadKind.ENTERPRISE, town.entity(DUPONT)))
    assert (entry.actor_kind, entry.actor_name) == ("system", "feed appointments.jsonl")
    assert entry.basis == {"feed": "feed appointments.jsonl"}


async def test_inv_6_no_number_in_the_report_the_tables_or_the_log(town, run):
    scanner = Scanner([persona["ssin"] for persona in personas().values()])
    lines = [
        *appointment_lines(),
        line(role="x"),
        line("karim", kind="boss"),
        "{" + personas()["luc"]["ssin"],
    ]
    written = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written))
    try:
        reports = await run(*lines)
    finally:
        structlog.reset_defaults()

    assert not scanner.find(repr(reports).encode())
    assert not scanner.find(written.getvalue().encode())
    assert not scanner.find(json.dumps(await dump(town.db)).encode())
    assert scanner.find("\n".join(map(str, lines)).encode()), "the feed itself holds them"
