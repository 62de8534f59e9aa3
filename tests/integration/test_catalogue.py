"""The catalogue of roles: a file, its difference, events."""

from pathlib import Path

import pytest

from iam.delegation import catalogue
from iam.journal.queries import of_head

pytestmark = pytest.mark.anyio
FILE = Path("demo/catalogue.toml")


async def test_a_catalogue_is_applied_once_and_what_is_left_out_retires(db, clock):
    roles = catalogue.read(FILE)
    async with db.write() as conn:
        assert len(roles) == len(await catalogue.apply(conn, roles, clock))
    async with db.write() as conn:
        assert [] == await catalogue.apply(conn, roles, clock)
        assert roles == await catalogue.load(conn)

    fewer = {code: role for code, role in roles.items() if code != "permis.deposer"}
    async with db.write() as conn:
        [retired] = await catalogue.apply(conn, fewer, clock)
        known = await catalogue.load(conn)

    assert "permis.deposer" == retired.code
    assert known["permis.deposer"].is_retired(clock())
    assert not known["primes.deposer"].is_retired(clock())
    async with db.read() as conn:
        entries = await of_head(conn, catalogue.CATALOGUE)
    assert [1, 2] == sorted({entry.revision for entry in entries})
    assert retired == catalogue.TYPES.decode(entries[-1])


@pytest.mark.parametrize(
    "broken",
    [
        "[role.x]",
        '[role."a.b"]\ngrantable_by = ["gap"]\nlongest_days = 0\n[role."a.b".labels]\n[role."a.b".allows]',
        "not toml",
        FILE.read_text(encoding="utf-8").replace('de = "Verwaltung der Investitionsprämien"\n', ""),
        FILE.read_text(encoding="utf-8").replace("four_eyes", "vier_augen"),
    ],
)
def test_inv_69_a_broken_catalogue_is_refused_whole(tmp_path, broken):
    path = tmp_path / "catalogue.toml"
    path.write_text(broken, encoding="utf-8")
    with pytest.raises(catalogue.InvalidCatalogue):
        catalogue.read(path)
