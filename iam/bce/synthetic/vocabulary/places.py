"""Where things are: regions, their languages, towns with postcodes, streets, tails of addresses.

Towns and postcodes (`towns.csv`) are real; streets are not. Both columns of a bilingual pair hold the same
text outside Brussels and the communes with two official names, as in the official files (DOMAIN 3.5 d).
Texts are pieces of lines, ready to be joined.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from iam.bce.synthetic.draw import weighted
from iam.bce.synthetic.vocabulary.words import STREETS

_ABROAD = (
    ("Duitsland", "Allemagne", "52222", "Stolberg", "Stolberg 519 (Rheinland)"),
    ("Duitsland", "Allemagne", "", "Aachen", "Hof Quellgrund, Haus 7"),
    ("Nederland", "Pays-Bas", "6211 AB", "Maastricht", "Postbus 99917"),
    ("Nederland", "Pays-Bas", "", "Breda", "Industrieterrein Zuid, unit 12-B"),
    ("Frankrijk", "France", "59800", "Lille", "ZA des Trois Fontaines, bâtiment C"),
    ("Frankrijk", "France", "", "Givet", "Lieu-dit Le Gué"),
    ("Groot-Hertogdom Luxemburg", "Grand-Duché de Luxembourg", "L-9999", "Clervaux", "Z.I. Op der Hei 4"),
    ("Verenigd Koninkrijk", "Royaume-Uni", "ZZ1 1ZZ", "London", 'Suite 400, ""The Granary""'),
    ("Ierland", "Irlande", "", "Cork", "Upper Mill Road"),
    ("Zwitserland", "Suisse", "", "Genève", "c/o Fiduciaire Valdora, case postale 17"),
    ("Verenigde Staten van Amerika", "États-Unis d'Amérique", "", "Wilmington", "Suite 9-001, Orchard Tower"),
    ("Hongkong", "Hong Kong", "", "", "Flat 9, 27/F, Harbour Block"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Region:
    """A region: the language of names there, where in it one may be, how its streets are called."""

    languages: tuple[str, ...]
    places: tuple[str, ...]
    streets: tuple[str, ...]


def _towns() -> dict[str, list[str]]:
    """By region the pieces of an address from the country to the municipality, one for each town."""
    table = files("iam.bce.synthetic.vocabulary") / "towns.csv"
    found: dict[str, list[str]] = {}
    for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines()):
        found.setdefault(row["region"], []).append(f',,"{row["postcode"]}","{row["nl"]}","{row["fr"]}",')
    return found


def _pieces(streets: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f'"{dutch}","{french}",' for dutch, french in streets)


@cache
def regions() -> tuple[Region, ...]:
    """A table of regions: as many enterprises as there are in each."""
    french = _pieces((name, name) for name, _, _ in STREETS)
    dutch = _pieces((name, name) for _, name, _ in STREETS)
    german = _pieces((name, name) for _, _, name in STREETS)
    both = _pieces((dutch, french) for french, dutch, _ in STREETS)

    listed = _towns()

    def towns(region: str, bilingual: float = 0.0) -> tuple[str, ...]:
        usual, others = listed[region], listed.get(f"{region} bilingual", [])
        return weighted(
            [(town, (1 - bilingual) / len(usual)) for town in usual]
            + [(town, bilingual / len(others)) for town in others]
        )

    flanders = Region(
        languages=weighted((("2", 0.975), ("1", 0.011), ("4", 0.008), ("0", 0.006))),
        places=towns("flanders", 0.02),
        streets=dutch,
    )
    wallonia = Region(
        languages=weighted((("1", 0.975), ("2", 0.010), ("4", 0.005), ("3", 0.002), ("0", 0.008))),
        places=towns("wallonia", 0.03),
        streets=french,
    )
    brussels = Region(
        languages=weighted((("1", 0.69), ("2", 0.27), ("4", 0.025), ("0", 0.015))),
        places=towns("brussels"),
        streets=both,
    )
    eupen = Region(
        languages=weighted((("3", 0.85), ("1", 0.14), ("2", 0.01))), places=towns("eupen"), streets=german
    )
    return weighted(((flanders, 0.584), (wallonia, 0.288), (brussels, 0.12), (eupen, 0.008)))


HOUSES = tuple(
    f'"{number}",'
    for number in (
        *(str(1 + place * place // 2600) for place in range(960)),
        *(f"{1 + place}{'ABCD'[place % 4]}" for place in range(48)),
        *(f"{2 * place + 1}-{2 * place + 5}" for place in range(12)),
        *("12/14", "7 bis", "3/B", "1 t/m 9"),
    )
)


@cache
def tails() -> tuple[str, ...]:
    """How an address ends: box, extra, and the day on which it was struck off (DOMAIN 3.5 f)."""
    boxes = [f"{box}" for box in range(1, 60)] + ["A", "B", "C", "0.01", "2.03", "b004", "bte 7", "RC"]
    extras = (
        "Bâtiment C", "Gebouw D", "c/o Valdora", "Zone industrielle", 'Bloc ""Est""', "2e étage", "Haus 3",
    )  # fmt: skip
    struck = [f"{1 + day % 28:02d}-{1 + day % 12:02d}-{2009 + day % 16}" for day in range(48)]
    return weighted(
        [('"","",', 0.84)]
        + [(f'"{box}","",', 0.14 / len(boxes)) for box in boxes]
        + [(f'"","{extra}",', 0.015 / len(extras)) for extra in extras]
        + [(f'"","",{day}', 0.005 / len(struck)) for day in struck]
    )


@cache
def abroad() -> tuple[str, ...]:
    """Addresses elsewhere, from the country to the house number: what there is of them (DOMAIN 3.5 e)."""
    return tuple(
        f'"{dutch}","{french}",{_known(postcode)},{_known(town)},{_known(town)},"{street}","{street}",,'
        for dutch, french, postcode, town, street in _ABROAD
    )


def _known(value: str) -> str:
    return f'"{value}"' if value else ""
