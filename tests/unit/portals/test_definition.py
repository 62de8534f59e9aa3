"""The file of portals: every fault is named, none is mended silently."""

import pytest

from iam.portals.authentication import AmbiguousCredentials, Credentials, credentials, hash_of, new_secret
from iam.portals.definition import InvalidPortalFile, is_safe_url, read
from iam.portals.rules import canonical, change

DIGEST = "a" * 64
GOOD = f"""
[[portal]]
client_id = "p"
audience = "https://p.test"
secret_sha256 = ["{DIGEST}"]
roles = ["a.b"]
citizens = true
names = {{ fr = "a", nl = "b", de = "c", en = "d" }}
[[portal.demarche]]
code = "d"
audience = "enterprise"
start_url = "https://p.test/d"
roles = ["a.b"]
labels = {{ fr = "a", nl = "b", de = "c", en = "d" }}
descriptions = {{ fr = "a", nl = "b", de = "c", en = "d" }}
"""


def faults(text, environment=None):
    with pytest.raises(InvalidPortalFile) as caught:
        read(text, environment or {})
    return str(caught.value)


def test_a_good_file():
    [portal] = read(GOOD, {})
    assert (portal.client_id, portal.demarche[0].code) == ("p", "d")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("https://p.test", "http://p.test", "safe address"),
        ("https://p.test", "https://p.test#x", "safe address"),
        ("https://p.test", "https://u@p.test", "safe address"),
        ("https://p.test", "p.test", "safe address"),
        ('start_url = "https://p.test/d"', 'start_url = "https://p.test/d?x=1"', "query"),
        (DIGEST, "secret", "SHA-256"),
        (f'["{DIGEST}"]', "[]", "secret_sha256"),
        (f'["{DIGEST}"]', f'["{DIGEST}", "{DIGEST}", "{DIGEST}"]', "secret_sha256"),
        ('client_id = "p"', 'client_id = "P Q"', "code"),
        ('client_id = "p"', 'client_id = "p"\nlongest_seconds = 301', "longest_seconds"),
        ('client_id = "p"', 'client_id = "p"\nlongest_seconds = 0', "longest_seconds"),
        ('client_id = "p"', 'client_id = "p"\nalg = "HS256"', "HS256"),
        ('client_id = "p"', 'client_id = "p"\ncolour = "blue"', "colour"),
        ('client_id = "p"', 'client_id = "p"\nlevel = 451', "451"),
        (', en = "d" }\n[[', " }\n[[", "en is missing"),
        ('fr = "a"', 'fr = " "', "fr is missing"),
        ('roles = ["a.b"]\ncitizens', 'roles = ["c"]\ncitizens', "outside"),
        ('/d"\nroles = ["a.b"]', '/d"\nroles = []', "no role opens it"),
        ('audience = "enterprise"', 'audience = "citizen"', "personal"),
        ('client_id = "p"', 'client_id = "${NAME}"', "NAME"),
        ("[[portal]]", "[[portal", ""),
    ],
)
def test_every_fault_is_named(old, new, word):
    assert old in GOOD
    assert word in faults(GOOD.replace(old, new, 1))


def test_twice_the_same():
    said = faults(GOOD + GOOD)
    for what in ("client_id", "audience", "sector", "demarche"):
        assert f"{what} " in said


def test_a_variable_is_filled_in_and_a_missing_one_never_taken_literally():
    text = GOOD.replace("https://p.test", "${URL}")
    assert read(text, {"URL": "https://x.test"})[0].audience == "https://x.test"
    assert "URL is not set" in faults(text)
    assert "URL is not set" in faults(text, {"URL": ""})


@pytest.mark.parametrize(
    "url",
    [
        "https://p.test/a b",
        "https://p.test/\n",
        "https://p.test\\@evil",
        "https://pé.test",
        "https://",
        "https://p.test:x",
        "ftp://p.test",
        "http://127.0.0.1.evil.test",
        "javascript:x",
    ],
)
def test_addresses_that_a_browser_may_read_otherwise(url):
    assert not is_safe_url(url)


@pytest.mark.parametrize(
    "url", ["https://p.test", "http://127.0.0.1:8600/x", "http://localhost:1", "http://[::1]:1/"]
)
def test_safe_addresses(url):
    assert is_safe_url(url)


def test_the_order_of_what_has_none_is_no_change():
    from uuid import UUID

    one = read(GOOD.replace('roles = ["a.b"]\nc', 'roles = ["a.b", "a.c"]\nc'), {})[0]
    other = read(GOOD.replace('roles = ["a.b"]\nc', 'roles = ["a.c", "a.b"]\nc'), {})[0]
    assert change(UUID(int=1), canonical(one), other) is None
    assert change(UUID(int=1), canonical(one), read(GOOD, {})[0]).changed == ("roles",)


def test_the_demos_own_file_is_good():
    from pathlib import Path

    environment = {"PORTAIL_WALLONIE_URL": "http://127.0.0.1:1", "PORTAIL_WALLONIE_SECRET_SHA256": DIGEST}
    [portal] = read(Path("demo/portals.toml").read_text(encoding="utf-8"), environment)
    assert {each.code for each in portal.demarche} == {
        "prime-energie",
        "primes-investissement",
        "permis-environnement",
        "declaration-aides",
    }


def test_the_demos_portal_offers_what_is_registered():
    import tomllib
    from pathlib import Path

    from demo.portal.demarches import DEMARCHES

    [portal] = tomllib.loads(Path("demo/portals.toml").read_text(encoding="utf-8"))["portal"]
    registered = {each["code"]: (tuple(each.get("roles", ())), each["level"]) for each in portal["demarche"]}
    assert registered == {code: (each.roles, each.level) for code, each in DEMARCHES.items()}
    catalogue = tomllib.loads(Path("demo/catalogue.toml").read_text(encoding="utf-8"))["role"]
    assert set(portal["roles"]) <= catalogue.keys()


class TestCredentials:
    def test_none_and_one_of_each(self):
        assert credentials(None, {}) is None
        assert credentials(None, {"client_id": "a"}) is None
        assert credentials(None, {"client_id": "a", "client_secret": "b"}) == Credentials(
            client_id="a", secret="b"
        )
        assert credentials("Basic YTpiOmM=", {}) == Credentials(client_id="a", secret="b:c")

    def test_basic_is_form_encoded(self):
        assert credentials("Basic YSUzQWI6YyslMjU=", {}) == Credentials(client_id="a:b", secret="c %")

    def test_two_ways_at_once(self):
        with pytest.raises(AmbiguousCredentials):
            credentials("Basic YTpi", {"client_secret": "b"})
        with pytest.raises(AmbiguousCredentials):
            credentials("Basic YTpi", {"client_id": "other"})

    def test_a_secret_is_long_and_shown_nowhere(self):
        secret = new_secret()
        assert len(secret) >= 43
        assert secret not in repr(Credentials(client_id="a", secret=secret))
        assert len(hash_of(secret)) == 32
