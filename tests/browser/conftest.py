"""Real pages in a real browser on a real server. Where no Chromium or Chrome is installed, the tests say so and are left out."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser.cast import Cast
from tests.browser.chromium import open_browser
from tests.browsers import find_browser
from tests.journey.servers import Server
from tests.journey.stages import Stage, open_stage

# Slow enough that a page shows "counted" before "saved", fast enough that nobody waits.
SLOW_FLUSH = {"PLENUM_FLUSH_AGE_MS": "400"}


@pytest.fixture(scope="session")
def executable() -> str:
    found = find_browser()
    if found is None:
        # A person may do without; the gate would be green over pages that nothing looked at.
        leave_out = pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip
        leave_out("no Chromium or Chrome is installed on this machine")
    return found


@pytest.fixture(scope="session")
def server(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("browser"), **SLOW_FLUSH)
    try:
        running.start()
        yield running
        running.stop()
    finally:
        running.end()


@pytest.fixture
def make_server(executable: str, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers of one test's own, which it may kill."""
    made: list[Server] = []

    def make(**variables: str) -> Server:
        made.append(Server(tmp_path / str(len(made)), **variables))
        made[-1].start()
        return made[-1]

    yield make
    for running in made:
        running.end()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def phones_browser(executable: str) -> AsyncIterator[Browser]:
    async with open_browser(executable) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def desk_browser(executable: str) -> AsyncIterator[Browser]:
    """A second process: presenter and participants share nothing but the server."""
    async with open_browser(executable) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def stage(server: Server) -> AsyncIterator[Stage]:
    """Sessions made over REST, and the database behind them."""
    opened = await open_stage(server.url, server.database_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def cast(server: Server, phones_browser: Browser, desk_browser: Browser) -> AsyncIterator[Cast]:
    async with AsyncExitStack() as ends:
        people = Cast(server.url, phones_browser, desk_browser, ends)
        yield people
    people.watch.check()
