"""A walk through every page in every state that people meet; who walks along looks at each in their own way."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Page, expect

from realtime.activities.contract import ActivityType
from realtime.activities.registry import installed
from tests.browser.cast import Cast
from tests.browser.people import KEPT, RETURN_MS, TOO_LATE
from tests.browser.watch import OUTAGE
from tests.journey.clients import Client
from tests.journey.servers import Server
from tests.journey.stages import Scene, Stage

Look = Callable[[str, Page], Awaitable[None]]
OPTIONS: Final = ("The lighthouse at the cape", "The old harbour", "The botanical garden")
QUESTION: Final = "Where shall we meet on Saturday?"
POLL: Final = {"question": QUESTION, "options": [{"id": str(i), "text": each} for i, each in enumerate(OPTIONS)]}
SEVERAL: Final = {
    "question": "What do you need for it?",
    "options": [{"id": each[0].lower(), "text": each} for each in ("Bicycle", "Map", "Umbrella", "Sandwich")],
    "max_choices": 2,
    "allow_other": True,
}
# What waits for a moderator would show nothing.
SHOWN_AT_ONCE: Final[dict[str, dict[str, Any]]] = {
    "word_cloud": {"moderate_submissions": False},
    "qna": {"moderate_questions": False},
}
# Of what is shown, not of what else is closed.
CLOSED: Final = "article.question .meta .chip.closed, .stage > .row .chip.closed, .ask .chip.closed"
NETWORK_IS_BACK: Final = "dispatchEvent(new Event('online'))"  # what a phone tells its pages, which then wait no longer
AUDIENCE: Final = ("Ada", "Grace", "Alan", "Emmy", "Noor")


async def put_in_focus(host: Client, activity_id: str) -> None:
    """Let phones and the big screen show an activity."""
    done = await host.ask("move_session", focus=activity_id)
    assert done["type"] == "done", done


async def tour_participant(cast: Cast, stage: Stage, server: Server, look: Look) -> None:
    """The start page, the door, and the room in all its states."""
    cast.watch.expect(OUTAGE)
    cast.watch.expect("status of 404")
    scene = await stage.session("Excursion")
    host = await scene.present()
    wire = await cast.wire(server)
    phone = await cast.phone(wire.url)
    page = phone.page
    await page.goto(wire.url)
    await expect(page.get_by_label("Session code")).to_be_focused()
    await look("home", page)
    await phone.type_code("!!")
    await look("home-bad-code", page)
    await phone.follow_link("NOPE99")
    await page.get_by_role("button", name="Join anonymously").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await look("door-unknown-code", page)
    await phone.follow_link(scene.code)
    await page.reload()
    await look("door", page)
    await phone.enter("Ada")
    await look("waiting", page)

    activity = await scene.add(settings=POLL)
    await put_in_focus(host, activity)
    await phone.sees(QUESTION)
    await expect(page.get_by_role("radio")).to_have_count(3)
    await look("poll", page)
    await phone.choose(OPTIONS[1])
    await look("poll-chosen", page)
    await phone.answer()
    await phone.is_saved()
    await look("poll-saved", page)
    await page.get_by_role("button", name="Change my answer").click()
    await look("poll-changing", page)
    await page.get_by_role("button", name="Keep my answer").click()
    wire.cut()
    await expect(phone.banner).to_be_visible()
    await look("poll-offline", page)
    await phone.change(OPTIONS[0])
    await expect(phone.receipt).to_have_text(KEPT)
    await look("poll-kept", page)
    wire.mend()
    await page.evaluate(NETWORK_IS_BACK)
    await expect(phone.banner).to_contain_text("You are back", timeout=RETURN_MS)
    await look("poll-back", page)
    await scene.move(activity, "paused")
    await expect(page.get_by_text("has paused")).to_be_visible()
    await look("poll-paused", page)
    await scene.move(activity, "closed")
    await expect(page.get_by_text("This question is closed.")).to_be_visible()
    await look("poll-closed", page)
    await host.ask("reveal", activity_id=activity)
    await expect(page.locator(".bars .own")).to_be_visible()
    await look("poll-revealed", page)

    several = await scene.add(settings=SEVERAL, constraints={"time_limit": 300})
    other = await scene.add("generic", {"prompt": "Anything else?"})
    await put_in_focus(host, several)
    await phone.sees(str(SEVERAL["question"]))
    await phone.choose("Map", "Something else")
    await look("poll-several", page)
    await put_in_focus(host, other)
    await phone.sees("Anything else?")
    await expect(page.get_by_label("Your answer")).to_be_visible()
    await expect(phone.banner).to_have_count(0)  # the last good news
    await look("generic", page)
    wire.cut()
    await expect(phone.banner).to_be_visible()
    await page.get_by_label("Your answer").fill("Sun cream")
    await phone.answer()
    await scene.move(other, "closed")
    wire.mend()
    await page.evaluate(NETWORK_IS_BACK)
    await expect(page.get_by_role("alert").filter(has_text=TOO_LATE)).to_be_visible(timeout=RETURN_MS)
    await look("refused-too-late", page)

    removed = await cast.phone()
    await removed.join(scene.code, "Rude")
    seat = await removed.page.evaluate(f"JSON.parse(localStorage.getItem('plenum.seat.{scene.code}'))")
    await host.ask("remove", participant_id=seat["participant_id"])
    await expect(removed.page.get_by_role("heading", name="You were removed")).to_be_visible()
    await look("removed", removed.page)
    await host.ask("move_session", to="active")
    await host.ask("move_session", to="completed")
    await expect(page.get_by_role("heading", name="The session has ended")).to_be_visible(timeout=RETURN_MS)
    await look("ended", page)


async def tour_presenter(cast: Cast, stage: Stage, look: Look) -> None:
    """The list, the builder, the run view and its dialogs."""
    desk = await cast.presenter()
    page = desk.page
    await page.goto(f"{desk.url}/present")
    await expect(page.get_by_label("Name of the session")).to_be_visible()
    await look("sessions-none", page)
    code = await desk.create_session("Excursion")
    await look("run-empty", page)
    await page.get_by_role("button", name="Write a question").click()
    await page.get_by_role("button", name="Add as draft").click()
    await expect(page.get_by_role("alert").filter(visible=True)).to_be_visible()
    await look("builder-fault", page)
    await page.get_by_role("button", name="Cancel").click()
    await desk.write_poll(QUESTION, OPTIONS, button="Add as draft")
    await expect(desk.state).to_have_text("Draft")
    await look("run-draft", page)
    await page.get_by_role("button", name="Edit", exact=True).click()
    await look("builder-edit", page)
    await page.get_by_role("button", name="Cancel").click()
    await desk.press("Open for answers")
    for name, option in zip(AUDIENCE[:2], OPTIONS, strict=False):
        phone = await cast.phone()
        await phone.join(code, name)
        await phone.answer(option)
        await phone.is_saved()
    await expect(desk.light).to_have_text("All 2 answers are saved")
    await look("run-open", page)
    await desk.press("Pause")
    await expect(desk.state).to_have_text("Paused")
    await look("run-paused", page)
    await desk.press("Close")
    await expect(page.get_by_text("Final: every answer is in the database")).to_be_visible()
    await look("run-closed", page)
    await desk.press("Reveal results")
    await expect(page.get_by_text("Everybody sees the results")).to_be_visible()
    await look("run-revealed", page)
    for button, state in (("Keyboard shortcuts", "dialog-keys"), ("Delete", "dialog-delete"), ("End session", "dialog-end")):
        await page.get_by_role("button", name=button, exact=True).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await look(state, page)
        await page.get_by_role("dialog").get_by_role("button", name=re.compile("Cancel|Close")).press("Enter")
    await page.get_by_role("button", name="Let nobody else in").click()
    await expect(page.get_by_text("Locked: nobody else can join.")).to_be_visible()
    await look("run-locked", page)
    await page.get_by_role("button", name="End session", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="End session").click()
    await expect(page.get_by_role("button", name="Open again").first).to_be_visible()
    await look("run-ended", page)
    await page.goto(f"{desk.url}/present")
    await expect(page.get_by_role("link", name=re.compile("^Excursion"))).to_be_visible()
    await look("sessions", page)


async def tour_screen(cast: Cast, stage: Stage, look: Look) -> None:
    """The big screen from the welcome to the end."""
    scene = await stage.session("Excursion")
    host = await scene.present()
    page = (await cast.presenter()).page
    await page.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
    await expect(page.get_by_text(scene.code)).to_be_visible()
    await look("screen-welcome", page)
    activity = await scene.add(settings=POLL)
    for place, name in enumerate(AUDIENCE):
        await scene.answer(activity, await scene.join(name), {"selected": [str(place % 2)]})
    await put_in_focus(host, activity)
    await expect(page.get_by_role("heading", name=QUESTION)).to_be_visible()
    await look("screen-question", page)
    await host.ask("reveal", activity_id=activity)
    await expect(page.locator(".bars li")).to_have_count(3)
    await look("screen-revealed", page)
    await host.ask("move_session", to="active")
    await host.ask("move_session", to="completed")
    await expect(page.get_by_role("heading", name="The session has ended")).to_be_visible()
    await look("screen-ended", page)


@dataclass(frozen=True)
class Words:
    """What is written into an activity of a type, and answered to it."""

    settings: Mapping[str, Any]
    answers: Sequence[Any]
    display: Mapping[str, Any]


def own_words(kind: ActivityType[Any, Any]) -> Words:
    """The type's own example."""
    return Words({**kind.example["settings"], **SHOWN_AT_ONCE.get(kind.name, {})}, kind.example["answers"], {})


async def tour_types(
    cast: Cast, stage: Stage, look: Look, words_of: Callable[[ActivityType[Any, Any]], Words] = own_words
) -> Scene:
    """Every activity type: its control on a phone, its results on the phone, at the desk and on the big screen."""
    scene = await stage.session("All kinds of questions")
    host = await scene.present()
    seats = [await scene.join(name) for name in AUDIENCE]
    phone, desk, screen = await cast.phone(), await cast.presenter(), (await cast.presenter()).page
    await phone.join(scene.code, "Tour")
    await desk.take_over(scene.id, scene.ticket)
    await screen.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
    for name, kind in sorted(installed().kinds().items()):
        words = words_of(kind)
        activity = await scene.add(name, dict(words.settings), display=dict(words.display))
        await put_in_focus(host, activity)
        card = phone.page.locator("article.question:has(.meta .chip.active)")  # no longer the one before, which is closed
        await expect(card.get_by_role("button").or_(card.get_by_role("textbox")).first).to_be_visible()
        await look(f"type-{name}-control", phone.page)
        await _fill(scene, activity, seats, words.answers)
        await desk.page.locator(".agenda li > button").last.click()
        await host.ask("reveal", activity_id=activity)
        await expect(desk.page.get_by_text("Everybody sees the results")).to_be_visible()
        await scene.move(activity, "closed")
        for page in (phone.page, desk.page, screen):
            await expect(page.locator(CLOSED).first).to_be_visible()
        await asyncio.gather(
            look(f"type-{name}-result", phone.page), look(f"type-{name}-run", desk.page), look(f"type-{name}-screen", screen)
        )
    return scene


async def _fill(scene: Scene, activity: str, seats: list[Any], answers: Sequence[Any]) -> None:
    """Answers from everybody; an example that refers to other answers may be refused, but not all."""
    statuses = [(await scene.answer(activity, seat, answers[i % len(answers)])).status_code for i, seat in enumerate(seats)]
    assert any(status < 300 for status in statuses), statuses
