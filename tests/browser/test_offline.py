"""The network goes, the server dies: what was pressed is kept, and arrives once."""

import asyncio
import re
from collections.abc import Callable

import asyncpg
import pytest
from playwright.async_api import expect

from tests.browser.cast import Cast
from tests.browser.people import KEPT, RETURN_MS
from tests.browser.watch import OUTAGE
from tests.journey.servers import Server
from tests.journey.stages import Stage, open_stage
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]
CALM = "No connection. You can go on answering: it is kept here and sent by itself when you are back."
BACK = "You are back. Nothing was missed."


async def test_what_is_pressed_without_a_network_arrives_once(cast: Cast, server: Server, stage: Stage) -> None:
    cast.watch.expect(OUTAGE)
    scene = await stage.session("In a lift")
    activity_id = await scene.add()
    presenter = await cast.presenter()
    await presenter.take_over(scene.id, scene.ticket)
    wire = await cast.wire(server)
    phone = await cast.phone(wire.url)
    await phone.join(scene.code, "Lia")
    await phone.sees("Which one?")
    await phone.choose("B")

    await phone.page.context.set_offline(True)
    wire.cut()
    await expect(phone.banner).to_have_text(CALM)
    await phone.answer()
    await expect(phone.receipt).to_have_text(KEPT)
    await expect(presenter.count).to_have_text("0 answers")

    wire.mend()
    await phone.page.context.set_offline(False)
    await expect(phone.banner).to_have_text(BACK, timeout=RETURN_MS)
    await phone.is_saved()
    await phone.has_answered("B")
    await expect(presenter.count).to_have_text("1 answer")
    await expect(phone.banner).to_have_count(0)  # the good news does not stay either
    assert [row["revision"] for row in await scene.settled_rows(activity_id)] == [1]


async def test_what_was_pressed_without_a_network_survives_the_page(cast: Cast, server: Server, stage: Stage) -> None:
    cast.watch.expect(OUTAGE)
    scene = await stage.session("Battery")
    activity_id = await scene.add()
    wire = await cast.wire(server)
    phone = await cast.phone(wire.url)
    await phone.join(scene.code, "Kim")
    await phone.choose("A")
    wire.cut()
    await phone.answer()
    await expect(phone.receipt).to_have_text(KEPT)
    context = phone.page.context
    await phone.page.close()

    wire.mend()
    page = await context.new_page()
    await page.goto(f"{wire.url}/join#{scene.code}")
    await expect(page.locator(".receipt p")).to_have_text("Your answer counts and is saved for good.")
    assert len(await scene.settled_rows(activity_id)) == 1


async def test_a_reply_that_was_lost_counts_no_second_time(cast: Cast, server: Server, stage: Stage) -> None:
    """The answer reaches the server and its reply is lost: the phone must send it again, and it must count once."""
    cast.watch.expect(OUTAGE)
    scene = await stage.session("Half a word")
    activity_id = await scene.add()
    wire = await cast.wire(server)
    phone = await cast.phone(wire.url)
    await phone.join(scene.code, "Mo")
    await phone.choose("C")
    wire.mute()
    await phone.answer()

    async def is_stored() -> bool:
        return len(await scene.rows(activity_id)) == 1

    await eventually(is_stored, "the server has the answer that the phone does not know of")
    await expect(phone.receipt).not_to_have_text(re.compile("counts"))
    wire.cut()
    wire.mend()
    await phone.is_saved(RETURN_MS)
    assert [row["revision"] for row in await scene.settled_rows(activity_id)] == [1]


async def test_a_server_that_dies_in_the_middle_of_a_question_loses_nothing(cast: Cast, make_server: Callable[[], Server]) -> None:
    cast.watch.expect(OUTAGE + "|status of 503")
    server = await asyncio.to_thread(make_server)
    stage = await open_stage(server.url, server.database_url)
    scene = await stage.session("Power cut")
    activity_id = await scene.add()
    await stage.close()
    presenter = await cast.presenter(server.url)
    await presenter.take_over(scene.id, scene.ticket)
    before, during, after = [await cast.phone(server.url) for _ in range(3)]
    for phone, name in ((before, "Before"), (during, "During"), (after, "After")):
        await phone.join(scene.code, name)
        await phone.sees("Which one?")
        await phone.choose("A")
    await before.answer()
    await before.is_saved()

    await asyncio.to_thread(server.end)  # kill -9; the engines go with it
    for phone in (before, during, after):
        await expect(phone.banner).to_have_text(CALM)
    await during.answer()
    await expect(during.receipt).to_have_text(KEPT)
    await asyncio.to_thread(server.start)

    for phone in (before, during):
        await phone.is_saved(RETURN_MS)
        await phone.has_answered("A")
    await expect(after.page.get_by_role("button", name="Send answer")).to_be_enabled()
    await after.answer()
    await after.is_saved(RETURN_MS)
    await expect(presenter.count).to_have_text("3 answers", timeout=RETURN_MS)
    await expect(presenter.votes("A")).to_have_text(re.compile("3 votes"))
    await expect(presenter.light).to_have_text("All 3 answers are saved")
    for phone in (before, during, after):
        await expect(phone.page.locator(".bars li", has_text="A").locator("small")).to_have_text(re.compile("3 votes"))
    database = await asyncpg.connect(server.database_url)
    rows = await database.fetch("SELECT participant_id FROM user_responses WHERE activity_id = $1", activity_id)
    await database.close()
    assert len(rows) == len({row["participant_id"] for row in rows}) == 3
