"""Writing the small Wallonia in the dialect of the official files: dates and empty values unquoted."""

import gzip
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from demo.wallonia.source import Enterprise, dotted, enterprises

_CODES = Path(__file__).parents[2] / "iam" / "bce" / "reference" / "code.csv.gz"
_DATES = {1: ("02-10-2026", "04-10-2026 08:11:52"), 2: ("30-10-2026", "01-11-2026 08:09:17")}
_NAMES = {1: "KboOpenData_0001_2026_10_04_Full.zip", 2: "KboOpenData_0002_2026_11_01_Full.zip"}
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallonia:
    """Where the files are: the extracts in their order, the functions, the appointments."""

    extracts: tuple[Path, ...]
    functions: Path
    appointments: Path


def write(folder: Path, produced_at: datetime) -> Wallonia:
    """Returns the files, written anew into `folder`. The two feeds hold national numbers: mode 0600."""
    folder.mkdir(parents=True, exist_ok=True)
    extracts = []
    for number, name in _NAMES.items():
        path = folder / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, text in extract(number).items():
                archive.writestr(zipfile.ZipInfo(member), text, zipfile.ZIP_DEFLATED)
        extracts.append(path)
    functions, appointments = folder / "functions.jsonl", folder / "appointments.jsonl"
    _private(functions, function_lines(produced_at))
    _private(appointments, appointment_lines())
    return Wallonia(extracts=tuple(extracts), functions=functions, appointments=appointments)


def write_folder(number: int, folder: Path) -> Path:
    """Returns the folder, with the files of one extract unpacked in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for member, text in extract(number).items():
        (folder / member).write_text(text, encoding="utf-8", newline="")
    return folder


def extract(number: int) -> dict[str, str]:
    """Returns the files of an extract by name. The ceased enterprise is absent from the second."""
    present = [each for each in enterprises() if each.since <= number and not (each.vanishes and number > 1)]
    snapshot, stamp = _DATES[number]
    return {
        "meta.csv": _table(
            ("Variable", "Value"),
            [
                ("SnapshotDate", snapshot),
                ("ExtractTimestamp", stamp),
                ("ExtractType", "full"),
                ("ExtractNumber", f"{number}"),
                ("Version", "1.0.0"),
            ],
        ),
        "code.csv": gzip.decompress(_CODES.read_bytes()).decode(),
        "enterprise.csv": _table(
            (
                "EnterpriseNumber", "Status", "JuridicalSituation", "TypeOfEnterprise", "JuridicalForm",
                "JuridicalFormCAC", "StartDate",
            ),
            [
                (dotted(e.number), "AC", e.situation, e.type, e.form, e.form_cac, _Plain(e.start))
                for e in present
            ],
        ),
        "establishment.csv": _table(
            ("EstablishmentNumber", "StartDate", "EnterpriseNumber"),
            [
                (dotted(unit), _Plain(e.start), dotted(e.number))
                for e in present
                for unit, _ in e.establishments
            ],
        ),
        "branch.csv": _table(
            ("Id", "StartDate", "EnterpriseNumber"),
            [(dotted(unit), _Plain(e.start), dotted(e.number)) for e in present for unit, _ in e.branches],
        ),
        "denomination.csv": _table(
            ("EntityNumber", "Language", "TypeOfDenomination", "Denomination"),
            [row for e in present for row in _denominations(e)],
        ),
        "address.csv": _table(
            (
                "EntityNumber", "TypeOfAddress", "CountryNL", "CountryFR", "Zipcode", "MunicipalityNL",
                "MunicipalityFR", "StreetNL", "StreetFR", "HouseNumber", "Box", "ExtraAddressInfo",
                "DateStrikingOff",
            ),
            [row for e in present for row in _addresses(e)],
        ),
        "contact.csv": _table(
            ("EntityNumber", "EntityContact", "ContactType", "Value"),
            [(dotted(e.number), "ENT", kind, value) for e in present for kind, value in e.contacts],
        ),
        "activity.csv": _table(
            ("EntityNumber", "ActivityGroup", "NaceVersion", "NaceCode", "Classification"),
            [(dotted(e.number), "003", "2025", "96990", "MAIN") for e in present],
        ),
    }  # fmt: skip


class _Plain(str):
    """A value that the official files write without quotes: a date, or nothing."""

    __slots__ = ()


class _Blank(str):
    """An empty value that the official files do quote: a box, an extra line of an address."""

    __slots__ = ()


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [",".join(f'"{name}"' for name in header)]
    lines += [",".join(_value(value) for value in row) for row in rows]
    return "\n".join(lines) + "\n"


def _value(value: str) -> str:
    if isinstance(value, _Plain) or (value == "" and not isinstance(value, _Blank)):
        return str(value)
    return '"' + value.replace('"', '""') + '"'


def _denominations(e: Enterprise) -> list[tuple[str, ...]]:
    return [
        *((dotted(e.number), language, kind, text) for language, kind, text in e.names),
        *((dotted(unit), e.names[0][0], "003", name) for unit, name in e.establishments),
        *((dotted(unit), e.names[0][0], "004", name) for unit, name in e.branches),
    ]


def _addresses(e: Enterprise) -> list[tuple[str, ...]]:
    kinds = [(e.number, "REGO")] if e.address else []
    kinds += [(unit, "BAET") for unit, _ in e.establishments]
    kinds += [(unit, "ABBR") for unit, _ in e.branches]
    place = e.address or {"street": "Rue de la Station", "house": "1", "zip": "5000", "municipality": "Namur"}
    return [
        (
            dotted(number),
            kind,
            place.get("country_nl", ""),
            place.get("country", ""),
            place.get("zip", ""),
            place.get("municipality_nl", place["municipality"]),
            place["municipality"],
            place.get("street_nl", place["street"]),
            place["street"],
            place.get("house", ""),
            _Blank(place.get("box", "")),
            _Blank(place.get("extra", "")),
            _Plain(place.get("struck_off", "") if kind == "REGO" else ""),
        )
        for number, kind in kinds
    ]


def function_lines(produced_at: datetime) -> list[str]:
    """Returns the feed of functions, one a line after the line that says what the feed is."""
    numbers = {each.key: each.number for each in enterprises()}
    functions = []
    for each in enterprises():
        for function in each.functions:
            if function.enterprise is None:
                holder: dict[str, object] = {"ssin": function.ssin}
            else:
                holder = {"enterpriseNumber": numbers[function.enterprise]}
                if function.permanent is not None:
                    holder["permanentRepresentative"] = {"ssin": function.permanent}
            functions.append(
                {
                    "enterpriseNumber": each.number,
                    "function": function.code,
                    "holder": holder,
                    "from": function.first_day,
                    "to": function.last_day,
                }
            )
    header = {
        "feed": "functions",
        "version": 1,
        "number": int((produced_at - _EPOCH).total_seconds()),
        "kind": "full",
        "producedAt": produced_at.astimezone(UTC).isoformat(),
        "functions": len(functions),
    }
    return [json.dumps(line, ensure_ascii=False) for line in (header, *functions)]


def appointment_lines() -> list[str]:
    """Returns the chief access managers and roles known elsewhere, one a line."""
    lines = []
    for each in enterprises():
        for known in each.appointments:
            line = {"kind": "gap", "enterpriseNumber": each.number, "ssin": known.ssin}
            if known.role is not None:
                line |= {"kind": "role", "role": known.role}
            lines.append(json.dumps(line | {"email": known.email, "language": known.language}))
    return lines


def _private(path: Path, lines: Sequence[str]) -> None:
    path.touch(mode=_MODE)
    path.chmod(_MODE)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
