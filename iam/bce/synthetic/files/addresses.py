"""address.csv: seats of legal persons, establishment units, branches.

The seat of a natural person is not told (DOMAIN 3.5 b).
"""

from iam.bce.synthetic import numbers
from iam.bce.synthetic.country import SEAT, Being, Country
from iam.bce.synthetic.draw import Row
from iam.bce.synthetic.files.file import File, Text
from iam.bce.synthetic.vocabulary.natures import FOREIGN, NATURAL
from iam.bce.synthetic.vocabulary.places import HOUSES, Region, abroad, tails

_ABROAD = abroad()
_TAILS = tails()


def _address(country: Country, being: Being, row: Row) -> list[Text]:
    found = []
    nature = country.nature(being)
    region = country.region(being.who)
    if nature.kind != NATURAL:
        number = being.number
        where = _ABROAD[row[0] % len(_ABROAD)] if nature.form in FOREIGN else _home(region, row, 0)
        tail = _TAILS[row[3]] if being.struck is None else f'"","",{being.struck}'
        found.append((number, f'"{number}","REGO",{where}{tail}\n'))
    for unit in country.units(being):
        number, row_of_unit = unit.number, country.unit_row(unit, unit.moved)
        where = _home(country.region(unit.who), row_of_unit, 3)
        found.append((number, f'"{number}","BAET",{where}{_TAILS[row_of_unit[6]]}\n'))
    for which in range(country.branches(being)):
        number, row_of_branch = numbers.branch(being.place, which), country.branch_row(being, which)
        where = _home(region, row_of_branch, 3)
        found.append((number, f'"{number}","ABBR",{where}{_TAILS[row_of_branch[6]]}\n'))
    return found


def _home(region: Region, row: Row, place: int) -> str:
    """Town, street and house in a region, drawn from three numbers of a row."""
    street = region.streets[row[place + 1] & 4095]
    return f"{region.places[row[place]]}{street}{HOUSES[row[place + 2] & 1023]}"


ADDRESS = File(
    name="address",
    columns=(
        "EntityNumber", "TypeOfAddress", "CountryNL", "CountryFR", "Zipcode", "MunicipalityNL",
        "MunicipalityFR", "StreetNL", "StreetFR", "HouseNumber", "Box", "ExtraAddressInfo", "DateStrikingOff",
    ),
    what=SEAT,
    texts=_address,
)  # fmt: skip
