"""What the tests of pages share: the whole service over the small Wallonia."""

from collections.abc import AsyncIterator

import pytest

from tests.support.console import Site, open_site


@pytest.fixture
async def site(town) -> AsyncIterator[Site]:
    async with open_site(town) as opened:
        yield opened
