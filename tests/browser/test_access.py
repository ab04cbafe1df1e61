"""Everybody can take part: by keyboard alone, with a screen reader, in light and in dark.

The controls and charts of all types are examined by `test_examples`, and with the builders, full of what people should
not write, by `test_xss`.
"""

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.audit import Audit
from tests.browser.cast import Cast
from tests.browser.tour import SEVERAL, put_in_focus, tour_participant, tour_presenter, tour_screen
from tests.browser.tour_more import tour_desk, tour_doors, tour_room, tour_standings
from tests.journey.servers import Server
from tests.journey.stages import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
TABS = 30  # more than any page of a participant has stops


async def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, which must be seen."""
    for _ in range(TABS):
        if await target.evaluate("element => element === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await expect(target).to_be_focused()
    outlined = """element => [element, element.closest("label"), element.parentElement].some((each) =>
      each && (getComputedStyle(each).outlineStyle !== "none" || getComputedStyle(each).boxShadow !== "none"))"""
    assert await target.evaluate(outlined), f"nothing shows that it has the focus: {target}"


async def test_a_participant_needs_no_pointer(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Keys only")
    host = await scene.present()
    first = await scene.add()
    await put_in_focus(host, first)
    phone = await cast.phone()
    page, keyboard = phone.page, phone.page.keyboard
    await page.goto(phone.url)
    await expect(page.get_by_label("Session code")).to_be_focused()
    await keyboard.type(scene.code)
    await keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=scene.code)).to_be_visible()
    await tab_to(page, page.get_by_label("Your name"))
    await keyboard.type("Kay")
    await keyboard.press("Enter")
    await phone.sees("Which one?")

    await tab_to(page, page.get_by_role("radio", name="A", exact=True))
    await keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name="B", exact=True)).to_be_checked()
    await tab_to(page, page.get_by_role("button", name="Send answer"))
    await keyboard.press("Enter")
    await phone.is_saved()
    await expect(page.get_by_role("status").filter(has_text="saved for good")).to_have_count(1)  # and it is spoken
    await tab_to(page, page.get_by_role("button", name="Change my answer"))
    await keyboard.press("Enter")
    await tab_to(page, page.get_by_role("radio", name="B", exact=True))
    await keyboard.press("ArrowDown")
    await tab_to(page, page.get_by_role("button", name="Send the change"))
    await keyboard.press("Enter")
    await phone.has_answered("C")
    await phone.is_saved()

    second = await scene.add(settings=SEVERAL)
    await put_in_focus(host, second)
    await phone.sees(str(SEVERAL["question"]))
    for option in ("Map", "Something else"):
        await tab_to(page, page.get_by_role("checkbox", name=option))
        await keyboard.press("Space")
    await tab_to(page, page.get_by_role("textbox", name="Something else"))
    await keyboard.type("A kite")
    await keyboard.press("Enter")
    await phone.is_saved()

    third = await scene.add("generic", {"prompt": "Anything else?"})
    await put_in_focus(host, third)
    await phone.sees("Anything else?")
    await tab_to(page, page.get_by_label("Your answer"))
    await keyboard.type("No, thank you")
    await tab_to(page, page.get_by_role("button", name=re.compile("^Send")))
    await keyboard.press("Space")
    await phone.is_saved()
    assert len(await scene.settled_rows(second)) == len(await scene.settled_rows(third)) == 1


async def test_axe_finds_nothing_on_the_pages(cast: Cast, stage: Stage, server: Server) -> None:
    """While the participant waits for a network to come back, the others go on."""
    audit = Audit()

    async def look_at_the_others(cast: Cast) -> None:
        await tour_presenter(cast, stage, audit.look)
        await tour_screen(cast, stage, audit.look)
        await tour_standings(cast, stage, audit.look)

    async with cast.beside() as others:
        await asyncio.gather(tour_participant(cast, stage, server, audit.look), look_at_the_others(others))
    audit.check()


async def test_axe_finds_nothing_beside_the_questions(cast: Cast, stage: Stage) -> None:
    audit = Audit()

    async def look_at_the_desk(cast: Cast) -> None:
        await tour_desk(cast, stage, audit.look)
        await tour_doors(cast, stage, audit.look)

    async with cast.beside() as others:
        await asyncio.gather(tour_room(cast, stage, audit.look), look_at_the_desk(others))
    audit.check()
