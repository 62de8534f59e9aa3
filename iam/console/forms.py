"""Forms of pages: read what was sent, say what to mend, do an act once.

A page gives its template `new_act=new_act`, and each form there has a `ui.hidden("act", new_act())`.
The route that takes the form has a parameter `form: Sent` and does what it does through `once`.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import RedirectResponse

from iam.console.render import FieldError
from iam.kernel.clock import belgian_day
from iam.kernel.decision import Refusal
from iam.kernel.ids import PersonId, uuid4
from iam.kernel.language import Language
from iam.kernel.ssin import holds_ssin
from iam.storage import WriteConnection
from iam.texts import translator
from iam.texts.reasons import refusal_sentence
from iam.web.idempotency import act_of, begin, complete, give_up
from iam.web.middleware import MULTIPART
from iam.web.problems import Fault, ProblemError, of_fault
from iam.web.state import edge_of

ACT_FIELD = "act"
_MOST_FIELDS = 200
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_YEARS = range(1900, 3000)  # what is computed from a day must stay within the calendar
_BELGIAN_DAY = re.compile(r"([0-9]{1,2})\s*[./\- ]\s*([0-9]{1,2})\s*[./\- ]\s*([0-9]{4})")


class InvalidDay(ValueError):
    """A text is no day of the calendar. The text is not repeated."""


def read_day(text: str) -> date | None:
    """The day that was chosen or typed: 2027-03-31, 31/03/2027, 31.3.2027; None for nothing.

    Raises InvalidDay.
    """
    trimmed = text.strip()
    if not trimmed:
        return None
    iso, belgian = _ISO_DAY.fullmatch(trimmed), _BELGIAN_DAY.fullmatch(trimmed)
    try:
        if iso is not None:
            found = date(int(iso[1]), int(iso[2]), int(iso[3]))
        elif belgian is not None:
            found = date(int(belgian[3]), int(belgian[2]), int(belgian[1]))
        else:
            raise InvalidDay
    except ValueError as error:
        raise InvalidDay from error
    if found.year not in _YEARS:
        raise InvalidDay
    return found


@dataclass(frozen=True, slots=True)
class Form:
    """What a form sent, in its order. Its representation says nothing of it."""

    pairs: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """The number of fields only: any of them may hold anything."""
        return f"Form({len(self.pairs)} fields)"

    def text(self, name: str) -> str:
        """The trimmed value of a field, its line ends as one sign; empty when it was not sent."""
        found = next((value for key, value in self.pairs if key == name), "")
        return found.replace("\r\n", "\n").strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """Every value of a field with several, each once."""
        return tuple(dict.fromkeys(value.strip() for key, value in self.pairs if key == name))

    def day(self, name: str) -> date | None:
        """The day in a field, None for nothing. Raises InvalidDay."""
        return read_day(self.text(name))

    @property
    def act(self) -> str:
        """The act id that the page gave the form."""
        return self.text(ACT_FIELD)


async def sent(request: Request) -> Form:
    """The form of this request. Raises ProblemError (400) for what no browser sends from our pages."""
    data = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    pairs: list[tuple[str, str]] = []
    for name, value in data.multi_items():
        # NUL is refused by the database; no keyboard types it.
        if not isinstance(value, str) or "\x00" in value or "\x00" in name:
            raise ProblemError(of_fault(Fault.BAD_REQUEST))
        pairs.append((name, value))
    return Form(tuple(pairs))


Sent = Annotated[Form, Depends(sent)]


@dataclass(frozen=True, slots=True)
class Filled:
    """A form with a file: what the file holds, which is nothing when none was chosen."""

    form: Form
    content: bytes

    def __repr__(self) -> str:
        """The sizes only."""
        return f"Filled({self.form!r}, {len(self.content)} bytes)"


async def sent_with_file(request: Request) -> Filled:
    """The form of this request and its one file, which never touches a disk. Raises ProblemError (400).

    What the file is called, and of which type it is said to be, is not looked at. Of its content a digest is
    among the fields: the same act with another file is another act.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MULTIPART:
        return Filled(await sent(request), b"")
    parser = _InMemory(request.headers, request.stream(), max_files=1, max_fields=_MOST_FIELDS)
    try:
        data = await parser.parse()
    except MultiPartException as error:
        raise ProblemError(of_fault(Fault.BAD_REQUEST)) from error
    content = b""
    pairs: list[tuple[str, str]] = []
    try:
        for name, value in data.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read()
                pairs.append((name, hashlib.sha256(content).hexdigest()))
            elif "\x00" in value or "\x00" in name:
                raise ProblemError(of_fault(Fault.BAD_REQUEST))
            else:
                pairs.append((name, value))
    finally:
        await data.close()
    return Filled(Form(tuple(pairs)), content)


class _InMemory(MultiPartParser):
    # The body's own limit bounds it.
    spool_max_size = 1 << 30


SentWithFile = Annotated[Filled, Depends(sent_with_file)]


def new_act() -> str:
    """A fresh act id for a form that is about to be shown."""
    return str(uuid4())


async def once(
    request: Request,
    conn: WriteConnection,
    person: PersonId,
    form: Form,
    now: datetime,
    do: Callable[[], Awaitable[str | Refusal]],
) -> str | Refusal:
    """The act is done, now or before; returns the address to go on to, or the refusal.

    `do` acts in the transaction of `conn` and returns the address of its receipt. After a refusal
    nothing has changed, and the same form may be sent again, mended. Raises ProblemError: 400 for a
    form without an act id, 409 for one whose act did something else.
    """
    fields = [(name, value) for name, value in form.pairs if name != ACT_FIELD]
    act = act_of(edge_of(request).settings, person, form.act, request.url.path, fields)
    attempt = await conn.begin_nested()
    done = await begin(conn, act, now)
    if done is not None:
        await attempt.commit()
        return done.location
    outcome = await do()
    if isinstance(outcome, Refusal):
        await attempt.rollback()
        await give_up(conn, act)
        return outcome
    await complete(conn, act, outcome)
    await attempt.commit()
    return outcome


def shown_again(text: str, now: datetime) -> str:
    """What was typed, to be shown in its field again; nothing when it holds a national number (nr 6)."""
    return "" if holds_ssin(text, belgian_day(now)) else text


def see_other(location: str) -> RedirectResponse:
    """After an act: the browser asks for another page, so that Back never re-sends."""
    return RedirectResponse(location, status_code=303)


def words_of(refusal: Refusal, language: Language) -> str:
    """A refusal at a field: why, and how to mend it."""
    said = refusal_sentence(refusal, language)
    return f"{said.why} {said.missing}"


def errors_of(refusal: Refusal, language: Language, fields: Collection[str]) -> list[FieldError]:
    """The refusal as the error of its field; empty when it is about none of these fields."""
    if refusal.about is None or refusal.about not in fields:
        return []
    return [FieldError(field=refusal.about, message=words_of(refusal, language))]


def day_errors(form: Form, language: Language, names: Sequence[str]) -> list[FieldError]:
    """An error for each of the fields that holds something which is no day."""
    _ = translator(language).gettext
    found = []
    for name in names:
        try:
            form.day(name)
        except InvalidDay:
            message = _("Cette date n'existe pas. Écrivez le jour, le mois et l'année, comme 31/03/2027.")
            found.append(FieldError(field=name, message=message))
    return found
