"""Each scenario on paper and on PostgreSQL: rules, door, foresight, right and choice agree with what it says.

The files beside this one are written to be read by whoever knows the law and not the code.
"""

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from iam.delegation import commands as c
from iam.delegation import events as e
from iam.delegation.model import Relation
from iam.kernel.assurance import Level
from iam.kernel.clock import belgian_day, end_of_day
from tests.support.stages import PERSONAS, SYSTEM, Paper, Real, Stage, language_of, login

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
LEVELS = {"eid": Level.EID, "itsme": Level.ITSME, "totp": Level.TOTP}
CASE = {"case", "invariants", "enterprise", "roles", "functions", "situation", "facts", "later", "expect"}
FACTS = {"gap", "named", "by", "grants", "requests"}
LATER = {
    "days",
    "functions",
    "situation",
    "silence_hours",
    "blocked",
    "retired",
    "unconfirmed_address",
    "confirmed_elsewhere_only",
    "done",
}
LINE = {
    "who", "can", "on", "decision", "because", "login", "minutes_ago", "gives", "role", "motivation", "reason", "last",
}  # fmt: skip


class _Loader(yaml.SafeLoader):
    """Words are words: `on` and `no` are no truth values, as in YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _cases() -> list[dict]:
    found = []
    for path in sorted(HERE.glob("*.yaml")):
        found += [
            {**case, "file": path.stem} for case in yaml.load(path.read_text(encoding="utf-8"), _Loader)
        ]
    return found


CASES = _cases()


def test_the_files_say_only_what_is_played() -> None:
    """A misspelt word would otherwise be a fact that nobody looked at."""
    for case in CASES:
        assert case.keys() - {"file"} <= CASE, case["case"]
        assert case.get("facts", {}).keys() <= FACTS, case["case"]
        assert all(step.keys() <= LATER for step in case.get("later", [])), case["case"]
        assert case["expect"], case["case"]
        for line in case["expect"]:
            assert line.keys() <= LINE, (case["case"], line)
            assert {"who", "can", "decision", "because"} <= line.keys(), (case["case"], line)
    assert len({case["case"] for case in CASES}) == len(CASES)


def test_the_scenarios_speak_of_each_rule_they_are_for() -> None:
    spoken = {number for case in CASES for number in case["invariants"]}
    assert {18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 35, 38, 42, 43, 44, 45, 46, 47, 51} <= spoken


@pytest.mark.parametrize("case", CASES, ids=[f"{case['file']}: {case['case']}" for case in CASES])
async def test_on_paper(case) -> None:
    await _play(Paper(), case)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['file']}: {case['case']}" for case in CASES])
async def test_on_postgresql(case, town, tmp_path) -> None:
    await _play(Real(town, tmp_path), case)


async def _play(stage: Stage, case: dict) -> None:
    play = Play(stage, case)
    await play.prepare()
    for line in case["expect"]:
        answer = await play.try_(line)
        said = (line["decision"], line["because"])
        assert (("permit" if answer.permitted else "refuse"), answer.because) == said, line
        if "gives" in line:
            assert [event.KIND.removeprefix("delegation.") for event in answer.events] == line["gives"], line


class Play:
    """A case on a stage: what was so, what happened, and the acts to be tried."""

    def __init__(self, stage: Stage, case: dict) -> None:
        self.stage = stage
        self.case = case
        self.functions = case.get("functions", [])
        self.situation = case.get("situation", "000")
        self.requests: dict = {}
        self.offices: dict = {}
        self.grants: dict = {}

    async def prepare(self) -> None:
        await self.stage.settle(self.case)
        facts = self.case.get("facts", {})
        await self.stage.register(self.case["enterprise"], self.functions, self.situation)
        if "gap" in facts:
            person = self.stage.persons[facts["gap"]]
            await self._done(c.MigrateGap(entity=self.stage.entity, person=person, email=None), None)
        for each in facts.get("grants", []):
            until = each.get("until")
            command = c.MigrateRole(
                entity=self.stage.entity, person=self.stage.persons[each["who"]], role=each["role"],
                ends_at=None if until is None else end_of_day(until),
            )  # fmt: skip
            await self._done(command, None)
        for name, each in facts.get("requests", {}).items():
            self._requesting = name
            await self._done(self._request(each["who"], each), each["who"])
        if "named" in facts:
            await self._done(self._appoint(facts["named"]), facts["by"])
        for step in self.case.get("later", []):
            await self._later(step)

    async def _later(self, step: dict) -> None:
        if "days" in step:
            await self.stage.pass_time(timedelta(days=step["days"]))
        if step.keys() & {"functions", "situation", "days"}:
            self.functions = step.get("functions", self.functions)
            self.situation = step.get("situation", self.situation)
            await self.stage.register(self.case["enterprise"], self.functions, self.situation)
        for word, happens in (
            ("silence_hours", self.stage.silence), ("blocked", self.stage.block), ("retired", self.stage.retire),
            ("unconfirmed_address", self.stage.unverify),
            ("confirmed_elsewhere_only", self.stage.leave_confirmed_elsewhere),
        ):  # fmt: skip
            if word in step:
                await happens(step[word])
        if "done" in step:
            answer = await self._act(step["done"], undo=False)
            assert answer.permitted, (step, answer)

    async def try_(self, line: dict):
        if line["can"] == "use":
            person = self.stage.persons[line["who"]]
            return await self.stage.use(person, line["on"], LEVELS[line.get("login", "eid")])
        return await self._act(line, undo=True)

    async def _act(self, line: dict, *, undo: bool):
        age = timedelta(minutes=line.get("minutes_ago", 1))
        actor = login(self.stage.persons[line["who"]], LEVELS[line.get("login", "eid")], age, self.stage.now)
        self._requesting = line.get("on")
        answer = await self.stage.do(self._command(line), actor, undo=undo)
        if not undo:
            self._remember(answer)
        return answer

    async def _done(self, command, who: str | None) -> None:
        age = timedelta(minutes=1)
        actor = SYSTEM if who is None else login(self.stage.persons[who], Level.EID, age, self.stage.now)
        answer = await self.stage.do(command, actor, undo=False)
        assert answer.permitted, (self.case["case"], command, answer)
        self._remember(answer)

    def _remember(self, answer) -> None:
        names = {person: key for key, person in self.stage.persons.items()}
        for event in answer.events:
            match event:
                case e.RequestSubmitted():
                    self.requests[self._requesting] = event.request
                case e.OfficeAppointed() | e.OfficeActivated():
                    self.offices[names[event.person]] = event.office
                case e.RoleGranted():
                    self.grants[names[event.person], event.role] = event.grant

    def _command(self, line: dict) -> c.Command:
        entity, on = self.stage.entity, line.get("on")
        match line["can"]:
            case "appoint":
                return self._appoint(on)
            case "accept the office":
                return c.AcceptOffice(entity=entity, office=self.offices[on or line["who"]])
            case "decline the office":
                return c.DeclineOffice(entity=entity, office=self.offices[on or line["who"]])
            case "cancel the appointment":
                return c.CancelAppointment(entity=entity, office=self.offices[on])
            case "request":
                return self._request(line["who"], {**line, "role": on})
            case "confirm":
                return c.ConfirmRequest(entity=entity, request=self.requests[on])
            case "withdraw":
                return c.WithdrawRequest(entity=entity, request=self.requests[on])
            case "approve":
                return c.ApproveRequest(entity=entity, request=self.requests[on], last=line.get("last"))
            case "refuse":
                reason = line.get("reason", "Inconnu dans l'entreprise.")
                return c.RefuseRequest(entity=entity, request=self.requests[on], reason=reason)
            case "give":
                return self._give(on, line["role"], line.get("last"))
            case "take back":
                reason = line.get("reason", "Parti.")
                return c.EndGrant(entity=entity, grant=self.grants[on, line["role"]], reason=reason)
        raise AssertionError(f"nobody can {line['can']!r}")

    def _appoint(self, whom: str) -> c.AppointGap:
        return c.AppointGap(
            entity=self.stage.entity, appointee=self.stage.persons[whom], email=PERSONAS[whom]["email"],
            language=language_of(whom),
        )  # fmt: skip

    def _give(self, whom: str, role: str, last: date | None) -> c.GrantRole:
        return c.GrantRole(
            entity=self.stage.entity, person=self.stage.persons[whom], role=role,
            first=belgian_day(self.stage.now), last=last,
        )  # fmt: skip

    def _request(self, who: str, each: dict) -> c.SubmitRequest:
        email = (
            PERSONAS[who]["email"]
            if each.get("address", "confirmed") == "confirmed"
            else f"autre.{who}@exemple.be"
        )
        today = belgian_day(self.stage.now)
        return c.SubmitRequest(
            entity=self.stage.entity, roles=(each["role"],), relation=Relation.EMPLOYEE,
            motivation=each.get("motivation", "Je prépare les dossiers."), email=email, first=today,
            last=each.get("last", today + timedelta(days=100)), language=language_of(who),
        )  # fmt: skip
