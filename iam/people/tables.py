"""The tables of people. A national number is in none of them: only its keyed fingerprint."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, octets, text, uuid

_PERSON = "people_person.id"


class PeoplePerson(SQLModel, table=True):
    """A person, under a random id. The row is the person's head: locked for whatever happens to him."""

    __tablename__ = "people_person"

    id: UUID = Field(sa_column=uuid(primary_key=True))
    language: str | None = Field(sa_column=text(null=True))
    given_name: str | None = Field(sa_column=text(null=True))
    family_name: str | None = Field(sa_column=text(null=True))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(sa_column=instant())
    recognised_at: datetime | None = Field(sa_column=instant(null=True))
    blocked_at: datetime | None = Field(sa_column=instant(null=True))


class PeopleFingerprint(SQLModel, table=True):
    """A keyed hash of a person's national number. One of a number he had before has `replaced_at`."""

    __tablename__ = "people_fingerprint"
    __table_args__ = (Index("ix_people_fingerprint_person_id", "person_id"),)

    key_id: str = Field(sa_column=text(primary_key=True))
    digest: bytes = Field(sa_column=octets(primary_key=True))
    person_id: UUID = Field(sa_column=uuid(ForeignKey(_PERSON)))
    made_at: datetime = Field(sa_column=instant())
    replaced_at: datetime | None = Field(sa_column=instant(null=True))


class PeopleKey(SQLModel, table=True):
    """A key of fingerprints by its id. Of the key itself only a check value is here."""

    __tablename__ = "people_key"

    key_id: str = Field(sa_column=text(primary_key=True))
    check_value: bytes = Field(sa_column=octets())
    known_at: datetime = Field(sa_column=instant())
    retired_at: datetime | None = Field(sa_column=instant(null=True))


class PeopleIdentity(SQLModel, table=True):
    """An account at an issuer and whose it is, since when and until when."""

    __tablename__ = "people_identity"
    __table_args__ = (
        Index(
            "uq_people_identity_current",
            "issuer",
            "subject",
            unique=True,
            postgresql_where=sql("until IS NULL"),
        ),
        Index(
            "uq_people_identity_person_current",
            "person_id",
            "issuer",
            unique=True,
            postgresql_where=sql("until IS NULL"),
        ),
    )

    id: UUID = Field(sa_column=uuid(primary_key=True))
    person_id: UUID = Field(sa_column=uuid(ForeignKey(_PERSON)))
    issuer: str = Field(sa_column=text())
    subject: str = Field(sa_column=text())
    since: datetime = Field(sa_column=instant())
    until: datetime | None = Field(sa_column=instant(null=True))
    replaced_by: UUID | None = Field(sa_column=uuid(ForeignKey("people_identity.id"), null=True))


class PeopleAddress(SQLModel, table=True):
    """A professional e-mail address that a person named, and whether he confirmed it."""

    __tablename__ = "people_address"
    __table_args__ = (
        UniqueConstraint(
            "person_id",
            "email",
            "entity_id",
            name="uq_people_address_claim",
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: UUID = Field(sa_column=uuid(primary_key=True))
    person_id: UUID = Field(sa_column=uuid(ForeignKey(_PERSON)))
    email: str = Field(sa_column=text())
    purpose: str = Field(sa_column=text())
    entity_id: UUID | None = Field(sa_column=uuid(null=True))
    claimed_at: datetime = Field(sa_column=instant())
    verified_at: datetime | None = Field(sa_column=instant(null=True))


class PeopleLink(SQLModel, table=True):
    """The hash of a single-use secret that a mail carried: what it is for, and for whom alone."""

    __tablename__ = "people_link"
    __table_args__ = (Index("ix_people_link_subject", "purpose", "person_id", "subject"),)

    digest: bytes = Field(sa_column=octets(primary_key=True))
    purpose: str = Field(sa_column=text())
    person_id: UUID = Field(sa_column=uuid(ForeignKey(_PERSON)))
    subject: UUID = Field(sa_column=uuid())
    made_at: datetime = Field(sa_column=instant())
    expires_at: datetime = Field(sa_column=instant())
    used_at: datetime | None = Field(sa_column=instant(null=True))


class PeopleSession(SQLModel, table=True):
    """A session in one browser: a hash of its cookie, never the cookie.

    `hint` is the ID token for the log-out, sealed under a key that only the cookie yields.
    """

    __tablename__ = "people_session"
    __table_args__ = (
        Index("ix_people_session_keycloak", "issuer", "keycloak_session"),
        Index("ix_people_session_person_id", "person_id"),
        Index("ix_people_session_expires_at", "expires_at"),
    )

    id: UUID = Field(sa_column=uuid(primary_key=True))
    digest: bytes = Field(sa_column=octets(unique=True))
    person_id: UUID = Field(sa_column=uuid(ForeignKey(_PERSON)))
    issuer: str = Field(sa_column=text())
    keycloak_session: str = Field(sa_column=text())
    level: int = Field(sa_column=Column(Integer, nullable=False))
    authenticated_at: datetime = Field(sa_column=instant())
    hint: bytes | None = Field(sa_column=octets(null=True))
    created_at: datetime = Field(sa_column=instant())
    seen_at: datetime = Field(sa_column=instant())
    expires_at: datetime = Field(sa_column=instant())
    ended_at: datetime | None = Field(sa_column=instant(null=True))
