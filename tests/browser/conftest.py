"""Real pages in a real browser on a real server. Where no Chromium or Chrome is installed, the tests say so and are left out."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, expect

from tests.browser.chromium import COMMON, DESKTOP, PHONE, open_browser
from tests.browser.people import WAIT_MS, Phone, Presenter
from tests.browser.watch import Watch
from tests.browser.wire import Wire
from tests.browsers import find_browser
from tests.journey.servers import Server
from tests.journey.stages import Stage, open_stage

expect.set_options(timeout=WAIT_MS)
# Slow enough that a page shows "counted" before "saved", fast enough that nobody waits.
SLOW_FLUSH = {"PLENUM_FLUSH_AGE_MS": "400"}


@pytest.fixture(scope="session")
def executable() -> str:
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium or Chrome is installed on this machine")
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
def make_server(executable: str, tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Servers of one test's own, which it may kill."""
    made: list[Server] = []

    def make() -> Server:
        made.append(Server(tmp_path / str(len(made))))
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


@dataclass
class Cast:
    """The people of one test. Each has a browser context of their own, and all are watched."""

    url: str
    phones: Browser
    desk: Browser
    ends: AsyncExitStack
    watch: Watch = field(default_factory=Watch)

    async def phone(self, url: str = "", **options: Any) -> Phone:
        """Somebody with a phone; `url` is how the phone reaches the server."""
        context = await self.context(self.phones, **PHONE, **options)
        return Phone(await context.new_page(), url or self.url)

    async def presenter(self, url: str = "", **options: Any) -> Presenter:
        """Somebody at a desk."""
        context = await self.context(self.desk, **{**DESKTOP, **options})
        return Presenter(await context.new_page(), url or self.url)

    async def context(self, browser: Browser, **options: Any) -> BrowserContext:
        """A browser without a past, watched."""
        context = await browser.new_context(**{**COMMON, **options})
        self.ends.push_async_callback(context.close)
        context.set_default_timeout(WAIT_MS)
        await self.watch.attach(context)
        return context

    async def wire(self, server: Server) -> Wire:
        """A network of one phone's own."""
        return await self.ends.enter_async_context(Wire(server.port))


@pytest_asyncio.fixture(loop_scope="session")
async def cast(server: Server, phones_browser: Browser, desk_browser: Browser) -> AsyncIterator[Cast]:
    async with AsyncExitStack() as ends:
        people = Cast(server.url, phones_browser, desk_browser, ends)
        yield people
    people.watch.check()
