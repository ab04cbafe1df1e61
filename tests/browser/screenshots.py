"""Pictures of every page in every state: `python -m tests.browser.screenshots OUT [--only NAME ...]`.

Each state is taken at three sizes, in light and in dark, as `OUT/<size>-<theme>/<state>.png`.
"""

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from playwright.async_api import Page

from tests.browser.cast import Cast
from tests.browser.chromium import SETTLED, open_browser
from tests.browser.tour import tour_participant, tour_presenter, tour_screen, tour_types
from tests.browser.tour_more import tour_builder, tour_desk, tour_doors, tour_room, tour_standings
from tests.browser.tour_results import tour_import, tour_results
from tests.browsers import find_browser
from tests.journey.servers import Server
from tests.journey.stages import open_stage

SIZES: Final = {"360x740": (360, 740), "768x1024": (768, 1024), "1920x1080": (1920, 1080)}
THEMES: Final = ("light", "dark")
_SHOW: Final = f"async (theme) => {{ document.documentElement.dataset.theme = theme; scrollTo(0, 0); await ({SETTLED})(); }}"


class Album:
    """Takes a picture of each state that a tour comes to."""

    def __init__(self, folder: Path, only: list[str]) -> None:
        self.folder = folder
        self.only = only
        self.count = 0

    async def look(self, state: str, page: Page) -> None:
        """All sizes and themes of one state; the page is left as it was."""
        if self.only and not any(each in state for each in self.only):
            return
        before = page.viewport_size
        for size, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            for theme in THEMES:
                await page.evaluate(_SHOW, theme)
                place = self.folder / f"{size}-{theme}"
                place.mkdir(parents=True, exist_ok=True)
                is_modal = await page.locator("dialog[open]").count() > 0  # covers what is seen, not the whole page
                await page.screenshot(path=place / f"{state}.png", full_page=not is_modal)
                self.count += 1
        await page.evaluate(_SHOW, THEMES[0])
        if before is not None:
            await page.set_viewport_size(before)


async def take_all(executable: str, album: Album) -> None:
    """Start a server and walk through everything."""
    async with AsyncExitStack() as ends:
        server = Server(Path(ends.enter_context(tempfile.TemporaryDirectory())))
        ends.callback(server.end)
        await asyncio.to_thread(server.start)
        browser = await ends.enter_async_context(open_browser(executable))
        stage = await open_stage(server.url, server.database_url)
        ends.push_async_callback(stage.close)
        people = await ends.enter_async_context(AsyncExitStack())
        cast = Cast(server.url, browser, browser, people)
        await tour_participant(cast, stage, server, album.look)
        await tour_presenter(cast, stage, album.look)
        await tour_screen(cast, stage, album.look)
        await tour_types(cast, stage, album.look)
        for tour in (tour_doors, tour_room, tour_standings, tour_desk, tour_builder):
            await tour(cast, stage, album.look)
        await tour_results(cast, stage, album.look)
        await tour_import(cast, stage, album.look)


def main() -> int:
    """The exit status; 2 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures; made if it is not there")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only states with one of these in their name")
    given = parser.parse_args()
    executable = find_browser()
    if executable is None:
        sys.stderr.write("no Chromium or Chrome is installed on this machine\n")
        return 2
    album = Album(given.out, given.only)
    asyncio.run(take_all(executable, album))
    sys.stdout.write(f"{album.count} pictures in {given.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
