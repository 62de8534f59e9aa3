"""What other slices' SQL may join. The view is made by the migration; these are its columns."""

from sqlalchemy import DateTime, Text, Uuid, column, table

session_view = table(
    "realms_session_view",
    column("issuer", Text),
    column("session_id", Text),
    column("subject", Text),
    column("person_id", Uuid),
    column("authenticated_at", DateTime(timezone=True)),
    column("expires_at", DateTime(timezone=True)),
    column("ended_at", DateTime(timezone=True)),
)
