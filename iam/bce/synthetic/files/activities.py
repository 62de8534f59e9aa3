"""activity.csv: most of an extract, and of no use to the register."""

from iam.bce.synthetic.country import ACTIVITIES, Being, Country
from iam.bce.synthetic.draw import Row
from iam.bce.synthetic.files.file import File, Text
from iam.bce.synthetic.vocabulary.activities import of_enterprises, of_units


def _activity(country: Country, being: Being, row: Row) -> list[Text]:
    found = []
    blocks = of_enterprises()
    block = (blocks.before if country.late(being.who) else blocks.after)[row[0] & 2047]
    if block:
        found.append((being.number, f'"{being.number}"'.join(block)))
    blocks = of_units()
    for unit in country.units(being):
        block = (blocks.before if country.late(unit.who) else blocks.after)[country.unit_row(unit)[11] & 2047]
        if block:
            found.append((unit.number, f'"{unit.number}"'.join(block)))
    return found


ACTIVITY = File(
    name="activity",
    columns=("EntityNumber", "ActivityGroup", "NaceVersion", "NaceCode", "Classification"),
    what=ACTIVITIES,
    texts=_activity,
)
