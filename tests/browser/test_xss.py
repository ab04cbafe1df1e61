"""What people write stays text: on every page and in every field, nothing of it runs and the policy has nothing to stop."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect

from realtime.activities.contract import ActivityType
from realtime.activities.registry import installed
from tests.browser.audit import Audit
from tests.browser.cast import Cast
from tests.browser.payloads import NICKNAME_MOST, PAYLOADS
from tests.browser.poison import NAMES, poisoned_answers, poisoned_settings, text_paths
from tests.browser.tour import Words, put_in_focus, tour_types
from tests.browser.tour_more import select, tour_builder
from tests.browser.tour_results import QUIZ, open_results
from tests.journey.stages import Stage, bearer

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]
NICKNAMES = [each for each in PAYLOADS if len(each) <= NICKNAME_MOST]
# What markup from a text would leave behind. The pages themselves make none of these.
FOREIGN = "iframe, object, embed, math, video, base, template, script:not([src]), form[action], [style*=animation-name]"


async def nothing_ran(page: Page) -> None:
    """The watch of the test tells of policies and dialogs; this tells of everything else."""
    found = await page.evaluate(
        """foreign => [window.__xss, ...[...document.querySelectorAll(foreign)].map((each) => each.outerHTML),
        ...[...document.querySelectorAll("*")].flatMap((each) => [...each.attributes]).filter(({ name, value }) =>
          name.startsWith("on") || /^\\s*javascript:/i.test(value) && name !== "value").map(({ name, value }) => `${name}=${value}`)
        ].filter((each) => each !== undefined && each !== null)""",
        FOREIGN,
    )
    assert found == []


async def test_the_corpus_is_large_enough() -> None:
    assert len(set(PAYLOADS)) >= 30
    assert len(NICKNAMES) >= 25


async def test_the_corpus_reaches_every_text_of_every_type() -> None:
    """By the models: a text that a type gets tomorrow is poisoned tomorrow, or named as something that is nobody's words."""
    for name, kind in installed().kinds().items():
        settings, in_settings = poisoned_settings(kind)
        _, in_answers = poisoned_answers(kind, settings)
        left = (text_paths(kind.settings_model) - in_settings) | (text_paths(kind.answer_model) - in_answers)
        assert {f"{name}{path}" for path in left} <= NAMES


async def test_session_titles(cast: Cast, stage: Stage) -> None:
    """The first is typed; the others come as their presenter links, which is how they get into the list."""
    desk, sessions = await cast.presenter(), []
    await desk.create_session(PAYLOADS[0])
    await expect(desk.page.locator("header .name")).to_have_text(PAYLOADS[0])
    for payload, scene in zip(PAYLOADS[1:], await asyncio.gather(*map(stage.session, PAYLOADS[1:])), strict=True):
        sessions.append({"id": scene.id, "ticket": scene.ticket, "title": payload, "join_code": payload, "made_ms": 1})
    await desk.page.evaluate("kept => localStorage.setItem('plenum.sessions', JSON.stringify(kept))", sessions)
    await desk.page.goto(f"{desk.url}/present")
    await expect(desk.page.locator(".sessions h2")).to_have_text(list(PAYLOADS[1:]))
    await nothing_ran(desk.page)
    screen, phone = await cast.presenter(), await cast.phone()
    for number in (3, 24, 28):
        scene = await stage.session(PAYLOADS[number])
        await desk.take_over(scene.id, scene.ticket)
        await screen.page.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
        await screen.page.reload()
        await phone.join(scene.code)
        for page in (desk.page, screen.page, phone.page):
            await expect(page.locator("header .name")).to_have_text(PAYLOADS[number])
            await expect(page).to_have_title(f"{PAYLOADS[number]} · Plenum")
            await nothing_ran(page)


async def test_nicknames(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Names")
    phone, desk = await cast.phone(), await cast.presenter()
    await desk.take_over(scene.id, scene.ticket)
    await phone.follow_link(scene.code)
    for payload in NICKNAMES:
        await phone.page.get_by_label("Your name").fill(payload)
        await expect(phone.page.locator("form button")).to_have_text(f"Join as {payload}")
        await scene.join(payload)
    await nothing_ran(phone.page)
    await phone.page.get_by_label("Your name").fill(f"x{NICKNAMES[3][:38]}")
    await phone.page.locator("form button").click()
    await expect(phone.page.locator("main h1")).to_contain_text(NICKNAMES[3][:38])
    await nothing_ran(phone.page)
    await nothing_ran(desk.page)


async def test_questions_options_and_answers(cast: Cast, stage: Stage) -> None:
    """Every payload as a title, a question, an option and somebody's own answer, on the phone, the desk and the big screen."""
    scene = await stage.session("Questions")
    host = await scene.present()
    phone, desk, screen = await cast.phone(), await cast.presenter(), await cast.presenter()
    await phone.join(scene.code, "Eve")
    await desk.take_over(scene.id, scene.ticket)
    await screen.page.goto(f"{cast.url}/screen#session={scene.id}&ticket={scene.ticket}")
    seat = await scene.join("Mallory")
    everybody = (phone.page, desk.page, screen.page)
    options = [{"id": f"o{i}", "text": payload} for i, payload in enumerate(PAYLOADS)]
    for number, payload in enumerate(PAYLOADS):
        settings = {"question": payload, "options": options, "allow_other": True}
        display = {"title": payload, "instructions": payload, "description": payload}
        wanted = {"type": "poll", "title": payload, "config": {"settings": settings, "display": display}}
        made = await scene.post("/activities", wanted)
        assert made.status_code == 201, made.text
        if number % 8:
            continue
        activity = made.json()["id"]
        await scene.move(activity, "active")
        await put_in_focus(host, activity)
        await phone.sees(payload)
        await expect(phone.page.locator("label.option")).to_have_count(len(PAYLOADS) + 1)
        await expect(screen.page.locator("main h1")).to_have_text(payload)
        await phone.choose("Something else")
        await phone.page.get_by_role("textbox", name="Something else").fill(payload)
        await phone.answer()
        await phone.is_saved()
        assert (await scene.answer(activity, seat, {"selected": ["o3"]})).status_code < 300
        await host.ask("reveal", activity_id=activity)
        await expect(screen.page.locator(".bars li")).to_have_count(len(PAYLOADS) + 1)
        for page in everybody:
            await nothing_ran(page)
    await expect(desk.page.locator(".agenda li")).to_have_count(len(PAYLOADS))
    assert await desk.page.locator(".agenda .title").all_text_contents() == [f"{i + 1}. {each}" for i, each in enumerate(PAYLOADS)]
    for page in everybody:
        await nothing_ran(page)


async def test_open_answers(cast: Cast, stage: Stage) -> None:
    scene = await stage.session("Open answers")
    host = await scene.present()
    activity = await scene.add("generic", {"prompt": PAYLOADS[0]}, reveal={"counts": "live", "results": "live"})
    await put_in_focus(host, activity)
    phone, desk = await cast.phone(), await cast.presenter()
    await desk.take_over(scene.id, scene.ticket)
    await phone.join(scene.code, "Eve")
    for number, payload in enumerate((PAYLOADS[3], json.dumps({payload: payload for payload in PAYLOADS[:20]}))):
        if number:
            await phone.page.get_by_role("button", name="Change my answer").click()
        await phone.page.get_by_label("Your answer").fill(payload)
        await phone.answer()
        await phone.is_saved()
        await nothing_ran(phone.page)

    async def answer(payload: str) -> int:
        return (await scene.answer(activity, await scene.join(), {"text": payload})).status_code

    assert max(await asyncio.gather(*map(answer, PAYLOADS))) < 300
    await expect(desk.count).to_have_text(f"{len(PAYLOADS) + 1} answers")
    for page in (phone.page, desk.page):
        await nothing_ran(page)


def bad_words(kind: ActivityType[Any, Any]) -> Words:
    """Payloads in every text of a type; each type begins with others."""
    turn = len(kind.name) * 5 % len(PAYLOADS)
    payloads = PAYLOADS[turn:] + PAYLOADS[:turn]
    settings, _ = poisoned_settings(kind, payloads)
    answers, _ = poisoned_answers(kind, settings, payloads)
    return Words(settings, answers, {"title": payloads[0], "instructions": payloads[1], "description": payloads[2]})


@pytest.mark.timeout(180)
async def test_every_type_with_every_text(cast: Cast, stage: Stage) -> None:
    """Each type on the phone, the desk and the big screen, in the builder with its preview, in the results and in the import.

    Nothing runs; and whatever people write, everybody can still take part.
    """
    audit = Audit(".builder", ".center", "main")

    async def look(state: str, page: Page) -> None:
        await nothing_ran(page)
        await audit.look(state, page)

    scene, _ = await asyncio.gather(tour_types(cast, stage, look, bad_words), tour_builder(cast, stage, look, bad_words))
    audit.check()
    results = await open_results(cast, scene)
    for summary in await results.locator("summary").all():
        await summary.click()
    await nothing_ran(results)
    desk = await cast.presenter()
    await desk.take_over(scene.id, scene.ticket)
    bundle = await scene.get("/activities/export")
    await desk.page.get_by_role("button", name="Import", exact=True).click()
    dialog = desk.page.get_by_role("dialog", name="Import activities")
    await dialog.get_by_label("Or paste the questions").fill(bundle.text)
    await dialog.get_by_role("button", name="Look at it first").click()
    await expect(dialog.get_by_role("checkbox")).to_have_count(len(installed().kinds()))
    await nothing_ran(desk.page)


async def test_names_and_labels(cast: Cast, stage: Stage) -> None:
    """Whatever people are called: in dialogs, on the leaderboard, in teams, as helpers and as who leads."""
    scene = await stage.session("Names and labels")
    desk, other = await cast.presenter(), await cast.presenter()
    await desk.take_over(scene.id, scene.ticket)
    seats = [await scene.join(name) for name in NICKNAMES[:8]]
    for seat in seats:
        await scene.enter(seat)
    quiz = await scene.add("quiz", QUIZ, scoring={"mode": "accuracy"})
    for seat, team in zip(seats[:6], PAYLOADS, strict=False):
        path = f"{cast.url}/api/v1/sessions/{scene.id}/participants/{seat.participant_id}/team"
        named = await stage.http.put(path, json={"team": team[:40]}, headers=bearer(scene.ticket))
        assert named.status_code < 300, named.text
        await scene.answer(quiz, seat, {"selected": ["a"]})
    await select(desk, 1)
    await expect(desk.page.locator(".people")).to_contain_text(f"{len(seats)}online now")
    for button in ("Who is missing?", "Participants"):
        await desk.page.get_by_role("button", name=button).click()
        dialog = desk.page.get_by_role("dialog")
        await expect(dialog.get_by_role("listitem").filter(has_text=NICKNAMES[7])).to_be_visible()
        await nothing_ran(desk.page)
        if button == "Participants":
            await dialog.get_by_role("button", name=f"Remove: {NICKNAMES[3]}", exact=True).click()
            await expect(desk.page.get_by_role("heading", name=f"Remove {NICKNAMES[3]}?")).to_be_visible()
            await nothing_ran(desk.page)
            await desk.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        await dialog.get_by_role("button", name="Close").click()
    await scene.move(quiz, "closed")
    await (await scene.present()).ask("reveal", activity_id=quiz)
    await expect(desk.page.locator(".board-list li")).to_have_count(6)
    await nothing_ran(desk.page)

    await desk.page.get_by_role("button", name="Helpers").click()
    dialog = desk.page.get_by_role("dialog", name="Helpers")
    for payload in PAYLOADS[3:5]:
        await dialog.get_by_label("Whose link is it?").fill(payload)
        await dialog.get_by_label("What for?").select_option("presenter")
        await dialog.get_by_role("button", name="Make a link").click()
        await expect(dialog.get_by_role("listitem").filter(has_text=payload)).to_be_visible()
    link = await dialog.get_by_role("textbox", name="The new link").input_value()
    await dialog.get_by_role("button", name=f"Take back: {PAYLOADS[3]}").click()
    await expect(desk.page.get_by_role("heading", name=f"Take back the link of {PAYLOADS[3]}?")).to_be_visible()
    await nothing_ran(desk.page)
    await other.page.goto(link)
    await expect(other.page.locator(".stage h1")).to_be_visible()
    await other.page.get_by_role("button", name="Lead alone").click()
    await expect(desk.page.get_by_text(f"{PAYLOADS[4]} leads this session alone.")).to_be_attached()
    await nothing_ran(desk.page)
    await nothing_ran(other.page)


async def test_what_is_typed_into_dialogs(cast: Cast, stage: Stage) -> None:
    """Into every text field of the builder and of each dialog, before anything is sent."""
    scene = await stage.session("Typed")
    desk = await cast.presenter()
    page = desk.page
    await desk.take_over(scene.id, scene.ticket)
    cast.watch.expect("status of 422")
    await page.get_by_role("button", name="Write a question").click()
    for kind in await page.locator(".kind input").all():
        await kind.check(force=True)
        # Not those of the preview beside, which is drawn anew with every letter.
        fields = page.locator(".builder-grid > .stack").locator("input[type=text], textarea").filter(visible=True)
        for number, field in enumerate(await fields.all()):
            await field.fill(PAYLOADS[number % len(PAYLOADS)])
        await nothing_ran(page)
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Import", exact=True).click()
    dialog = page.get_by_role("dialog", name="Import activities")
    for payload in (PAYLOADS[3], f"::{PAYLOADS[0]}:: {PAYLOADS[3]} {{=a ~b}}\n\n{PAYLOADS[5]} {{"):
        await dialog.get_by_label("Or paste the questions").fill(payload)
        await dialog.get_by_role("button", name="Look at it first").click()
        await expect(dialog.get_by_role("alert").or_(dialog.get_by_role("checkbox")).filter(visible=True).first).to_be_visible()
        await nothing_ran(page)
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Ask for a passcode").click()
    await page.get_by_role("dialog").get_by_role("textbox").fill(PAYLOADS[3])
    await page.get_by_role("dialog").get_by_role("button", name="OK").click()
    await expect(page.get_by_role("button", name="Ask for no passcode")).to_be_visible()
    await nothing_ran(page)


async def test_addresses(cast: Cast) -> None:
    """What stands in the address bar comes from anybody."""
    cast.watch.expect("status of (400|401|403|404|422)|WebSocket connection to .* failed")
    phone, desk = await cast.phone(), await cast.presenter()
    for payload in PAYLOADS[::4]:
        text = quote(payload, safe="")
        await phone.page.goto(f"{phone.url}/join?x={text}#{text}")
        await expect(phone.page.locator("#code, #nickname")).to_be_visible()  # a code that cannot be one leads to the start page
        await nothing_ran(phone.page)
        await desk.page.goto(f"{desk.url}/present?x={text}#session={text}&ticket={text}")
        await nothing_ran(desk.page)
    await phone.page.goto(f"{phone.url}/join#%E0%A4")  # no text at all
    await expect(phone.page.locator("#code, #nickname")).to_be_visible()
    response = await desk.page.request.get(f"{desk.url}/qr.svg?text={quote(PAYLOADS[5], safe='')}")
    assert "onload" not in await response.text()
    missing = await desk.page.request.get(f"{desk.url}/{quote(PAYLOADS[0], safe='')}")
    assert "text/html" not in missing.headers["content-type"]
