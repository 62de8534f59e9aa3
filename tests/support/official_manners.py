"""Archives as the FPS Economy writes them: every value but dates and nothing in quotes, meta.csv first.

Literal texts, and not made by the code that reads them. Numbers are those of public bodies, or made up.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

# An old number and two new ones; units and a branch.
OLD, OTHER, NEW, NATURAL, FOREIGN = (
    "0200.065.765", "0314.595.348", "1000.000.021", "0123.456.749", "1999.999.943",
)  # fmt: skip
UNIT, SECOND_UNIT, BRANCH = "2.123.456.791", "2.000.000.042", "9.000.006.626"

HEADERS = {
    "code": '"Category","Code","Language","Description"',
    "enterprise": '"EnterpriseNumber","Status","JuridicalSituation","TypeOfEnterprise","JuridicalForm",'
    '"JuridicalFormCAC","StartDate"',
    "establishment": '"EstablishmentNumber","StartDate","EnterpriseNumber"',
    "denomination": '"EntityNumber","Language","TypeOfDenomination","Denomination"',
    "address": '"EntityNumber","TypeOfAddress","CountryNL","CountryFR","Zipcode","MunicipalityNL",'
    '"MunicipalityFR","StreetNL","StreetFR","HouseNumber","Box","ExtraAddressInfo","DateStrikingOff"',
    "contact": '"EntityNumber","EntityContact","ContactType","Value"',
    "activity": '"EntityNumber","ActivityGroup","NaceVersion","NaceCode","Classification"',
    "branch": '"Id","StartDate","EnterpriseNumber"',
}
KEYS = {
    "enterprise": '"EnterpriseNumber"', "establishment": '"EstablishmentNumber"',
    "denomination": '"EntityNumber"', "address": '"EntityNumber"', "contact": '"EntityNumber"',
    "activity": '"EntityNumber"', "branch": '"Id"',
}  # fmt: skip
# Only forms and situations have German, nothing has English; a description has quotes in it, one a blank
# before it.
CODES = [
    '"JuridicalForm","610","DE","Gesellschaft mit beschränkter Haftung"',
    '"JuridicalForm","610","FR","Société à responsabilité limitée"',
    '"JuridicalForm","610","NL","Besloten Vennootschap"',
    '"Nace2025","9499903","FR","Activités dites ""associatives"", autres"',
    '"TypeOfDenomination","004","FR"," Dénomination de la succursale"',
]
FULL: Mapping[str, list[str]] = {
    "code": CODES,
    "enterprise": [
        f'"{OLD}","AC","000","2","416",,09-08-1960',
        f'"{OTHER}","AC","000","2","015","610",01-01-1998',
        f'"{NEW}","AC","001","2","610",,06-10-2025',
        f'"{NATURAL}","AC","000","1",,,12-10-2025',
        f'"{FOREIGN}","AC","000","2","030",,15-03-2019',
    ],
    "establishment": [
        f'"{UNIT}",04-08-2010,"{OLD}"',
        f'"{SECOND_UNIT}",01-10-2025,"{NATURAL}"',
    ],
    "denomination": [
        f'"{OLD}","2","001","Intercommunale Vereniging ""Voorbeeld"""',
        f'"{OLD}","2","002","VOORBEELD; VB²"',
        f'"{OTHER}","1","001","Établissements Œuvre & Fils, s.p.r.l."',
        f'"{OTHER}","2","001","Werkhuizen Œuvre & Zonen"',
        f'"{OTHER}","3","003","Werkstätten Œuvre"',
        f'"{OTHER}","4","003","Œuvre Works"',
        f'"{NEW}","0","001","L\'Atelier d’Éléonore – Řemeslo №1 🛠"',
        f'"{NATURAL}","0","001","Peeters, Jan"',
        f'"{FOREIGN}","4","001","Rheinland Handel GmbH"',
        f'"{UNIT}","2","003","Voorbeeldhuis"',
        f'"{BRANCH}","1","004","Rheinland Handel, succursale de Belgique"',
    ],
    "address": [
        f'"{OLD}","REGO",,,"9070","Destelbergen","Destelbergen","Voorbeeldstraat","Voorbeeldstraat","1","","",',
        (f'"{UNIT}","BAET",,,"9070","Destelbergen","Destelbergen","Voorbeeldstraat","Voorbeeldstraat","1","2",'
        '"achterhuis, 2de ""verdiep""",'),
        (f'"{OTHER}","REGO",,,"1000","Brussel","Bruxelles","Warmoesberg","Montagne aux Herbes Potagères","61/63",'
        '"","",01-06-2021'),
        f'"{NEW}","REGO",,,"4790","Burg-Reuland","Burg-Reuland","Oudler","Oudler","10A","","",',
        (f'"{FOREIGN}","REGO","Duitsland","Allemagne",,,,"Stolberg 519 (Rheinland)","Stolberg 519 (Rheinland)",'
        '"","","",'),
        f'"{SECOND_UNIT}","BAET",,,"5000","Namen","Namur","Rue X","Rue X","1","","",',
        f'"{BRANCH}","ABBR",,,"1050","Elsene","Ixelles","Louizalaan","Avenue Louise","1","","",',
    ],
    "contact": [
        f'"{OLD}","ENT","TEL","09 251 22 22"',
        f'"{OLD}","ENT","WEB","www.voorbeeld.test"',
        f'"{OLD}","ENT","WEB","www.voorbeeld.test"',
        f'"{OLD}","ENT","FAX","089/32.39.50"',
        f'"{UNIT}","EST","EMAIL","info@voorbeeld.test"',
        f'"{BRANCH}","BRA","TEL","083611205"',
    ],
    "activity": [
        f'"{OLD}","006","2008","84114","MAIN"',
        f'"{OLD}","006","2008","84114","MAIN"',
        f'"{OLD}","001","2003","7511401","SECO"',
        f'"{OLD}","001","2025","84114","MAIN"',
        f'"{UNIT}","003","2025","6210001","ANCI"',
    ],
    "branch": [f'"{BRANCH}",01-01-1987,"{FOREIGN}"'],
}  # fmt: skip


def texts(
    number: int,
    tables: Mapping[str, list[str]],
    *,
    kind: str = "full",
    snapshot: str = "04-10-2025",
    timestamp: str = "05-10-2025 07:12:31",
    end: str = "\n",
) -> dict[str, bytes]:
    """The files by name; of an update a table is named `address_delete` or `address_insert`."""
    meta = [
        '"Variable","Value"', f'"SnapshotDate","{snapshot}"', f'"ExtractTimestamp","{timestamp}"',
        f'"ExtractType","{kind}"', f'"ExtractNumber","{number:04d}"', '"Version","1.0.0"',
    ]  # fmt: skip
    made = {"meta": meta}
    if kind == "full":
        made |= {name: [header, *tables.get(name, [])] for name, header in HEADERS.items()}
    else:
        made["code"] = [HEADERS["code"], *CODES]
        for name, key in KEYS.items():
            made[f"{name}_delete"] = [key, *tables.get(f"{name}_delete", [])]
            made[f"{name}_insert"] = [HEADERS[name], *tables.get(f"{name}_insert", [])]
    return {f"{name}.csv": end.join([*lines, ""]).encode() for name, lines in made.items()}


def pack(path: Path, files: Mapping[str, bytes], *, within: str = "", zip64: bool = False) -> Path:
    """The zip; its files may stand in a folder, and their sizes in fields for large ones."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if within:
            archive.mkdir(within)
        for name, data in files.items():
            with archive.open(f"{within}/{name}" if within else name, "w", force_zip64=zip64) as file:
                file.write(data)
    return path
