"""A path that comes back from a browser leads to a page of ours or nowhere."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam.web.middleware import starts_with
from iam.web.paths import local_path

BASE = "https://monespace.test"


@pytest.mark.parametrize(
    "path", ["/", "/demandes/3?tab=1&x=%2F%2Fevil", "/a//b", "/a?next=https://evil.test", "/a#b"]
)
def test_a_path_of_ours_passes(path):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        None, "", "a", "//evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test", "/a\\b",
        "/\t/evil.test", "/ /evil.test", "/\n", "/é", "javascript:alert(1)", " /", "/" + "a" * 2000, '/"x',
    ],
)  # fmt: skip
def test_what_could_lead_elsewhere_does_not_pass(text):
    assert local_path(text) is None


@given(st.text(alphabet="/\\.:@?#%\t\n ab", max_size=12))
def test_whatever_passes_stays_here(text):
    if local_path(text) is not None:
        parts = urlsplit(urljoin(BASE + "/login", text))
        assert (parts.scheme, parts.netloc) == ("https", "monespace.test")


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/oauth2", True),
        ("/oauth2/token", True),
        ("/oauth2x", False),
        ("/x/oauth2/token", False),
        ("/", False),
    ],
)
def test_a_prefix_ends_at_a_slash(path, inside):
    assert starts_with(path, ["/oauth2/"]) is inside
