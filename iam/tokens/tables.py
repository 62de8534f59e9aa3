"""The tables of tokens. `tokens_issue` is partitioned by day; its partitions are made ahead."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Date, Index, Integer
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, json, octets, text, uuid


class TokensKey(SQLModel, table=True):
    """A signing key: its public half, its wrapped private half, and where it is in its life."""

    __tablename__ = "tokens_key"
    __table_args__ = (
        Index(
            "uq_tokens_key_one_of_a_state",
            "issuer", "kind", "alg", "state",
            unique=True,
            postgresql_where=sql("state IN ('next', 'active')"),
        ),
    )  # fmt: skip

    kid: str = Field(sa_column=text(primary_key=True))
    issuer: str = Field(sa_column=text())
    kind: str = Field(sa_column=text())
    alg: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    public: dict[str, Any] = Field(sa_column=json())
    wrapped: bytes | None = Field(sa_column=octets(null=True))
    published_at: datetime = Field(sa_column=instant())
    active_at: datetime | None = Field(sa_column=instant(null=True))
    retired_at: datetime | None = Field(sa_column=instant(null=True))
    removed_at: datetime | None = Field(sa_column=instant(null=True))


class TokensIssue(SQLModel, table=True):
    """A token that was given out, written before it was signed."""

    __tablename__ = "tokens_issue"
    __table_args__ = (
        Index("ix_tokens_issue_person", "person_id", "issued_at"),
        Index("ix_tokens_issue_entity", "entity_id", "issued_at"),
        {"postgresql_partition_by": "RANGE (day)"},
    )

    day: date = Field(sa_column=Column(Date, primary_key=True))
    jti: UUID = Field(sa_column=uuid(primary_key=True))
    portal_id: UUID = Field(sa_column=uuid())
    person_id: UUID = Field(sa_column=uuid())
    entity_id: UUID | None = Field(sa_column=uuid(null=True))
    number: str | None = Field(sa_column=text(null=True))
    enterprise_name: str | None = Field(sa_column=text(null=True))
    capacity: str = Field(sa_column=text())
    basis: str = Field(sa_column=text())
    roles: list[dict[str, Any]] = Field(sa_column=json())
    level: int = Field(sa_column=Column(Integer, nullable=False))
    revision: str = Field(sa_column=text())
    authenticated_at: datetime = Field(sa_column=instant())
    issued_at: datetime = Field(sa_column=instant())
    expires_at: datetime = Field(sa_column=instant())
    session_hash: bytes = Field(sa_column=octets())
    alg: str = Field(sa_column=text())


class TokensRevoked(SQLModel, table=True):
    """A token that must no longer be believed, until it would have ended anyway."""

    __tablename__ = "tokens_revoked"

    jti: UUID = Field(sa_column=uuid(primary_key=True))
    portal_id: UUID = Field(sa_column=uuid())
    revoked_at: datetime = Field(sa_column=instant())
    expires_at: datetime = Field(sa_column=instant(index=True))


class TokensCutoff(SQLModel, table=True):
    """Nothing that began before this instant is believed: one row, for the day something leaks."""

    __tablename__ = "tokens_cutoff"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    not_before: datetime = Field(sa_column=instant())
