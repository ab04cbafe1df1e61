"""The API against the real server process on its own embedded engines."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.journey.servers import Server
from tests.journey.stages import Stage, open_stage


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this folder; it must end cleanly."""
    running = Server(tmp_path_factory.mktemp("web"))
    try:
        running.start()
        yield running
        running.stop()
    finally:
        running.end()


@pytest.fixture
async def stage(server: Server) -> AsyncIterator[Stage]:
    opened = await open_stage(server.url, server.database_url)
    yield opened
    await opened.close()
