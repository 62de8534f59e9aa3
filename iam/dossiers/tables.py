"""The tables of dossiers. Constraints hold what must never be: a reviewer twice, or a claimant who reviews.

The content of a document is encrypted under a key of its own, which is here only under a key that is not
in the database. Without it the content is noise: that is how a document is destroyed.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, Integer, SmallInteger
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, octets, text, uuid

_DOSSIER = "dossiers_dossier.dossier_id"
_OPEN = "state IN ('opened', 'submitted', 'firstReview', 'secondReview')"


class DossiersDossier(SQLModel, table=True):
    """A dossier as it stands. The row is its head: locked for whatever happens to it."""

    __tablename__ = "dossiers_dossier"
    __table_args__ = (
        Index(
            "uq_dossiers_dossier_under_way",
            "person_id",
            "entity_id",
            unique=True,
            postgresql_where=sql(_OPEN),
        ),
        Index("ix_dossiers_dossier_person_id", "person_id", "opened_at"),
        Index("ix_dossiers_dossier_entity_id", "entity_id"),
        Index("ix_dossiers_dossier_state", "state", "lapses_at"),
        CheckConstraint(
            "state IN ('opened', 'submitted', 'firstReview', 'secondReview', 'accepted', 'refused',"
            " 'withdrawn', 'expired', 'revoked')",
            name="state",
        ),
        CheckConstraint(
            "first_reviewer IS DISTINCT FROM person_id AND second_reviewer IS DISTINCT FROM person_id",
            name="claimant_reviews",
        ),
        CheckConstraint(
            "second_reviewer IS NULL OR (first_reviewer IS NOT NULL AND first_reviewer <> second_reviewer)",
            name="two_reviewers",
        ),
        CheckConstraint(
            "state <> 'accepted' OR (second_reviewer IS NOT NULL AND accepted_at IS NOT NULL"
            " AND ends_at > accepted_at)",
            name="accepted",
        ),
        CheckConstraint("(first_reviewer IS NULL) = (first_until IS NULL)", name="first_review"),
    )

    dossier_id: UUID = Field(sa_column=uuid(primary_key=True))
    entity_id: UUID = Field(sa_column=uuid())
    person_id: UUID = Field(sa_column=uuid())
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    code: str = Field(sa_column=text())
    since: date = Field(sa_column=Column(Date, nullable=False))
    language: str = Field(sa_column=text())
    state: str = Field(sa_column=text())
    opened_at: datetime = Field(sa_column=instant())
    submitted_at: datetime | None = Field(sa_column=instant(null=True))
    lapses_at: datetime = Field(sa_column=instant())
    first_reviewer: UUID | None = Field(sa_column=uuid(null=True))
    first_until: date | None = Field(sa_column=Column(Date, nullable=True))
    second_reviewer: UUID | None = Field(sa_column=uuid(null=True))
    accepted_at: datetime | None = Field(sa_column=instant(null=True))
    ends_at: datetime | None = Field(sa_column=instant(null=True))
    closed_at: datetime | None = Field(sa_column=instant(null=True))
    documents_until: datetime | None = Field(sa_column=instant(null=True))


class DossiersText(SQLModel, table=True):
    """What people wrote about a dossier; erasable. `answer` is why it was refused or taken back."""

    __tablename__ = "dossiers_text"

    dossier_id: UUID = Field(sa_column=uuid(ForeignKey(_DOSSIER), primary_key=True))
    motivation: str | None = Field(sa_column=text(null=True))
    email: str | None = Field(sa_column=text(null=True))
    first_note: str | None = Field(sa_column=text(null=True))
    second_note: str | None = Field(sa_column=text(null=True))
    answer: str | None = Field(sa_column=text(null=True))


class DossiersReview(SQLModel, table=True):
    """A reviewer has taken a review up."""

    __tablename__ = "dossiers_review"

    dossier_id: UUID = Field(sa_column=uuid(ForeignKey(_DOSSIER), primary_key=True))
    stage: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    reviewer: UUID = Field(sa_column=uuid(primary_key=True))
    started_at: datetime = Field(sa_column=instant())


class DossiersDocument(SQLModel, table=True):
    """A document. `content` is encrypted; without `wrapped_key` nobody reads it, and it is destroyed."""

    __tablename__ = "dossiers_document"
    __table_args__ = (
        Index("ix_dossiers_document_dossier_id", "dossier_id"),
        CheckConstraint("kind IN ('pdf', 'jpeg', 'png')", name="kind"),
        CheckConstraint(
            "num_nonnulls(content, wrapped_key, key_id) = CASE WHEN destroyed_at IS NULL THEN 3 ELSE 0 END",
            name="destroyed",
        ),
    )

    document_id: UUID = Field(sa_column=uuid(primary_key=True))
    dossier_id: UUID = Field(sa_column=uuid(ForeignKey(_DOSSIER)))
    kind: str = Field(sa_column=text())
    size: int = Field(sa_column=Column(Integer, nullable=False))
    added_at: datetime = Field(sa_column=instant())
    content: bytes | None = Field(sa_column=octets(null=True))
    wrapped_key: bytes | None = Field(sa_column=octets(null=True))
    key_id: str | None = Field(sa_column=text(null=True))
    destroyed_at: datetime | None = Field(sa_column=instant(null=True))
