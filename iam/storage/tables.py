"""What every table has in common: names of constraints by rule, and the column types we use.

SQLModel does not validate classes with `table=True`: no invariant lives in them alone, the
database holds it by a constraint (ADR 0003).
"""

from typing import Any

from sqlalchemy import Column, DateTime, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = SQLModel.metadata


def core(model: type[SQLModel]) -> Table:
    """The SQLAlchemy table behind a SQLModel class, for Core statements."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def instant(*, null: bool = False, **options: Any) -> Column[Any]:
    """A column for an aware UTC instant."""
    return Column(DateTime(timezone=True), nullable=null, **options)


def text(*args: Any, null: bool = False, **options: Any) -> Column[Any]:
    """A column for text of any length."""
    return Column(Text, *args, nullable=null, **options)


def uuid(*args: Any, null: bool = False, **options: Any) -> Column[Any]:
    """A column for an identifier."""
    return Column(Uuid, *args, nullable=null, **options)


def json(*, null: bool = False, **options: Any) -> Column[Any]:
    """A column for a JSON document."""
    return Column(JSONB(none_as_null=True), nullable=null, **options)


def octets(*, null: bool = False, **options: Any) -> Column[Any]:
    """A column for bytes: digests, salts, wrapped keys."""
    return Column(LargeBinary, nullable=null, **options)
