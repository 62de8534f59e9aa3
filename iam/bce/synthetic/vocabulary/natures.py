"""What enterprises are: kind, juridical form and situation. Official codes, plausible weights."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from iam.bce.synthetic.draw import SIZE, weighted

UNKNOWN, NATURAL, LEGAL = "0", "1", "2"
# Their seat is elsewhere; only they have branches.
FOREIGN = frozenset({"030", "230", "235", "453", "454"})
# A liquidator or a trustee represents them (DOMAIN 3.4).
LIQUIDATED = frozenset({"010", "012", "112"})
BANKRUPT = frozenset({"013", "048", "049", "050"})


class Nature(NamedTuple):
    """What an enterprise is. Empty texts are values that are not there."""

    kind: str
    situation: str = "000"
    form: str = ""
    cac: str = ""


@cache
def written(nature: Nature) -> str:
    """The piece of a line from the status to the form to be read."""
    form, cac = (f'"{code}"' if code else "" for code in (nature.form, nature.cac))
    return f'"AC","{nature.situation}","{nature.kind}",{form},{cac},'


_NATURAL = 0.3998
_UNKNOWN = 0.0003
# Shares among legal persons. In some a form is to be read as another one (DOMAIN 3.5 g).
_FORMS: Mapping[str, float] = {
    "610": 46, "015": 6, "014": 10.5, "017": 13, "070": 6.5, "612": 5, "702": 3.2, "706": 1.2, "008": 0.7,
    "011": 1.5, "012": 0.4, "721": 0.9, "230": 1.5, "454": 0.5, "030": 0.8, "235": 0.4, "453": 0.02,
    "026": 0.15, "029": 0.05, "125": 0.25, "128": 0.3, "200": 0.08, "999": 0.1, "124": 0.08, "060": 0.05,
    "027": 0.01, "019": 0.03, "020": 0.05, "001": 0.01, "114": 0.01, "301": 0.01, "310": 0.02, "320": 0.02,
    "340": 0.01, "350": 0.005, "388": 0.005, "400": 0.01, "411": 0.05, "412": 0.05, "413": 0.015,
    "414": 0.02, "418": 0.01, "420": 0.005, "422": 0.01, "126": 0.005, "155": 0.005,
}  # fmt: skip
_READ_AS: Mapping[str, tuple[str, float]] = {
    "015": ("610", 0.35), "008": ("706", 0.3), "012": ("612", 0.3), "511": ("011", 0.3),
}  # fmt: skip
_SITUATIONS: Mapping[str, Mapping[str, float]] = {
    NATURAL: {"000": 99.2, "050": 0.4, "091": 0.1, "100": 0.2, "048": 0.05, "031": 0.05},
    LEGAL: {
        "000": 95.5, "012": 1.1, "050": 1.2, "013": 0.3, "010": 0.1, "090": 0.4, "091": 0.15, "100": 0.4,
        "001": 0.2, "002": 0.15, "003": 0.1, "020": 0.15, "030": 0.02, "031": 0.02, "040": 0.02, "041": 0.02,
        "043": 0.02, "048": 0.03, "049": 0.03, "112": 0.04, "042": 0.01,
    },
}  # fmt: skip


@cache
def natures() -> tuple[Nature, ...]:
    """A table of natures: as many enterprises as there are of each."""
    shares: dict[Nature, float] = {Nature(UNKNOWN): _UNKNOWN}
    for situation, share in _shares(_SITUATIONS[NATURAL]).items():
        shares[Nature(NATURAL, situation)] = _NATURAL * share
    for form, among in _shares(_FORMS).items():
        read_as, part = _READ_AS.get(form, ("", 0.0))
        for cac, of_form in (("", 1 - part), (read_as, part)):
            for situation, share in _shares(_SITUATIONS[LEGAL]).items():
                legal = (1 - _NATURAL - _UNKNOWN) * among * of_form * share
                # What is rarer than a place of the table is there in the normal situation only.
                if of_form and (legal * 2 * SIZE >= 1 or situation == "000"):
                    shares[Nature(LEGAL, situation, form, cac)] = legal
    return weighted(shares.items())


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {code: weight / total for code, weight in weights.items()}
