"""enterprise.csv, establishment.csv, branch.csv."""

from iam.bce.synthetic import numbers
from iam.bce.synthetic.country import WHO, Being, Country
from iam.bce.synthetic.draw import Row
from iam.bce.synthetic.files.file import File, Text
from iam.bce.synthetic.vocabulary.natures import written


def _enterprise(country: Country, being: Being, _row: Row) -> list[Text]:
    number = being.number
    return [(number, f'"{number}",{written(country.nature(being))}{country.start(being)}\n')]


def _establishment(country: Country, being: Being, _row: Row) -> list[Text]:
    owner, found = being.number, []
    for unit in country.units(being):
        number = unit.number
        found.append((number, f'"{number}",{country.unit_start(unit)},"{owner}"\n'))
    return found


def _branch(country: Country, being: Being, _row: Row) -> list[Text]:
    found = []
    for which in range(country.branches(being)):
        number = numbers.branch(being.place, which)
        started = country.branch_start(country.branch_row(being, which))
        found.append((number, f'"{number}",{started},"{being.number}"\n'))
    return found


ENTERPRISE = File(
    name="enterprise",
    columns=(
        "EnterpriseNumber", "Status", "JuridicalSituation", "TypeOfEnterprise", "JuridicalForm",
        "JuridicalFormCAC", "StartDate",
    ),
    what=WHO,
    texts=_enterprise,
)  # fmt: skip
ESTABLISHMENT = File(
    name="establishment",
    columns=("EstablishmentNumber", "StartDate", "EnterpriseNumber"),
    what=WHO,
    texts=_establishment,
)
BRANCH = File(name="branch", columns=("Id", "StartDate", "EnterpriseNumber"), what=WHO, texts=_branch)
