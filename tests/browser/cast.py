"""The people of one test, each with a browser context of their own, all of them watched."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, expect

from tests.browser.chromium import COMMON, DESKTOP, PHONE
from tests.browser.people import WAIT_MS, Phone, Presenter
from tests.browser.watch import Watch
from tests.browser.wire import Wire
from tests.journey.servers import Server

expect.set_options(timeout=WAIT_MS)


@dataclass
class Cast:
    """Who takes part. `url` is how they reach the server unless a test says otherwise."""

    url: str
    phones: Browser
    desk: Browser
    ends: AsyncExitStack
    watch: Watch = field(default_factory=Watch)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator["Cast"]:
        """Further people, who are watched by themselves: what these may not do, those may not do either."""
        async with AsyncExitStack() as ends:
            others = Cast(self.url, self.phones, self.desk, ends)
            yield others
        others.watch.check()

    async def phone(self, url: str = "", **options: Any) -> Phone:
        """Somebody with a phone; `url` is how the phone reaches the server."""
        context = await self.context(self.phones, **{**PHONE, **options})
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
