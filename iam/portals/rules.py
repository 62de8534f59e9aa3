"""What a description of a portal changes. Pure."""

from typing import Any

import msgspec

from iam.portals.definition import PortalDefinition
from iam.portals.events import PortalChanged, PortalEvent, PortalRegistered
from iam.portals.model import PortalId

_SETS = ("return_urls", "roles", "receives", "secret_sha256")


def canonical(definition: PortalDefinition) -> dict[str, Any]:
    """The definition as a document that does not depend on the order of what has none."""
    document: dict[str, Any] = msgspec.to_builtins(definition, str_keys=True)
    document["sector"] = document["sector"] or document["client_id"]
    for name in _SETS:
        document[name] = sorted(set(document[name]))
    for demarche in document["demarche"]:
        demarche["roles"] = sorted(set(demarche["roles"]))
    return document


def change(portal: PortalId, before: dict[str, Any] | None, wanted: PortalDefinition) -> PortalEvent | None:
    """The event that makes the portal what the definition says; None when it already is."""
    after = canonical(wanted)
    public = {name: value for name, value in after.items() if name != "secret_sha256"}
    if before is None:
        return PortalRegistered(portal=portal, client_id=wanted.client_id, definition=public)
    changed = tuple(sorted(name for name in after if after[name] != before.get(name)))
    if not changed:
        return None
    return PortalChanged(portal=portal, client_id=wanted.client_id, changed=changed, definition=public)
