"""The numbers of what is made up: check digits hold, ranges are kept, and nobody has them.

An enterprise is known by its place in the country, an establishment unit or branch by the place of the
enterprise that opened it and by which of that enterprise's it is. Numbers grow with the place, with gaps
between them, as those that are really given out do.
"""

_FIRST_ENTERPRISE, _STEP = 11_000_000, 3
_FIRST_UNIT, UNITS = 20_000_000, 24
_FIRST_BRANCH, BRANCHES = 90_000_000, 3
MOST = 2_666_000
_MODULUS = 97

# Births of people in business, in an unknown month of a day that is told: no such number is given out.
_FIRST_YEAR, _YEARS = 30, 70
_COUNTERS, _DAYS = 998, 31
_MONTHS = ("00", "40", "20")


def enterprise(place: int) -> str:
    """The number of an enterprise as the official files write it: between 1100.000.000 and 1899.999.999."""
    eight = _FIRST_ENTERPRISE + _STEP * place
    digits = f"{eight}{_MODULUS - eight % _MODULUS:02d}"
    return f"{digits[:4]}.{digits[4:7]}.{digits[7:]}"


def unit(place: int, which: int) -> str:
    """The number of an establishment unit as the official files write it."""
    return _of_seven(_FIRST_UNIT + UNITS * place + which)


def branch(place: int, which: int) -> str:
    """The identifier of a branch as the official files write it."""
    return _of_seven(_FIRST_BRANCH + BRANCHES * place + which)


def _of_seven(eight: int) -> str:
    digits = f"{eight}{_MODULUS - eight % _MODULUS:02d}"
    return f"{digits[0]}.{digits[1:4]}.{digits[4:7]}.{digits[7:]}"


def national(person: int) -> str:
    """The national number of a person: valid, and nobody's."""
    rest, year = divmod(person, _YEARS)
    rest, counter = divmod(rest, _COUNTERS)
    month, day = divmod(rest, _DAYS)
    nine = f"{_FIRST_YEAR + year}{_MONTHS[month]}{day + 1:02d}{counter + 1:03d}"
    return f"{nine}{_MODULUS - int(nine) % _MODULUS:02d}"
