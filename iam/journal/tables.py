"""The journal's tables. Entries and seals are never changed: triggers refuse it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, UniqueConstraint
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, json, octets, text, uuid


class JournalEntry(SQLModel, table=True):
    """One event of one command. `revision` is the head's after the command, `ordinal` its place within."""

    __tablename__ = "journal_entry"
    __table_args__ = (
        UniqueConstraint("head_kind", "head_id", "revision", "ordinal"),
        Index("ix_journal_entry_actor_person", "actor_person", "at"),
    )

    id: UUID = Field(sa_column=uuid(primary_key=True))
    head_kind: str = Field(sa_column=text())
    head_id: UUID = Field(sa_column=uuid())
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    ordinal: int = Field(sa_column=Column(Integer, nullable=False))
    kind: str = Field(sa_column=text())
    version: int = Field(sa_column=Column(Integer, nullable=False))
    at: datetime = Field(sa_column=instant())
    actor_kind: str = Field(sa_column=text())
    actor_person: UUID | None = Field(sa_column=uuid(null=True))
    actor_name: str | None = Field(sa_column=text(null=True))
    capacity: str = Field(sa_column=text())
    basis: dict[str, Any] = Field(sa_column=json())
    level: int | None = Field(sa_column=Column(Integer, nullable=True))
    authenticated_at: datetime | None = Field(sa_column=instant(null=True))
    trace_id: str | None = Field(sa_column=text(null=True))
    data: dict[str, Any] = Field(sa_column=json())
    detail_digest: bytes | None = Field(sa_column=octets(null=True))


class JournalDetail(SQLModel, table=True):
    """Free text and addresses of an entry: erasable, bound to the entry by a salted digest."""

    __tablename__ = "journal_detail"

    entry_id: UUID = Field(sa_column=uuid(ForeignKey("journal_entry.id"), primary_key=True))
    salt: bytes = Field(sa_column=octets())
    data: dict[str, Any] = Field(sa_column=json())


class JournalPending(SQLModel, table=True):
    """Entries that have no seal yet: written with the entry, removed by the sealer."""

    __tablename__ = "journal_pending"

    entry_id: UUID = Field(sa_column=uuid(ForeignKey("journal_entry.id"), primary_key=True))


class JournalSeal(SQLModel, table=True):
    """The dense order: entry by entry, without gaps, never changed."""

    __tablename__ = "journal_seal"

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    entry_id: UUID = Field(sa_column=uuid(ForeignKey("journal_entry.id"), unique=True))
    sealed_at: datetime = Field(sa_column=instant())


class JournalCursor(SQLModel, table=True):
    """How far a consumer has come, and how it fares with the next entry."""

    __tablename__ = "journal_cursor"

    consumer: str = Field(sa_column=text(primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    retry_at: datetime | None = Field(sa_column=instant(null=True))
    error: str | None = Field(sa_column=text(null=True))


class JournalParked(SQLModel, table=True):
    """An entry that a consumer could not handle: set aside, with an alarm, so that the rest goes on."""

    __tablename__ = "journal_parked"

    consumer: str = Field(sa_column=text(primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    error: str = Field(sa_column=text())
    parked_at: datetime = Field(sa_column=instant())
