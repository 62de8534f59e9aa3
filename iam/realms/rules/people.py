"""People and groups: none in the file, and nothing that somebody could change about himself."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from iam.realms.rules.reading import NAMES_OF_NUMBER, Environment, Found, Realm


def no_enterprise_group(realm: Realm, _: Environment) -> Found:
    """Groups are a projection of our tables and never stand in a file (DESIGN 7)."""
    if realm.get("groups") or realm.get("defaultGroups"):
        yield (
            "group-in-file",
            "The file holds groups; they are made by provisioning, one enterprise at a time.",
        )


def no_people(realm: Realm, _: Environment) -> Found:
    """Only service accounts stand in a file."""
    for user in realm.get("users", []):
        if not user.get("serviceAccountClientId"):
            yield "person-in-file", "The file holds a user that is not the service account of a client."


def _profiles(realm: Realm) -> Iterator[Mapping[str, Any]]:
    for component in realm.get("components", {}).get("org.keycloak.userprofile.UserProfileProvider", []):
        for text in component.get("config", {}).get("kc.user.profile.config", []):
            try:
                profile = json.loads(text)
            except ValueError:
                continue
            if isinstance(profile, dict):
                yield profile


def profile(realm: Realm, _: Environment) -> Found:
    """No attribute is undeclared, and none may be changed by the person (STANDARDS 5 nr 8)."""
    profiles = list(_profiles(realm))
    if not profiles:
        yield "profile", "The realm declares no user profile; everybody could edit his own."
    for profile in profiles:
        if profile.get("unmanagedAttributePolicy") not in {None, "DISABLED"}:
            yield "profile", "The user profile lets attributes in that it does not declare."
        for attribute in profile.get("attributes", []):
            if "user" in attribute.get("permissions", {}).get("edit", []):
                yield "profile", f"A person may edit {attribute.get('name')} himself."
            if attribute.get("name") in NAMES_OF_NUMBER:
                yield "number", "The user profile has a place for the national number."


def service_accounts(realm: Realm, _: Environment) -> Found:
    """A service account has no more than the provisioner needs, and nothing goes unencrypted."""
    for user in realm.get("users", []):
        roles = {role for each in user.get("clientRoles", {}).values() for role in each}
        if too_much := roles - {"query-groups"}:
            yield "privilege", f"A service account has {', '.join(sorted(too_much))}."
    if realm.get("sslRequired", "external") == "none":
        yield "ssl", "The realm takes unencrypted requests from anywhere; loopback needs no exception."
