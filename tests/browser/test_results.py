"""The results page and the import dialog: accessible, safe from what people wrote, and their files are what they say."""

import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from realtime.interchange.workbook import read_workbook
from tests.browser.audit import Audit
from tests.browser.cast import Cast
from tests.browser.payloads import NICKNAME_MOST, PAYLOADS
from tests.browser.tour_results import open_results, tour_import, tour_results
from tests.journey.stages import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def test_results_and_import_have_no_barriers(cast: Cast, stage: Stage) -> None:
    audit = Audit()
    await tour_results(cast, stage, audit.look)
    await tour_import(cast, stage, audit.look)
    audit.check()
    assert len(audit.states) == 7


async def test_what_people_wrote_stays_text_on_the_page_and_in_the_file(cast: Cast, stage: Stage, tmp_path: Path) -> None:
    scene = await stage.session(PAYLOADS[0])
    quiz = await scene.add(
        "quiz",
        {"question": PAYLOADS[1], "options": [{"id": str(i), "text": text} for i, text in enumerate(PAYLOADS)], "correct": ["0"]},
    )
    texts = await scene.add("open_text", {"prompt": PAYLOADS[3], "profanity": "off"})
    seats = [await scene.join(text[:NICKNAME_MOST]) for text in PAYLOADS]
    for i, seat in enumerate(seats):
        await scene.answer(quiz, seat, {"selected": [str(i)]})
        await scene.answer(texts, seat, {"entries": [PAYLOADS[i]]})
    await scene.move(quiz, "closed")
    await scene.post(f"/activities/{quiz}/transition", {"target_state": "active", "new_round": True})
    for i, seat in enumerate(seats[:10]):
        await scene.answer(quiz, seat, {"selected": [str(i + 1)]})
    page = await open_results(cast, scene)
    await expect(page.locator("table.everyone tbody tr")).to_have_count(len(PAYLOADS))
    for summary in await page.locator("summary").all():
        await summary.click()
    assert await page.evaluate("'__xss' in window") is False
    async with page.expect_download() as started:
        await page.get_by_role("button", name="Download", exact=True).click()
    download = await started.value
    await download.save_as(tmp_path / "results.xlsx")
    assert download.suggested_filename.endswith(".xlsx")
    names = {
        row.cells[1]
        for table in read_workbook((tmp_path / "results.xlsx").read_bytes())
        for row in table.rows
        if len(row.cells) > 1
    }
    assert {seat.nickname for seat in seats} <= names


async def test_import_shows_what_was_written_as_text(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Import")
    presenter = await cast.presenter()
    page = presenter.page
    await presenter.take_over(scene.id, scene.ticket)
    await page.get_by_role("button", name="Import", exact=True).click()
    dialog = page.get_by_role("dialog", name="Import activities")
    entries = [
        {"type": "poll", "title": text, "config": {"question": text, "options": [text + "1", text + "2"]}} for text in PAYLOADS
    ]
    bad = [{"type": text[:50], "config": {"settings": []}} for text in PAYLOADS[:10]]
    await dialog.get_by_label("Or paste the questions").fill(json.dumps({"activities": [*entries, *bad]}))
    await dialog.get_by_role("button", name="Look at it first").click()
    await expect(dialog.get_by_role("checkbox").first).to_be_visible()
    assert await dialog.get_by_role("checkbox").count() >= len(PAYLOADS)
    assert await page.evaluate("'__xss' in window") is False


async def test_report_prints_whole(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("On paper")
    for number in range(8):
        poll = await scene.add("poll", {"question": f"Question {number}?", "options": ["Yes", "No"]})
        await scene.answer(poll, await scene.join(f"P{number}"), {"selected": ["a"]})
    page = (await cast.presenter()).page
    await page.add_init_script("window.print = () => { document.documentElement.dataset.printed = 1; }")
    await page.goto(f"{cast.url}/results#session={scene.id}&ticket={scene.ticket}")
    await page.get_by_role("button", name="Print or save as PDF").click()
    await expect(page.locator("html")).to_have_attribute("data-printed", "1")
    await page.emulate_media(media="print")
    await expect(page.locator("section.result .bars")).to_have_count(8)
    await expect(page.get_by_role("button", name="Download", exact=True)).to_be_hidden()
    pdf = await page.pdf(format="A4")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 2
