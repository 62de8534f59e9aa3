"""What other slices' SQL may join. The views are made by the migration; these are their columns."""

from sqlalchemy import BigInteger, Boolean, LargeBinary, Text, Uuid, column, table

fingerprint_view = table(
    "people_fingerprint_view",
    column("person_id", Uuid),
    column("key_id", Text),
    column("digest", LargeBinary),
)

person_view = table(
    "people_person_view",
    column("person_id", Uuid),
    column("blocked", Boolean),
    column("revision", BigInteger),
    column("language", Text),
    column("given_name", Text),
    column("family_name", Text),
    column("keycloak_user", Text),
)
