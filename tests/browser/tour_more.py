"""A walk through what stands beside the questions: doors that ask, what the room tells one person, dialogs, the builder."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from playwright.async_api import Page, expect

from realtime.activities.contract import ActivityType
from realtime.activities.registry import installed
from tests.browser.cast import Cast
from tests.browser.people import RETURN_MS, Presenter
from tests.browser.tour import AUDIENCE, POLL, QUESTION, Words, own_words, put_in_focus
from tests.browser.tour_results import QUIZ
from tests.journey.stages import Scene, Stage

Look = Callable[[str, Page], Awaitable[None]]
SCORED: Final[dict[str, Any]] = {"mode": "accuracy", "points": 1_000}
# Without a title an author is asked for one, and sees no preview before.
TITLED: Final[dict[str, dict[str, Any]]] = {"survey": {"title": "Before you go"}}
QUESTIONS: Final = ("Will this be in the exam?", "How do plants in the shade do it?", "Is there a lab for this?")


async def score(scene: Scene, names: tuple[str, ...] = AUDIENCE) -> str:
    """A quiz that is over and has put people into an order."""
    quiz = await scene.add("quiz", QUIZ, scoring=SCORED)
    for place, name in enumerate(names):
        await scene.answer(quiz, await scene.join(name), {"selected": ["abc"[place % 3]]})
    return quiz


async def tour_doors(cast: Cast, stage: Stage, look: Look) -> None:
    """A door that asks for more than a code."""
    cast.watch.expect("status of 40[13]")
    scene = await stage.session("Members only", passcode="open sesame")
    host = await scene.present()
    page = (await cast.phone()).page
    await page.goto(f"{cast.url}/join#{scene.code}")
    await page.get_by_role("button", name="Join anonymously").click()
    await expect(page.get_by_label("Passcode")).to_be_focused()
    await look("door-passcode", page)
    assert (await host.ask("move_session", passcode="", second_factor=True))["type"] == "done"
    await page.get_by_role("button", name="Join anonymously").click()
    await expect(page.get_by_label("Number on the big screen")).to_be_focused()
    await look("door-number", page)
    screen = (await cast.presenter()).page
    await screen.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
    await expect(screen.locator(".factor")).to_be_visible()
    await look("screen-number", screen)


async def tour_room(cast: Cast, stage: Stage, look: Look) -> None:
    """What the room tells one person: time, drafts, a nudge, points, reactions, what else is open, a poor network."""
    scene = await stage.session("Biology, week 3")
    host = await scene.present()
    phone = await cast.phone()
    page = phone.page
    await phone.join(scene.code, "Tour")
    reading = await scene.add("quiz", {**QUIZ, "phases": {"read_ms": 600_000, "answer_ms": 60_000}})
    await put_in_focus(host, reading)
    await expect(page.get_by_text("Read the question.")).to_be_visible()
    await look("room-reading", page)
    texts = await scene.add("open_text", {"prompt": "What is still unclear?"}, constraints={"time_limit": 600})
    await put_in_focus(host, texts)
    await phone.sees("What is still unclear?")
    await page.get_by_role("textbox").first.fill("Where the electrons go, and why it is called the dark reaction")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await look("room-draft", page)
    assert (await scene.post(f"/activities/{texts}/nudge", {})).status_code == 200
    await expect(page.get_by_text("The presenter is waiting for your answer.")).to_be_visible()
    await look("room-nudge", page)
    quiz = await scene.add("quiz", QUIZ, scoring=SCORED)
    await put_in_focus(host, quiz)
    await phone.sees(str(QUIZ["question"]))
    await phone.answer("In the stroma")
    await phone.is_saved()
    for name, choice in zip(AUDIENCE, "abcba", strict=True):
        await scene.answer(quiz, await scene.join(name), {"selected": [choice]})
    await scene.move(quiz, "closed")
    await host.ask("reveal", activity_id=quiz)
    await expect(page.locator(".own-score")).to_be_visible()
    await scene.add("reaction", {"kinds": ["thumbs_up", "heart", "too_fast", "confused"]})
    await expect(page.locator(".dock button").first).to_be_visible()
    await look("room-score", page)  # with reactions below, and what else is open
    poor = await cast.phone()
    await poor.page.route_web_socket("**/ws", lambda socket: socket.close())
    await poor.join(scene.code, "Poor network")
    await expect(poor.banner).to_contain_text("holds up live connections", timeout=RETURN_MS)
    await look("room-degraded", poor.page)


async def tour_standings(cast: Cast, stage: Stage, look: Look) -> None:
    """The leaderboard beside a closed question, by itself, and at the desk; a clock that runs."""
    scene = await stage.session("Biology, week 3")
    host = await scene.present()
    desk, screen = await cast.presenter(), (await cast.presenter()).page
    await desk.take_over(scene.id, scene.ticket)
    await screen.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
    timed = await scene.add(settings=POLL, constraints={"time_limit": 600})
    await put_in_focus(host, timed)
    await expect(screen.locator(".clock")).to_be_visible()
    await look("screen-clock", screen)
    quiz = await score(scene)
    await put_in_focus(host, quiz)
    await scene.move(quiz, "closed")
    await host.ask("reveal", activity_id=quiz)
    await expect(screen.locator(".beside .board-list li")).to_have_count(len(AUDIENCE))
    await look("screen-board", screen)
    await expect(desk.page.locator(".board-list li")).to_have_count(len(AUDIENCE))
    await look("run-board", desk.page)
    await put_in_focus(host, "")
    await expect(screen.locator(".standings .board-list li")).to_have_count(len(AUDIENCE))
    await look("screen-standings", screen)


async def tour_desk(cast: Cast, stage: Stage, look: Look) -> None:
    """The dialogs of the run view, the moderation queue, helpers and who leads."""
    scene = await stage.session("Biology, week 3")
    host = await scene.present()
    desk = await cast.presenter()
    page = desk.page
    await desk.take_over(scene.id, scene.ticket)
    seats = [await scene.join(name) for name in AUDIENCE]
    here = [await scene.enter(seat) for seat in seats[:3]]
    await expect(page.locator(".people")).to_contain_text(f"{len(here)}online now")
    poll = await scene.add(settings=POLL)
    await put_in_focus(host, poll)
    await scene.answer(poll, seats[0], {"selected": ["0"]})
    await expect(desk.light).to_have_text("The one answer is saved")
    for button, state in (("Who is missing?", "missing"), ("The one answer is saved", "proof"), ("Participants", "people")):
        await page.get_by_role("button", name=button).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await look(f"dialog-{state}", page)
        await page.get_by_role("dialog").get_by_role("button", name="Close").press("Enter")
    await page.get_by_role("button", name="Nudge").click()
    await expect(page.locator(".toast")).to_be_visible()
    await look("run-toast", page)
    await page.get_by_role("button", name="Ask for a passcode").click()
    await look("dialog-passcode", page)
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").press("Enter")
    await tour_helpers(cast, desk, look)
    for client in here:
        await client.close()

    queue = await scene.add("qna", {"topic": "Ask anything", "moderate_questions": True})
    for seat, question in zip(seats, QUESTIONS, strict=False):
        await scene.answer(queue, seat, {"action": "question", "text": question, "anonymous": False})
    await select(desk, 2)
    await expect(page.locator(".desk .waiting-now")).to_have_count(len(QUESTIONS))
    await page.get_by_role("button", name=re.compile("^Approve")).first.click()
    await expect(page.locator(".desk .waiting-now")).to_have_count(len(QUESTIONS) - 1)
    await look("run-moderation", page)
    board = await scene.add("brainstorm", {"prompt": "How can we save energy?"})
    await scene.answer(board, seats[0], {"action": "idea", "text": "Turn off the beamers"})
    await select(desk, 3)
    await host.ask("decide", activity_id=board, decision={"action": "phase", "phase": "group"})
    await page.get_by_role("button", name=re.compile("^Group…")).click()
    await look("dialog-group", page)
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").press("Enter")


async def tour_helpers(cast: Cast, desk: Presenter, look: Look) -> None:
    """Links for others, and a session that somebody leads alone, from both sides and a moderator's."""
    page = desk.page
    await page.get_by_role("button", name="Helpers").click()
    dialog = page.get_by_role("dialog", name="Helpers")
    links = []
    for name, role in (("Ben, at the back", "moderator"), ("Ines", "presenter")):
        await dialog.get_by_label("Whose link is it?").fill(name)
        await dialog.get_by_label("What for?").select_option(role)
        await dialog.get_by_role("button", name="Make a link").click()
        await expect(dialog.get_by_role("listitem").filter(has_text=name)).to_be_visible()
        links.append(await dialog.get_by_role("textbox", name="The new link").input_value())
    await look("dialog-helpers", page)
    await dialog.get_by_role("button", name="Take back").first.click()
    await look("dialog-revoke", page)
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").press("Enter")
    await dialog.get_by_role("button", name="Close").press("Enter")
    await page.get_by_role("button", name="Lead alone").click()
    await expect(page.get_by_text("You lead alone.")).to_be_visible()
    await look("run-leading", page)
    moderator, other = (await cast.presenter()).page, await cast.presenter()
    await moderator.goto(links[0])
    await expect(moderator.get_by_role("heading", name=QUESTION)).to_be_visible()
    await look("run-moderator", moderator)
    await other.page.goto(links[1])
    await expect(other.page.get_by_role("button", name="Take over")).to_be_visible()
    await look("run-led", other.page)
    await other.press("Pause")
    await expect(other.page.get_by_role("dialog")).to_be_visible()
    await look("dialog-take-over", other.page)
    await page.get_by_role("button", name="Let others lead too").click()


async def tour_builder(
    cast: Cast, stage: Stage, look: Look, words_of: Callable[[ActivityType[Any, Any]], Words] = own_words
) -> None:
    """The builder of every type, filled in."""
    scene = await stage.session("All kinds of questions")
    desk = await cast.presenter()
    await desk.take_over(scene.id, scene.ticket)
    for place, (name, kind) in enumerate(sorted(installed().kinds().items()), 1):
        await scene.add(name, {**TITLED.get(name, {}), **words_of(kind).settings}, state="draft")
        await open_builder(desk, place)
        await look(f"builder-{name}", desk.page)


async def select(desk: Presenter, place: int) -> None:
    """Take up the activity at a place of the agenda, which is the last one."""
    rows = desk.page.locator(".agenda li > button")
    await expect(rows).to_have_count(place)
    await rows.last.click()


async def open_builder(desk: Presenter, place: int) -> None:
    """The builder of the activity at a place of the agenda, once its preview stands beside it."""
    page = desk.page
    await select(desk, place)
    await page.get_by_role("button", name="Edit", exact=True).click()
    await expect(page.locator(".builder .preview .phone > div > *").first).to_be_attached()
