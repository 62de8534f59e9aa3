"""The schema goes up, stands, comes down and goes up again."""

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import create_engine, inspect

from iam.migrations import config
from iam.storage.engine import engine_url


@pytest.fixture
def empty_url(cluster):
    cluster.create_database("migrations")
    yield cluster.url("migrations")
    cluster.drop_database("migrations")


def test_upgrade_check_downgrade_upgrade(empty_url):
    """Every revision can be taken back, and the tables are what the code says they are."""
    settings = config(empty_url)

    command.upgrade(settings, "head")
    command.check(settings)
    command.downgrade(settings, "base")
    engine = create_engine(engine_url(empty_url))
    left = set(inspect(engine).get_table_names())
    engine.dispose()
    command.upgrade(settings, "head")
    command.check(settings)

    assert left == {"alembic_version"}


def test_check_notices_a_missing_table(empty_url):
    """The check above can fail."""
    settings = config(empty_url)
    command.upgrade(settings, "head")
    engine = create_engine(engine_url(empty_url))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE journal_parked")
    engine.dispose()

    with pytest.raises(CommandError):
        command.check(settings)
