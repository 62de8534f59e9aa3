"""What the register publishes to other slices' SQL: one row per entity, with its present number; the extract.

A column that a statement does not name costs it nothing, the names in particular.
"""

from sqlalchemy import Boolean, Date, Integer, SmallInteger, Text, Uuid, column, table
from sqlalchemy.dialects.postgresql import JSON

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
    column("names", JSON),
)

EXTRACT = table("bce_extract_view", column("number", Integer))
