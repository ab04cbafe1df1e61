"""Parts of a page get lost on the way, storage is forbidden, a reply comes late: nobody stands before a page that says nothing."""

import re
from typing import Final

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.cast import Cast
from tests.browser.people import RETURN_MS, TOO_LATE
from tests.browser.tour import NETWORK_IS_BACK, put_in_focus
from tests.browser.watch import OUTAGE
from tests.journey.servers import Server
from tests.journey.stages import Scene, Stage
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]
LOST: Final = r"net::ERR_FAILED|Failed to fetch dynamically imported module"
FORBIDDEN: Final = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("forbidden", "SecurityError"); } });
}
"""
COUNTED_TIMERS: Final = """
window.waiting = new Set();
const [later, cancel] = [window.setTimeout, window.clearTimeout];
window.setTimeout = (action, ...more) => {
  const handle = later((...given) => { waiting.delete(handle); action(...given); }, ...more);
  waiting.add(handle);
  return handle;
};
window.clearTimeout = (handle) => { waiting.delete(handle); cancel(handle); };
"""
HALL: Final = 15  # answers while a clock runs


async def lose(page: Page, files: str) -> None:
    """Let the network lose these files from now on; `page.unroute` lets them through again."""

    async def drop(route: Route) -> None:
        await route.abort()

    await page.route(files, drop)


async def test_what_was_lost_of_a_question_comes_by_itself(cast: Cast, stage: Stage) -> None:
    cast.watch.expect(LOST)
    scene = await stage.session("A hole in the air")
    phone, presenter = await cast.phone(), await cast.presenter()
    screen = (await cast.presenter()).page
    await phone.join(scene.code, "Ida")
    await presenter.take_over(scene.id, scene.ticket)
    await screen.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
    await expect(screen.locator(".code").first).to_have_text(scene.code)
    pages = (phone.page, presenter.page, screen)
    for page in pages:
        await lose(page, "**/c*/poll.js")
    await put_in_focus(await scene.present(), await scene.add(reveal={"counts": "live", "results": "live"}))
    await expect(phone.page.get_by_text("Connecting…")).to_be_visible()
    for page in pages:
        await page.unroute_all()

    await phone.answer("A")
    await phone.is_saved()
    for page in (presenter.page, screen):
        await expect(page.locator(".bars li").first).to_be_visible(timeout=RETURN_MS)


async def test_a_page_that_did_not_arrive_whole_says_so(cast: Cast, stage: Stage) -> None:
    cast.watch.expect(LOST)
    scene = await stage.session("Half a page")
    page = (await cast.phone(locale="de-DE")).page
    await lose(page, "**/participant/room.js")
    await page.goto(f"{cast.url}/join#{scene.code}")
    await expect(page.get_by_role("alert")).to_have_text(re.compile("nicht ganz angekommen"))
    await page.unroute_all()
    await page.get_by_role("button", name="Seite neu laden").click()
    await expect(page.get_by_role("heading", name=scene.code)).to_be_visible()


async def test_forbidden_storage_keeps_nobody_out(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("A strict browser")
    await scene.add()
    phone = await cast.phone()
    await phone.page.add_init_script(FORBIDDEN)
    await phone.join(scene.code, "Zoe")
    await phone.answer("B")
    await phone.is_saved()
    screen = (await cast.presenter()).page
    await screen.add_init_script(FORBIDDEN)
    await screen.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
    await expect(screen.locator(".code").first).to_have_text(scene.code)


async def test_a_join_that_is_answered_late_takes_nobody_from_where_he_is(cast: Cast, stage: Stage) -> None:
    first, second = await stage.session("First"), await stage.session("Second")
    page = (await cast.phone()).page
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/v1/join", hold)
    await page.goto(f"{cast.url}/join#{first.code}")
    async with page.expect_request("**/api/v1/join"):
        await page.get_by_role("button", name="Join anonymously").click()
    await page.evaluate("(code) => { location.hash = code; }", second.code)
    await expect(page.get_by_role("heading", name=second.code)).to_be_visible()
    async with page.expect_response("**/api/v1/join"):
        await held[0].continue_()
    await expect(page.get_by_role("button", name="Join anonymously")).to_be_enabled()
    await expect(page.get_by_role("heading", name=second.code)).to_be_visible()
    await page.evaluate("(code) => { location.hash = code; }", first.code)  # the seat was taken all the same
    await expect(page.locator("header .name")).to_have_text("First")


async def test_answers_wind_up_no_clocks(cast: Cast, stage: Stage) -> None:
    """A presenter's page costs as much after an hour of answers as at their beginning."""
    scene = await stage.session("Against the clock")
    presenter = await cast.presenter()
    await presenter.page.add_init_script(COUNTED_TIMERS)
    await presenter.take_over(scene.id, scene.ticket)
    activity_id = await scene.add(constraints={"time_limit": 600})
    await expect(presenter.count).to_have_text("0 answers")
    before = await presenter.page.evaluate("waiting.size")
    await answer_one_by_one(scene, activity_id, presenter.page)
    assert await presenter.page.evaluate("waiting.size") < before + HALL / 3


async def answer_one_by_one(scene: Scene, activity_id: str, page: Page) -> None:
    """Each answer is seen before the next one is given, so that each is an update of the page."""
    for number in range(1, HALL + 1):
        await scene.answer(activity_id, await scene.join(f"P{number}"), {"selected": ["a"]})
        await expect(page.locator(".stage .count strong")).to_have_text(re.compile(f"^{number} answers?$"))


async def test_what_came_too_late_is_given_back(cast: Cast, server: Server, stage: Stage) -> None:
    cast.watch.expect(OUTAGE)
    scene = await stage.session("Questions")
    activity_id = await scene.add("qna", {"topic": "Ask", "moderate_questions": False})
    wire = await cast.wire(server)
    phone = await cast.phone(wire.url)
    await phone.join(scene.code, "Uma")
    box = phone.page.get_by_role("textbox")
    await expect(box).to_be_visible()
    wire.cut()
    await expect(phone.banner).to_be_visible()
    await box.fill("Is that so?")
    await phone.page.get_by_role("button", name="Ask").click()
    await expect(box).to_have_value("")
    await scene.move(activity_id, "closed")
    wire.mend()
    await phone.page.evaluate(NETWORK_IS_BACK)
    await expect(phone.page.get_by_role("alert")).to_have_text(re.compile(TOO_LATE), timeout=RETURN_MS)
    await scene.move(activity_id, "active")
    await expect(box).to_have_value("Is that so?")


async def test_without_a_socket_an_answer_is_given_and_taken_back(cast: Cast, stage: Stage) -> None:
    cast.watch.expect(OUTAGE)
    scene = await stage.session("Behind a wall")
    activity_id = await scene.add()
    phone = await cast.phone()
    await phone.page.add_init_script("window.WebSocket = class { constructor() { throw new Error('forbidden'); } };")
    await phone.follow_link(scene.code)
    await phone.page.get_by_role("button", name="Join anonymously").click()
    await phone.sees("Which one?", RETURN_MS)
    await phone.answer("C")
    await phone.is_saved()
    await phone.page.get_by_role("button", name="Take my answer back").click()
    await expect(phone.page.get_by_role("button", name="Send answer")).to_be_visible()

    async def is_taken_back() -> bool:
        return [row["deleted_at"] is None for row in await scene.rows(activity_id)] == [False]

    await eventually(is_taken_back, "the database knows that the answer was taken back")
