"""What other slices' SQL may join. The views are made by the migration; these are their columns."""

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, Text, Uuid, column, table
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

# `iam.portals.queries.portal_of` reads its rows.
portal_view = table(
    "portals_portal_view",
    column("portal_id", Uuid),
    column("client_id", Text),
    column("revision", BigInteger),
    column("active", Boolean),
    column("audience", Text),
    column("sector", Text),
    column("names", JSONB),
    column("return_urls", ARRAY(Text)),
    column("roles", ARRAY(Text)),
    column("citizens", Boolean),
    column("level", Integer),
    column("alg", Text),
    column("longest_seconds", Integer),
    column("receives", ARRAY(Text)),
    column("secret_hashes", ARRAY(LargeBinary)),
)

demarche_view = table(
    "portals_demarche_view",
    column("portal_id", Uuid),
    column("code", Text),
    column("roles", ARRAY(Text)),
)

pairwise_view = table(
    "portals_pairwise_view",
    column("portal_id", Uuid),
    column("sub", Text),
    column("person_id", Uuid),
    column("level", Integer),
)
