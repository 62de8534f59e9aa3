"""The rules that a realm file obeys before a Keycloak is started with it.

Keycloak is silent about most of these: a missing variable becomes the literal secret `${NAME}`, a client
without a word about it gets the full scope, mappers run in the order of ids that it makes up itself.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from iam.realms.rules import broker, clients, people, variables
from iam.realms.rules.reading import Environment, Realm, Rule


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One thing that is wrong: where, a stable code, and a sentence. It never repeats a value."""

    file: str
    code: str
    sentence: str

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.file}: {self.code}: {self.sentence}"


def lint(files_dir: Path, environment: Environment) -> list[Finding]:
    """Every finding in the realm files of a folder; an empty list lets a start go on.

    A folder without a readable realm is a finding too. Source: DESIGN 7 and 13, STANDARDS 2.2.
    """
    files = sorted(files_dir.glob("*.json"))
    if not files:
        return [
            Finding(file=str(files_dir.name), code="no-realm", sentence="The folder holds no realm file.")
        ]
    findings: list[Finding] = []
    for file in files:
        try:
            realm = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            findings.append(
                Finding(
                    file=file.name,
                    code="unreadable",
                    sentence=f"The file is not JSON: {type(error).__name__}.",
                )
            )
            continue
        if not isinstance(realm, dict) or "realm" not in realm:
            findings.append(Finding(file=file.name, code="unreadable", sentence="The file is not a realm."))
            continue
        findings.extend(check(file.name, realm, environment))
    return findings


def check(file: str, realm: Realm, environment: Environment) -> list[Finding]:
    """Every finding in one realm, in the order of the rules."""
    return [
        Finding(file=file, code=code, sentence=sentence)
        for rule in _RULES
        for code, sentence in rule(realm, environment)
    ]


_RULES: tuple[Rule, ...] = (
    variables.no_secret_in_clear,
    variables.variables_are_set,
    variables.encrypted,
    clients.no_full_scope,
    people.no_enterprise_group,
    people.no_people,
    clients.audience_is_ours,
    clients.pkce,
    clients.exact_redirects,
    clients.flows,
    broker.notes_are_reset,
    broker.broker,
    broker.number_only_by_introspection,
    clients.no_acr_mapper,
    people.profile,
    people.service_accounts,
)
