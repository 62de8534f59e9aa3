"""Finding an enterprise by a name or a place (quirk j: natural persons are found by number alone).

Names are compared without accents, case and punctuation. Who is called just as was asked comes first, then
whose name begins so, then in whose name the words stand in any order, and, where these are few, who is called
nearly so. Each step reads a bounded number of rows: the first from an index in the very order of the answer.
"""

# ruff: noqa: S608 - conditions and columns are constants of this module; values are parameters

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import text

from iam.bce.model import Enterprise
from iam.bce.queries import extract_number, load
from iam.kernel.ids import EntityId
from iam.storage import ReadConnection

PAGE = 20
LONGEST_NAME = 200
LONGEST_PLACE = 100
SHORTEST_NAME = 2
_LONGEST_CURSOR = 3000
_POSTCODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z \-]{0,19}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_DIGITS = re.compile(r"[0-9]{4}")
# Beyond so many rows, words are too common to be put in order; a better question finds them.
_MOST = 500
_FEW = 3
_SHORT_WORD = 3
_SHORTEST_LIKE = 4
_LIKENESS = "0.35"
_LIKE_ONE = 6
_LAST = chr(0x10FFFF)
_FORMS = frozenset(
    [
        "sa",
        "nv",
        "srl",
        "bv",
        "sprl",
        "bvba",
        "sprlu",
        "ebvba",
        "asbl",
        "vzw",
        "aisbl",
        "ivzw",
        "sc",
        "cv",
        "scrl",
        "cvba",
        "snc",
        "vof",
        "scomm",
        "commv",
        "scs",
        "sca",
        "se",
        "gie",
        "esv",
        "gmbh",
        "ag",
        "vog",
        "ltd",
        "inc",
    ]
)


class Match(StrEnum):
    """In which way a name answers. Values are permanent: they are published."""

    BEGINS = "begins"
    WORDS = "words"
    SIMILAR = "similar"


class InvalidSearch(ValueError):
    """What is asked for is no search; `field` names what is wrong, `fault` says how.

    `fault` is one of: `nothing` (neither name nor place), `short`, `long`, `characters`, `shape`.
    """

    def __init__(self, field: str, fault: str) -> None:
        """Keep both; what was typed is left out on purpose."""
        super().__init__(f"{field}: {fault}")
        self.field = field
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """After which answer one goes on."""

    match: Match
    text: str
    number: str

    def encode(self) -> str:
        """As a caller hands it back."""
        packed = msgspec.json.encode([self.match.value, self.text, self.number])
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def decode(cls, encoded: str) -> "Cursor":
        """What `encode` made. Raises InvalidSearch."""
        if len(encoded) > _LONGEST_CURSOR:
            raise InvalidSearch("after", "long")
        try:
            packed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
            match, after, number = msgspec.json.decode(packed, type=tuple[Match, str, str])
        except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
            raise InvalidSearch("after", "shape") from error
        if match is Match.SIMILAR or _CONTROL.search(after) or _CONTROL.search(number):
            raise InvalidSearch("after", "shape")
        return cls(match=match, text=after, number=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is asked for: a name, a place, or both. Made by `asked`."""

    name: str = ""
    postcode: str = ""
    municipality: str = ""
    after: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An enterprise that answers, and how."""

    enterprise: Enterprise
    match: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of answers, of the register as extract `extract` left it (nr 17).

    `after` is where the next page begins; None on the last. `common` says that the words stand in more names
    than can be put in order: those that begin so are there, the others are found by asking for more.
    """

    hits: tuple[Hit, ...]
    after: Cursor | None
    common: bool
    extract: int


def asked(*, name: str = "", postcode: str = "", municipality: str = "", after: str = "") -> Search:
    """The search of what was typed. Raises InvalidSearch."""
    typed = {"name": name.strip(), "postcode": postcode.strip(), "municipality": municipality.strip()}
    for field, value in typed.items():
        if len(value) > (LONGEST_NAME if field == "name" else LONGEST_PLACE):
            raise InvalidSearch(field, "long")
        if _CONTROL.search(value):
            raise InvalidSearch(field, "characters")
    if not any(typed.values()):
        raise InvalidSearch("name", "nothing")
    if typed["postcode"] and not _POSTCODE.fullmatch(typed["postcode"]):
        raise InvalidSearch("postcode", "shape")
    return Search(**typed, after=Cursor.decode(after) if after else None)


def place_of(typed: str) -> dict[str, str]:
    """A place as people write it, as postcode or municipality."""
    trimmed = typed.strip()
    return {"postcode" if _DIGITS.fullmatch(trimmed) else "municipality": trimmed}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A candidate: an enterprise under the best of its names."""

    entity: EntityId
    text: str
    number: str
    match: Match

    @property
    def cursor(self) -> Cursor:
        return Cursor(match=self.match, text=self.text, number=self.number)


async def search(conn: ReadConnection, wanted: Search) -> Found:
    """A page of enterprises that operate and answer, the best first. Raises InvalidSearch."""
    name, municipality = await _searchable(conn, wanted)
    if wanted.name and len(name) < SHORTEST_NAME:
        raise InvalidSearch("name", "short")
    if wanted.municipality and not municipality:
        raise InvalidSearch("municipality", "characters")
    question = _Question(name=name, postcode=wanted.postcode, municipality=municipality)
    rows, common = await _in_order(conn, question, wanted.after)
    page, more = rows[:PAGE], len(rows) > PAGE
    if name and wanted.after is None and len(page) < _FEW and not common:
        page += await _similar(conn, question, page)
    enterprises = await load(conn, [row.entity for row in page])
    hits = [
        Hit(enterprise=enterprises[row.entity], match=row.match)
        for row in page
        if row.entity in enterprises and enterprises[row.entity].operating
    ]
    return Found(
        hits=tuple(hits),
        after=page[-1].cursor if more else None,
        common=common,
        extract=await extract_number(conn),
    )


_SEARCHABLE = text("SELECT bce_searchable(:name) AS name, bce_searchable(:municipality) AS municipality")


async def _searchable(conn: ReadConnection, wanted: Search) -> tuple[str, str]:
    typed = {"name": wanted.name, "municipality": wanted.municipality}
    row = (await conn.execute(_SEARCHABLE, typed)).one()
    return row.name, row.municipality


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is compared with the rows of `bce_search`, in their form."""

    name: str
    postcode: str
    municipality: str

    @property
    def values(self) -> dict[str, str]:
        """The parameters that statements of any step may name."""
        return {
            "name": self.name,
            "beyond": self.name + _LAST,
            "postcode": self.postcode,
            "municipality": self.municipality,
            "words": _tsquery(self.name),
        }

    @property
    def places(self) -> tuple[str, ...]:
        """Conditions on the seat, each of which one index answers in order; who meets one meets no other."""
        at = "AND s.postcode = :postcode" if self.postcode else ""
        if not self.municipality:
            return (at,)
        return (
            f"{at} AND s.municipality_fr = :municipality",
            (
                f"{at} AND s.municipality_nl = :municipality"
                " AND s.municipality_fr IS DISTINCT FROM :municipality"
            ),
        )

    @property
    def place(self) -> str:
        """The same as one condition."""
        return " ".join(["AND (", " OR ".join(f"true {each}" for each in self.places), ")"])


def _tsquery(name: str) -> str:
    """All words, each as the beginning of one of the name's; a short one only as a whole word.

    Of letters and digits alone: `bce_searchable` has left no sign that a query could be made of.
    """
    return " & ".join(f"'{word}'" + (":*" if len(word) >= _SHORT_WORD else "") for word in name.split())


# Who has several names that begin so stands under the first of them.
_BEGINS = """
    SELECT s.entity_id, s.text, s.number FROM bce_search s
     WHERE s.text < :beyond AND (s.text, s.number) > (:text, :number) {place}
       AND NOT EXISTS (SELECT FROM bce_search b
                        WHERE b.entity_id = s.entity_id AND b.text < s.text AND b.text >= :name)
     ORDER BY s.text, s.number LIMIT :limit
"""
_WORDS = """
    WITH found AS MATERIALIZED (
        SELECT s.entity_id, s.text, s.number FROM bce_search s
         WHERE array_to_tsvector(string_to_array(s.text, ' ')) @@ CAST(:words AS tsquery)
           AND NOT (s.text >= :name AND s.text < :beyond) {place}
         LIMIT :most),
    best AS (
        SELECT f.entity_id, min(f.text) AS text, f.number FROM found f
         WHERE NOT EXISTS (SELECT FROM bce_search b
                            WHERE b.entity_id = f.entity_id AND b.text >= :name AND b.text < :beyond)
         GROUP BY f.entity_id, f.number)
    SELECT b.entity_id, b.text, b.number, (SELECT count(*) FROM found) AS matching FROM best b
     WHERE (b.text, b.number) > (:text, :number)
     ORDER BY b.text, b.number LIMIT :limit
"""
_LIKE_WORDS = """
    SELECT typed.word, (SELECT string_agg('''' || l.word || '''', ' | ') FROM (
               SELECT w.word FROM bce_search_word w WHERE w.word % typed.word
                ORDER BY similarity(w.word, typed.word) DESC, w.word LIMIT :like) l) AS like
      FROM unnest(CAST(:typed AS text[])) AS typed (word)
"""
_SIMILAR = """
    WITH found AS MATERIALIZED (
        SELECT s.entity_id, s.text, s.number FROM bce_search s
         WHERE array_to_tsvector(string_to_array(s.text, ' ')) @@ CAST(:words AS tsquery) {place}
         LIMIT :most)
    SELECT f.entity_id, f.text, f.number FROM found f
     WHERE f.entity_id <> ALL(:known)
     ORDER BY similarity(:name, f.text) DESC, f.text, f.number LIMIT :limit
"""


async def _in_order(
    conn: ReadConnection, question: _Question, after: Cursor | None
) -> tuple[list[_Row], bool]:
    """One more than a page, where there are so many; and whether the words are too common."""
    rows: list[_Row] = []
    if after is None or after.match is Match.BEGINS:
        rows = await _beginning(conn, question, after)
        after = None
    if len(rows) > PAGE or not _has_words(question.name):
        return rows, False
    since = {"text": "" if after is None else after.text, "number": "" if after is None else after.number}
    found = await _run(conn, _WORDS.format(place=question.place), question, since, most=_MOST + 1)
    if found and found[0].matching > _MOST:
        return rows, True
    return [*rows, *(_row(each, Match.WORDS) for each in found)], False


def _has_words(name: str) -> bool:
    """Whether some word is long enough to be looked for within names."""
    return any(len(word) >= _SHORT_WORD for word in name.split())


async def _beginning(conn: ReadConnection, question: _Question, after: Cursor | None) -> list[_Row]:
    since = {
        "text": question.name if after is None else after.text,
        "number": "" if after is None else after.number,
    }
    statement = " UNION ALL ".join(f"({_BEGINS.format(place=place)})" for place in question.places)
    if len(question.places) > 1:
        statement = f"SELECT * FROM ({statement}) s ORDER BY s.text, s.number LIMIT :limit"
    return [_row(each, Match.BEGINS) for each in await _run(conn, statement, question, since)]


async def _similar(conn: ReadConnection, question: _Question, known: Sequence[_Row]) -> list[_Row]:
    """Who is called nearly so, the likest first, each once; as many as a page still holds."""
    words = await _like(conn, question.name)
    if words is None:
        return []
    values = {"known": [row.entity for row in known], "words": words}
    statement = _SIMILAR.format(place=question.place)
    found = await _run(conn, statement, question, values, most=_MOST, limit=3 * PAGE)
    best: dict[Any, Any] = {}
    for each in found:
        best.setdefault(each.entity_id, each)
    return [_row(each, Match.SIMILAR) for each in list(best.values())[: PAGE - len(known)]]


_LIKE_ENOUGH = text(f"SELECT set_config('pg_trgm.similarity_threshold', '{_LIKENESS}', true)")


async def _like(conn: ReadConnection, name: str) -> str | None:
    """The query for names in which words like these stand; None where some word is like none.

    What says the legal form is left out: the register writes it in few names.
    """
    words = name.split()
    told = [word for word in words if word not in _FORMS] or words
    typed = [word for word in told if len(word) >= _SHORTEST_LIKE]
    if not typed:
        return None
    await conn.execute(_LIKE_ENOUGH)
    rows = await conn.execute(text(_LIKE_WORDS), {"typed": typed, "like": _LIKE_ONE})
    like = {row.word: row.like for row in rows}
    if None in like.values():
        return None
    return " & ".join(f"({like[word]})" if word in like else _tsquery(word) for word in told)


async def _run(
    conn: ReadConnection, statement: str, question: _Question, more: dict[str, Any], **numbers: int
) -> Sequence[Any]:
    values = {**question.values, **more, "limit": PAGE + 1, **numbers}
    used = {name: value for name, value in values.items() if f":{name}" in statement}
    return (await conn.execute(text(statement), used)).all()


def _row(found: Any, match: Match) -> _Row:
    return _Row(entity=EntityId(found.entity_id), text=found.text, number=found.number, match=match)
