"""The API against the real server process on its own embedded engines."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.journey.conftest import discreet_logs  # noqa: F401 - a check of every server process, made at the end
from tests.journey.servers import Server, serving
from tests.journey.stages import Stage, open_stage


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this folder."""
    with serving(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture
async def stage(server: Server) -> AsyncIterator[Stage]:
    opened = await open_stage(server.url, server.database_url)
    yield opened
    await opened.close()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers of one test on its own folder; whatever the test does, they end."""
    made: list[Server] = []

    def make(**variables: str) -> Server:
        made.append(Server(tmp_path / "own", **variables))
        return made[-1]

    yield make
    for running in made:
        running.end()
