"""A whole session: three phones, a presenter and a big screen, across eight types; drafts and the word to who is missing."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from playwright.async_api import expect

from tests.browser.cast import Cast
from tests.browser.people import Phone
from tests.journey.stages import Scene, Stage

WAITING = "The presenter is waiting for your answer."

pytestmark = pytest.mark.asyncio(loop_scope="session")

POLL: Final = {"question": "Which topic next?", "options": [{"id": "a", "text": "Light"}, {"id": "b", "text": "Dark"}]}
QUIZ: Final = {"question": "2 + 2?", "options": POLL["options"], "correct": ["a"], "phases": {"read_ms": 0}}
# In this order the presenter goes through them; what follows the first is asked with one key.
TYPES: Final = (
    ("poll", POLL, {}),
    ("quiz", QUIZ, {"scoring": {"mode": "accuracy"}}),
    ("word_cloud", {"prompt": "One word for today"}, {}),
    ("rating", {"prompt": "How sure are you?", "items": [{"id": "x", "text": "I can explain it"}]}, {}),
    ("open_text", {"prompt": "What was unclear?"}, {}),
    ("numeric", {"prompt": "How many?", "min": 0, "max": 10}, {}),
    ("ranking", {"prompt": "Order by importance", "items": [{"id": "x", "text": "X"}, {"id": "y", "text": "Y"}]}, {}),
    ("qna", {"topic": "Ask anything", "moderate_questions": False}, {}),
)


async def _send(phone: Phone) -> None:
    await phone.page.get_by_role("button", name="Send answer").click()


async def _choose(phone: Phone) -> None:
    await phone.answer("Light")


async def _write(phone: Phone) -> None:
    await phone.page.get_by_role("article").get_by_role("textbox").first.fill("water")
    await _send(phone)


async def _rate(phone: Phone) -> None:
    await phone.page.locator("label.point", has_text="4").click()
    await _send(phone)


async def _count(phone: Phone) -> None:
    await phone.page.get_by_role("article").get_by_role("textbox").first.fill("7")
    await _send(phone)


async def _ask(phone: Phone) -> None:
    await phone.page.get_by_label("Your question").fill("Why?")
    await phone.page.get_by_role("button", name="Ask", exact=True).click()


ANSWERS: Final[dict[str, Callable[[Phone], Awaitable[None]]]] = {
    "poll": _choose, "quiz": _choose, "word_cloud": _write, "rating": _rate, "open_text": _write, "numeric": _count,
    "ranking": _send, "qna": _ask,
}  # fmt: skip


def _question(settings: dict[str, object]) -> str:
    return str(settings.get("question") or settings.get("prompt") or settings.get("topic"))


@pytest.mark.timeout(180)
async def test_three_phones_a_presenter_and_a_big_screen_through_eight_types(cast: Cast, stage: Stage) -> None:
    desk = await cast.presenter()
    code = await desk.create_session("A whole lesson")
    kept = json.loads(await desk.page.evaluate("JSON.stringify(JSON.parse(localStorage.getItem('plenum.sessions'))[0])"))
    scene = Scene(stage, kept["id"], code, kept["ticket"])
    for kind, settings, config in TYPES:
        await scene.add(kind, settings, state="draft", **config)
    phones = [await cast.phone() for _ in range(3)]
    for phone, name in zip(phones, ("Ada", "Ben", "Cleo"), strict=True):
        await phone.join(code, name)
    screen = (await cast.presenter()).page
    await screen.goto(f"{cast.url}/screen#session={kept['id']}&ticket={kept['screen_ticket']}")
    await expect(screen.locator(".way-in .code")).to_have_text(code)

    await expect(desk.page.locator(".agenda > li")).to_have_count(len(TYPES))
    await desk.page.locator(".agenda li > button").first.click()
    await desk.press("Open for answers")
    for place, (kind, settings, _) in enumerate(TYPES):
        if place:
            await desk.page.keyboard.press("ArrowRight")  # closes what runs, and opens what comes next
        question = _question(settings)
        await expect(screen.get_by_role("heading", name=question, exact=True)).to_be_visible()
        await expect(screen.locator(".rail .code")).to_have_text(code)
        for number, phone in enumerate(phones, 1):
            await phone.sees(question)
            if kind == "poll" and number == len(phones):
                await desk.page.get_by_role("button", name="Nudge").click()
                await expect(phone.page.get_by_text(WAITING).first).to_be_visible()
                await expect(phones[0].page.get_by_text(WAITING).first).to_be_hidden()
                await desk.page.get_by_role("button", name="Who is missing?").click()
                await expect(desk.page.get_by_role("dialog").get_by_role("listitem")).to_have_text(["Cleo"])
                await desk.page.get_by_role("dialog").get_by_role("button", name="Close").click()
            await ANSWERS[kind](phone)
        await expect(desk.count).to_have_text("3 answers")
        if kind == "quiz":
            await desk.press("Close")
            await expect(desk.state).to_have_text("Closed")
            await desk.press("Reveal results")
            await expect(phones[0].page.locator(".own-score")).to_contain_text("1,000 points")
            await expect(screen.locator(".board-list li")).to_have_count(3)

    await expect(desk.light).to_have_text("All 24 answers are saved")
    await desk.light.click()
    await expect(desk.page.get_by_role("dialog")).to_contain_text("Live counts and rows agree.")
    assert len(await scene.rows()) == 24


async def test_a_draft_is_there_on_another_device(cast: Cast, stage: Stage) -> None:
    scene = await stage.session()
    await scene.add("open_text", {"prompt": "What was unclear?"})
    phone = await cast.phone()
    await phone.join(scene.code, "Ada")
    await phone.page.get_by_label("Your answer").fill("Half a thought")
    await expect(phone.page.get_by_text("Draft saved")).to_be_visible()
    await phone.page.reload()
    await expect(phone.page.get_by_label("Your answer")).to_have_value("Half a thought")
    # What a browser carries over to another device is the seat, and not what this tab remembers.
    seat = await phone.page.context.storage_state()
    other = await cast.phone(storage_state=seat)
    await other.follow_link(scene.code)
    await expect(other.page.get_by_label("Your answer")).to_have_value("Half a thought")
    await _send(other)
    await other.is_saved()


async def test_reactions_are_at_hand_beside_a_question(cast: Cast, stage: Stage) -> None:
    scene = await stage.session()
    await scene.add("reaction", {"prompt": "How is the pace?", "kinds": ["too_fast", "heart"]})
    await scene.add(settings=POLL)
    phone = await cast.phone()
    await phone.join(scene.code, "Ada")
    await phone.sees("Which topic next?")
    heart = phone.page.get_by_role("region", name="How is the pace?").get_by_role("button", name=re.compile("Love it"))
    await heart.click()
    await expect(heart).to_have_attribute("aria-pressed", "true")
    await phone.answer("Light")
    await phone.is_saved()


async def test_pages_read_from_right_to_left(cast: Cast, stage: Stage) -> None:
    """In the pseudo-locale of testers, and with Arabic content: nothing sticks out, and the reading side is the right one."""
    scene = await stage.session("درس الأحياء")
    options = [{"id": "a", "text": "الضوء"}, {"id": "b", "text": "الماء"}]
    await scene.add(settings={"question": "أي موضوع تريدون؟", "options": options})
    mirror = "localStorage.setItem('plenum.language', 'en-XB')"
    phone, desk, screen = await cast.phone(), await cast.presenter(), await cast.presenter()
    for page in (phone.page, desk.page, screen.page):
        await page.add_init_script(mirror)
    await phone.join(scene.code, "نور")
    await phone.answer("الضوء")
    await phone.is_saved()
    await desk.take_over(scene.id, scene.ticket)
    await desk.page.get_by_role("button", name="Add").first.click()
    await screen.page.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
    await expect(screen.page.locator(".rail .code, .way-in .code")).to_be_visible()
    for page in (phone.page, desk.page, screen.page):
        assert await page.evaluate("getComputedStyle(document.body).direction") == "rtl"
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), page.url
    start = await phone.page.locator(".brand").bounding_box()
    assert start is not None
    assert start["x"] > 180, "the brand stands where reading begins"
