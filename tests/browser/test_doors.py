"""What a session may ask newcomers for, as people meet it: a passcode, and the number on the big screen."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.cast import Cast
from tests.journey.stages import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]


async def knock(page: Page, url: str, code: str) -> None:
    await page.goto(f"{url}/join#{code}")
    await page.get_by_role("button", name="Join anonymously").click()


async def test_a_passcode_is_asked_for_and_taken(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Behind a door")
    cast.watch.expect("status of 403")
    desk, phone = await cast.presenter(), await cast.phone()
    await desk.take_over(scene.id, scene.ticket)
    await desk.page.get_by_role("button", name="Ask for a passcode").click()
    await desk.page.get_by_role("textbox", name="Passcode for newcomers").fill("tulip-47")
    await desk.page.get_by_role("button", name="OK", exact=True).click()
    await expect(desk.page.get_by_role("button", name="Ask for no passcode")).to_be_visible()

    await knock(phone.page, phone.url, scene.code)
    field = phone.page.get_by_label("Passcode", exact=True)
    await expect(field).to_be_focused()
    await field.fill("rose-1234")
    await phone.page.get_by_role("button", name="Join anonymously").click()
    await expect(phone.page.get_by_role("alert").first).to_have_text("This is not the passcode. Try again.")
    await field.fill("tulip-47")
    await phone.page.get_by_role("button", name="Join anonymously").click()
    await expect(field).to_have_count(0)
    assert "tulip-47" not in await phone.page.evaluate("JSON.stringify([location.href, {...localStorage}, {...sessionStorage}])")


async def test_the_number_on_the_screen_lets_in(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Under attack")
    cast.watch.expect("status of 403")
    desk, phone = await cast.presenter(), await cast.phone()
    await desk.take_over(scene.id, scene.ticket)
    await desk.page.get_by_role("button", name="Ask for the number on the screen").click()
    shown = desk.page.locator(".factor-number")
    await expect(shown).to_have_text(re.compile(r"^Number to join: \d{4}$"))

    await knock(phone.page, phone.url, scene.code)
    field = phone.page.get_by_label("Number on the big screen", exact=True)
    await expect(field).to_be_focused()
    await field.fill((await shown.inner_text())[-4:])
    await phone.page.get_by_role("button", name="Join anonymously").click()
    await expect(field).to_have_count(0)
    await desk.page.get_by_role("button", name="Ask for no number").click()
    await expect(shown).to_be_hidden()


async def test_few_seats_are_told_before_there_are_none(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("A small room", max_participants=10)
    desk = await cast.presenter()
    await desk.take_over(scene.id, scene.ticket)
    for number in range(9):
        await scene.join(f"P{number}")
    await expect(desk.page.get_by_text("1 seat is left.")).to_be_visible()
