"""Long words, long languages and narrow screens: nothing sticks out of the page, and no column stands in another."""

from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.cast import Cast
from tests.browser.tour import put_in_focus
from tests.journey.stages import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]
WORD: Final = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
POLL: Final = {
    "question": f"{WORD}?",
    "options": [{"id": "a", "text": "W" * 150}, {"id": "b", "text": "نعم بالتأكيد"}, {"id": "c", "text": "x"}],
}
SURVEY: Final = {
    "title": WORD,
    "items": [{"id": "q", "type": "rating", "title": "t", "settings": {"prompt": WORD, "items": [{"id": "i", "text": WORD}]}}],
}
SEEN: Final = {"counts": "live", "results": "live"}
# What sticks out where the page can be scrolled sideways.
TOO_WIDE: Final = """() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  const isOut = (each) => each.getBoundingClientRect().right > clientWidth + 1 && !each.closest(".off-screen");
  const found = scrollWidth > clientWidth ? [...document.querySelectorAll("main *, header *")].filter(isOut) : [];
  const wide = scrollWidth > clientWidth ? [`${scrollWidth - clientWidth} px`] : [];
  return wide.concat(found.map((each) => `${each.tagName} ${each.className}: ${each.textContent.slice(0, 20)}`)).slice(0, 8);
}"""


async def fits(page: Page, what: str) -> None:
    assert await page.evaluate(TOO_WIDE) == [], f"{what} is wider than the screen"


@pytest.mark.parametrize("locale", ["de-DE", "fr-FR"])
async def test_long_words_fit_a_small_phone(cast: Cast, stage: Stage, locale: str) -> None:
    scene = await stage.session(f"Hauptversammlung {WORD}")
    host = await scene.present()
    poll, second = await scene.add(settings=POLL, reveal=SEEN), await scene.add("qna", {"topic": WORD, "moderate_questions": False})
    await put_in_focus(host, poll)
    page = (await cast.phone(viewport={"width": 320, "height": 568}, locale=locale)).page
    await page.goto(f"{cast.url}/")
    await fits(page, "the start page")
    await page.goto(f"{cast.url}/join#{scene.code}")
    await page.locator("#nickname").fill("W" * 40)
    await fits(page, "the door")
    await page.locator("form button").click()
    await page.locator(".option").first.click()
    await fits(page, "the question")
    await page.locator(".send button").click()
    await expect(page.locator(".steps .done")).to_have_count(3)
    await fits(page, "the receipt and the list of what else is open")
    await scene.answer(second, await scene.join("W" * 40), {"action": "question", "text": WORD * 4})
    await put_in_focus(host, second)
    await expect(page.locator(".posts li")).to_have_count(1)
    await fits(page, "a question from the audience")
    survey = await scene.add("survey", SURVEY)
    await put_in_focus(host, survey)
    await expect(page.locator(".point").first).to_be_visible()
    await fits(page, "a survey")
    for each in (poll, second, survey):
        await scene.move(each, "closed")
    await page.goto(f"{cast.url}/results#session={scene.id}&ticket={scene.ticket}")
    await expect(page.locator(".bars li").first).to_be_visible()
    await fits(page, "the results")


async def test_long_words_stay_in_their_column(cast: Cast, stage: Stage) -> None:
    scene = await stage.session(f"Hauptversammlung {WORD}")
    host = await scene.present()
    asked = await scene.add("qna", {"topic": WORD, "moderate_questions": False})
    await scene.answer(asked, await scene.join("W" * 40), {"action": "question", "text": WORD * 4})
    await put_in_focus(host, asked)
    presenter = await cast.presenter(locale="de-DE", viewport={"width": 1280, "height": 800})
    await presenter.take_over(scene.id, scene.ticket)
    page = presenter.page
    await expect(page.locator(".stage .desk li")).to_have_count(1)
    stands, way_in = [await page.locator(each).bounding_box() for each in (".stage", ".share")]
    assert stands is not None
    assert way_in is not None
    assert stands["x"] + stands["width"] <= way_in["x"], "the stage stands in the column beside it"
    for button in await page.locator(".bar .button, .bar button").all():
        box = await button.bounding_box()
        assert box is None or box["height"] < 50, "a button of the bar says its words on one line"
    await page.set_viewport_size({"width": 320, "height": 568})
    await fits(page, "the presenter's page")
