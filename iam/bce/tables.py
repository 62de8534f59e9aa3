"""The tables of the register.

Number, situation, form, names, establishments and branches carry both times: `starts_at`/`ends_at`
say when a fact held, `recorded_from`/`recorded_until` when we believed it. Addresses, contacts and
activities are as of now. A row's `digest` stands for its content, so that an unchanged one is never
written again, and none is there twice.

The large tables have neither a key of their own nor foreign keys: each row is found by what it is about, an
import writes them in sets of which it has settled the owners, and a test holds that (ADR 0013).
"""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from iam.storage.tables import instant, json, octets, text, uuid

_OPEN = sql("recorded_until IS NULL AND ends_at IS NULL")
_RECORDED = sql("recorded_until IS NULL")
_PAST = sql("recorded_until IS NOT NULL OR ends_at IS NOT NULL")


def _version() -> Column[Any]:
    return Column(BigInteger, primary_key=True, autoincrement=True)


def _entity() -> Column[Any]:
    return uuid(ForeignKey("bce_entity.entity_id"))


def _digest() -> Column[Any]:
    return Column(BigInteger, primary_key=True, autoincrement=False)


class BceEntity(SQLModel, table=True):
    """A registered entity under a key that outlives its numbers.

    `revision` counts its events; `vanished_at` is set while it is absent from the extracts.
    """

    __tablename__ = "bce_entity"

    entity_id: UUID = Field(sa_column=uuid(primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    first_extract: int = Field(sa_column=Column(Integer, nullable=False))
    vanished_at: datetime | None = Field(sa_column=instant(null=True))


class BceWatch(SQLModel, table=True):
    """An entity whose changes are written to the journal.

    Its own table, so that an import and a command of delegation never wait for each other's row.
    """

    __tablename__ = "bce_watch"

    entity_id: UUID = Field(sa_column=uuid(ForeignKey("bce_entity.entity_id"), primary_key=True))


class BceNumber(SQLModel, table=True):
    """Which number an entity has: one at any instant, and no number on two.

    Of those that hold now, unique indexes say so; of the past, exclusion constraints; a trigger, of both.
    """

    __tablename__ = "bce_number"
    __mapper_args__: ClassVar[Any] = {"primary_key": ["entity_id", "starts_at", "recorded_from"]}
    __table_args__ = (
        Index(
            "uq_bce_number_number",
            "number",
            unique=True,
            postgresql_where=_OPEN,
            postgresql_include=["entity_id"],
        ),
        Index("uq_bce_number_entity_id", "entity_id", unique=True, postgresql_where=_OPEN),
    )

    entity_id: UUID = Field(sa_column=uuid())
    number: str = Field(sa_column=text())
    starts_at: datetime = Field(sa_column=instant())
    ends_at: datetime | None = Field(sa_column=instant(null=True))
    recorded_from: datetime = Field(sa_column=instant())
    recorded_until: datetime | None = Field(sa_column=instant(null=True))


class BceSnapshot(SQLModel, table=True):
    """What an entity is. `form_cac` is the form as to be read; `start_on` is the register's StartDate.

    One at any instant, as of numbers.
    """

    __tablename__ = "bce_snapshot"
    __mapper_args__: ClassVar[Any] = {"primary_key": ["entity_id", "starts_at", "recorded_from"]}
    __table_args__ = (
        Index(
            "uq_bce_snapshot_entity_id",
            "entity_id",
            "ends_at",
            unique=True,
            postgresql_where=_RECORDED,
            postgresql_nulls_not_distinct=True,
        ),
    )

    entity_id: UUID = Field(sa_column=uuid())
    status: str = Field(sa_column=text())
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    situation: str = Field(sa_column=text())
    form: str | None = Field(sa_column=text(null=True))
    form_cac: str | None = Field(sa_column=text(null=True))
    start_on: date = Field(sa_column=Column(Date, nullable=False))
    starts_at: datetime = Field(sa_column=instant())
    ends_at: datetime | None = Field(sa_column=instant(null=True))
    recorded_from: datetime = Field(sa_column=instant())
    recorded_until: datetime | None = Field(sa_column=instant(null=True))


class BceName(SQLModel, table=True):
    """A name of an entity, or of its establishment or branch `unit`."""

    __tablename__ = "bce_name"
    __mapper_args__: ClassVar[Any] = {"primary_key": ["entity_id", "digest", "starts_at", "recorded_from"]}
    __table_args__ = (
        Index(
            "uq_bce_name_entity_id",
            "entity_id",
            "digest",
            "ends_at",
            unique=True,
            postgresql_where=_RECORDED,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_bce_name_past", "entity_id", postgresql_where=_PAST),
    )

    entity_id: UUID = Field(sa_column=uuid())
    digest: int = Field(sa_column=Column(BigInteger, nullable=False))
    unit: str | None = Field(sa_column=text(null=True))
    language: str = Field(sa_column=text())
    kind: str = Field(sa_column=text())
    text: str = Field(sa_column=text())
    starts_at: datetime = Field(sa_column=instant())
    ends_at: datetime | None = Field(sa_column=instant(null=True))
    recorded_from: datetime = Field(sa_column=instant())
    recorded_until: datetime | None = Field(sa_column=instant(null=True))


class BceEstablishment(SQLModel, table=True):
    """An establishment unit of an entity."""

    __tablename__ = "bce_establishment"
    __mapper_args__: ClassVar[Any] = {"primary_key": ["number", "starts_at", "recorded_from"]}
    __table_args__ = (
        Index("ix_bce_establishment_entity_id", "entity_id", postgresql_where=_RECORDED),
        Index("ix_bce_establishment_past", "entity_id", postgresql_where=_PAST),
        Index("uq_bce_establishment_number", "number", unique=True, postgresql_where=_OPEN),
    )

    entity_id: UUID = Field(sa_column=uuid())
    number: str = Field(sa_column=text())
    start_on: date = Field(sa_column=Column(Date, nullable=False))
    starts_at: datetime = Field(sa_column=instant())
    ends_at: datetime | None = Field(sa_column=instant(null=True))
    recorded_from: datetime = Field(sa_column=instant())
    recorded_until: datetime | None = Field(sa_column=instant(null=True))


class BceBranch(SQLModel, table=True):
    """A branch of a foreign entity. Its identifier is no official number (DOMAIN 3.1)."""

    __tablename__ = "bce_branch"
    __mapper_args__: ClassVar[Any] = {"primary_key": ["number", "starts_at", "recorded_from"]}
    __table_args__ = (
        Index("ix_bce_branch_entity_id", "entity_id", postgresql_where=_RECORDED),
        Index("ix_bce_branch_past", "entity_id", postgresql_where=_PAST),
        Index("uq_bce_branch_number", "number", unique=True, postgresql_where=_OPEN),
    )

    entity_id: UUID = Field(sa_column=uuid())
    number: str = Field(sa_column=text())
    start_on: date = Field(sa_column=Column(Date, nullable=False))
    starts_at: datetime = Field(sa_column=instant())
    ends_at: datetime | None = Field(sa_column=instant(null=True))
    recorded_from: datetime = Field(sa_column=instant())
    recorded_until: datetime | None = Field(sa_column=instant(null=True))


class BceAddress(SQLModel, table=True):
    """An address as of now. `kind` is TypeOfAddress: REGO is the seat."""

    __tablename__ = "bce_address"

    entity_id: UUID = Field(sa_column=uuid(primary_key=True))
    digest: int = Field(sa_column=_digest())
    unit: str | None = Field(sa_column=text(null=True))
    kind: str = Field(sa_column=text())
    country_nl: str | None = Field(sa_column=text(null=True))
    country_fr: str | None = Field(sa_column=text(null=True))
    postcode: str | None = Field(sa_column=text(null=True))
    municipality_nl: str | None = Field(sa_column=text(null=True))
    municipality_fr: str | None = Field(sa_column=text(null=True))
    street_nl: str | None = Field(sa_column=text(null=True))
    street_fr: str | None = Field(sa_column=text(null=True))
    house_number: str | None = Field(sa_column=text(null=True))
    box: str | None = Field(sa_column=text(null=True))
    extra: str | None = Field(sa_column=text(null=True))
    struck_off_on: date | None = Field(sa_column=Column(Date, nullable=True))


class BceContact(SQLModel, table=True):
    """A way to reach an entity or its unit, as of now, as the register wrote it (quirk i)."""

    __tablename__ = "bce_contact"

    entity_id: UUID = Field(sa_column=uuid(primary_key=True))
    digest: int = Field(sa_column=_digest())
    unit: str | None = Field(sa_column=text(null=True))
    kind: str = Field(sa_column=text())
    value: str = Field(sa_column=text())


class BceActivity(SQLModel, table=True):
    """An activity of an entity or its unit, as of now, where the operator wants them."""

    __tablename__ = "bce_activity"

    entity_id: UUID = Field(sa_column=uuid(primary_key=True))
    digest: int = Field(sa_column=_digest())
    unit: str | None = Field(sa_column=text(null=True))
    activity_group: str = Field(sa_column=text())
    nace_version: int = Field(sa_column=Column(SmallInteger, nullable=False))
    nace_code: str = Field(sa_column=text())
    classification: str = Field(sa_column=text())


class BceTombstone(SQLModel, table=True):
    """An absence: from which extract on, and until which."""

    __tablename__ = "bce_tombstone"

    entity_id: UUID = Field(sa_column=uuid(ForeignKey("bce_entity.entity_id"), primary_key=True))
    vanished_extract: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    vanished_at: datetime = Field(sa_column=instant())
    reactivated_extract: int | None = Field(sa_column=Column(Integer, nullable=True))
    reactivated_at: datetime | None = Field(sa_column=instant(null=True))


class BceExtract(SQLModel, table=True):
    """An attempt to apply an extract of the open data.

    Of an applied one, `effective_at` is the instant from which on its facts hold, after those of all before;
    `activities` and `branches` say whether the register has them since.
    """

    __tablename__ = "bce_extract"
    __table_args__ = (
        Index(
            "uq_bce_extract_number",
            "number",
            "kind",
            unique=True,
            postgresql_where=sql("status = 'applied'"),
        ),
        CheckConstraint("status IN ('applied', 'rejected', 'halted')", name="status"),
        CheckConstraint("kind IN ('full', 'update')", name="kind"),
        CheckConstraint("status <> 'applied' OR effective_at IS NOT NULL", name="effective"),
    )

    attempt_id: UUID = Field(sa_column=uuid(primary_key=True))
    number: int = Field(sa_column=Column(Integer, nullable=False))
    kind: str = Field(sa_column=text())
    snapshot_on: date = Field(sa_column=Column(Date, nullable=False))
    extracted_at: datetime = Field(sa_column=instant())
    sha256: bytes = Field(sa_column=octets())
    status: str = Field(sa_column=text())
    reason: str | None = Field(sa_column=text(null=True))
    counts: dict[str, Any] = Field(sa_column=json())
    attempted_at: datetime = Field(sa_column=instant())
    effective_at: datetime | None = Field(sa_column=instant(null=True))
    activities: bool = Field(sa_column=Column(Boolean, nullable=False))
    branches: bool = Field(sa_column=Column(Boolean, nullable=False))


class BceFeed(SQLModel, table=True):
    """An attempt to apply a feed of functions.

    Of its content a keyed digest is kept: a bare one, of a short file, would be one of numbers.
    """

    __tablename__ = "bce_feed"
    __table_args__ = (
        Index("uq_bce_feed_number", "number", unique=True, postgresql_where=sql("status = 'applied'")),
        CheckConstraint("status IN ('applied', 'rejected', 'halted')", name="status"),
        CheckConstraint("kind IN ('full', 'update')", name="kind"),
    )

    attempt_id: UUID = Field(sa_column=uuid(primary_key=True))
    number: int = Field(sa_column=Column(Integer, nullable=False))
    kind: str = Field(sa_column=text())
    produced_at: datetime = Field(sa_column=instant())
    mark: bytes | None = Field(sa_column=octets(null=True))
    status: str = Field(sa_column=text())
    reason: str | None = Field(sa_column=text(null=True))
    counts: dict[str, Any] = Field(sa_column=json())
    attempted_at: datetime = Field(sa_column=instant())


class BceQuarantine(SQLModel, table=True):
    """A row that was not believed: where it stands and why; never what it says."""

    __tablename__ = "bce_quarantine"

    attempt_id: UUID = Field(sa_column=uuid(primary_key=True))
    file: str = Field(sa_column=text(primary_key=True))
    line: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    key: str | None = Field(sa_column=text(null=True))
    reason: str = Field(sa_column=text())


class BceFunction(SQLModel, table=True):
    """A function in an entity, by the newest feed that told of it, or by a dossier.

    Held by a person, known by a keyed fingerprint (of a dossier: by his id), or by an enterprise, known by
    its number, with the permanent representative recorded in this very entity. `function_id` stays when its
    end is told; of a dossier it is the dossier's.
    """

    __tablename__ = "bce_function"
    __table_args__ = (
        Index("ix_bce_function_entity_id", "entity_id"),
        Index("ix_bce_function_holder_digest", "holder_digest", postgresql_where=_RECORDED),
        Index("ix_bce_function_holder_person", "holder_person", postgresql_where=_RECORDED),
        Index("ix_bce_function_permanent_digest", "permanent_digest", postgresql_where=_RECORDED),
        CheckConstraint("num_nonnulls(holder_digest, holder_number, holder_person) = 1", name="one_holder"),
        CheckConstraint(
            "CASE source WHEN 'functions' THEN feed IS NOT NULL AND holder_person IS NULL"
            " WHEN 'manualDossier' THEN feed IS NULL AND holder_person IS NOT NULL ELSE false END",
            name="source",
        ),
        CheckConstraint(
            "(holder_digest IS NULL) = (holder_key_id IS NULL)"
            " AND (permanent_digest IS NULL) = (permanent_key_id IS NULL)",
            name="fingerprint",
        ),
        CheckConstraint("permanent_digest IS NULL OR holder_number IS NOT NULL", name="permanent"),
        CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name="period"),
    )

    version_id: int = Field(sa_column=_version())
    function_id: UUID = Field(sa_column=uuid())
    entity_id: UUID = Field(sa_column=_entity())
    code: str = Field(sa_column=text())
    holder_key_id: str | None = Field(sa_column=text(null=True))
    holder_digest: bytes | None = Field(sa_column=octets(null=True))
    holder_number: str | None = Field(sa_column=text(null=True))
    holder_person: UUID | None = Field(sa_column=uuid(null=True))
    permanent_key_id: str | None = Field(sa_column=text(null=True))
    permanent_digest: bytes | None = Field(sa_column=octets(null=True))
    starts_at: datetime = Field(sa_column=instant())
    ends_at: datetime | None = Field(sa_column=instant(null=True))
    source: str = Field(sa_column=text())
    feed: int | None = Field(sa_column=Column(Integer, nullable=True))
    produced_at: datetime = Field(sa_column=instant())
    recorded_from: datetime = Field(sa_column=instant())
    recorded_until: datetime | None = Field(sa_column=instant(null=True))


class BceFunctionCode(SQLModel, table=True):
    """A code of a function. Type 1 is a legal function (DOMAIN 3.6)."""

    __tablename__ = "bce_function_code"

    code: str = Field(sa_column=text(primary_key=True))
    type: int = Field(sa_column=Column(SmallInteger, nullable=False))
    labels: dict[str, str] = Field(sa_column=json())


class BceRepresentationRule(SQLModel, table=True):
    """A line of the rule table (`iam.bce.model.RepresentationRule`)."""

    __tablename__ = "bce_representation_rule"
    __table_args__ = (UniqueConstraint("function", "form", "valid_from"),)

    rule_id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=True))
    function: str = Field(sa_column=text())
    form: str = Field(sa_column=text())
    represents: str = Field(sa_column=text())
    controlled: str = Field(sa_column=text())
    valid_from: date = Field(sa_column=Column(Date, nullable=False))
    valid_to: date | None = Field(sa_column=Column(Date, nullable=True))
    source: str = Field(sa_column=text())


class BceRulebook(SQLModel, table=True):
    """A version of the reference data: since when, and the SHA-256 of the files it was read from."""

    __tablename__ = "bce_rulebook"

    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    files: dict[str, Any] = Field(sa_column=json())
    loaded_at: datetime = Field(sa_column=instant())


class BceCalendar(SQLModel, table=True):
    """Until when it has been told who began and who ceased to represent by time alone; one row."""

    __tablename__ = "bce_calendar"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    looked_at: datetime = Field(sa_column=instant())


class BceSituation(SQLModel, table=True):
    """What a juridical situation means; `*` stands for a code we have not heard of."""

    __tablename__ = "bce_situation"

    code: str = Field(sa_column=text(primary_key=True))
    consequence: str = Field(sa_column=text())


class BceSearch(SQLModel, table=True):
    """A way in which a legal person that operates, or an establishment unit of his, is called.

    Derived from the rest, for searching only (`iam.bce.search_index`); natural persons are not in it (quirk
    j). `text` and the municipalities are as `bce_searchable` makes them, the place is that of the seat.
    """

    __tablename__ = "bce_search"
    __table_args__ = (
        Index("ix_bce_search_text", "text", "number"),
        Index("ix_bce_search_postcode", "postcode", "text", "number"),
        Index("ix_bce_search_municipality_fr", "municipality_fr", "text", "number"),
        Index("ix_bce_search_municipality_nl", "municipality_nl", "text", "number"),
        Index(
            "ix_bce_search_words",
            sql("array_to_tsvector(string_to_array(text, ' '))"),
            postgresql_using="gin",
        ),
    )

    entity_id: UUID = Field(sa_column=uuid(primary_key=True))
    number: str = Field(sa_column=text())
    postcode: str | None = Field(sa_column=text(null=True))
    municipality_fr: str | None = Field(sa_column=text(null=True))
    municipality_nl: str | None = Field(sa_column=text(null=True))
    text: str = Field(sa_column=Column(Text(collation="C"), primary_key=True))


class BceSearchWord(SQLModel, table=True):
    """A word that stands, or once stood, in `BceSearch`: among these a wrongly typed one is looked for."""

    __tablename__ = "bce_search_word"
    __table_args__ = (
        Index(
            "ix_bce_search_word_likeness",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
        ),
    )

    word: str = Field(sa_column=Column(Text(collation="C"), primary_key=True))
