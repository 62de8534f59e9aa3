"""Settling whom each row is about: who is new, returns, is gone, or is left alone for a bad row of his.

Afterwards there are, for a full extract and for an update alike:

- `@held`: enterprises that stay as they are, neither changed nor taken for vanished (nr 8);
- `@ignored`: numbers whose rows share their fate, and are not looked at;
- `@entity`: enterprises of which the extract has a row; a `fresh` one has a key of its own from now on;
- `@gone`: enterprises that are absent from a full extract, or that an update takes away (nr 12, 13);
- `@parent`, `@unit`, `@owner`: the number of everything that a row may be about, and whose it is.

For an update also `@unit_before`: the units in question as the register has them, `@moved`: those that belong
to another enterprise now, and of each file `@named_...`: the numbers it speaks of, and `@asked_...`: the
places in the register of which it, or what became of their owners, puts the rows in question.
"""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from iam.bce.dialect import digits
from iam.bce.extracts.judging import ORPHAN
from iam.bce.extracts.plan import Plan
from iam.bce.extracts.space import Lane


def believed(alias: str) -> str:
    """The condition that a row of a dated table holds now, as far as we believe."""
    return f"{alias}.recorded_until IS NULL AND {alias}.ends_at IS NULL"


def ten(column: str) -> str:
    """The digits of a number in a file, to be compared with one in the register."""
    return f'{digits(column)} COLLATE "default"'


def not_held(entity: str) -> str:
    """The condition that an enterprise, if it is one, is not among `@held`: where all are asked about.

    Hardly anybody ever is: those few are looked up in memory, row by row. As a join, the planner would build
    its hash of the millions whom it asks about, because of nobody it cannot tell that there is nobody. Where
    few are asked about, it is the join that costs nothing.
    """
    return f"({entity} IN (SELECT entity_id FROM @held)) IS NOT TRUE"


_ENTERPRISE, _ESTABLISHMENT, _BRANCH = '"EnterpriseNumber"', '"EstablishmentNumber"', '"Id"'
# A key that nobody can guess, without asking the system for randomness two million times: a digest of a
# secret of this import, with the bits of a random UUID. Secret and number together are one block of it.
_FRESH = """
    encode(set_byte(set_byte(
        substr(sha256(((SELECT secret FROM @instant) || s.number)::bytea), 1, 16), 6, 74), 8, 170),
        'hex')::uuid
"""
_ENTITY = f"""
    SELECT s.{_ENTERPRISE} AS key, s.number, coalesce(n.entity_id, {_FRESH}) AS entity_id,
           n.entity_id IS NULL AS fresh, e.entity_id IS NOT NULL AS is_back,
           "Status" COLLATE "default" AS status, "TypeOfEnterprise"::smallint AS kind,
           "JuridicalSituation" COLLATE "default" AS situation, "JuridicalForm" COLLATE "default" AS form,
           "JuridicalFormCAC" COLLATE "default" AS form_cac, "StartDate"::date AS start_on
      FROM (SELECT *, {ten(_ENTERPRISE)} AS number FROM @enterprise) s
      LEFT JOIN bce_number n ON n.number = s.number AND {believed("n")}
      LEFT JOIN bce_entity e ON e.entity_id = n.entity_id AND e.vanished_at IS NOT NULL
     WHERE {not_held("n.entity_id")}
"""
_HOLDING = f"SELECT count(*) FROM @bad WHERE reason <> '{ORPHAN}'"
_ABSENT = f"""
    SELECT e.entity_id FROM bce_entity e
     WHERE e.vanished_at IS NULL
       AND NOT EXISTS (SELECT FROM @entity s WHERE s.entity_id = e.entity_id)
       AND {not_held("e.entity_id")}
"""
_TAKEN_AWAY = f"""
    SELECT DISTINCT n.entity_id FROM @enterprise_delete d
      JOIN bce_number n ON n.number = {ten(f"d.{_ENTERPRISE}")} AND {believed("n")}
      JOIN bce_entity e ON e.entity_id = n.entity_id AND e.vanished_at IS NULL
     WHERE NOT EXISTS (SELECT FROM @enterprise s WHERE s.{_ENTERPRISE} = d.{_ENTERPRISE})
       AND NOT EXISTS (SELECT FROM @held h WHERE h.entity_id = n.entity_id)
"""
# Whom the rows of an update may be about: those it has a row of, and those it leaves as they are.
_PARENT = f"""
    SELECT key, entity_id FROM @entity
     UNION ALL
    SELECT k.key, n.entity_id FROM @spoken k
      JOIN bce_number n ON n.number = {ten("k.key")} AND {believed("n")}
      JOIN bce_entity e ON e.entity_id = n.entity_id AND e.vanished_at IS NULL
     WHERE NOT EXISTS (SELECT FROM @entity s WHERE s.entity_id = n.entity_id)
       AND NOT EXISTS (SELECT FROM @gone g WHERE g.entity_id = n.entity_id)
       AND NOT EXISTS (SELECT FROM @held h WHERE h.entity_id = n.entity_id)
"""
_OWNER = """
    SELECT key, entity_id, NULL::text AS unit FROM @parent
     UNION ALL
    SELECT key, entity_id, number FROM @unit
"""
_MOVED = """
    SELECT b.number, b.entity_id AS before, u.entity_id AS after
      FROM @unit_before b JOIN @unit u ON u.number = b.number
     WHERE u.entity_id <> b.entity_id
"""


class Resolver:
    """Settles it for one extract. The methods are steps; each says what it waits for."""

    def __init__(self, plan: Plan) -> None:
        """Settle it for an extract of this kind."""
        self._plan = plan
        self._held_by = 0

    async def is_outdated(self, lane: Lane) -> bool:
        """Whether there are more bad rows than `hold` has seen: then somebody may be held back by them."""
        return bool(await lane.value(_HOLDING) != self._held_by)

    async def hold(self, lane: Lane) -> None:
        """`@held` and `@ignored`, by the rows that were judged so far."""
        self._held_by = await lane.value(_HOLDING)
        if not await lane.value("SELECT count(*) FROM @bad"):
            await lane.make_empty("held", "entity_id uuid")
            await lane.make_empty("ignored", 'key text COLLATE "C"')
            return
        staged = _staged_units(self._plan)
        await lane.make(
            "bad_number",
            f"SELECT {ten('b.key')} AS number FROM @bad b WHERE b.reason <> '{ORPHAN}' AND b.key IS NOT NULL"
            f" UNION SELECT {ten('b.own')} FROM @bad b WHERE b.own IS NOT NULL"
            f" UNION SELECT {ten('u.enterprise')} FROM @bad b JOIN ({staged}) u ON u.key = b.key",
        )
        present = self._present("t.number, t.entity_id", "")
        await lane.make(
            "held",
            "SELECT DISTINCT e.entity_id FROM ("
            f"SELECT n.number, n.entity_id FROM bce_number n WHERE {believed('n')}"
            f" UNION ALL SELECT number, entity_id FROM ({present}) u) x"
            " JOIN @bad_number b ON b.number = x.number"
            " JOIN bce_entity e ON e.entity_id = x.entity_id AND e.vanished_at IS NULL",
        )
        held = self._present("t.number, t.entity_id", "JOIN @held h ON h.entity_id = t.entity_id")
        await lane.make(
            "ignored_enterprise",
            "SELECT own AS key FROM @bad WHERE own IS NOT NULL"
            f' UNION SELECT {_dotted("n.number", 5, 9)} COLLATE "C" FROM bce_number n'
            f" JOIN @held h ON h.entity_id = n.entity_id WHERE {believed('n')}",
        )
        await lane.make(
            "ignored",
            "SELECT key FROM @ignored_enterprise"
            f' UNION SELECT {_dotted("u.number", 2, 6, 10)} COLLATE "C" FROM ({held}) u'
            f" UNION SELECT u.key FROM ({staged}) u JOIN @ignored_enterprise i ON i.key = u.enterprise",
        )

    async def again(self, lane: Lane) -> None:
        """All of it up to the units is settled anew: more rows turned out to be bad. Waits for `units`."""
        settled = "entity", "unit", "parent", "spoken", "gone", "held", "bad_number", "ignored"
        for name in (*settled, "ignored_enterprise"):
            await lane.run(f"DROP TABLE IF EXISTS @{name} CASCADE")
        for settle in (self.hold, self.entities, self.gone, self.units):
            await settle(lane)

    async def entities(self, lane: Lane) -> None:
        """`@entity`. Waits for `hold`, and for the rows of enterprises."""
        async with lane.joining():
            await lane.make("entity", _ENTITY)
        await lane.look_at("entity")

    async def gone(self, lane: Lane) -> None:
        """`@gone`. Waits for `entities`."""
        await lane.make("gone", _TAKEN_AWAY if self._plan.update else _ABSENT)

    async def units(self, lane: Lane) -> None:
        """`@parent` and `@unit`. Waits for `gone` and for the rows of all units."""
        if self._plan.update:
            await lane.make("spoken", self._spoken())
            await lane.look_at("spoken")
            await lane.make("parent", _PARENT)
        else:
            await lane.view("parent", "SELECT key, entity_id FROM @entity")
        held = self._present("t.number, t.entity_id", "JOIN @held h ON h.entity_id = t.entity_id")
        # One that belongs to an enterprise that is left alone stays there, whatever else is said of it.
        async with lane.joining():
            await lane.make(
                "unit",
                "SELECT u.key, u.number, p.entity_id, u.start_on, u.branch"
                f" FROM ({_staged_units(self._plan)}) u JOIN @parent p ON p.key = u.enterprise"
                f" WHERE NOT EXISTS (SELECT FROM ({held}) h WHERE h.number = u.number"
                " AND h.entity_id <> p.entity_id)",
            )
        await lane.look_at("unit")

    async def owners(self, lane: Lane) -> None:
        """`@owner`, and of an update what is in question. Waits for `units`."""
        if not self._plan.update:
            await lane.view("owner", _OWNER)
            return
        await lane.make("unit_before", self._units_before())
        await lane.make("moved", _MOVED)
        await lane.make("owner", _OWNER + self._owners_left())
        for file in self._plan.about_any:
            await lane.make(
                f"named_{file}",
                f'SELECT "EntityNumber" AS key FROM @{file}_delete UNION SELECT "EntityNumber" FROM @{file}',
            )
            await lane.make(f"asked_{file}", self._asked(file))
        tables = ("owner", "unit_before", "moved", *(f"asked_{file}" for file in self._plan.about_any))
        await lane.look_at(*tables)

    def _spoken(self) -> str:
        """Every number that a row of an update is about, but for those of enterprises themselves."""
        about = [
            f"SELECT {_ENTERPRISE} AS key FROM @establishment",
            *([f"SELECT {_ENTERPRISE} FROM @branch"] if self._plan.branches else []),
            *(f'SELECT "EntityNumber" FROM @{file}' for file in self._plan.about_any),
        ]
        return " UNION ".join(about)

    def _present(self, columns: str, more: str) -> str:
        """Units as the register has them."""
        parts = [f"SELECT {columns}, false AS branch FROM bce_establishment t {more} WHERE {believed('t')}"]
        if self._plan.branches:
            parts.append(f"SELECT {columns}, true FROM bce_branch t {more} WHERE {believed('t')}")
        return " UNION ALL ".join(parts)

    def _units_before(self) -> str:
        """Those that an update names, or whose enterprise is gone; not those of whoever is left alone."""
        named = [
            f"SELECT {ten(_ESTABLISHMENT)} AS number FROM @establishment_delete",
            f"SELECT {ten(_ESTABLISHMENT)} FROM @establishment",
        ]
        if self._plan.branches:
            named += [f"SELECT {ten(_BRANCH)} FROM @{table}" for table in ("branch_delete", "branch")]
        columns = "t.number, t.entity_id"
        by_name = self._present(columns, f"JOIN ({' UNION '.join(named)}) k ON k.number = t.number")
        by_owner = self._present(columns, "JOIN @gone g ON g.entity_id = t.entity_id")
        return (
            f"SELECT DISTINCT x.* FROM ({by_name} UNION ALL {by_owner}) x"
            " WHERE NOT EXISTS (SELECT FROM @held h WHERE h.entity_id = x.entity_id)"
        )

    def _owners_left(self) -> str:
        """Units that an update leaves where they are, and that rows of it are about."""
        present = self._present(
            "k.key, t.entity_id, t.number", f"JOIN @spoken k ON {ten('k.key')} = t.number"
        )
        return (
            f" UNION ALL SELECT x.key, x.entity_id, x.number FROM ({present}) x"
            " WHERE NOT EXISTS (SELECT FROM @unit_before b WHERE b.number = x.number)"
            " AND NOT EXISTS (SELECT FROM @held h WHERE h.entity_id = x.entity_id)"
        )

    def _asked(self, file: str) -> str:
        """The places of which a file of an update, or what became of their owners, asks what is there."""
        of_name = f"JOIN @named_{file} k ON {ten('k.key')} ="
        present = self._present("t.entity_id, t.number AS unit", f"{of_name} t.number")
        return (
            "SELECT * FROM ("
            f"SELECT n.entity_id, NULL::text AS unit FROM bce_number n {of_name} n.number"
            f" WHERE {believed('n')}"
            f" UNION SELECT entity_id, unit FROM ({present}) u"
            " UNION SELECT entity_id, NULL FROM @gone"
            " UNION SELECT b.entity_id, b.number FROM @unit_before b WHERE NOT EXISTS"
            " (SELECT FROM @unit u WHERE u.number = b.number AND u.entity_id = b.entity_id)) x"
            " WHERE NOT EXISTS (SELECT FROM @held h WHERE h.entity_id = x.entity_id)"
        )


def _staged_units(plan: Plan) -> str:
    """Units as the extract has them."""
    staged = (
        f"SELECT {_ESTABLISHMENT} AS key, {ten(_ESTABLISHMENT)} AS number, {_ENTERPRISE} AS enterprise,"
        ' "StartDate"::date AS start_on, false AS branch FROM @establishment'
    )
    if plan.branches:
        staged += (
            f" UNION ALL SELECT {_BRANCH}, {ten(_BRANCH)}, {_ENTERPRISE},"
            ' "StartDate"::date, true FROM @branch'
        )
    return staged


def _dotted(number: str, *places: int) -> str:
    """A number of the register as the files write it, with a dot at these places."""
    for place in places:
        number = f"overlay({number} PLACING '.' FROM {place} FOR 0)"
    return number
