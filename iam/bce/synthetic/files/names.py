"""denomination.csv: names of enterprises, establishment units and branches."""

from iam.bce.synthetic import numbers
from iam.bce.synthetic.country import NAMES, Being, Country, Unit
from iam.bce.synthetic.draw import SIZE, Row, weighted
from iam.bce.synthetic.files.file import File, Text
from iam.bce.synthetic.vocabulary.natures import NATURAL
from iam.bce.synthetic.vocabulary.words import ABBREVIATIONS, FIRST, FIRST_NAMES, SECOND, SURNAMES

_NAME, _SHORT, _SHOP, _OF_BRANCH = "001", "002", "003", "004"
_OWN, _OTHER = "own", "other"
_LONGEST = 320
_SHAPES: tuple[tuple[tuple[str, str], ...], ...] = weighted(
    (
        (((_OWN, _NAME),), 0.734),
        (((_OWN, _NAME), (_OWN, _SHORT)), 0.09),
        (((_OWN, _NAME), (_OWN, _SHOP)), 0.07),
        (((_OWN, _NAME), (_OTHER, _NAME)), 0.04),
        (((_OWN, _NAME), (_OWN, _SHORT), (_OWN, _SHOP)), 0.03),
        (((_OWN, _NAME), (_OWN, _SHORT), (_OTHER, _NAME), (_OTHER, _SHORT)), 0.015),
        (((_OWN, _NAME), (_OWN, _SHOP), (_OWN, _SHOP)), 0.015),
        # As many as there ever are (DOMAIN 3.5 b).
        (
            (
                *((language, kind) for kind in (_NAME, _SHORT) for language in ("1", "2", "3", "4")),
                (_OWN, _SHOP),
                (_OTHER, _SHOP),
            ),
            0.0015,
        ),
        # As long as a name may be.
        (((_OWN, "long"),), 0.0015),
    )
)
_TRANSLATED = {"0": "2", "1": "2", "2": "1", "3": "1", "4": "1"}
_NAMED_UNITS = round(0.58 * SIZE)
_TWO_FIRST_NAMES = SIZE // 20


def _denomination(country: Country, being: Being, row: Row) -> list[Text]:
    number = being.number
    if country.nature(being).kind == NATURAL:
        found = [(number, f'"{number}","0","001","{_person(row)}"\n')]
    else:
        found = [(number, _company(number, country.language(being.who), row))]
    for unit in country.units(being):
        text = _unit(country, unit)
        if text:
            found.append((unit.number, text))
    for which in range(country.branches(being)):
        branch = numbers.branch(being.place, which)
        name = _words(country.language(being.who), country.branch_row(being, which), 1)
        found.append((branch, f'"{branch}","{country.language(being.who)}","{_OF_BRANCH}","{name}"\n'))
    return found


def _person(row: Row) -> str:
    first = FIRST_NAMES[row[2] % len(FIRST_NAMES)]
    if row[3] < _TWO_FIRST_NAMES:
        first += f" {FIRST_NAMES[row[4] % len(FIRST_NAMES)]}"
    return f"{SURNAMES[row[1] & 4095]}, {first}"


def _company(number: str, own: str, row: Row) -> str:
    lines = []
    for place, (language, kind) in enumerate(_SHAPES[row[0]]):
        told = own if language == _OWN else _TRANSLATED[own] if language == _OTHER else language
        match kind:
            case "002":
                name = ABBREVIATIONS[(row[5] + place * 41) & 4095]
            case "003":
                name = _words(told, row, 3 + place % 8)
            case "long":
                kind, name = _NAME, (_words(told, row, 1).replace('"', "") * 40)[:_LONGEST].strip()  # noqa: PLW2901
            case _:
                name = _words(told, row, 1)
        lines.append(f'"{number}","{told}","{kind}","{name}"\n')
    return "".join(lines)


def _words(language: str, row: Row, place: int) -> str:
    return f"{FIRST[language][row[place] & 255]} {SECOND[row[place + 1] & 4095]}"


def _unit(country: Country, unit: Unit) -> str:
    row = country.unit_row(unit, unit.named)
    if row[0] >= _NAMED_UNITS:
        return ""
    language = country.language(unit.who)
    return f'"{unit.number}","{language}","{_SHOP}","{_words(language, row, 1)}"\n'


DENOMINATION = File(
    name="denomination",
    columns=("EntityNumber", "Language", "TypeOfDenomination", "Denomination"),
    what=NAMES,
    texts=_denomination,
)
