"""Pages that hold what people would write: everybody can use them, no word is broken, and a projector shows all of it."""

import pytest
from playwright.async_api import Page

from tests.browser.audit import Audit
from tests.browser.cast import Cast
from tests.browser.chromium import PHONE, SETTLED
from tests.browser.tour import tour_screen, tour_types
from tests.browser.tour_more import tour_standings
from tests.journey.stages import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

_PROJECTOR = {"width": 1920, "height": 1080}
_PAGE = "document.documentElement"
_BELOW = f"async () => {{ await ({SETTLED})(); return {_PAGE}.scrollHeight - {_PAGE}.clientHeight; }}"
# A word stands on one line, so its letters have one top.
_BROKEN_WORDS = f"""async () => {{
  await ({SETTLED})();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), broken = new Set();
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {{
    for (const word of text.data.matchAll(/[\\p{{L}}\\p{{N}}]+/gu)) {{
      const range = new Range();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((each) => Math.round(each.top))).size > 1) broken.add(word[0]);
    }}
  }}
  return [...broken];
}}"""


class Sizes:
    """Looks at the big screen as a projector and a phone show it, and collects what is wrong."""

    def __init__(self) -> None:
        self.below: dict[str, int] = {}
        self.broken: dict[str, list[str]] = {}
        self.states: list[str] = []

    async def look(self, state: str, page: Page) -> None:
        """Nothing of a projector is below its edge, where nobody scrolls; the page is left as it was."""
        if "screen" not in state:
            return
        self.states.append(state)
        before = page.viewport_size
        assert before is not None
        await page.set_viewport_size(_PROJECTOR)
        if (below := await page.evaluate(_BELOW)) > 0:
            self.below[state] = below
        await page.set_viewport_size(PHONE["viewport"])
        if broken := await page.evaluate(_BROKEN_WORDS):
            self.broken[state] = broken
        await page.set_viewport_size(before)

    def check(self) -> None:
        assert (self.below, self.broken) == ({}, {})


async def test_the_big_screen_shows_all_of_it(cast: Cast, stage: Stage) -> None:
    sizes = Sizes()
    await tour_screen(cast, stage, sizes.look)
    await tour_standings(cast, stage, sizes.look)
    sizes.check()


async def test_every_type(cast: Cast, stage: Stage) -> None:
    """Its control on a phone; its results on the phone, at the desk and on the big screen."""
    sizes, audit = Sizes(), Audit(".center", "main")

    async def look(state: str, page: Page) -> None:
        await audit.look(state, page)
        await sizes.look(state, page)

    await tour_types(cast, stage, look)
    assert len(sizes.states) > 20
    audit.check()
    sizes.check()
