"""A real Keycloak and the stand-in for FAS, once per run; they start when the first test asks for them."""

from collections.abc import Iterator

import pytest

from tests.support.login import Browser
from tests.support.realm import Addresses, Fas, Keycloak, running_fas, running_keycloak


@pytest.fixture(scope="session")
def addresses() -> Addresses:
    """Ports that were free, the same from run to run where they can be."""
    return Addresses.free()


@pytest.fixture(scope="session")
def fas_process(addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fas]:
    with running_fas(addresses, tmp_path_factory.mktemp("fas")) as fas:
        yield fas


@pytest.fixture
def fas(fas_process: Fas) -> Iterator[Fas]:
    """The stand-in, which behaves again after the test."""
    yield fas_process
    fas_process.behave()


@pytest.fixture(scope="session")
def keycloak(
    addresses: Addresses, fas_process: Fas, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Keycloak]:
    """The server with the realm `monespace`, brokered to the stand-in."""
    with running_keycloak(addresses, tmp_path_factory.mktemp("keycloak")) as server:
        yield server


@pytest.fixture
def browser(keycloak: Keycloak) -> Iterator[Browser]:
    """Somebody's browser, with no cookie yet."""
    one = Browser(keycloak)
    yield one
    one.http.close()


@pytest.fixture
def other_browser(keycloak: Keycloak) -> Iterator[Browser]:
    """The browser of somebody else."""
    one = Browser(keycloak)
    yield one
    one.http.close()
