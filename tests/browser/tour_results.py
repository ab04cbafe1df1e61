"""A walk through the results page: a session that was lived through, an empty one, one that nobody knows."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from playwright.async_api import Page, expect

from tests.browser.cast import Cast
from tests.journey.stages import Scene, Stage

Look = Callable[[str, Page], Awaitable[None]]
QUIZ: Final[dict[str, Any]] = {
    "question": "Where does the Calvin cycle run?",
    "options": [
        {"id": "a", "text": "In the stroma"},
        {"id": "b", "text": "In the thylakoid"},
        {"id": "c", "text": "In the cytosol"},
    ],
    "correct": ["a"],
}
PEOPLE: Final = ("Ada", "Grace", "Alan", "Emmy", "Noor", "Zoë with a rather long name")


async def live_through(scene: Scene) -> None:
    """Two rounds of a question, words, texts, and something that stays anonymous."""
    seats = [await scene.join(name) for name in PEOPLE]
    quiz = await scene.add("quiz", QUIZ, scoring={"mode": "accuracy", "points": 100})
    for seat, choice in zip(seats, "abbcab", strict=True):
        await scene.answer(quiz, seat, {"selected": [choice]})
    await scene.move(quiz, "closed")
    again = await scene.post(f"/activities/{quiz}/transition", {"target_state": "active", "new_round": True})
    assert again.status_code == 200, again.text
    for seat, choice in zip(seats[:5], "aaaba", strict=True):
        await scene.answer(quiz, seat, {"selected": [choice]})
    await scene.move(quiz, "closed")
    rating = await scene.add("rating", {"prompt": "How well could you follow?", "items": [{"id": "x", "text": "Today"}]})
    texts = await scene.add("open_text", {"prompt": "What is still unclear?"})
    secret = await scene.add("poll", constraints={"identity": "anonymous"})
    for number, seat in enumerate(seats):
        await scene.answer(rating, seat, {"ratings": {"x": 1 + number % 5}})
        await scene.answer(texts, seat, {"entries": [f"Why it is called the dark reaction, said in {number + 3} words"]})
        await scene.answer(secret, seat, {"selected": ["abc"[number % 3]]})
    await scene.add("word_cloud", {"prompt": "One word for today"}, state="draft")


async def open_results(cast: Cast, scene: Scene) -> Page:
    """The page with everything of it loaded."""
    presenter = await cast.presenter()
    page = presenter.page
    await page.goto(f"{cast.url}/results#session={scene.id}&ticket={scene.ticket}")
    await expect(page.locator(".head h1")).to_be_visible()
    for card in await page.locator("section.result, section.everybody").all():
        await card.scroll_into_view_if_needed()
    await expect(page.get_by_text("Fetching the results")).to_have_count(0)
    return page


async def tour_results(cast: Cast, stage: Stage, look: Look) -> None:
    scene = await stage.session("Biology, week 3")
    await live_through(scene)
    page = await open_results(cast, scene)
    await expect(page.locator("table.everyone tbody tr")).to_have_count(len(PEOPLE))
    await look("results", page)
    await page.get_by_role("button", name=re.compile("^Round 1")).click()
    await expect(page.get_by_role("button", name=re.compile("^Round 1"))).to_have_attribute("aria-pressed", "true")
    for summary in await page.locator("summary").all():
        await summary.click()
    await look("results-round", page)
    await look("results-empty", await open_results(cast, await stage.session("Nothing yet")))
    await page.goto(f"{cast.url}/results#session=unknown")
    await page.reload()
    await expect(page.get_by_role("heading", name="This browser does not know this session")).to_be_visible()
    await look("results-unknown", page)


GIFT: Final = """::Red:: Which planet is red? {=Mars ~Venus ~Saturn}

This brace is never closed {

[html]<b>Two</b> of these are gas giants {~%50%Jupiter ~%50%Saturn ~%-100%Mars}
"""


async def tour_import(cast: Cast, stage: Stage, look: Look) -> None:
    """The import dialog: empty, with what is good and what is wrong, with what cannot be read."""
    scene = await stage.session("Astronomy")
    presenter = await cast.presenter()
    page = presenter.page
    await presenter.take_over(scene.id, scene.ticket)
    await page.get_by_role("button", name="Import", exact=True).click()
    dialog = page.get_by_role("dialog", name="Import activities")
    await expect(dialog).to_be_visible()
    await look("import", page)
    cast.watch.expect("status of 422")
    await dialog.get_by_label("Or paste the questions").fill("hello")
    await dialog.get_by_role("button", name="Look at it first").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("neither JSON, CSV, GIFT")
    await look("import-unreadable", page)
    await dialog.get_by_label("Or paste the questions").fill(GIFT)
    await dialog.get_by_role("button", name="Look at it first").click()
    await expect(dialog.get_by_role("checkbox")).to_have_count(2)
    await expect(dialog.get_by_text("Line 3")).to_be_visible()
    await look("import-preview", page)
    await dialog.get_by_role("checkbox").nth(1).uncheck()
    await dialog.get_by_role("button", name="Add 1 activity").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator(".agenda li")).to_have_count(1)
    await expect(page.get_by_role("navigation").get_by_text("Which planet is red?")).to_be_visible()
