"""Who represents an enterprise, by the rules alone. The reference data is the shipped one."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from iam.bce.model import (
    Basis,
    Consequence,
    Controlled,
    Enterprise,
    EnterpriseKind,
    Function,
    FunctionId,
    FunctionSource,
    Name,
    RegisterState,
    Representation,
    RepresentationRule,
    Represents,
    Suspension,
)
from iam.bce.reference import read
from iam.bce.rules import Rulebook, display_name, represent
from iam.kernel.ids import EntityId, PersonId
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber
from iam.kernel.period import Period
from iam.kernel.ssin import Fingerprint

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ENTITY, OTHER = EntityId(UUID(int=1)), EntityId(UUID(int=2))
NUMBER, HOLDING = EnterpriseNumber("1900000069"), EnterpriseNumber("1900000168")
LUC, ANNE = Fingerprint("1", b"luc"), Fingerprint("1", b"anne")
_SHIPPED = read()
BOOK = Rulebook(rules=_SHIPPED.rules, types={each.code: each.type for each in _SHIPPED.functions})
COMPANY = Enterprise(
    entity=ENTITY,
    number=NUMBER,
    kind=EnterpriseKind.LEGAL,
    form="610",
    situation="000",
    consequence=Consequence.NORMAL,
    state=RegisterState.ACTIVE,
    start_on=date(2000, 1, 1),
    names=(),
)
INDEPENDENT = replace(COMPANY, kind=EnterpriseKind.NATURAL, form=None)
BANKRUPT = replace(COMPANY, situation="050", consequence=Consequence.CONTROLLED)


def function(code="XADMI", **changes) -> Function:
    base = Function(
        id=FunctionId(UUID(int=7)),
        entity=ENTITY,
        code=code,
        holder=LUC,
        holder_number=None,
        permanent_representative=None,
        period=Period(NOW - timedelta(days=400)),
    )
    return replace(base, **changes)


def by_enterprise(permanent=None, **changes) -> Function:
    held = {"holder": None, "holder_number": HOLDING, "permanent_representative": permanent}
    return function(**held | changes)


def test_inv_18_a_legal_function_that_represents_for_the_form_makes_a_representative():
    (found,) = represent(COMPANY, [function()], BOOK, NOW)

    assert found.holder == LUC
    assert found.basis == str(UUID(int=7))
    assert found.how is Basis.FUNCTION
    assert found.alone
    assert not found.suspended


@pytest.mark.parametrize("code", ["XCOMM", "XDELG", "XPRES", "XCOMP", "NEVER"])
def test_inv_18_no_other_function_does(code):
    """The auditor, daily management, a president of a company, entrepreneurial skills, a code unheard of."""
    assert represent(COMPANY, [function(code)], BOOK, NOW) == []


def test_inv_18_a_function_of_another_type_does_not_whatever_the_rules_say():
    rule = RepresentationRule(
        function="XCOMP", form="*", represents=Represents.ALONE, controlled=Controlled.NO,
        valid_from=date(2000, 1, 1), valid_to=None, source="test",
    )  # fmt: skip

    assert represent(COMPANY, [function("XCOMP")], Rulebook(rules=(rule,), types={"XCOMP": 2}), NOW) == []
    assert represent(COMPANY, [function("XCOMP")], Rulebook(rules=(rule,), types={"XCOMP": 1}), NOW) != []


def test_inv_18_the_very_form_goes_before_any_form():
    association = replace(COMPANY, form="017")

    (director,) = represent(association, [function("XADMI")], BOOK, NOW)
    (president,) = represent(association, [function("XPRES")], BOOK, NOW)

    assert not director.alone
    assert president.alone


def test_inv_18_no_rule_means_no():
    assert represent(COMPANY, [function()], Rulebook(rules=(), types=BOOK.types), NOW) == []


def test_inv_18_a_rule_holds_on_its_days():
    rule = replace(
        BOOK.rules[0], function="XADMI", form="*", valid_from=date(2020, 1, 1), valid_to=date(2026, 11, 24)
    )
    book = Rulebook(rules=(rule,), types=BOOK.types)

    assert represent(COMPANY, [function()], book, NOW) != []
    assert represent(COMPANY, [function()], book, NOW + timedelta(days=1)) == []


def test_inv_18_a_function_in_another_enterprise_gives_nothing_here():
    assert represent(COMPANY, [function(entity=OTHER)], BOOK, NOW) == []


def test_inv_19_it_ends_with_its_last_day_and_begins_with_its_first():
    """Without any write: time decides on read."""
    held = function(period=Period.of_days(date(2026, 11, 20), date(2026, 11, 24)))
    first, last = datetime(2026, 11, 19, 23, 0, tzinfo=UTC), datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    moment = timedelta(microseconds=1)

    assert represent(COMPANY, [held], BOOK, first - moment) == []
    assert represent(COMPANY, [held], BOOK, first) != []
    assert represent(COMPANY, [held], BOOK, last - moment) != []
    assert represent(COMPANY, [held], BOOK, last) == []


def test_inv_20_a_function_held_by_an_enterprise_is_its_permanent_representatives():
    (found,) = represent(COMPANY, [by_enterprise(ANNE)], BOOK, NOW)

    assert found.holder == ANNE
    assert found.how is Basis.PERMANENT_REPRESENTATIVE


def test_inv_20_without_one_it_is_nobodys_whoever_runs_that_enterprise():
    runs_the_holding = function(entity=OTHER)

    assert represent(COMPANY, [by_enterprise(), runs_the_holding], BOOK, NOW) == []


def test_inv_20_two_enterprises_that_direct_one_another_are_harmless():
    there = replace(COMPANY, entity=OTHER, number=HOLDING)
    functions = [by_enterprise(), by_enterprise(ANNE, entity=OTHER, holder_number=NUMBER)]

    assert represent(COMPANY, functions, BOOK, NOW) == []
    assert [found.holder for found in represent(there, functions, BOOK, NOW)] == [ANNE]


def test_inv_20_an_enterprise_that_has_ceased_represents_no_longer():
    (found,) = represent(COMPANY, [by_enterprise(ANNE, holder_operating=False)], BOOK, NOW)

    assert found.why_suspended is Suspension.HOLDER_CEASED


def test_inv_22_in_his_own_enterprise_a_natural_person_represents_himself():
    (found,) = represent(INDEPENDENT, [function("XTITU")], BOOK, NOW)

    assert found.how is Basis.OWN_ENTERPRISE
    assert found.alone


@pytest.mark.parametrize("code", ["XADMI", "XGERA", "XADMD", "XPRES"])
def test_inv_22_and_nobody_else_does(code):
    assert represent(INDEPENDENT, [function(code, holder=ANNE)], BOOK, NOW) == []


def test_inv_24_directors_are_suspended_and_the_curator_takes_over():
    director, curator = represent(
        BANKRUPT, [function(), function("XCURA", id=FunctionId(UUID(int=8)), holder=ANNE)], BOOK, NOW
    )

    assert (director.holder, director.why_suspended) == (LUC, Suspension.CONTROLLED)
    assert (curator.holder, curator.why_suspended) == (ANNE, None)


def test_inv_24_the_curator_has_nothing_to_say_in_a_normal_situation():
    assert represent(COMPANY, [function("XCURA")], BOOK, NOW) == []


def test_inv_24_the_curator_takes_over_from_a_natural_person_too():
    bankrupt = replace(INDEPENDENT, situation="050", consequence=Consequence.CONTROLLED)

    owner, curator = represent(bankrupt, [function("XTITU"), function("XCURA", holder=ANNE)], BOOK, NOW)

    assert owner.suspended
    assert not curator.suspended


def test_inv_24_a_provisional_administrator_stays_in_every_situation():
    watched = replace(COMPANY, situation="091", consequence=Consequence.WATCH)

    for enterprise in (COMPANY, watched, BANKRUPT):
        (found,) = represent(enterprise, [function("XADMP")], BOOK, NOW)
        assert not found.suspended


@pytest.mark.parametrize(
    "changes",
    [{"state": RegisterState.VANISHED}, {"situation": "014", "consequence": Consequence.TERMINAL}],
)
def test_inv_13_nobody_represents_what_has_ceased(changes):
    (found,) = represent(replace(COMPANY, **changes), [function()], BOOK, NOW)

    assert found.why_suspended is Suspension.CEASED


# The first and the last instant of a Belgian day: in winter, in summer, and on the days when the clock changes.
DAYS = {
    "winter": (date(2026, 12, 15), datetime(2026, 12, 14, 23, tzinfo=UTC), datetime(2026, 12, 15, 23, tzinfo=UTC)),
    "summer": (date(2026, 7, 1), datetime(2026, 6, 30, 22, tzinfo=UTC), datetime(2026, 7, 1, 22, tzinfo=UTC)),
    "23 hours": (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)),
    "25 hours": (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    "leap day": (date(2028, 2, 29), datetime(2028, 2, 28, 23, tzinfo=UTC), datetime(2028, 2, 29, 23, tzinfo=UTC)),
}  # fmt: skip
MOMENT = timedelta(microseconds=1)


def on_the_day_only(day: date) -> dict[str, tuple[Enterprise, Function, Rulebook]]:
    """Each way to represent, so made that it holds on this one Belgian day."""
    held = Period.of_days(day, day)
    ruled = Rulebook(
        rules=(replace(BOOK.rules[0], function="XADMI", form="*", valid_from=day, valid_to=day),),
        types=BOOK.types,
    )
    dossier = {"source": FunctionSource.DOSSIER, "holder": PersonId(UUID(int=9))}
    return {
        "inv_18 a rule": (COMPANY, function(period=Period(datetime(2020, 1, 1, tzinfo=UTC))), ruled),
        "inv_18 a dossier": (COMPANY, function("XPOUV", period=held, **dossier), BOOK),
        "inv_19 a function": (COMPANY, function(period=held), BOOK),
        "inv_20 a permanent representative": (COMPANY, by_enterprise(ANNE, period=held), BOOK),
        "inv_22 the owner himself": (INDEPENDENT, function("XTITU", period=held), BOOK),
        "inv_24 a curator": (BANKRUPT, function("XCURA", period=held), BOOK),
    }


@pytest.mark.parametrize("which", DAYS)
@pytest.mark.parametrize("way", on_the_day_only(date(2026, 1, 1)))
def test_inv_18_to_24_each_way_begins_and_ends_with_the_belgian_day(way, which):
    """To the microsecond, also where a day has 23 or 25 hours (DOMAIN 7.3 nr 71)."""
    day, first, after = DAYS[which]
    enterprise, held, book = on_the_day_only(day)[way]

    holds = [
        any(not found.suspended for found in represent(enterprise, [held], book, at))
        for at in (first - MOMENT, first, after - MOMENT, after)
    ]

    assert holds == [False, True, True, False]


def test_inv_18_a_dossier_is_judged_by_the_same_rules():
    by_dossier = {"source": FunctionSource.DOSSIER, "holder": PersonId(UUID(int=9))}

    (alone,) = represent(COMPANY, [function("XPOUV", **by_dossier)], BOOK, NOW)
    (jointly,) = represent(replace(COMPANY, form="017"), [function("XADMI", **by_dossier)], BOOK, NOW)
    (suspended,) = represent(BANKRUPT, [function("XPOUV", **by_dossier)], BOOK, NOW)

    assert (alone.holder, alone.how, alone.alone) == (PersonId(UUID(int=9)), Basis.MANUAL_DOSSIER, True)
    assert not jointly.alone
    assert suspended.why_suspended is Suspension.CONTROLLED
    assert represent(COMPANY, [function("XCOMM", **by_dossier)], BOOK, NOW) == []
    assert represent(INDEPENDENT, [function("XPOUV", **by_dossier)], BOOK, NOW) == []


def told(how: Basis = Basis.FUNCTION, at: datetime | None = NOW) -> Representation:
    return Representation(
        entity=ENTITY,
        holder=LUC,
        basis="1",
        how=how,
        code="XADMI",
        alone=True,
        period=Period(NOW),
        told_at=at,
    )


def test_inv_23_what_a_feed_told_too_long_ago_is_stale_and_a_dossier_never_is():
    grace = timedelta(hours=72)

    assert not told().is_stale(NOW + grace, grace)
    assert told().is_stale(NOW + grace + MOMENT, grace)
    assert told(at=None).is_stale(NOW, grace), "nobody has said it yet"
    assert not told(Basis.MANUAL_DOSSIER, at=None).is_stale(NOW + grace * 100, grace)


def named(*names: tuple[str, str, str]) -> Enterprise:
    return replace(
        COMPANY, names=tuple(Name(text=text, language=lang, kind=kind) for lang, kind, text in names)
    )


def test_inv_07_the_register_counts_languages_its_own_way():
    """1 is French, 2 Dutch, 3 German, 4 English, 0 unknown: a well-known project has it wrong."""
    all_of_them = named(
        ("0", "001", "?"), ("1", "001", "FR"), ("2", "001", "NL"), ("3", "001", "DE"), ("4", "001", "EN")
    )

    shown = {language: display_name(all_of_them, language) for language in Language}

    assert shown == {Language.FR: "FR", Language.NL: "NL", Language.DE: "DE", Language.EN: "EN"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([("1", "001", "Pont"), ("3", "001", "Brücke"), ("3", "003", "Laden")], "Brücke"),
        ([("1", "001", "Pont"), ("2", "001", "Brug")], "Pont"),
        ([("2", "001", "Brug"), ("3", "003", "Laden")], "Brug"),
        ([("0", "001", "Haddad, Nadia"), ("1", "003", "Atelier")], "Haddad, Nadia"),
        ([("1", "003", "Friterie"), ("1", "002", "FG")], "Friterie"),
        ([("1", "002", "FG")], "FG"),
        ([("9", "001", "Neuvième")], "Neuvième"),
        ([], "1900.000.069"),
    ],
)
def test_inv_07_there_is_always_a_name_to_show(names, expected):
    assert display_name(named(*names), Language.DE) == expected
