"""The table of the web's own: acts already done."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, octets, text, uuid


class WebIdempotency(SQLModel, table=True):
    """A form's act that a person has sent once. `location` is where the first answer led."""

    __tablename__ = "web_idempotency"
    __table_args__ = (Index("ix_web_idempotency_made_at", "made_at"),)

    person_id: UUID = Field(sa_column=uuid(primary_key=True))
    act_id: UUID = Field(sa_column=uuid(primary_key=True))
    digest: bytes = Field(sa_column=octets())
    location: str | None = Field(sa_column=text(null=True))
    made_at: datetime = Field(sa_column=instant())
