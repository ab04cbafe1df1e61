"""More than one pair of eyes: two presenters' tabs, who comes late, who has to go."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.cast import Cast
from tests.browser.people import WAIT_MS
from tests.journey.stages import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
OPTIONS = ("Tea", "Coffee")


async def test_a_link_takes_over_and_keeps_its_secret(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Two desks")
    first, second = await cast.presenter(), await cast.presenter()
    await first.take_over(scene.id, scene.ticket)
    await first.write_poll("Tea or coffee?", OPTIONS, button="Add as draft")
    await first.page.get_by_role("button", name="Copy presenter link").click()

    await second.take_over(scene.id, scene.ticket)
    assert second.page.url == f"{second.url}/present#session={scene.id}"
    assert scene.ticket not in await second.page.evaluate("JSON.stringify([location.href, document.referrer, document.title])")
    await expect(second.state).to_have_text("Draft")
    await second.press("Open for answers")
    await expect(first.state).to_have_text("Open")
    await first.press("Pause")
    await expect(second.state).to_have_text("Paused")
    await second.page.reload()
    await expect(second.state).to_have_text("Paused")


async def test_a_conflict_of_two_presenters_is_said_in_words(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Two pens")
    first, second = await cast.presenter(), await cast.presenter()
    for each in (first, second):
        await each.take_over(scene.id, scene.ticket)
    await first.write_poll("Tea or coffee?", OPTIONS, button="Add as draft")
    for each, question in ((first, "Tea, or coffee?"), (second, "Coffee or tea?")):
        await each.page.get_by_role("button", name="Edit", exact=True).click()
        await each.page.get_by_label("Question", exact=True).fill(question)
    await first.page.get_by_role("button", name="Save", exact=True).click()
    await expect(first.page.locator(".stage h1")).to_have_text("Tea, or coffee?")
    await second.page.get_by_role("button", name="Save", exact=True).click()
    told = second.page.get_by_text("Somebody else changed this in the meantime. You now see the newest version.")
    await expect(told).to_be_visible()
    await expect(first.page.locator(".stage h1")).to_have_text("Tea, or coffee?")


async def test_the_keys_run_a_session(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Keys")
    desk = await cast.presenter()
    await desk.take_over(scene.id, scene.ticket)
    keyboard = desk.page.keyboard
    await keyboard.press("?")
    await expect(desk.page.get_by_role("dialog")).to_contain_text("Reveal or hide results")
    await keyboard.press("Escape")
    await expect(desk.page.locator("dialog")).to_have_count(0)  # gone, and the focus with it
    for question in ("First?", "Second?"):
        await keyboard.press("n")
        await expect(desk.page.get_by_label("Question", exact=True)).to_be_focused()
        await keyboard.type(question)
        await desk.page.get_by_label("Option A", exact=True).focus()
        await keyboard.type("Tea")
        await keyboard.press("Enter")  # on to the next option
        await keyboard.type("Coffee")
        await desk.page.get_by_role("button", name="Add as draft").press("Enter")
        await expect(desk.page.locator(".stage h1")).to_have_text(question)
    await keyboard.press("k")
    await expect(desk.page.locator(".stage h1")).to_have_text("First?")
    await keyboard.press("j")
    await expect(desk.page.locator(".stage h1")).to_have_text("Second?")
    for key, state in (("o", "Open"), ("p", "Paused"), ("o", "Open"), ("c", "Closed")):
        await keyboard.press(key)
        await expect(desk.state).to_have_text(state)
    await keyboard.press("r")
    await expect(desk.page.locator(".stage")).to_contain_text("Everybody sees the results")
    await keyboard.press("f")
    await expect(desk.page.get_by_role("button", name=re.compile("Put in focus"))).to_be_visible()
    await keyboard.press("n")
    await desk.page.get_by_role("button", name="Cancel").press("Enter")
    await expect(desk.page.locator(".stage h1")).to_have_text("Second?")


async def test_who_comes_late_sees_what_is(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Late train")
    desk, early = await cast.presenter(), await cast.phone()
    await desk.take_over(scene.id, scene.ticket)
    await desk.write_poll("Tea or coffee?", OPTIONS)
    await early.join(scene.code, "Early")
    await early.answer("Tea")
    await early.is_saved()
    await desk.press("Reveal results")

    late = await cast.phone()
    await late.join(scene.code, "Late")
    await late.sees("Tea or coffee?")
    await late.answer("Coffee")
    await expect(late.page.locator(".bars li", has_text="Tea").locator("small")).to_have_text(re.compile("1 vote"))
    await expect(late.page.locator(".bars .own .label")).to_have_text("Coffee")
    await desk.press("Close")
    later = await cast.phone()
    await later.join(scene.code)
    await expect(later.page.get_by_text("This question is closed. You did not answer it.")).to_be_visible()
    await expect(later.page.locator(".bars li")).to_have_count(2)


async def test_who_is_removed_reads_why(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("House rules")
    await scene.add()
    phone, other = await cast.phone(), await cast.phone()
    await phone.join(scene.code, "Rude")
    await other.join(scene.code, "Kind")
    await phone.sees("Which one?")
    seat = await phone.page.evaluate(f"JSON.parse(localStorage.getItem('plenum.seat.{scene.code}'))")
    host = await scene.present()
    await host.ask("remove", participant_id=seat["participant_id"])
    await expect(phone.page.get_by_role("heading", name="You were removed")).to_be_visible(timeout=WAIT_MS)
    await expect(phone.page.get_by_text("The presenter has removed you from this session.")).to_be_visible()
    await phone.page.reload()
    await expect(phone.page.get_by_role("heading", name="You were removed")).to_be_visible()
    await other.answer("A")  # nobody else is disturbed
    await other.is_saved()


async def test_the_end_of_a_session_is_told_to_everybody(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Good night")
    desk, phone = await cast.presenter(), await cast.phone()
    await desk.take_over(scene.id, scene.ticket)
    await desk.write_poll("Tea or coffee?", OPTIONS)
    await phone.join(scene.code, "Ann")
    await phone.answer("Tea")
    await phone.is_saved()
    await desk.page.get_by_role("button", name="End session").click()
    await desk.page.get_by_role("dialog").get_by_role("button", name="End session").click()
    await expect(phone.page.get_by_role("heading", name="The session has ended")).to_be_visible()
    await expect(desk.page.get_by_role("button", name="Open again").first).to_be_visible()
