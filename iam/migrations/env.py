"""Runs the migrations in one transaction, with bounded waits for locks."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from iam.migrations import load_tables
from iam.storage.engine import engine_url
from iam.storage.tables import metadata

load_tables()


def include_object(thing: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:  # noqa: ARG001, FBT001
    """Partitions and staging tables are made at run time: the metadata does not know them."""
    if kind == "table" and reflected and other is None and name is not None:
        return not (name.startswith("staging_") or "_p20" in name)
    return True


def run() -> None:
    """Apply the migrations to the database of the configuration."""
    engine = create_engine(engine_url(context.config.attributes["url"]), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_object=include_object,
            compare_type=True,
            compare_server_default=False,
            transaction_per_migration=False,
        )
        with context.begin_transaction():
            connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            connection.execute(text("SET LOCAL statement_timeout = '60s'"))
            # one migrator at a time, whoever starts first
            connection.execute(text("SELECT pg_advisory_xact_lock(7300)"))
            context.run_migrations()
    engine.dispose()


run()
