"""activity.csv: most of an extract, and of no use to the register."""

from collections.abc import Iterator

from iam.bce.synthetic.country import ACTIVITIES, Being, Country
from iam.bce.synthetic.draw import Row
from iam.bce.synthetic.files.file import File, Text
from iam.bce.synthetic.vocabulary.activities import Block, Blocks, of_enterprises, of_units


def _activity(country: Country, being: Being, row: Row) -> list[Text]:
    found = []
    for number, block in _blocks(country, being, row):
        if block:
            found.append((number, f'"{number}"'.join(block)))
    return found


def _blocks(country: Country, being: Being, row: Row) -> Iterator[tuple[str, Block]]:
    yield being.number, _told(country, of_enterprises(), being.who, row[0])
    for unit in country.units(being):
        yield unit.number, _told(country, of_units(), unit.who, country.unit_row(unit)[11])


def _told(country: Country, blocks: Blocks, who: Row, drawn: int) -> Block:
    return (blocks.before if country.late(who) else blocks.after)[drawn % len(blocks.after)]


ACTIVITY = File(
    name="activity",
    columns=("EntityNumber", "ActivityGroup", "NaceVersion", "NaceCode", "Classification"),
    what=ACTIVITIES,
    texts=_activity,
)
