"""Reading the file in which an operator describes portals and their démarches. Pure."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from iam.kernel.assurance import Level
from iam.kernel.language import Language
from iam.portals.model import DemarcheFor, Disclosure, SigningAlg

LONGEST_SECONDS = 300
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CODE = re.compile(r"[a-z0-9](?:[a-z0-9.\-]{0,62}[a-z0-9])?")
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_SECRETS = 2


class InvalidPortalFile(ValueError):
    """The file cannot be used; `faults` say where and why, never a secret."""

    def __init__(self, faults: list[str]) -> None:
        """Keep all faults, so that they can be mended in one go."""
        super().__init__("; ".join(faults))
        self.faults = faults


class DemarcheDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A démarche as the file describes it."""

    code: str
    audience: DemarcheFor
    labels: dict[Language, str]
    descriptions: dict[Language, str]
    start_url: str
    roles: list[str] = []
    level: Level = Level.NONE


class PortalDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A portal as the file describes it. `secret_sha256` holds one digest, two while it changes."""

    client_id: str
    names: dict[Language, str]
    audience: str
    secret_sha256: list[str]
    sector: str | None = None
    return_urls: list[str] = []
    roles: list[str] = []
    citizens: bool = False
    level: Level = Level.TOTP
    alg: SigningAlg = SigningAlg.ES256
    longest_seconds: int = LONGEST_SECONDS
    receives: list[Disclosure] = []
    active: bool = True
    demarche: list[DemarcheDefinition] = []


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    portal: list[PortalDefinition]


def read(text: str, environment: Mapping[str, str]) -> list[PortalDefinition]:
    """The portals of a TOML file, `${NAME}` replaced from the environment.

    Raises `InvalidPortalFile`; a missing variable is a fault, never a literal.
    """
    faults: list[str] = []
    try:
        document = _fill(tomllib.loads(text), environment, faults)
        if faults:
            raise InvalidPortalFile(faults)
        portals = msgspec.convert(document, _File, strict=True).portal
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InvalidPortalFile([str(error)]) from error
    for portal in portals:
        faults += _portal_faults(portal)
    faults += _doubles("client_id", [portal.client_id for portal in portals])
    faults += _doubles("audience", [portal.audience for portal in portals])
    faults += _doubles("sector", [portal.sector or portal.client_id for portal in portals])
    faults += _doubles("demarche", [each.code for portal in portals for each in portal.demarche])
    if faults:
        raise InvalidPortalFile(faults)
    return portals


def is_safe_url(url: str) -> bool:
    """Whether an address is absolute https, or http on loopback, without fragment or credentials.

    RFC 8707 §2: a target is an absolute URI without a fragment. RFC 9700 §2.1: addresses to return
    to are compared exactly, so nothing that a browser would read otherwise may stand in them.
    """
    if not url.isascii() or any(sign <= " " or sign in '\\"<>^`{|}\x7f' for sign in url):
        return False
    try:
        parts = urlsplit(url)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not parts.hostname or not port_is_sound or "#" in url or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _fill(value: Any, environment: Mapping[str, str], faults: list[str]) -> Any:
    def replaced(match: re.Match[str]) -> str:
        found = environment.get(match[1])
        if not found:
            faults.append(f"the variable {match[1]} is not set")
        return found or ""

    match value:
        case str():
            return _VARIABLE.sub(replaced, value)
        case list():
            return [_fill(each, environment, faults) for each in value]
        case dict():
            return {key: _fill(each, environment, faults) for key, each in value.items()}
        case other:
            return other


def _portal_faults(portal: PortalDefinition) -> list[str]:
    at = portal.client_id
    faults = []
    if not _CODE.fullmatch(at):
        faults.append(f"{at!r}: client_id is not a code")
    faults += [f"{at}: {url!r} is not a safe address" for url in _urls(portal) if not is_safe_url(url)]
    if not 1 <= portal.longest_seconds <= LONGEST_SECONDS:
        faults.append(f"{at}: longest_seconds must lie between 1 and {LONGEST_SECONDS}")
    if not 1 <= len(portal.secret_sha256) <= _MOST_SECRETS:
        faults.append(f"{at}: one secret_sha256, or two while the secret changes")
    if any(not _DIGEST.fullmatch(each) for each in portal.secret_sha256):
        faults.append(f"{at}: secret_sha256 is not a SHA-256 in lower-case hexadecimal")
    faults += [f"{at}: {each!r} is not a role code" for each in portal.roles if not _CODE.fullmatch(each)]
    faults += _missing_languages(f"{at}: names", portal.names)
    for demarche in portal.demarche:
        faults += _demarche_faults(portal, demarche)
    return faults


def _urls(portal: PortalDefinition) -> list[str]:
    return [portal.audience, *portal.return_urls, *(each.start_url for each in portal.demarche)]


def _demarche_faults(portal: PortalDefinition, demarche: DemarcheDefinition) -> list[str]:
    at = f"{portal.client_id}/{demarche.code}"
    faults = _missing_languages(f"{at}: labels", demarche.labels)
    faults += _missing_languages(f"{at}: descriptions", demarche.descriptions)
    if not _CODE.fullmatch(demarche.code):
        faults.append(f"{at}: code is not a code")
    if "?" in demarche.start_url:
        faults.append(f"{at}: start_url has a query; the enterprise is put there")
    if not set(demarche.roles) <= set(portal.roles):
        faults.append(f"{at}: a role lies outside the portal's own")
    if demarche.audience is DemarcheFor.ENTERPRISE and not demarche.roles:
        faults.append(f"{at}: no role opens it")
    if demarche.audience is DemarcheFor.CITIZEN and (demarche.roles or not portal.citizens):
        faults.append(f"{at}: a personal démarche needs `citizens = true` and no role")
    return faults


def _missing_languages(at: str, texts: Mapping[Language, str]) -> list[str]:
    return [f"{at}: {each} is missing" for each in Language if not texts.get(each, "").strip()]


def _doubles(what: str, values: list[str]) -> list[str]:
    return [f"{what} {each!r} stands twice" for each in sorted({v for v in values if values.count(v) > 1})]
