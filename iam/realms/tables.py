"""The tables of realms: what was projected to the group directories, and how far it is."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, text, uuid


class RealmsSync(SQLModel, table=True):
    """How far one enterprise is at one target. Behind while `wanted` > `synced`.

    `wanted` rises with every mark, so that a change during the work is not lost. `claim` names the worker's
    try until `claimed_until`: who lost it records nothing. `by_sweep`: only a sweep asked for it, so the
    deletion guard watches; `held`: it stopped there. `verify_at`: an outcome was unknown, look once more.
    """

    __tablename__ = "realms_sync"
    __table_args__ = (
        CheckConstraint("target IN ('keycloak', 'directory')", name="target"),
        CheckConstraint("synced <= wanted", name="synced"),
        CheckConstraint("(claim IS NULL) = (claimed_until IS NULL)", name="claim"),
        Index(
            "ix_realms_sync_behind",
            "target",
            "wanted_at",
            postgresql_where=sql("wanted > synced AND NOT held"),
        ),
        Index("ix_realms_sync_verify", "target", "verify_at", postgresql_where=sql("verify_at IS NOT NULL")),
    )

    entity_id: UUID = Field(sa_column=uuid(primary_key=True))
    target: str = Field(sa_column=text(primary_key=True))
    wanted: int = Field(sa_column=Column(BigInteger, nullable=False))
    synced: int = Field(sa_column=Column(BigInteger, nullable=False))
    wanted_at: datetime = Field(sa_column=instant())
    synced_at: datetime | None = Field(sa_column=instant(null=True))
    by_sweep: bool = Field(sa_column=Column(Boolean, nullable=False))
    held: bool = Field(sa_column=Column(Boolean, nullable=False))
    claim: UUID | None = Field(sa_column=uuid(null=True))
    claimed_until: datetime | None = Field(sa_column=instant(null=True))
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    retry_at: datetime | None = Field(sa_column=instant(null=True))
    verify_at: datetime | None = Field(sa_column=instant(null=True))
    error: str | None = Field(sa_column=text(null=True))


class RealmsGroup(SQLModel, table=True):
    """The Keycloak group of an enterprise (`role_code` is the empty text) or of one of its roles.

    Written before the group is made, with no id, and completed with the id: a group whose making was
    interrupted is looked for, never forgotten.
    """

    __tablename__ = "realms_group"
    __table_args__ = (UniqueConstraint("group_id"),)

    entity_id: UUID = Field(sa_column=uuid(primary_key=True))
    role_code: str = Field(sa_column=text(primary_key=True))
    number: str = Field(sa_column=text())
    group_id: str | None = Field(sa_column=text(null=True))


class RealmsFolder(SQLModel, table=True):
    """The id of a Keycloak group that only holds others: the parent of all, and its shards."""

    __tablename__ = "realms_folder"

    name: str = Field(sa_column=text(primary_key=True))
    group_id: str = Field(sa_column=text())


class RealmsSweep(SQLModel, table=True):
    """The present sweep of a target: what it took away, and whether the deletion guard stopped it."""

    __tablename__ = "realms_sweep"
    __table_args__ = (CheckConstraint("target IN ('keycloak', 'directory')", name="target"),)

    target: str = Field(sa_column=text(primary_key=True))
    started_at: datetime = Field(sa_column=instant())
    removals: int = Field(sa_column=Column(Integer, nullable=False))
    stopped_at: datetime | None = Field(sa_column=instant(null=True))
    confirmed_at: datetime | None = Field(sa_column=instant(null=True))


class RealmsPassed(SQLModel, table=True):
    """Until when the changes that time alone brings were noticed."""

    __tablename__ = "realms_passed"

    name: str = Field(sa_column=text(primary_key=True))
    until: datetime = Field(sa_column=instant())
