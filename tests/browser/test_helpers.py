"""Further links, and who leads: handed out, taken back, taken over, all on the pages."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.cast import Cast
from tests.browser.chromium import PHONE
from tests.browser.people import Presenter
from tests.journey.stages import Scene, Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
QNA = {"topic": "Ask anything", "moderate_questions": True}


async def make_link(owner: Presenter, name: str, role: str) -> str:
    """Hand out a link on the owner's page; it is shown once."""
    dialog = owner.page.get_by_role("dialog", name="Helpers")
    if not await dialog.is_visible():
        await owner.page.get_by_role("button", name="Helpers").click()
    await dialog.get_by_label("Whose link is it?").fill(name)
    await dialog.get_by_label("What for?").select_option(role)
    await dialog.get_by_role("button", name="Make a link").click()
    await expect(dialog.get_by_role("listitem").filter(has_text=name)).to_be_visible()
    return await dialog.get_by_role("textbox", name="The new link").input_value()


async def owner_of(cast: Cast, scene: Scene) -> Presenter:
    owner = await cast.presenter()
    await owner.take_over(scene.id, scene.ticket)
    return owner


async def test_a_moderators_link_moderates_and_can_be_taken_back(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("A hall with helpers")
    activity = await scene.add("qna", QNA)
    asked = {"action": "question", "text": "Is there coffee?", "anonymous": False}
    assert (await scene.answer(activity, await scene.join("Ann"), asked)).status_code < 300
    owner, helper = await owner_of(cast, scene), await cast.presenter()
    link = await make_link(owner, "Ben, at the back", "moderator")
    await helper.page.goto(link)
    await helper.page.get_by_role("button", name="Approve: Is there coffee?").click()
    await expect(helper.page.get_by_role("button", name="Pin: Is there coffee?")).to_be_visible()
    for forbidden in ("Close", "Add", "End session", "Let nobody else in", "Helpers", "Edit", "Lead alone", "Nudge"):
        await expect(helper.page.get_by_role("button", name=forbidden, exact=True)).to_have_count(0)
    await helper.page.keyboard.press("c")
    await expect(helper.state).to_have_text("Open")

    # The owner, who looks through the link he made, does not lose his own way in.
    tab = await owner.page.context.new_page()
    await tab.goto(link)
    await expect(tab.get_by_role("button", name="Pin: Is there coffee?")).to_be_visible()
    await expect(tab.get_by_role("button", name="Close")).to_have_count(0)
    await tab.reload()
    await expect(tab.get_by_role("button", name="Close")).to_be_visible()
    await tab.close()

    row = owner.page.get_by_role("listitem").filter(has_text="Ben, at the back")
    await expect(row).to_contain_text("Moderator")
    await row.get_by_role("button", name="Take back").click()
    await owner.page.get_by_role("dialog", name="Take back the link of Ben").get_by_role("button", name="Take back").click()
    await expect(row).to_have_count(0)
    await expect(helper.page.get_by_text("This link is not valid any more.")).to_be_visible()
    await helper.page.goto(f"{helper.url}/present")
    await expect(helper.page.get_by_text("Nothing here yet.")).to_be_visible()


async def test_a_screens_link_only_shows(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("A hall with a screen")
    owner, screen = await owner_of(cast, scene), await cast.presenter()
    link = await make_link(owner, "Left wall", "display")
    assert "/screen#" in link
    await screen.page.goto(link)
    await expect(screen.page.get_by_text(scene.code)).to_be_visible()


async def test_a_phone_takes_over_from_a_laptop(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("A laptop that fails")
    await scene.add(state="draft")
    owner = await owner_of(cast, scene)
    phone = await cast.presenter(**PHONE)
    await phone.page.goto(await make_link(owner, "Ben", "presenter"))
    await owner.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    await owner.page.get_by_role("button", name="Lead alone").click()
    await expect(owner.page.get_by_text("You lead alone.")).to_be_visible()
    await expect(phone.page.get_by_text("A computer leads this session alone.")).to_be_visible()

    await phone.press("Open for answers")  # and is asked whether to take over, which then opens it
    asked = phone.page.get_by_role("dialog", name="A computer leads this session alone.")
    await asked.get_by_role("button", name="Take over").click()
    await expect(phone.state).to_have_text("Open")
    await expect(phone.page.get_by_text("You lead alone.")).to_be_visible()
    await expect(owner.page.get_by_text("Ben leads this session alone.")).to_be_visible()
    await phone.page.reload()
    await phone.press("Pause")  # it leads on
    await expect(owner.state).to_have_text("Paused")

    await owner.press("Close")
    await owner.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(owner.state).to_have_text("Paused")
    await owner.page.get_by_role("button", name="Take over").click()
    await owner.press("Close")
    await expect(phone.state).to_have_text("Closed")
    await owner.page.get_by_role("button", name="Let others lead too").click()
    await expect(owner.page.get_by_role("button", name="Lead alone")).to_be_visible()
    await phone.press("Open again")
    await expect(owner.state).to_have_text("Open")


async def test_what_goes_over_http_is_led_as_well(cast: Cast, stage: Stage) -> None:
    """A nudge is a request of its own, and needs the lead like a press of a button."""
    scene = await stage.session("A nudge")
    await scene.enter(await scene.join("Ann"))
    await scene.add()
    owner, other = await owner_of(cast, scene), await owner_of(cast, scene)
    await owner.page.get_by_role("button", name="Lead alone").click()
    await expect(other.page.get_by_role("button", name="Take over")).to_be_visible()
    await owner.page.get_by_role("button", name="Nudge").click()
    await expect(owner.page.get_by_text("1 person was asked to answer.")).to_be_visible()
    cast.watch.expect("status of 409")
    await other.page.get_by_role("button", name="Nudge").click()
    await expect(other.page.get_by_text(re.compile("^Somebody else directs"))).to_be_visible()
