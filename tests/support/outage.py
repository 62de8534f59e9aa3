"""A database that goes away and comes back, really."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

_OUT = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


def _elsewhere(url: str) -> tuple[psycopg.Connection, str]:
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    return psycopg.connect(url, dbname="postgres", autocommit=True), str(name)


def interrupt(url: str) -> int:
    """Every connection to the database is cut, as by a restart; says how many there were."""
    admin, name = _elsewhere(url)
    with admin:
        row = admin.execute(_OUT, [name]).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def outage(url: str) -> Iterator[None]:
    """While this lasts nobody gets in, and whoever was in is out."""
    admin, name = _elsewhere(url)
    allow = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
    with admin:
        admin.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        try:
            admin.execute(_OUT, [name])
            yield
        finally:
            admin.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
