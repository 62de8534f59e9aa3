"""Secrets and addresses: all of them variables, all of them set."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from iam.realms.rules.reading import VARIABLE, Environment, Found, Realm, leaves, used_variables

_SHORTEST_SECRET = 16
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_SECRET_KEYS = re.compile(r"(?:secret|password|private|credential)", re.IGNORECASE)
_NO_SECRETS = {
    # Settings whose names sound like secrets and whose values are none.
    "resetPasswordAllowed",
    "resetCredentialsFlow",
    "passwordPolicy",
    "clientAuthenticatorType",
    "clientAuthMethod",
    "require.password.update.after.registration",
}
_PLACEHOLDERS = {
    "changeme",
    "change-me",
    "secret",
    "password",
    "placeholder",
    "example",
    "todo",
    "admin",
    "xxx",
}


def _dotted(path: Iterable[str]) -> str:
    return ".".join(path)


def no_secret_in_clear(realm: Realm, _: Environment) -> Found:
    """A secret is a variable and nothing else."""
    for path, value in leaves(realm):
        key = path[-1] if path else ""
        if key in _NO_SECRETS or not _SECRET_KEYS.search(key) or not isinstance(value, str) or not value:
            continue
        if not re.fullmatch(r"\$\{[A-Z][A-Z0-9_]*\}", value):
            yield (
                "secret-in-clear",
                f"{_dotted(path)} is written out; it must be a variable and nothing else.",
            )
    if any(user.get("credentials") for user in realm.get("users", [])):
        yield "secret-in-clear", "A user has credentials; nobody logs in here with a password."


def _is_template(path: tuple[str, ...], inner: str) -> bool:
    # The template of the username mapper is Keycloak's own language. A bare `${UUID}` there would be taken
    # for a variable at the import; with a transformer after a bar it cannot be.
    return path[-2:] == ("config", "template") and (" | " in inner or inner.startswith("CLAIM."))


def variables_are_set(realm: Realm, environment: Environment) -> Found:
    """Every variable has a value that is no placeholder: Keycloak would take its name for the value."""
    names: set[str] = set()
    for path, inner in used_variables(realm):
        if _is_template(path, inner):
            continue
        if _NAME.fullmatch(inner):
            names.add(inner)
        else:
            yield "variable-form", f"{_dotted(path)} holds a variable with a default or of a wrong form."
    for name in sorted(names):
        value = environment.get(name, "").strip()
        if not value:
            yield "variable-unset", f"{name} has no value; Keycloak would take the literal text for it."
        elif value.lower() in _PLACEHOLDERS or VARIABLE.search(value):
            yield "variable-placeholder", f"{name} holds a placeholder."
        elif _SECRET_KEYS.search(name) and len(value) < _SHORTEST_SECRET:
            yield "variable-placeholder", f"{name} is a secret of fewer than {_SHORTEST_SECRET} characters."


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def encrypted(realm: Realm, environment: Environment) -> Found:
    """An address of another machine is https."""
    for name in sorted({inner for _, inner in used_variables(realm)}):
        value = environment.get(name, "").strip()
        if value.startswith("http://") and not _is_loopback(value):
            yield "plain-http", f"{name} is an unencrypted address of another machine."
