"""Hostile traffic against the real server process. The hubs of a run share one pair of engines, as an operator's would."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from realtime.engines import Engines
from tests.hostile.raw import Raw

# Fixtures of the journeys, used here as well.
from tests.journey.conftest import discreet_logs, enter_stage, external_engines  # noqa: F401
from tests.journey.servers import Server
from tests.journey.stages import Stage, open_stage

# What honest clients of a test may need more of than a person does; everything else is as delivered.
ROOMY = {"PLENUM_CONNECTIONS_PER_TICKET": "10000"}


@pytest.fixture(scope="session")
def start_hub(external_engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Server]:  # noqa: F811
    """Starts hubs on the run's engines; whoever starts one ends it."""
    urls = {"REDIS_URL": external_engines.redis_url, "DATABASE_URL": external_engines.database_url}

    def start(**variables: str) -> Server:
        hub = Server(tmp_path_factory.mktemp("hub"), **ROOMY, **urls, **variables)
        try:
            hub.start()
        except BaseException:
            hub.end()
            raise
        return hub

    return start


@contextlib.contextmanager
def ending_cleanly(hub: Server) -> Iterator[Server]:
    """Whatever is done to a hub, Ctrl-C must end it, and its log holds no trace of a fault."""
    try:
        yield hub
        hub.stop()
        assert "Traceback" not in hub.log.read_text()
    finally:
        hub.end()


@pytest.fixture(scope="session")
def server(start_hub: Callable[..., Server]) -> Iterator[Server]:
    """A hub as delivered, but for one thing: all tests come from one address, and some of them guess."""
    with ending_cleanly(start_hub(PLENUM_FAILURES_PER_ADDRESS="1000")) as hub:
        yield hub


@pytest.fixture
async def stage(server: Server) -> AsyncIterator[Stage]:
    opened = await open_stage(server.url, server.database_url)
    yield opened
    await opened.close()


@pytest.fixture
def make_hub(start_hub: Callable[..., Server]) -> Iterator[Callable[..., Server]]:
    """Hubs of one test; whatever the test does, they end."""
    made: list[Server] = []

    def make(**variables: str) -> Server:
        made.append(start_hub(**variables))
        return made[-1]

    yield make
    for hub in made:
        hub.end()


@pytest.fixture
async def sockets() -> AsyncIterator[list[Raw]]:
    """Raw connections of a test; closed at its end."""
    opened: list[Raw] = []
    yield opened
    for raw in opened:
        await raw.close()
