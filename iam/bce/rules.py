"""Who represents an enterprise, how it is called, and what changed. Pure (DOMAIN 7.3 nr 7, 18-24)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from iam.bce.model import (
    ANY_FORM,
    LEGAL_FUNCTION,
    NATURAL_FORM,
    REGISTER_LANGUAGE,
    Basis,
    Consequence,
    Controlled,
    Enterprise,
    EnterpriseKind,
    Function,
    FunctionSource,
    Holder,
    Name,
    NameKind,
    RegisterLanguage,
    Representation,
    RepresentationRule,
    Represents,
    Suspension,
)
from iam.kernel.clock import belgian_day
from iam.kernel.language import Language
from iam.kernel.numbers import EnterpriseNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """The rule table and the type of each function code; only type 1 is a legal function."""

    rules: tuple[RepresentationRule, ...]
    types: Mapping[str, int]

    def rule(self, function: str, enterprise: Enterprise, day: date) -> RepresentationRule | None:
        """The rule of that day: the one for the very form before the one for any form, else none."""
        if self.types.get(function) != LEGAL_FUNCTION:
            return None
        for form in _forms(enterprise):
            for rule in self.rules:
                if rule.function == function and rule.form == form and _holds(rule, day):
                    return rule
        return None


def _forms(enterprise: Enterprise) -> tuple[str, ...]:
    if enterprise.kind is EnterpriseKind.NATURAL:
        return (NATURAL_FORM,)
    return (ANY_FORM,) if enterprise.form is None else (enterprise.form, ANY_FORM)


def _holds(rule: RepresentationRule, day: date) -> bool:
    return rule.valid_from <= day and (rule.valid_to is None or day <= rule.valid_to)


def represent(
    enterprise: Enterprise, functions: Iterable[Function], rulebook: Rulebook, at: datetime
) -> list[Representation]:
    """Who represents the enterprise at `at`, those whose powers are suspended included.

    A person does by a legal function that the rules say represents, while it lasts (nr 18, 19). A
    function held by an enterprise gives it to the permanent representative recorded with it and to
    nobody else, whoever runs that enterprise: depth one (nr 20). In the enterprise of a natural person
    the rules know the person himself alone (nr 22). In a controlled situation directors are suspended
    and the liquidator or curator takes over (nr 24). A function by a dossier is judged by the same rules.
    """
    found = []
    for function in functions:
        if function.entity != enterprise.entity or not function.period.holds(at):
            continue
        holder, how = _natural_person(enterprise, function)
        rule = rulebook.rule(function.code, enterprise, belgian_day(at))
        if holder is None or rule is None or rule.represents is Represents.NO:
            continue
        controlled = enterprise.consequence is Consequence.CONTROLLED
        if rule.controlled is Controlled.ONLY and not controlled and enterprise.operating:
            continue
        found.append(
            Representation(
                entity=enterprise.entity,
                holder=holder,
                basis=str(function.id),
                how=how,
                code=function.code,
                alone=rule.represents is Represents.ALONE,
                period=function.period,
                why_suspended=_suspension(enterprise, function, rule),
            )
        )
    return found


def _natural_person(enterprise: Enterprise, function: Function) -> tuple[Holder | None, Basis]:
    if function.source is FunctionSource.DOSSIER:
        return function.holder, Basis.MANUAL_DOSSIER
    if function.holder_number is not None:
        return function.permanent_representative, Basis.PERMANENT_REPRESENTATIVE
    if enterprise.kind is EnterpriseKind.NATURAL:
        return function.holder, Basis.OWN_ENTERPRISE
    return function.holder, Basis.FUNCTION


def _suspension(enterprise: Enterprise, function: Function, rule: RepresentationRule) -> Suspension | None:
    if not enterprise.operating:
        return Suspension.CEASED
    if enterprise.consequence is Consequence.CONTROLLED and rule.controlled is Controlled.NO:
        return Suspension.CONTROLLED
    if function.holder_number is not None and not function.holder_operating:
        return Suspension.HOLDER_CEASED
    return None


# Without a name in the reader's language: French, then the rest in a fixed order.
_FALLBACK = (
    RegisterLanguage.FR,
    RegisterLanguage.NL,
    RegisterLanguage.DE,
    RegisterLanguage.EN,
    RegisterLanguage.UNKNOWN,
)


def display_name(enterprise: Enterprise, language: Language) -> str:
    """A name to show, always: see `name_to_show`."""
    return name_to_show(enterprise.names, enterprise.number, language)


def name_to_show(names: Sequence[Name], number: EnterpriseNumber, language: Language) -> str:
    """A name to show, always: in the reader's language, in French, in any, the commercial one (nr 7).

    An enterprise without any name, which the register excludes, is shown by its number.
    """
    for kind in (NameKind.NAME, NameKind.COMMERCIAL, NameKind.ABBREVIATION):
        named = _named(names, kind, (REGISTER_LANGUAGE[language], *_FALLBACK))
        if named is not None:
            return named
    return number.dotted


def _named(names: Sequence[Name], kind: NameKind, languages: Sequence[str]) -> str | None:
    candidates = [name for name in names if name.kind == kind]
    for language in languages:
        texts = sorted(name.text for name in candidates if name.language == language)
        if texts:
            return texts[0]
    return min((name.text for name in candidates), default=None)
