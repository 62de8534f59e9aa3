"""Documents at rest: under a key of their own, which opens nothing else and can be thrown away."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from iam.dossiers.vault import UnreadableDocument, Vault
from iam.kernel.ids import DocumentId, DossierId, uuid4
from iam.settings import UnsafeSettings
from tests.support.dossiers import PDF
from tests.support.settings import some_settings

DOCUMENT, DOSSIER = DocumentId(uuid4()), DossierId(uuid4())
OLD, NEW = b"o" * 32, b"n" * 32


def test_what_was_sealed_is_opened_and_nothing_of_it_stands_in_what_is_stored():
    vault = Vault("1", {"1": OLD})
    sealed = vault.seal(PDF, DOCUMENT, DOSSIER)

    assert vault.open(sealed, DOCUMENT, DOSSIER) == PDF
    assert PDF[:8] not in sealed.content
    assert OLD not in sealed.content + sealed.wrapped_key
    assert sealed.key_id == "1"


def test_the_same_document_twice_is_two_different_things_at_rest():
    vault = Vault("1", {"1": OLD})
    one, two = (vault.seal(PDF, DOCUMENT, DOSSIER) for _ in range(2))

    assert one.content != two.content
    assert one.wrapped_key != two.wrapped_key


def test_each_document_has_a_key_of_its_own_so_that_one_can_go_alone():
    vault = Vault("1", {"1": OLD})
    one, two = vault.seal(PDF, DOCUMENT, DOSSIER), vault.seal(PDF, DOCUMENT, DOSSIER)

    with pytest.raises(UnreadableDocument):
        vault.open(replace(one, wrapped_key=two.wrapped_key), DOCUMENT, DOSSIER)


@pytest.mark.parametrize("part", ["content", "wrapped_key"])
@pytest.mark.parametrize("place", [0, 12, -1])
def test_what_was_changed_is_not_opened(part, place):
    vault = Vault("1", {"1": OLD})
    sealed = vault.seal(PDF, DOCUMENT, DOSSIER)
    changed = bytearray(getattr(sealed, part))
    changed[place] ^= 1

    with pytest.raises(UnreadableDocument):
        vault.open(replace(sealed, **{part: bytes(changed)}), DOCUMENT, DOSSIER)


def test_a_row_that_was_moved_to_another_dossier_or_document_opens_nothing():
    vault = Vault("1", {"1": OLD})
    sealed = vault.seal(PDF, DOCUMENT, DOSSIER)

    for document, dossier in ((DocumentId(uuid4()), DOSSIER), (DOCUMENT, DossierId(uuid4()))):
        with pytest.raises(UnreadableDocument):
            vault.open(sealed, document, dossier)


def test_without_its_key_a_document_is_noise():
    sealed = Vault("1", {"1": OLD}).seal(PDF, DOCUMENT, DOSSIER)

    for vault in (Vault("1", {"1": NEW}), Vault("2", {"2": OLD})):
        with pytest.raises(UnreadableDocument):
            vault.open(sealed, DOCUMENT, DOSSIER)
    with pytest.raises(UnreadableDocument):
        Vault("1", {"1": OLD}).open(replace(sealed, wrapped_key=b""), DOCUMENT, DOSSIER)


def test_while_a_key_takes_the_place_of_another_both_open_and_the_new_one_seals():
    sealed = Vault("1", {"1": OLD}).seal(PDF, DOCUMENT, DOSSIER)
    both = Vault("2", {"2": NEW, "1": OLD})

    assert both.open(sealed, DOCUMENT, DOSSIER) == PDF
    assert both.seal(PDF, DOCUMENT, DOSSIER).key_id == "2"


def test_the_keys_of_the_settings_are_those_of_the_vault():
    settings = some_settings()
    own = settings.secrets
    rotated = own.model_copy(
        update={
            "dossier_key_id": "2",
            "dossier_key": SecretStr("n" * 32),
            "dossier_previous_key_id": "1",
            "dossier_previous_key": own.dossier_key,
        }
    )
    sealed = Vault.of(settings).seal(PDF, DOCUMENT, DOSSIER)
    later = Vault.of(settings.model_copy(update={"secrets": rotated}))

    assert later.open(sealed, DOCUMENT, DOSSIER) == PDF


def test_a_service_without_a_key_keeps_no_documents_in_clear_it_does_not_start():
    settings = some_settings()
    without = settings.model_copy(
        update={"secrets": settings.secrets.model_copy(update={"dossier_key": None})}
    )

    with pytest.raises(UnsafeSettings, match="DOSSIER_KEY"):
        Vault.of(without)


def test_nothing_of_keys_or_documents_is_shown():
    vault = Vault("1", {"1": OLD})
    shown = repr(vault) + repr(vault.seal(PDF, DOCUMENT, DOSSIER))

    assert shown == "Vault(['1'])Sealed(1)"


def production(**secrets):
    kept = some_settings()
    own = kept.secrets.model_dump(exclude_none=True)
    return some_settings(
        environment="production",
        public_url="https://mon-espace.example",
        fas_issuer="https://fas.example",
        keycloak={**kept.keycloak.model_dump(), "base_url": "https://connexion.example"},
        secrets={**own, **secrets},
    )


def test_outside_a_demo_the_settings_themselves_want_a_key_and_no_placeholder():
    assert production().secrets.dossier_key is not None
    for wrong in (None, "changeme-changeme-changeme-changeme", "short"):
        with pytest.raises(ValueError, match="DOSSIER_KEY"):
            production(dossier_key=wrong)
