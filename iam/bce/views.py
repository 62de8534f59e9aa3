"""What the register publishes to other slices' SQL: one row per entity, with its present number."""

from sqlalchemy import Boolean, Date, SmallInteger, Text, Uuid, column, table

ENTERPRISE = table(
    "bce_enterprise_view",
    column("entity_id", Uuid),
    column("number", Text),
    column("state", Text),
    column("operating", Boolean),
    column("kind", SmallInteger),
    column("form", Text),
    column("situation", Text),
    column("consequence", Text),
    column("start_on", Date),
)
