"""The register read back in the columns of the official files, and archives whose files are in another order."""

import random
import zipfile
from collections import Counter
from pathlib import Path

from sqlalchemy import text

from iam.storage import Database
from tests.support import open_data

_DOTTED = (
    "CASE WHEN {0} < '2' THEN regexp_replace({0}, '^(....)(...)(...)$', '\\1.\\2.\\3')"
    " ELSE regexp_replace({0}, '^(.)(...)(...)(...)$', '\\1.\\2.\\3.\\4') END"
)
_OPEN = "t.recorded_until IS NULL AND t.ends_at IS NULL"
_NUMBERED = (
    "JOIN bce_number n ON n.entity_id = t.entity_id AND n.recorded_until IS NULL AND n.ends_at IS NULL"
)
_DAY = "to_char({}, 'DD-MM-YYYY')"
_OWNER = _DOTTED.format("coalesce(t.unit, n.number)")
_QUERIES = {
    "enterprise": (
        f"SELECT {_DOTTED.format('n.number')}, t.status, t.situation, t.kind::text, t.form, t.form_cac,"
        f" {_DAY.format('t.start_on')} FROM bce_snapshot t {_NUMBERED} WHERE {_OPEN}"
    ),
    "establishment": (
        f"SELECT {_DOTTED.format('t.number')}, {_DAY.format('t.start_on')}, {_DOTTED.format('n.number')}"
        f" FROM bce_establishment t {_NUMBERED} WHERE {_OPEN}"
    ),
    "branch": (
        f"SELECT {_DOTTED.format('t.number')}, {_DAY.format('t.start_on')}, {_DOTTED.format('n.number')}"
        f" FROM bce_branch t {_NUMBERED} WHERE {_OPEN}"
    ),
    "denomination": f"SELECT {_OWNER}, t.language, t.kind, t.text FROM bce_name t {_NUMBERED} WHERE {_OPEN}",
    "address": (
        f"SELECT {_OWNER}, t.kind, t.country_nl, t.country_fr, t.postcode, t.municipality_nl, t.municipality_fr,"
        " t.street_nl, t.street_fr, t.house_number, t.box, t.extra,"
        f" {_DAY.format('t.struck_off_on')} FROM bce_address t {_NUMBERED}"
    ),
    "contact": (
        f"SELECT {_OWNER}, CASE WHEN t.unit IS NULL THEN 'ENT' WHEN t.unit < '9' THEN 'EST' ELSE 'BRA' END,"
        f" t.kind, t.value FROM bce_contact t {_NUMBERED}"
    ),
    "activity": (
        f"SELECT {_OWNER}, t.activity_group, t.nace_version::text, t.nace_code, t.classification"
        f" FROM bce_activity t {_NUMBERED}"
    ),
}
Rows = dict[str, Counter[tuple[str, ...]]]


async def rows_of(db: Database) -> Rows:
    """Every row of the register as its file would have it, how often it is there; nothing is no text."""
    async with db.read() as conn:
        return {
            file: Counter(tuple(value or "" for value in row) for row in await conn.execute(text(statement)))
            for file, statement in _QUERIES.items()
        }


def as_kept(state: open_data.State, *, activities: bool = True, branches: bool = True) -> Rows:
    """The rows that the register keeps of what the files say: each once, blanks around it left off."""
    left_out = set() if activities else {"activity"}
    kept = {}
    for file, of_number in state.items():
        rows = {row for held in of_number.values() for row in held}
        if not branches:
            rows = {row for row in rows if not row[0].startswith("9.")}
        if file == "denomination":
            rows = {(*row[:3], row[3].strip(" ")) for row in rows}
        kept[file] = Counter() if file in left_out else Counter(rows)
    return kept


def shuffled(archive: Path, folder: Path, seed: int) -> Path:
    """The same archive, its files in another order, some of them packed, some not."""
    folder.mkdir(parents=True, exist_ok=True)
    path, draw = folder / f"{seed}-{archive.name}", random.Random(seed)
    with zipfile.ZipFile(archive) as before, zipfile.ZipFile(path, "w") as after:
        names = before.namelist()
        draw.shuffle(names)
        for name in names:
            packed = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            after.writestr(zipfile.ZipInfo(name), before.read(name), packed)
    return path
