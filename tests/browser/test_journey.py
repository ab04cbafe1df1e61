"""The first journey on the pages themselves: two browsers, one server, one row in PostgreSQL."""

import json
import re

import pytest
from playwright.async_api import expect

from tests.browser.cast import Cast
from tests.browser.people import COUNTED, RETURN_MS, SAVED, TOO_LATE, WAIT_MS, Phone
from tests.browser.watch import OUTAGE
from tests.journey.servers import Server
from tests.journey.stages import POLL, Stage
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]
CITIES = ("Lisbon", "Oslo", "Cairo")
# Remembers every sentence of the receipt: "counted" may stand there for a moment only.
RECORD = """
const said = (window.receipts = []);
new MutationObserver(() => {
  const text = document.querySelector(".receipt:not([hidden]) p")?.textContent;
  if (text && said.at(-1) !== text) said.push(text);
}).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
"""


async def test_an_answer_goes_from_a_phone_to_the_dashboard_and_into_the_database(cast: Cast, server: Server, stage: Stage) -> None:
    presenter = await cast.presenter()
    code = await presenter.create_session("Geography, Tuesday")
    await presenter.write_poll("Where shall we go?", CITIES)
    await expect(presenter.state).to_have_text("Open")

    ada = await cast.phone()
    await ada.type_code(f"{code[:3]} {code[3:].lower()}")  # as people type it
    await expect(ada.page.get_by_role("heading", name=code)).to_be_visible()
    await ada.enter("Ada")
    await ada.sees("Where shall we go?")
    await ada.page.evaluate(RECORD)
    await ada.answer("Oslo")
    await expect(presenter.count).to_have_text("1 answer", timeout=1_000)
    await ada.is_saved()
    said = await ada.page.evaluate("receipts")
    assert COUNTED in said, said
    assert said.index(COUNTED) < said.index(SAVED), said
    await expect(presenter.light).to_have_text("The one answer is saved")

    somebody = await cast.phone()
    await somebody.follow_link(code)
    await somebody.enter()
    await somebody.sees("Where shall we go?")
    await somebody.answer("Cairo")
    await expect(presenter.count).to_have_text("2 answers", timeout=1_000)
    await expect(presenter.votes("Oslo")).to_have_text(re.compile("1 vote"))
    await somebody.is_saved()

    rows = await stage.database.fetch(
        "SELECT r.response_data::text AS data, jsonb_typeof(r.response_data) AS kind, p.nickname"
        " FROM user_responses r JOIN participants p ON p.id = r.participant_id JOIN sessions s ON s.id = r.session_id"
        " WHERE s.join_code = $1 ORDER BY r.seq",
        code,
    )
    assert [row["kind"] for row in rows] == ["object", "object"]
    assert [json.loads(row["data"])["data"]["selected"] for row in rows] == [["b"], ["c"]]
    assert rows[0]["nickname"] == "Ada"

    await ada.page.reload()
    await ada.sees("Where shall we go?")
    await ada.has_answered("Oslo")
    await ada.is_saved()
    await ada.change("Lisbon")
    await expect(presenter.votes("Lisbon")).to_have_text(re.compile("1 vote"), timeout=1_000)
    await expect(presenter.votes("Oslo")).to_have_text(re.compile("0 votes"))
    await expect(presenter.count).to_have_text("2 answers")
    await ada.is_saved()
    await ada.has_answered("Lisbon")

    await presenter.press("Close")
    await expect(presenter.state).to_have_text("Closed")
    for phone in (ada, somebody):
        await expect(phone.page.get_by_text("This question is closed.")).to_be_visible()
        await expect(phone.page.get_by_role("button", name=re.compile("^Send"))).to_have_count(0)
    await expect(presenter.page.get_by_text("Final: every answer is in the database")).to_be_visible(timeout=WAIT_MS)
    await presenter.press("Reveal results")
    await expect(ada.page.locator(".bars .own .label")).to_have_text("Lisbon", timeout=WAIT_MS)


async def test_a_press_that_comes_after_closing_is_refused_in_words(cast: Cast, server: Server, stage: Stage) -> None:
    cast.watch.expect(OUTAGE)
    presenter = await cast.presenter()
    code = await presenter.create_session("Late")
    await presenter.write_poll("Where shall we go?", CITIES)
    wire = await cast.wire(server)
    late = await cast.phone(wire.url)
    await late.join(code, "Late")
    await late.sees("Where shall we go?")
    await late.choose("Oslo")
    wire.cut()
    await late.answer()
    await presenter.press("Close")
    await expect(presenter.state).to_have_text("Closed")
    wire.mend()
    await expect(late.page.get_by_role("alert")).to_have_text(TOO_LATE, timeout=20_000)
    await expect(late.page.get_by_text("This question is closed. You did not answer it.")).to_be_visible()
    await expect(late.receipt).to_be_hidden()
    await expect(presenter.count).to_have_text("0 answers")
    rows = "SELECT count(*) FROM user_responses r JOIN sessions s ON s.id = r.session_id WHERE s.join_code = $1"
    assert await stage.database.fetchval(rows, code) == 0


async def test_a_late_press_is_told_although_the_next_question_stands_there(cast: Cast, server: Server, stage: Stage) -> None:
    cast.watch.expect(OUTAGE)
    scene = await stage.session("Later")
    first = await scene.add()
    wire = await cast.wire(server)
    late = await cast.phone(wire.url)
    await late.join(scene.code, "Late")
    await late.sees("Which one?")
    await late.choose("B")
    wire.cut()
    await late.answer()
    await scene.move(first, "closed")
    await scene.add(settings={**POLL, "question": "And now?"})
    wire.mend()
    await late.sees("And now?", RETURN_MS)
    await expect(late.page.get_by_role("alert").filter(visible=True)).to_have_text(f"Which one?: {TOO_LATE}")
    await late.answer("A")
    await late.is_saved()
    await expect(late.page.get_by_role("alert").filter(visible=True)).to_have_count(0)
    assert await scene.settled_rows(first) == []


async def test_who_gives_no_name_stays_without_one(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Masks")
    phone = await cast.phone()
    await phone.join(scene.code)
    await expect(phone.page.get_by_role("heading", name="You are in", exact=True)).to_be_visible()
    name = "SELECT nickname FROM participants WHERE session_id = $1"
    assert await eventually(lambda: stage.database.fetchval(name, scene.id), "the join is saved") == "Anonymous"


async def test_a_wrong_code_is_told_in_words(cast: Cast) -> None:
    cast.watch.expect("status of 404")
    phone: Phone = await cast.phone()
    await phone.type_code("!!")
    await expect(phone.page.get_by_role("alert")).to_have_text("A code has letters and digits only.")
    await phone.type_code("NOPE99")
    await phone.page.get_by_role("button", name="Join anonymously").click()
    await expect(phone.page.get_by_role("alert")).to_contain_text("This code lets nobody in")
