"""Making the register what a full extract says, in sets: an unchanged row is not written (nr 8-13).

Works on the staging tables of `iam.bce.staging`, inside the caller's transaction. `:day` is the
instant the extract speaks of, `:now` the one at which we believe it.
"""

# ruff: noqa: S608 - names of tables and columns are constants of this slice; values are parameters

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from iam.bce.dialect import digits
from iam.storage import WriteConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A table of the register, its columns, and the staged rows it should hold."""

    table: str
    columns: tuple[str, ...]
    wanted: str

    @property
    def staging(self) -> str:
        """The table of the wanted rows."""
        return f"staging_{self.table}"


_OWNED = "JOIN staging_owner o ON o.number = " + digits('s."EntityNumber"')

DATED: tuple[Part, ...] = (
    Part(
        table="bce_snapshot",
        columns=("status", "kind", "situation", "form", "form_cac", "start_on"),
        wanted="SELECT entity_id, status, kind, situation, form, form_cac, start_on FROM staging_entity",
    ),
    Part(
        table="bce_establishment",
        columns=("number", "start_on"),
        wanted=(
            "SELECT e.entity_id, s.number, s.start_on FROM staging_unit s JOIN staging_entity e"
            " ON e.number = s.enterprise WHERE NOT s.branch"
        ),
    ),
    Part(
        table="bce_branch",
        columns=("number", "start_on"),
        wanted=(
            "SELECT e.entity_id, s.number, s.start_on FROM staging_unit s JOIN staging_entity e"
            " ON e.number = s.enterprise WHERE s.branch"
        ),
    ),
    Part(
        table="bce_name",
        columns=("unit", "language", "kind", "text"),
        wanted=(
            'SELECT DISTINCT o.entity_id, o.unit, s."Language" AS language, s."TypeOfDenomination" AS kind,'
            f' btrim(s."Denomination") AS text FROM staging_denomination s {_OWNED}'
        ),
    ),
)
PRESENT: tuple[Part, ...] = (
    Part(
        table="bce_address",
        columns=(
            "unit", "kind", "country_nl", "country_fr", "postcode", "municipality_nl", "municipality_fr",
            "street_nl", "street_fr", "house_number", "box", "extra", "struck_off_on",
        ),
        wanted=(
            'SELECT DISTINCT o.entity_id, o.unit, s."TypeOfAddress" AS kind, s."CountryNL" AS country_nl,'
            ' s."CountryFR" AS country_fr, s."Zipcode" AS postcode, s."MunicipalityNL" AS municipality_nl,'
            ' s."MunicipalityFR" AS municipality_fr, s."StreetNL" AS street_nl, s."StreetFR" AS street_fr,'
            ' s."HouseNumber" AS house_number, s."Box" AS box, s."ExtraAddressInfo" AS extra,'
            f' s."DateStrikingOff"::date AS struck_off_on FROM staging_address s {_OWNED}'
        ),
    ),
    Part(
        table="bce_contact",
        columns=("unit", "kind", "value"),
        wanted=(
            'SELECT DISTINCT o.entity_id, o.unit, s."ContactType" AS kind, s."Value" AS value'
            f" FROM staging_contact s {_OWNED}"
        ),
    ),
)  # fmt: skip

# Whoever has a bad row stays as he is: neither changed nor taken for vanished (nr 8).
_HELD = f"""
    CREATE TEMP TABLE staging_held ON COMMIT DROP AS
    SELECT DISTINCT e.entity_id
      FROM (SELECT {digits("b.key")} AS number FROM staging_bad b
             UNION SELECT u.enterprise FROM staging_bad b JOIN staging_unit u ON u.number = {digits("b.key")}
           ) bad
      JOIN bce_number n ON n.number = bad.number AND n.recorded_until IS NULL AND n.ends_at IS NULL
      JOIN bce_entity e ON e.entity_id = n.entity_id AND e.vanished_at IS NULL
"""
_UNITS = f"""
    CREATE TEMP TABLE staging_unit ON COMMIT DROP AS
    SELECT {digits('"EstablishmentNumber"')} AS number, {digits('"EnterpriseNumber"')} AS enterprise,
           "StartDate"::date AS start_on, false AS branch FROM staging_establishment
     UNION ALL
    SELECT {digits('"Id"')}, {digits('"EnterpriseNumber"')}, "StartDate"::date, true FROM staging_branch
"""
_ENTITIES = f"""
    CREATE TEMP TABLE staging_entity ON COMMIT DROP AS
    SELECT s.number, coalesce(n.entity_id, gen_random_uuid()) AS entity_id, n.entity_id IS NULL AS fresh,
           e.vanished_at IS NOT NULL AS returning,
           s.status, s.kind, s.situation, s.form, s.form_cac, s.start_on
      FROM (SELECT {digits('"EnterpriseNumber"')} AS number, "Status" AS status,
                   "TypeOfEnterprise"::smallint AS kind, "JuridicalSituation" AS situation,
                   "JuridicalForm" AS form, "JuridicalFormCAC" AS form_cac, "StartDate"::date AS start_on
              FROM staging_enterprise) s
      LEFT JOIN bce_number n ON n.number = s.number AND n.recorded_until IS NULL AND n.ends_at IS NULL
      LEFT JOIN bce_entity e ON e.entity_id = n.entity_id
     WHERE NOT EXISTS (SELECT FROM staging_held h WHERE h.entity_id = n.entity_id)
"""
_GONE = """
    CREATE TEMP TABLE staging_gone ON COMMIT DROP AS
    SELECT e.entity_id FROM bce_entity e
     WHERE e.vanished_at IS NULL
       AND NOT EXISTS (SELECT FROM staging_entity s WHERE s.entity_id = e.entity_id)
       AND NOT EXISTS (SELECT FROM staging_held h WHERE h.entity_id = e.entity_id)
"""
_OWNERS = """
    CREATE TEMP TABLE staging_owner ON COMMIT DROP AS
    SELECT number, entity_id, NULL::text AS unit FROM staging_entity
     UNION ALL
    SELECT u.number, e.entity_id, u.number FROM staging_unit u
      JOIN staging_entity e ON e.number = u.enterprise
"""
_STAGED = ("unit", "held", "entity", "gone", "owner")

_APPEAR = (
    (
        "INSERT INTO bce_entity (entity_id, revision, first_extract, vanished_at)"
        " SELECT entity_id, 0, :extract, NULL FROM staging_entity WHERE fresh"
    ),
    (
        "INSERT INTO bce_number (entity_id, number, starts_at, ends_at, recorded_from, recorded_until)"
        " SELECT entity_id, number, :day, NULL, :now, NULL FROM staging_entity WHERE fresh"
    ),
)
_REACTIVATE = (
    (
        "UPDATE bce_tombstone t SET reactivated_extract = :extract, reactivated_at = :day"
        " FROM staging_entity s"
        " WHERE s.returning AND t.entity_id = s.entity_id AND t.reactivated_at IS NULL"
    ),
    (
        "UPDATE bce_entity e SET vanished_at = NULL FROM staging_entity s"
        " WHERE s.returning AND e.entity_id = s.entity_id"
    ),
)
_VANISH = (
    ("UPDATE bce_entity e SET vanished_at = :day FROM staging_gone g WHERE g.entity_id = e.entity_id"),
    (
        "INSERT INTO bce_tombstone (entity_id, vanished_extract, vanished_at)"
        " SELECT entity_id, :extract, :day FROM staging_gone"
    ),
)
# A seat that was in order, as far as we knew, and no longer is (quirk f).
_STRUCK = """
    CREATE TEMP TABLE staging_struck ON COMMIT DROP AS
    SELECT w.entity_id, min(w.struck_off_on) AS struck_off_on FROM staging_bce_address w
      JOIN bce_watch USING (entity_id)
     WHERE w.unit IS NULL AND w.kind = 'REGO' AND w.struck_off_on IS NOT NULL
       AND NOT EXISTS (SELECT FROM bce_address a WHERE a.entity_id = w.entity_id AND a.unit IS NULL
                          AND a.kind = 'REGO' AND a.struck_off_on IS NOT NULL)
     GROUP BY w.entity_id
"""
_HELD_OR_WANTED = """
       NOT EXISTS (SELECT FROM {staging} w WHERE w.entity_id = t.entity_id AND w.digest = t.digest)
   AND NOT EXISTS (SELECT FROM staging_held h WHERE h.entity_id = t.entity_id)
"""


async def resolve(conn: WriteConnection) -> None:
    """It is settled which entity each row is about, who is new, returns, is gone, or is left alone."""
    for statement in (_UNITS, _HELD, _ENTITIES, _GONE, _OWNERS):
        await conn.execute(text(statement))
    await conn.execute(text(f"ANALYZE {', '.join(f'staging_{name}' for name in _STAGED)}"))


async def merge(conn: WriteConnection, instants: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """The register says what the extract says; returns by table how many rows began and ended.

    An entity that is gone keeps its number and its history, and loses the rest (nr 12, 13).
    """
    counts = {"bce_entity": {"began": 0, "ended": 0, "returned": 0}}
    began = [await _run(conn, statement, instants) for statement in _APPEAR]
    returned = [await _run(conn, statement, instants) for statement in _REACTIVATE]
    ended = [await _run(conn, statement, instants) for statement in _VANISH]
    counts["bce_entity"] = {"began": began[0], "ended": ended[0], "returned": returned[1]}
    for part in (*DATED, *PRESENT):
        await _want(conn, part)
    await conn.execute(text(_STRUCK))
    for part in DATED:
        counts[part.table] = await _merge_dated(conn, part, instants)
    for part in PRESENT:
        counts[part.table] = await _merge_present(conn, part)
    return counts


async def _want(conn: WriteConnection, part: Part) -> None:
    row = f"md5(ROW({', '.join(part.columns)})::text)::uuid"
    await conn.execute(
        text(
            f"CREATE TEMP TABLE {part.staging} ON COMMIT DROP AS"
            f" SELECT x.*, {row} AS digest FROM ({part.wanted}) x"
        )
    )
    await conn.execute(text(f"ANALYZE {part.staging}"))


async def _merge_dated(conn: WriteConnection, part: Part, instants: Mapping[str, Any]) -> dict[str, int]:
    columns = ", ".join(("entity_id", "digest", *part.columns))
    times = "starts_at, ends_at, recorded_from, recorded_until"
    other = _HELD_OR_WANTED.format(staging=part.staging)
    # What we believed ends; that it held until the day of the extract is believed from now on.
    ended = await _run(
        conn,
        f"WITH closed AS (UPDATE {part.table} t SET recorded_until = :now"
        f" WHERE t.recorded_until IS NULL AND t.ends_at IS NULL AND {other} RETURNING t.*)"
        f" INSERT INTO {part.table} ({columns}, {times})"
        f" SELECT {columns}, starts_at, :day, :now, NULL FROM closed",
        instants,
    )
    began = await _run(
        conn,
        f"INSERT INTO {part.table} ({columns}, {times})"
        f" SELECT {columns}, :day, NULL, :now, NULL FROM {part.staging} w WHERE NOT EXISTS"
        f" (SELECT FROM {part.table} t WHERE t.entity_id = w.entity_id AND t.digest = w.digest"
        "    AND t.recorded_until IS NULL AND t.ends_at IS NULL)",
        instants,
    )
    return {"began": began, "ended": ended}


async def _merge_present(conn: WriteConnection, part: Part) -> dict[str, int]:
    columns = ", ".join(("entity_id", "digest", *part.columns))
    other = _HELD_OR_WANTED.format(staging=part.staging)
    ended = await _run(conn, f"DELETE FROM {part.table} t WHERE {other}", {})
    began = await _run(
        conn,
        f"INSERT INTO {part.table} ({columns}) SELECT {columns} FROM {part.staging} w WHERE NOT EXISTS"
        f" (SELECT FROM {part.table} t WHERE t.entity_id = w.entity_id AND t.digest = w.digest)",
        {},
    )
    return {"began": began, "ended": ended}


async def _run(conn: WriteConnection, statement: str, instants: Mapping[str, Any]) -> int:
    used = {name: value for name, value in instants.items() if f":{name}" in statement}
    return (await conn.execute(text(statement), used)).rowcount
