"""Every type is answered with Tab, arrows, Space and Enter alone, as people do who see or point badly."""

from typing import Final

import pytest
from playwright.async_api import Page, expect

from realtime.activities.registry import installed
from tests.browser.cast import Cast
from tests.browser.tour import own_words, put_in_focus
from tests.journey.stages import Stage
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
STOPS: Final = 40  # more than any question has
# What stands under the focus, as a person would name it; empty outside the question.
_NAME = """() => {
  const at = document.activeElement;
  if (!at?.closest("article.question")) return "";
  if (at.matches("input[type=radio], input[type=checkbox]")) return at.checked ? "chosen" : "choice";
  if (at.matches("input[type=range]")) return "range";
  if (at.matches("select")) return "list";
  if (at.matches("[role=application]")) return "picture";
  if (at.matches("input[inputmode=decimal], input[inputmode=numeric], input[type=number]")) return "number";
  if (at.matches("input, textarea")) return "text";
  if (at.matches("button.primary, button.buzzer, button.reaction")) return "go";
  return "other";
}"""
_KEYS: Final = {"choice": ("Space",), "range": ("End",), "picture": ("ArrowRight", "Enter")}
_TYPED: Final = {"number": "30", "text": "Light"}


async def answer(page: Page) -> list[str]:
    """Go through the question with Tab, do what each thing is there for, and press what sends; returns what there was."""
    met: list[str] = []
    for _ in range(STOPS):
        await page.keyboard.press("Tab")
        name = await page.evaluate(_NAME)
        if not name:
            if met:
                break  # past the question: what was done is not enough, or it is sent by itself
            continue
        met.append(name)
        if name == "go":
            await page.keyboard.press("Enter")
            break
        if name == "list":
            await page.keyboard.press("End" if "list" in met[:-1] else "ArrowDown")  # what one has, another cannot have
        for key in _KEYS.get(name, ()):
            if name != "choice" or met.count("choice") <= 2:  # as many as any example allows
                await page.keyboard.press(key)
        if name in _TYPED:
            await page.keyboard.type(_TYPED[name])
    return met


async def test_every_type_needs_no_pointer(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Keys for everything")
    host = await scene.present()
    phone = await cast.phone()
    page = phone.page
    await phone.join(scene.code, "Kay")
    for name, kind in sorted(installed().kinds().items()):
        settings = {**own_words(kind).settings, **({"phases": None} if name == "quiz" else {})}
        activity = await scene.add(name, settings)
        await put_in_focus(host, activity)
        card = page.locator("article.question:has(.meta .chip.active)")
        await expect(card.locator("button.primary, button.buzzer, button.reaction").first).to_be_attached()
        met = await answer(page)

        async def is_counted(activity: str = activity) -> bool:
            return bool(host.map.get(f"counts:{activity}", {}).get("responses"))

        await eventually(is_counted, f"an answer to {name}, whose question has {met}")
        await scene.move(activity, "closed")
        await expect(page.locator("article.question .meta .chip.closed")).to_be_visible()  # or the next one would be taken for it
