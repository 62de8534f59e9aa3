"""The messages that wait, leave and have left."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Integer, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, json, text, uuid


class NotifyMessage(SQLModel, table=True):
    """One message to one person.

    `retry_at` says when a deliverer may take it: when it is queued, after a pause, or after the
    claim of a deliverer that never came back. `claim` names the deliverer's try: who lost it
    records nothing. Address and body are erased some days after the end; the key stays.
    """

    __tablename__ = "notify_message"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed')", name="state"),
        CheckConstraint(
            "state IN ('sent', 'failed')"
            " OR (address IS NOT NULL AND body IS NOT NULL AND retry_at IS NOT NULL)",
            name="waiting_is_whole",
        ),
        CheckConstraint("(state IN ('sent', 'failed')) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("(state = 'sending') = (claim IS NOT NULL)", name="claim"),
        Index(
            "ix_notify_message_retry_at",
            "retry_at",
            "id",
            postgresql_where=sql("state IN ('queued', 'sending')"),
        ),
        Index("ix_notify_message_ended_at", "ended_at", postgresql_where=sql("body IS NOT NULL")),
    )

    id: UUID = Field(sa_column=uuid(primary_key=True))
    key: str = Field(sa_column=text())
    address: str | None = Field(sa_column=text(null=True))
    language: str = Field(sa_column=text())
    body: dict[str, Any] | None = Field(sa_column=json(null=True))
    state: str = Field(sa_column=text())
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    claim: UUID | None = Field(sa_column=uuid(null=True))
    retry_at: datetime | None = Field(sa_column=instant(null=True))
    queued_at: datetime = Field(sa_column=instant())
    sent_at: datetime | None = Field(sa_column=instant(null=True))
    ended_at: datetime | None = Field(sa_column=instant(null=True))
    message_id: str | None = Field(sa_column=text(null=True))
