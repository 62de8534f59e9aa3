"""What the stand-in remembers while it runs: sessions, codes, tokens, and how it is to misbehave."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from demo.fas.personas import Means

Value = TypeVar("Value")
Now = Callable[[], int]

EVERYBODY = "*"
LONGEST_DELAY = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A person has shown who he is. `sid` names the session in ID tokens; the cookie holds another secret."""

    persona: str
    means: Means
    at: int
    sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is told about a login: the truth, or what the stand-in was told to say instead."""

    login: Login
    subject: str
    number: str
    acr: str | None
    amr: tuple[str, ...]
    without: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorization code that waits to be redeemed; Authlib asks it these questions."""

    client_id: str
    redirect_uri: str | None
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    answer: Answer

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.answer.login.at

    def get_acr(self) -> str | None:
        return self.answer.acr

    def get_amr(self) -> list[str]:
        return list(self.answer.amr)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token for the userinfo endpoint."""

    scope: str
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How to misbehave. `acr` is None for the truth, "none" for no `acr` at all, else what to say instead.

    `without` names claims that the userinfo leaves out.
    """

    acr: str | None = None
    generation: int = 0
    number: str | None = None
    without: frozenset[str] = frozenset()
    delay: float = 0.0
    down: bool = False

    def __repr__(self) -> str:
        """Nothing of a number."""
        return "Behaviour(...)"


TRUTH = Behaviour()


class Remembered(Generic[Value]):
    """A bounded memory whose entries end after `seconds`; the oldest goes when it is full."""

    def __init__(self, now: Now, *, seconds: int, most: int = 2000) -> None:
        self._now = now
        self._seconds = seconds
        self._most = most
        self._entries: dict[str, tuple[int, Value]] = {}

    def add(self, value: Value) -> str:
        """The value is remembered under a fresh secret, which is returned."""
        key = secrets.token_urlsafe(32)
        self.put(key, value)
        return key

    def put(self, key: str, value: Value) -> None:
        while len(self._entries) >= self._most:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (self._now() + self._seconds, value)

    def get(self, key: str | None) -> Value | None:
        entry = self._entries.get(key) if key else None
        if entry is None or entry[0] <= self._now():
            return None
        return entry[1]

    def take(self, key: str | None) -> Value | None:
        """The value, which is then forgotten."""
        value = self.get(key)
        self.forget(key)
        return value

    def forget(self, key: str | None) -> None:
        if key is not None:
            self._entries.pop(key, None)

    def items(self) -> Iterator[tuple[str, Value]]:
        yield from [(key, value) for key, (_, value) in self._entries.items()]


@dataclass(slots=True)
class State:
    """All of it, in memory. A restart forgets every session, as FAS may."""

    now: Now
    sessions: Remembered[Login] = field(init=False)
    asked: Remembered[dict[str, list[str]]] = field(init=False)
    codes: Remembered[Code] = field(init=False)
    tokens: Remembered[Token] = field(init=False)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sessions = Remembered(self.now, seconds=8 * 3600)
        self.asked = Remembered(self.now, seconds=1800)
        self.codes = Remembered(self.now, seconds=60)
        self.tokens = Remembered(self.now, seconds=300)

    def behaviour(self, persona: str | None) -> Behaviour:
        """How to behave towards a persona: as told for him, else as told for everybody, else truthfully."""
        everybody = self.behaviours.get(EVERYBODY, TRUTH)
        return self.behaviours.get(persona, everybody) if persona else everybody

    def end_sessions_of(self, sid: str) -> None:
        for key, login in self.sessions.items():
            if login.sid == sid:
                self.sessions.forget(key)


def behaviour_from(read: dict[str, Any]) -> Behaviour:
    """The behaviour that a control message means. Raises ValueError when it is not one."""
    unknown = set(read) - {"persona", "acr", "generation", "egovNRN", "without", "delaySeconds", "down"}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    acr, number = read.get("acr"), read.get("egovNRN")
    generation, delay, down = read.get("generation", 0), read.get("delaySeconds", 0), read.get("down", False)
    if not (acr is None or isinstance(acr, str)):
        raise ValueError("acr is a text")
    if not (number is None or (isinstance(number, str) and len(number) == 11 and number.isdigit())):
        raise ValueError("egovNRN is eleven digits")
    without = read.get("without", [])
    if not (isinstance(without, list) and all(isinstance(each, str) for each in without)):
        raise ValueError("without is a list of claims")
    if not isinstance(generation, int) or isinstance(generation, bool) or generation < 0:
        raise ValueError("generation is a number from 0")
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= LONGEST_DELAY:
        raise ValueError(f"delaySeconds is between 0 and {LONGEST_DELAY:.0f}")
    if not isinstance(down, bool):
        raise ValueError("down is true or false")  # noqa: TRY004 - the sender is told; not an error of code
    return Behaviour(
        acr=acr,
        generation=generation,
        number=number,
        without=frozenset(without),
        delay=float(delay),
        down=down,
    )
