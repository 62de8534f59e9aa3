"""Builders of small official files: an extract with as many enterprises as a test needs, a feed of functions."""

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

HEADERS = {
    "enterprise.csv": (
        "EnterpriseNumber", "Status", "JuridicalSituation", "TypeOfEnterprise", "JuridicalForm",
        "JuridicalFormCAC", "StartDate",
    ),
    "establishment.csv": ("EstablishmentNumber", "StartDate", "EnterpriseNumber"),
    "branch.csv": ("Id", "StartDate", "EnterpriseNumber"),
    "denomination.csv": ("EntityNumber", "Language", "TypeOfDenomination", "Denomination"),
    "address.csv": (
        "EntityNumber", "TypeOfAddress", "CountryNL", "CountryFR", "Zipcode", "MunicipalityNL",
        "MunicipalityFR", "StreetNL", "StreetFR", "HouseNumber", "Box", "ExtraAddressInfo", "DateStrikingOff",
    ),
    "contact.csv": ("EntityNumber", "EntityContact", "ContactType", "Value"),
    "code.csv": ("Category", "Code", "Language", "Description"),
}  # fmt: skip
ACTIVITY = ("EntityNumber", "ActivityGroup", "NaceVersion", "NaceCode", "Classification")


def number(place: int) -> str:
    """The ten digits of the enterprise at this place."""
    eight = 19_500_000 + place
    return f"{eight}{97 - eight % 97:02d}"


def dotted(place: int) -> str:
    ten = number(place)
    return f"{ten[:4]}.{ten[4:7]}.{ten[7:]}"


def unit(place: int, first: int = 25_000_000) -> str:
    eight = first + place
    ten = f"{eight}{97 - eight % 97:02d}"
    return f"{ten[0]}.{ten[1:4]}.{ten[4:7]}.{ten[7:]}"


def quoted(*values: str | None) -> str:
    """A line of the official dialect: text in quotes, nothing for nothing, dates as they are."""
    return ",".join(
        "" if value is None else value if _is_date(value) else '"' + value.replace('"', '""') + '"'
        for value in values
    )


def _is_date(value: str) -> bool:
    return len(value) == 10 and value[2] == value[5] == "-"


@dataclass
class Extract:
    """The files of an extract as lists of lines, each of which a test may spoil."""

    number: int = 1
    snapshot: str = "02-10-2026"
    kind: str = "full"
    lines: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in HEADERS})
    headers: dict[str, str] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, *places: int, number: int = 1, snapshot: str = "02-10-2026") -> "Extract":
        """Enterprises with everything an enterprise can have."""
        made = cls(number=number, snapshot=snapshot)
        for place in places:
            made.enterprise(place)
        return made

    def enterprise(
        self,
        place: int,
        *,
        name: str | None = None,
        situation: str = "000",
        kind: str = "2",
        form: str | None = "610",
        form_cac: str | None = None,
        struck_off: str | None = None,
        start: str = "01-02-2003",
    ) -> None:
        own = dotted(place)
        self.add("enterprise.csv", own, "AC", situation, kind, form, form_cac, start)
        self.add("establishment.csv", unit(place), "04-08-2010", own)
        self.add("branch.csv", unit(place, 95_000_000), "04-08-2010", own)
        self.add("denomination.csv", own, "1", "001", name or f"Entreprise {place}")
        self.add("denomination.csv", unit(place), "1", "003", f"Atelier {place}")
        for whose, what in ((own, "REGO"), (unit(place), "BAET")):
            self.add(
                "address.csv", whose, what, None, None, "5000", "Namen", "Namur", "Rue X", "Rue X", "1", "", "",
                struck_off if what == "REGO" else None,
            )  # fmt: skip
        self.add("contact.csv", own, "ENT", "TEL", "083611205")

    def with_activities(self, *about: str) -> "Extract":
        """The file is there too, with an activity of each of these."""
        self.lines.setdefault("activity.csv", [])
        for whose in about:
            self.add("activity.csv", whose, "003", "2025", "62100", "MAIN")
        return self

    def add(self, file: str, *values: str | None) -> None:
        self.lines[file].append(quoted(*values))

    def files(self) -> dict[str, bytes]:
        meta = [
            ("SnapshotDate", self.snapshot), ("ExtractTimestamp", f"{self.snapshot} 09:00:00"),
            ("ExtractType", self.kind), ("ExtractNumber", str(self.number)), ("Version", "1.0.0"),
        ]  # fmt: skip
        texts = {
            "meta.csv": "\n".join(f'"{name}","{value}"' for name, value in [("Variable", "Value"), *meta])
        }
        activities = {"activity.csv": ACTIVITY} if "activity.csv" in self.lines else {}
        for name, columns in {**HEADERS, **activities}.items():
            header = self.headers.get(name, ",".join(f'"{column}"' for column in columns))
            texts[name] = "\n".join([header, *self.lines[name]]) + "\n"
        return {name: text.encode() for name, text in texts.items() if name not in self.without}

    def zip(self, folder: Path) -> Path:
        path = folder / f"KboOpenData_{self.number:04d}_2026_10_04_Full.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in self.files().items():
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        return path

    def folder(self, parent: Path) -> Path:
        path = parent / f"extract-{self.number}"
        path.mkdir(exist_ok=True)
        for name, data in self.files().items():
            (path / name).write_bytes(data)
        return path


def _by_key(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(line.split('"')[1], []).append(line)
    return found


@dataclass
class Update:
    """The files of an update: what each names in `_delete`, and its lines in `_insert`."""

    number: int = 2
    snapshot: str = "03-10-2026"
    deletes: dict[str, list[str]] = field(default_factory=dict)
    inserts: Extract = field(default_factory=Extract)
    without: set[str] = field(default_factory=set)

    @classmethod
    def between(cls, before: Extract, after: Extract) -> "Update":
        """What differs, as the real ones have it: of a key whose rows are others, all of them anew."""
        made = cls(number=after.number, snapshot=after.snapshot)
        made.inserts.headers = after.headers
        made.without = {
            f"{name.removesuffix('.csv')}_{part}.csv"
            for name in after.without
            for part in ("delete", "insert")
        }
        for file in sorted({*before.lines, *after.lines} - {"code.csv"}):
            then, now = _by_key(before.lines.get(file, [])), _by_key(after.lines.get(file, []))
            for key in sorted({*then, *now}):
                if then.get(key) == now.get(key):
                    continue
                if key in then:
                    made.delete(file.removesuffix(".csv"), key)
                made.inserts.lines.setdefault(file, []).extend(now.get(key, []))
        return made

    def delete(self, file: str, *keys: str) -> "Update":
        """The keys stand in the `_delete` of a file."""
        self.deletes.setdefault(file, []).extend(keys)
        return self

    def insert(self, file: str, *values: str | None) -> "Update":
        """A row stands in the `_insert` of a file."""
        self.inserts.lines.setdefault(f"{file}.csv", []).append(quoted(*values))
        return self

    def files(self) -> dict[str, bytes]:
        whole = Extract(number=self.number, snapshot=self.snapshot, kind="update").files()
        texts = {name: whole[name] for name in ("meta.csv", "code.csv")}
        tables = {
            name.removesuffix(".csv"): columns for name, columns in HEADERS.items() if name != "code.csv"
        }
        for file, columns in {**tables, "activity": ACTIVITY}.items():
            key = quoted(columns[0])
            header = self.inserts.headers.get(f"{file}.csv", ",".join(f'"{column}"' for column in columns))
            deleted = [quoted(each) for each in self.deletes.get(file, [])]
            inserted = self.inserts.lines.get(f"{file}.csv", [])
            texts[f"{file}_delete.csv"] = ("\n".join([key, *deleted]) + "\n").encode()
            texts[f"{file}_insert.csv"] = ("\n".join([header, *inserted]) + "\n").encode()
        return {name: data for name, data in texts.items() if name not in self.without}

    def zip(self, folder: Path) -> Path:
        path = folder / f"KboOpenData_{self.number:04d}_2026_10_04_Update.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in self.files().items():
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        return path


def held(place: int, function: str = "XADMI", *, first="2015-01-01", last=None, **holder: object) -> dict:
    """A function of the enterprise at a place; `ssin=...`, or `by=place` with `permanent=ssin`."""
    if "by" in holder:
        who: dict[str, object] = {"enterpriseNumber": number(holder["by"])}
        if "permanent" in holder:
            who["permanentRepresentative"] = {"ssin": holder["permanent"]}
    else:
        who = {"ssin": holder["ssin"]}
    return {"enterpriseNumber": number(place), "function": function, "holder": who, "from": first, "to": last}


def feed(
    folder: Path,
    *functions: dict | str,
    number: int = 1,
    produced_at: str = "2026-11-24T05:00:00+00:00",
    count=None,
    kind: str = "full",
) -> Path:
    """A feed of functions; a text among them is a line as it is."""
    header = {
        "feed": "functions", "version": 1, "number": number, "kind": kind, "producedAt": produced_at,
        "functions": len(functions) if count is None else count,
    }  # fmt: skip
    lines = [each if isinstance(each, str) else json.dumps(each) for each in (header, *functions)]
    path = folder / f"functions-{number}.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path
