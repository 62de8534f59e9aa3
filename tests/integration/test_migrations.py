"""The schema goes up, stands, comes down and goes up again; views are what their slices say they are."""

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import TableClause, create_engine, inspect

import iam.bce.views
import iam.people.views
import iam.portals.views
import iam.realms.views
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


VIEWS = {
    view.name: view
    for module in (iam.bce.views, iam.people.views, iam.portals.views, iam.realms.views)
    for view in vars(module).values()
    if isinstance(view, TableClause)
}


def test_a_view_has_the_columns_that_its_slice_publishes(cluster, template):
    """`alembic check` sees no views: neither one that nobody describes, nor a column of another type."""
    engine = create_engine(engine_url(cluster.url(template)))
    inspector = inspect(engine)
    made = {
        name: {each["name"]: each["type"].compile(engine.dialect) for each in inspector.get_columns(name)}
        for name in inspector.get_view_names()
    }
    said = {
        name: {each.name: each.type.compile(engine.dialect) for each in view.columns}
        for name, view in VIEWS.items()
    }
    engine.dispose()
    assert said == made


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
