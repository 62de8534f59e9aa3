"""How to reach them: which kinds of contact, and values in every form that people give (DOMAIN 3.5 i).

Telephone numbers begin with a zero where no number does; addresses end in names reserved for examples.
"""

from functools import cache

from iam.bce.synthetic.draw import weighted

Kinds = tuple[str, ...]
_TEL, _EMAIL, _WEB, _FAX = "TEL", "EMAIL", "WEB", "FAX"


@cache
def of_enterprises() -> tuple[Kinds, ...]:
    """Kinds of contact of an enterprise: mostly none, at times the same twice (quirk c)."""
    return weighted(
        (
            ((), 0.822), ((_TEL,), 0.05), ((_EMAIL,), 0.035), ((_TEL, _EMAIL), 0.045), ((_WEB,), 0.004),
            ((_TEL, _EMAIL, _WEB), 0.03), ((_TEL, _FAX), 0.003), ((_TEL, _TEL, _EMAIL), 0.008),
            ((_TEL, _FAX, _EMAIL, _WEB), 0.001), ((_EMAIL, "again"), 0.002),
        )
    )  # fmt: skip


@cache
def of_units() -> tuple[Kinds, ...]:
    """Kinds of contact of an establishment unit or branch."""
    return weighted(
        (((), 0.965), ((_TEL,), 0.015), ((_EMAIL,), 0.008), ((_TEL, _EMAIL), 0.008), ((_TEL, _WEB), 0.004))
    )


def telephone(first: int, second: int) -> str:
    """A telephone number that nobody has, in one of the ways in which they are written."""
    zone, number = 2 + first % 97, f"0{second % 100_000:05d}"
    one, two, three = number[:2], number[2:4], number[4:]
    match first % 8:
        case 0:
            return f"0{zone:02d}{number}"
        case 1:
            return f"0{zone:02d} {one} {two} {three}"
        case 2:
            return f"0{zone:02d}/{one}.{two}.{three}"
        case 3:
            return f"+32 {zone} {one} {two} {three}"
        case 4:
            return f"0032{zone}{number}"
        case 5:
            return f"0400/0{number}"
        case 6:
            return f"0400 0{one} {two}{three}"
        case _:
            return f"({zone:03d}) {one}-{two}-{three}"


def web(name: str, first: int) -> str:
    """An address on the web, with and without what belongs before and after it."""
    return (f"www.{name}.example", f"{name}.example", f"http://www.{name}.example", f"https://{name}.example/",
            f"www.{name}.example/contact?lang=fr")[first % 5]  # fmt: skip


def email(name: str, first: int) -> str:
    """An e-mail address."""
    return f"{('info', 'contact', 'admin', 'bonjour', 'hallo', 'Info')[first % 6]}@{name}.example"
