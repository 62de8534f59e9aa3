"""The tables of portals."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from iam.storage.tables import json, text, uuid


class PortalsPortal(SQLModel, table=True):
    """A relying portal. `revision` is its head's counter; `definition` what it was last made from."""

    __tablename__ = "portals_portal"

    id: UUID = Field(sa_column=uuid(primary_key=True))
    client_id: str = Field(sa_column=text(unique=True))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    active: bool = Field(sa_column=Column(Boolean, nullable=False))
    audience: str = Field(sa_column=text(unique=True))
    sector: str = Field(sa_column=text(unique=True))
    names: dict[str, str] = Field(sa_column=json())
    return_urls: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    citizens: bool = Field(sa_column=Column(Boolean, nullable=False))
    level: int = Field(sa_column=Column(Integer, nullable=False))
    alg: str = Field(sa_column=text())
    longest_seconds: int = Field(sa_column=Column(Integer, nullable=False))
    receives: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    secret_hashes: list[bytes] = Field(sa_column=Column(ARRAY(LargeBinary), nullable=False))
    definition: dict[str, Any] = Field(sa_column=json())


class PortalsDemarche(SQLModel, table=True):
    """A démarche of a portal."""

    __tablename__ = "portals_demarche"

    code: str = Field(sa_column=text(primary_key=True))
    portal_id: UUID = Field(sa_column=uuid(ForeignKey("portals_portal.id"), index=True))
    ordinal: int = Field(sa_column=Column(Integer, nullable=False))
    audience: str = Field(sa_column=text())
    labels: dict[str, str] = Field(sa_column=json())
    descriptions: dict[str, str] = Field(sa_column=json())
    start_url: str = Field(sa_column=text())
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    level: int = Field(sa_column=Column(Integer, nullable=False))


class PortalsPairwise(SQLModel, table=True):
    """Under which `sub` a portal knows a person, and how surely he last logged in towards it."""

    __tablename__ = "portals_pairwise"
    __table_args__ = (UniqueConstraint("portal_id", "person_id"),)

    portal_id: UUID = Field(sa_column=uuid(ForeignKey("portals_portal.id"), primary_key=True))
    sub: str = Field(sa_column=text(primary_key=True))
    person_id: UUID = Field(sa_column=uuid(index=True))
    level: int = Field(sa_column=Column(Integer, nullable=False))
