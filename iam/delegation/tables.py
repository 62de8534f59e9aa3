"""The tables of delegation. Exclusion constraints hold what must never be true twice (nr 26, 41).

Facts about rights carry two times: `starts_at`/`ends_at` say when they hold, `recorded_from`/
`recorded_until` when we knew it so. A correction closes the record and writes a new one; nothing is
overwritten. The constraints over both are in the migration: the metadata cannot express them.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, SmallInteger, text
from sqlmodel import Field, SQLModel

from iam.storage import tables as t

_CURRENT = text("recorded_until IS NULL")


class DelegationHead(SQLModel, table=True):
    """One row an enterprise: locked first, it puts the commands on it one after the other."""

    __tablename__ = "delegation_head"

    entity_id: UUID = Field(sa_column=t.uuid(primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    at: datetime = Field(sa_column=t.instant())


class DelegationCatalogue(SQLModel, table=True):
    """The counter of the catalogue of roles; a single row."""

    __tablename__ = "delegation_catalogue"

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))


class DelegationRole(SQLModel, table=True):
    """A role of the catalogue. Labels and what it allows are texts by language."""

    __tablename__ = "delegation_role"

    code: str = Field(sa_column=t.text(primary_key=True))
    context: str = Field(sa_column=t.text())
    labels: dict[str, Any] = Field(sa_column=t.json())
    allows: dict[str, Any] = Field(sa_column=t.json())
    grantable_by: list[str] = Field(sa_column=t.json())
    longest_days: int = Field(sa_column=Column(Integer, nullable=False))
    minimum_level: int = Field(sa_column=Column(Integer, nullable=False))
    four_eyes: bool = Field(sa_column=Column(Boolean, nullable=False))
    retired_at: datetime | None = Field(sa_column=t.instant(null=True))


class DelegationOffice(SQLModel, table=True):
    """A stretch of an office's life: pending, then active. `ended` says why the stretch was cut."""

    __tablename__ = "delegation_office"
    __table_args__ = (
        Index("ix_delegation_office_entity_id", "entity_id", postgresql_where=_CURRENT),
        Index("ix_delegation_office_person_id", "person_id", postgresql_where=_CURRENT),
    )

    version_id: UUID = Field(sa_column=t.uuid(primary_key=True))
    office_id: UUID = Field(sa_column=t.uuid())
    entity_id: UUID = Field(sa_column=t.uuid(ForeignKey("delegation_head.entity_id")))
    kind: str = Field(sa_column=t.text())
    person_id: UUID = Field(sa_column=t.uuid())
    state: str = Field(sa_column=t.text())
    origin: str = Field(sa_column=t.text())
    appointed_by: UUID | None = Field(sa_column=t.uuid(null=True))
    starts_at: datetime = Field(sa_column=t.instant())
    ends_at: datetime | None = Field(sa_column=t.instant(null=True))
    ended: str | None = Field(sa_column=t.text(null=True))
    recorded_from: datetime = Field(sa_column=t.instant())
    recorded_until: datetime | None = Field(sa_column=t.instant(null=True))


class DelegationOfficeContact(SQLModel, table=True):
    """Where to write to the holder of an office: erasable."""

    __tablename__ = "delegation_office_contact"

    office_id: UUID = Field(sa_column=t.uuid(primary_key=True))
    email: str = Field(sa_column=t.text())
    language: str | None = Field(sa_column=t.text(null=True))


class DelegationGrant(SQLModel, table=True):
    """A person plays a role for an enterprise, as we know it in a record period."""

    __tablename__ = "delegation_grant"
    __table_args__ = (
        # a check reads nothing else of a grant (ADR 0012)
        Index(
            "ix_delegation_grant_person_id_entity_id",
            "person_id",
            "entity_id",
            postgresql_where=_CURRENT,
            postgresql_include=["role", "grant_id", "starts_at", "ends_at", "ended"],
        ),
        Index("ix_delegation_grant_entity_id", "entity_id", postgresql_where=_CURRENT),
        Index("ix_delegation_grant_starts_at", "starts_at", postgresql_where=_CURRENT),
        Index("ix_delegation_grant_ends_at", "ends_at", postgresql_where=_CURRENT),
        Index("ix_delegation_grant_grant_id", "grant_id"),
    )

    version_id: UUID = Field(sa_column=t.uuid(primary_key=True))
    grant_id: UUID = Field(sa_column=t.uuid())
    entity_id: UUID = Field(sa_column=t.uuid(ForeignKey("delegation_head.entity_id")))
    person_id: UUID = Field(sa_column=t.uuid())
    role: str = Field(sa_column=t.text(ForeignKey("delegation_role.code")))
    starts_at: datetime = Field(sa_column=t.instant())
    ends_at: datetime | None = Field(sa_column=t.instant(null=True))
    origin: str = Field(sa_column=t.text())
    granted_by: UUID | None = Field(sa_column=t.uuid(null=True))
    granted_at: datetime = Field(sa_column=t.instant())
    to_oneself: bool = Field(sa_column=Column(Boolean, nullable=False))
    request_id: UUID | None = Field(sa_column=t.uuid(null=True))
    ended: str | None = Field(sa_column=t.text(null=True))
    recorded_from: datetime = Field(sa_column=t.instant())
    recorded_until: datetime | None = Field(sa_column=t.instant(null=True))


class DelegationRequest(SQLModel, table=True):
    """A request for roles and how far it has come; its whole story is in the journal."""

    __tablename__ = "delegation_request"
    __table_args__ = (
        Index("ix_delegation_request_person_id", "person_id", "submitted_at"),
        Index("ix_delegation_request_entity_id", "entity_id", "state"),
        Index("ix_delegation_request_lapses_at", "lapses_at"),
    )

    request_id: UUID = Field(sa_column=t.uuid(primary_key=True))
    entity_id: UUID = Field(sa_column=t.uuid(ForeignKey("delegation_head.entity_id")))
    person_id: UUID = Field(sa_column=t.uuid())
    relation: str = Field(sa_column=t.text())
    language: str = Field(sa_column=t.text())
    starts_at: datetime = Field(sa_column=t.instant())
    ends_at: datetime | None = Field(sa_column=t.instant(null=True))
    state: str = Field(sa_column=t.text())
    submitted_at: datetime = Field(sa_column=t.instant())
    lapses_at: datetime = Field(sa_column=t.instant())
    routed_at: datetime | None = Field(sa_column=t.instant(null=True))
    decided_at: datetime | None = Field(sa_column=t.instant(null=True))
    decided_by: UUID | None = Field(sa_column=t.uuid(null=True))


class DelegationRequestRole(SQLModel, table=True):
    """A role that a request asks for."""

    __tablename__ = "delegation_request_role"

    request_id: UUID = Field(sa_column=t.uuid(ForeignKey("delegation_request.request_id"), primary_key=True))
    role: str = Field(sa_column=t.text(ForeignKey("delegation_role.code"), primary_key=True))


class DelegationRequestText(SQLModel, table=True):
    """The free text and address of a request: erasable."""

    __tablename__ = "delegation_request_text"

    request_id: UUID = Field(sa_column=t.uuid(ForeignKey("delegation_request.request_id"), primary_key=True))
    email: str | None = Field(sa_column=t.text(null=True))
    motivation: str | None = Field(sa_column=t.text(null=True))
    refusal: str | None = Field(sa_column=t.text(null=True))


class DelegationBootstrap(SQLModel, table=True):
    """A one-time link for the first operator, by the hash of its secret."""

    __tablename__ = "delegation_bootstrap"

    digest: str = Field(sa_column=t.text(primary_key=True))
    entity_id: UUID = Field(sa_column=t.uuid(ForeignKey("delegation_head.entity_id")))
    lapses_at: datetime = Field(sa_column=t.instant())
    claimed_by: UUID | None = Field(sa_column=t.uuid(null=True))
    claimed_at: datetime | None = Field(sa_column=t.instant(null=True))
