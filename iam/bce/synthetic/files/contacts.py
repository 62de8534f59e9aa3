"""contact.csv: how to reach enterprises, establishment units and branches."""

from iam.bce.synthetic import numbers
from iam.bce.synthetic.country import CONTACTS, Being, Country
from iam.bce.synthetic.draw import Row
from iam.bce.synthetic.files.file import File, Text
from iam.bce.synthetic.vocabulary.contacts import email, of_enterprises, of_units, telephone, web
from iam.bce.synthetic.vocabulary.words import DOMAINS

_OF_ENTERPRISES = of_enterprises()
_OF_UNITS = of_units()


def _contact(country: Country, being: Being, row: Row) -> list[Text]:
    found = []
    kinds = _OF_ENTERPRISES[row[0]]
    if kinds:
        found.append((being.number, _lines(being.number, "ENT", kinds, row, 1)))
    for unit in country.units(being):
        row_of_unit = country.unit_row(unit)
        if _OF_UNITS[row_of_unit[8]]:
            lines = _lines(unit.number, "EST", _OF_UNITS[row_of_unit[8]], row_of_unit, 8)
            found.append((unit.number, lines))
    for which in range(country.branches(being)):
        number, row_of_branch = numbers.branch(being.place, which), country.branch_row(being, which)
        if _OF_UNITS[row_of_branch[8]]:
            found.append((number, _lines(number, "BRA", _OF_UNITS[row_of_branch[8]], row_of_branch, 8)))
    return found


def _lines(number: str, whose: str, kinds: tuple[str, ...], row: Row, place: int) -> str:
    lines: list[str] = []
    for which, kind in enumerate(kinds):
        first, second = row[place] + which, row[place + 1]
        match kind:
            case "again":
                lines.append(lines[-1])
                continue
            case "WEB":
                value = web(DOMAINS[second & 4095], first)
            case "EMAIL":
                value = email(DOMAINS[second & 4095], first)
            case _:
                value = telephone(first, second)
        lines.append(f'"{number}","{whose}","{kind}","{value}"\n')
    return "".join(lines)


CONTACT = File(
    name="contact",
    columns=("EntityNumber", "EntityContact", "ContactType", "Value"),
    what=CONTACTS,
    texts=_contact,
)
