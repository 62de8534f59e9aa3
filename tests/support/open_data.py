"""The open data as a careful reader would keep them: rows of each file by what they are about.

Written from the cookbook (DOMAIN 3.5), knowing nothing of how extracts are made or merged.
"""

import csv
import io
import json
import zipfile
from collections import Counter
from datetime import date
from pathlib import Path

COLUMNS = {
    "enterprise": (
        "EnterpriseNumber", "Status", "JuridicalSituation", "TypeOfEnterprise", "JuridicalForm",
        "JuridicalFormCAC", "StartDate",
    ),
    "establishment": ("EstablishmentNumber", "StartDate", "EnterpriseNumber"),
    "branch": ("Id", "StartDate", "EnterpriseNumber"),
    "denomination": ("EntityNumber", "Language", "TypeOfDenomination", "Denomination"),
    "address": (
        "EntityNumber", "TypeOfAddress", "CountryNL", "CountryFR", "Zipcode", "MunicipalityNL",
        "MunicipalityFR", "StreetNL", "StreetFR", "HouseNumber", "Box", "ExtraAddressInfo", "DateStrikingOff",
    ),
    "contact": ("EntityNumber", "EntityContact", "ContactType", "Value"),
    "activity": ("EntityNumber", "ActivityGroup", "NaceVersion", "NaceCode", "Classification"),
}  # fmt: skip
# The longest value of a column (DOMAIN 3.4).
LONGEST = {
    "Denomination": 320, "CountryNL": 100, "CountryFR": 100, "Zipcode": 20, "MunicipalityNL": 200,
    "MunicipalityFR": 200, "StreetNL": 200, "StreetFR": 200, "HouseNumber": 22, "Box": 20,
    "ExtraAddressInfo": 80, "EntityContact": 3, "ContactType": 5, "Value": 254,
}  # fmt: skip
FILES = tuple(COLUMNS)
Row = tuple[str, ...]
State = dict[str, dict[str, Counter[Row]]]


def rows(path: Path, name: str) -> list[Row]:
    """The rows of a file of an archive, without its header; none where there is no such file."""
    with zipfile.ZipFile(path) as archive:
        if name not in archive.namelist():
            return []
        with archive.open(name) as file:
            return [tuple(row) for row in csv.reader(io.TextIOWrapper(file, "utf-8", newline=""))][1:]


def day(text: str) -> date:
    """A day as the files write it."""
    return date(int(text[6:]), int(text[3:5]), int(text[:2]))


def meta(path: Path) -> dict[str, str]:
    """What an extract says of itself."""
    return {row[0]: row[1] for row in rows(path, "meta.csv")}


def grouped(found: list[Row]) -> dict[str, Counter[Row]]:
    state: dict[str, Counter[Row]] = {}
    for row in found:
        state.setdefault(row[0], Counter())[row] += 1
    return state


def full(path: Path) -> State:
    """What a full extract says."""
    return {file: grouped(rows(path, f"{file}.csv")) for file in FILES}


def apply(state: State, path: Path) -> None:
    """The state after an update: per file deletes, then inserts; then what belongs to nobody is gone."""
    for file in FILES:
        for (number,) in rows(path, f"{file}_delete.csv"):
            state[file].pop(number, None)
        for number, inserted in grouped(rows(path, f"{file}_insert.csv")).items():
            state[file].setdefault(number, Counter()).update(inserted)
    for file in ("establishment", "branch"):
        state[file] = {
            number: held
            for number, held in state[file].items()
            if all(row[2] in state["enterprise"] for row in held)
        }
    known = state["enterprise"].keys() | state["establishment"].keys() | state["branch"].keys()
    for file in FILES[3:]:
        state[file] = {number: held for number, held in state[file].items() if number in known}


def lines(path: Path) -> tuple[dict, list[dict]]:
    """The first line of a feed of functions, and the others."""
    head, *others = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return head, others


def functions(path: Path) -> dict[str, list[dict]]:
    """What a full feed says, by enterprise."""
    held: dict[str, list[dict]] = {}
    for line in lines(path)[1]:
        held.setdefault(line.pop("enterpriseNumber"), []).append(line)
    return held


def apply_functions(held: dict[str, list[dict]], path: Path) -> None:
    """What holds after an update of the feed: whoever is named has these functions and no others."""
    for line in lines(path)[1]:
        held.pop(line["enterpriseNumber"], None)
        if line["functions"]:
            held[line["enterpriseNumber"]] = line["functions"]
