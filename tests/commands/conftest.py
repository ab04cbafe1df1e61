"""Real engines for the session, and the whole server of one process (or two) without its HTTP front."""

from collections.abc import AsyncIterator, Iterator

import pytest

from realtime.engines import Engines, start_engines
from tests.commands.stage import Stage, open_stage
from tests.journey.servers import Server, serving
from tests.journey.stages import Stage as WireStage
from tests.journey.stages import open_stage as open_wire_stage


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    started = start_engines(tmp_path_factory.mktemp("engines") / "data", appendfsync="no")
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
async def stage(engines: Engines) -> AsyncIterator[Stage]:
    async with open_stage(engines) as opened:
        yield opened


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server as an operator starts it."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[WireStage]:
    opened = await open_wire_stage(server.url, server.database_url)
    yield opened
    await opened.close()
