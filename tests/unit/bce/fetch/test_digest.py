"""The digest in a file as `sha256sum` writes it."""

import hashlib

import pytest

from iam.bce.fetch.source import told_sha256

DIGEST = hashlib.sha256(b"x").digest()


@pytest.mark.parametrize(
    "text", [DIGEST.hex(), f"{DIGEST.hex()}  x.zip\n", f"  {DIGEST.hex().upper()} *x.zip\n"]
)
def test_the_first_word_is_the_digest(text):
    assert told_sha256(text.encode()) == DIGEST


@pytest.mark.parametrize("text", [b"", b"\n", b"not a digest", DIGEST.hex()[:-2].encode(), b"\xff" * 64])
def test_what_is_no_digest_tells_none(text):
    assert told_sha256(text) is None
