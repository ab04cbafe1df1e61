"""One real Valkey for all tests of the store; each test finds it empty."""

from collections.abc import AsyncIterator, Iterator

import pytest

from realtime.engines import Engines, start_engines
from tests.store.stage import Hall, open_hall


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    started = start_engines(tmp_path_factory.mktemp("engines") / "data", postgres=False, appendfsync="no")
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def redis_url(engines: Engines) -> str:
    return engines.redis_url


@pytest.fixture
async def hall(redis_url: str) -> AsyncIterator[Hall]:
    async with open_hall(redis_url) as opened:
        yield opened
