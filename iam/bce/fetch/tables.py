"""What was fetched, and what became of it; which runs there were."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, UniqueConstraint
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, octets, text, uuid


class BceFetch(SQLModel, table=True):
    """A file that was fetched from a source. `number` and `full` are what its own meta.csv says."""

    __tablename__ = "bce_fetch"
    __table_args__ = (
        UniqueConstraint("source", "name", "sha256"),
        CheckConstraint(
            "state IN ('fetched', 'applied', 'alreadyApplied', 'refused', 'rejected', 'halted',"
            " 'unreadable')",
            name="state",
        ),
        CheckConstraint("(number IS NULL) = (full_extract IS NULL)", name="meta"),
    )

    fetch_id: UUID = Field(sa_column=uuid(primary_key=True))
    source: str = Field(sa_column=text())
    name: str = Field(sa_column=text())
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    stamp: str | None = Field(sa_column=text(null=True))
    sha256: bytes = Field(sa_column=octets())
    number: int | None = Field(sa_column=Column(Integer, nullable=True))
    full_extract: bool | None = Field(sa_column=Column(Boolean, nullable=True))
    state: str = Field(sa_column=text())
    reason: str | None = Field(sa_column=text(null=True))
    fetched_at: datetime = Field(sa_column=instant())
    settled_at: datetime | None = Field(sa_column=instant(null=True))


class BceFetchRun(SQLModel, table=True):
    """A run of fetching. Without an end it is still going on, or was killed."""

    __tablename__ = "bce_fetch_run"
    __table_args__ = (
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended"),
        Index("ix_bce_fetch_run_started_at", "started_at"),
    )

    run_id: UUID = Field(sa_column=uuid(primary_key=True))
    source: str = Field(sa_column=text())
    started_at: datetime = Field(sa_column=instant())
    ended_at: datetime | None = Field(sa_column=instant(null=True))
    outcome: str | None = Field(sa_column=text(null=True))
    reason: str | None = Field(sa_column=text(null=True))
    detail: str | None = Field(sa_column=text(null=True))
