"""Real engines for the session; a session with scoring that happens when the test says so."""

from collections.abc import AsyncIterator, Iterator

import pytest

from realtime.engines import Engines, start_engines
from tests.scoring.stage import Stage, open_stage


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
