"""The tables of realms: logins and sessions of Keycloak, and what was projected to the group directories."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, octets, text, uuid


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


class RealmsLogin(SQLModel, table=True):
    """A login under way: hashes of its `state` and of the browser's secret, and where it leads."""

    __tablename__ = "realms_login"
    __table_args__ = (Index("ix_realms_login_expires_at", "expires_at"),)

    state_digest: bytes = Field(sa_column=octets(primary_key=True))
    binding_digest: bytes = Field(sa_column=octets())
    path: str = Field(sa_column=text())
    level: int | None = Field(sa_column=Column(Integer, nullable=True))
    fresh: bool = Field(sa_column=Column(Boolean, nullable=False))
    made_at: datetime = Field(sa_column=instant())
    expires_at: datetime = Field(sa_column=instant())


class RealmsSession(SQLModel, table=True):
    """A session of Keycloak that we have seen, whose it is, and when it ended. No number, no token."""

    __tablename__ = "realms_session"
    __table_args__ = (
        Index("ix_realms_session_subject", "issuer", "subject"),
        Index("ix_realms_session_expires_at", "expires_at"),
    )

    issuer: str = Field(sa_column=text(primary_key=True))
    session_id: str = Field(sa_column=text(primary_key=True))
    subject: str | None = Field(sa_column=text(null=True))
    person_id: UUID | None = Field(sa_column=uuid(null=True))
    authenticated_at: datetime | None = Field(sa_column=instant(null=True))
    seen_at: datetime = Field(sa_column=instant())
    expires_at: datetime = Field(sa_column=instant())
    ended_at: datetime | None = Field(sa_column=instant(null=True))


class RealmsLogout(SQLModel, table=True):
    """A logout token that we have obeyed: it works once."""

    __tablename__ = "realms_logout"
    __table_args__ = (Index("ix_realms_logout_expires_at", "expires_at"),)

    issuer: str = Field(sa_column=text(primary_key=True))
    token_id: str = Field(sa_column=text(primary_key=True))
    expires_at: datetime = Field(sa_column=instant())
