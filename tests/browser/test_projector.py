"""A projector has nobody to scroll: what the big screen shows of every type fits on it."""

import pytest
from playwright.async_api import Page

from tests.browser.cast import Cast
from tests.browser.chromium import SETTLED
from tests.browser.tour import tour_screen, tour_types
from tests.browser.tour_more import tour_standings
from tests.journey.stages import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

_SIZE = {"width": 1920, "height": 1080}
_PAGE = "document.documentElement"
_OVERFLOW = f"async () => {{ await ({SETTLED})(); return {_PAGE}.scrollHeight - {_PAGE}.clientHeight; }}"


async def test_nothing_is_below_the_edge(cast: Cast, stage: Stage) -> None:
    hidden: dict[str, int] = {}
    seen: list[str] = []

    async def look(state: str, page: Page) -> None:
        if "screen" not in state:
            return
        seen.append(state)
        before = page.viewport_size
        await page.set_viewport_size(_SIZE)
        below = await page.evaluate(_OVERFLOW)
        if below > 0:
            hidden[state] = below
        assert before is not None
        await page.set_viewport_size(before)

    await tour_screen(cast, stage, look)
    await tour_standings(cast, stage, look)
    await tour_types(cast, stage, look)
    assert len(seen) > 20
    assert hidden == {}
