"""The table of the console's own: forms that a person has filled in and not sent yet."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, json, text, uuid


class ConsoleDraft(SQLModel, table=True):
    """What a person typed into a form before sending it; `kind` says which form. Gone after a day."""

    __tablename__ = "console_draft"
    __table_args__ = (Index("ix_console_draft_made_at", "made_at"),)

    person_id: UUID = Field(sa_column=uuid(primary_key=True))
    draft_id: UUID = Field(sa_column=uuid(primary_key=True))
    kind: str = Field(sa_column=text())
    content: dict[str, Any] = Field(sa_column=json())
    made_at: datetime = Field(sa_column=instant())
